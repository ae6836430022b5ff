"""What may be shown of options, headers and text, and what may not."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4trace import redact
from c4trace._native import ffi, lib
from c4trace.decode.fleece_encode import encode
from c4trace.redact import REDACTED, redact_headers, redact_options, redact_text

CANARY = "canary-5up3r"

OPTIONS: dict[str, Any] = {
    "WS-Protocols": "BLIP_3+CBMobile_3,BLIP_3+CBMobile_2",
    "heartbeat": 30,
    "acceptAllCerts": True,
    "networkInterface": "eth0",
    "headers": {"User-Agent": "CouchbaseLite/3.0", "Authorization": f"Basic {CANARY}", "X-Api-Token": CANARY},
    "cookies": f"SyncGatewaySession={CANARY}; theme={CANARY}",
    "auth": {
        "type": "Basic",
        "challengeAuth": False,
        "username": CANARY,
        "password": CANARY,
        "token": CANARY,
        "clientCert": b"certificate",
        "clientCertKey": CANARY.encode(),
    },
    "proxy": {"type": "HTTP", "host": "proxy.local", "port": 3128, "auth": {"username": CANARY, "password": CANARY}},
    "pinnedCert": b"\x30\x82",
    "rootCerts": "-----BEGIN CERTIFICATE-----",
    "docIDs": [CANARY, CANARY],
    "channels": [CANARY],
    "filterParams": {"name": CANARY},
    "somethingNew": {"deep": [CANARY]},
    "somethingSmall": 12345,
}


def test_what_is_known_to_be_harmless_is_shown_and_all_else_is_not() -> None:
    assert redact_options(OPTIONS) == {
        "WS-Protocols": "BLIP_3+CBMobile_3,BLIP_3+CBMobile_2",
        "heartbeat": 30,
        "acceptAllCerts": True,
        "networkInterface": "eth0",
        "headers": {"User-Agent": "CouchbaseLite/3.0", "Authorization": REDACTED, "X-Api-Token": REDACTED},
        "cookies": REDACTED,
        "auth": {
            "type": "Basic",
            "challengeAuth": False,
            "username": REDACTED,
            "password": REDACTED,
            "token": REDACTED,
            "clientCert": {"bytes": 11, "sha256": hashlib.sha256(b"certificate").hexdigest()},
            "clientCertKey": REDACTED,
        },
        "proxy": {
            "type": "HTTP",
            "host": "proxy.local",
            "port": 3128,
            "auth": {"username": REDACTED, "password": REDACTED},
        },
        "pinnedCert": {"bytes": 2, "sha256": hashlib.sha256(b"\x30\x82").hexdigest()},
        "rootCerts": {"bytes": 27, "sha256": hashlib.sha256(b"-----BEGIN CERTIFICATE-----").hexdigest()},
        "docIDs": REDACTED,
        "channels": REDACTED,
        "filterParams": REDACTED,
        "somethingNew": REDACTED,
        "somethingSmall": REDACTED,
    }


def test_the_given_options_stay_as_they_are() -> None:
    before = repr(OPTIONS)
    redact_options(OPTIONS)
    assert repr(OPTIONS) == before


def test_headers_may_come_as_lines() -> None:
    lines = ["User-Agent: Lite/3", f"Cookie: a={CANARY}", f"X-Key:{CANARY}", CANARY, 7]
    assert redact_options({"headers": lines}) == {
        "headers": ["User-Agent: Lite/3", f"Cookie: {REDACTED}", f"X-Key: {REDACTED}", REDACTED, REDACTED]
    }


@pytest.mark.parametrize("key", ["WS-Protocols", "heartbeat", "filter", "networkInterface"])
@pytest.mark.parametrize("value", [[CANARY], {"a": CANARY}, CANARY.encode()])
def test_a_harmless_key_hides_what_it_should_not_hold(key: str, value: object) -> None:
    assert redact_options({key: value}) == {key: REDACTED}


def test_a_harmless_value_is_shown_without_the_secret_in_it() -> None:
    assert redact_options({"filter": f"http://me:{CANARY}@host/f?{CANARY}"}) == {
        "filter": f"http://{REDACTED}@host/f?{REDACTED}"
    }


@pytest.mark.parametrize("key", ["auth", "proxy", "headers", "pinnedCert"])
def test_a_value_of_another_type_than_expected_is_hidden(key: str) -> None:
    assert redact_options({key: 7}) == {key: REDACTED}


@pytest.mark.parametrize(
    "name",
    [
        "Set-Cookie",
        "Cookie",
        "WWW-Authenticate",
        "Proxy-Authenticate",
        "Authorization",
        "Proxy-Authorization",
        "Location",
    ],
)
def test_headers_that_carry_secrets_show_their_name_only(name: str) -> None:
    assert redact_headers({name: CANARY, name.lower(): [CANARY, CANARY]}) == {name: REDACTED, name.lower(): REDACTED}


def test_headers_of_the_handshake_are_shown_in_any_letter_case() -> None:
    headers = {
        "Upgrade": "websocket",
        "CONNECTION": "Upgrade",
        "sec-websocket-protocol": "BLIP_3+CBMobile_3",
        "Server": ["Couchbase", "Sync Gateway/3"],
        "X-Correlation-Id": "9f3e",
        "Date": "Mon, 23 Nov 2026 04:00:00 GMT",
    }
    assert redact_headers(headers) == headers


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("connection refused by host:4984", "connection refused by host:4984"),
        ("see http://host/db for more", "see http://host/db for more"),
        ("ws://me:pass@host/db/_blipsync", "ws://[redacted]@host/db/_blipsync"),
        ("ws://me:p@ss@host/db", "ws://[redacted]@host/db"),
        ("me:pass@host", "[redacted]@host"),
        ("mail me@host", "mail me@host"),
        ("GET /db/_changes?feed=x HTTP/1.1", "GET /db/_changes?[redacted] HTTP/1.1"),
        ("https://host/#part", "https://host/#[redacted]"),
        ("Authorization: Basic bWU6cGFzcw== and more\nnext line", "Authorization: [redacted]\nnext line"),
        ("sent Basic bWU6cGFzcw== twice", "sent Basic [redacted] twice"),
        ("Bearer abc.def", "Bearer [redacted]"),
        ('Digest username="me", nonce="x"\r\nok', "Digest [redacted]\r\nok"),
        ("Set-Cookie: a=b; Path=/", "Set-Cookie: [redacted]"),
        ('{"password": "a \\"b\\" c", "n": 1}', '{"password": "[redacted]", "n": 1}'),
        ("password=hunter2 user=me", "password=[redacted] user=me"),
        ("api_key => xyz", "api_key => [redacted]"),
        ("my-Access-Key:xyz", "my-Access-Key:[redacted]"),
        ("the password is wrong", "the password is wrong"),
        ("SyncGatewaySession=abc; theme=dark", "SyncGatewaySession=[redacted] theme=dark"),
        ("token='a b' x", "token='[redacted] x"),
        ("sent eyJhbGciOiJIUzI1NiJ9.e30.c2ln to all", "sent [redacted] to all"),
        ("lone \ud800", "lone \ufffd\ufffd\ufffd"),
        ("token='a b", "token='[redacted]"),
    ],
)
def test_running_text_loses_its_secrets_and_nothing_else(text: str, shown: str) -> None:
    assert redact_text(text) == shown


PIECES = (
    *("password", "token", "Cookie", "basic", "digest", "a", "b-_", "é", "[redacted]", "user", "host"),
    *("://", "@", "?", "#", "/", ":", "=", '"', "'", "\\", " ", "\n"),
)
SECRETIVE = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@given(SECRETIVE | st.text())
def test_redacted_text_stays_as_it_is(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | SECRETIVE | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*OPTIONS, *OPTIONS["auth"]]), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*OPTIONS]) | st.text(), JSON_LIKE))
def test_redacted_options_stay_as_they_are(options: dict[str, Any]) -> None:
    once = redact_options(options)
    assert redact_options(once) == once


@given(st.dictionaries(st.sampled_from(["Server", "Set-Cookie", "Via"]) | st.text(), st.text() | st.lists(SECRETIVE)))
def test_redacted_headers_stay_as_they_are(headers: dict[str, Any]) -> None:
    once = redact_headers(headers)
    assert redact_headers(once) == once


@given(JSON_LIKE)
def test_no_option_lets_a_secret_through_by_where_it_stands(value: Any) -> None:
    def planted(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: planted(item) for key, item in value.items()} | {"unheardOf": CANARY, "password": CANARY}
        return [planted(item) for item in value] if isinstance(value, list) else value

    shown = repr(redact_options({key: planted(value) for key in OPTIONS}))
    assert CANARY not in shown


TABLES = (
    redact.PLAIN_OPTION_KEYS,
    redact.HASHED_OPTION_KEYS,
    redact.PLAIN_AUTH_KEYS,
    redact.HASHED_AUTH_KEYS,
    redact.PLAIN_PROXY_KEYS,
    redact.PLAIN_HEADERS,
)
KEYS = (
    st.sampled_from(sorted(frozenset[str]().union(*TABLES)))
    | st.sampled_from(["auth", "proxy", "headers", "cookies", "password", "username", "docIDs", "Set-Cookie", "SERVER"])
    | SECRETIVE
)
# The host replaces what is no UTF-8, so lone surrogates never get here from there.
UNICODE = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | SECRETIVE
    | UNICODE
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)


def shown_by_the_host(function: Any, members: dict[str, Any]) -> Any:
    """What native/mask.c writes of a dictionary, given room enough."""
    fleece = encode(members)
    out = ffi.new("char[]", 100_000 + 100 * len(fleece))
    size = function(fleece, len(fleece), out, len(out), ffi.new("unsigned *"))
    return json.loads(bytes(ffi.buffer(out, size)))


@pytest.mark.parametrize(
    ("function", "redacted"),
    [(lib.c4t_options_json, redact_options), (lib.c4t_headers_json, redact_headers)],
    ids=["options", "headers"],
)
@given(members=st.dictionaries(KEYS | UNICODE, VALUES, max_size=8))
def test_the_host_shows_the_same_of_a_dictionary(function: Any, redacted: Any, members: dict[str, Any]) -> None:
    # Fleece sorts keys, and where several are redacted to the same one the last wins: so sorted here as well.
    here = redacted({key: members[key] for key in sorted(members, key=str.encode)})
    # As text, in which 1, 1.0 and True differ.
    assert json.dumps(shown_by_the_host(function, members), sort_keys=True) == json.dumps(here, sort_keys=True)


def test_the_tables_are_those_of_the_host() -> None:
    assert {"heartbeat", "WS-Protocols"} <= redact.PLAIN_OPTION_KEYS
    assert {"pinnedCert", "rootCerts"} == redact.HASHED_OPTION_KEYS
    assert {"challengeAuth", "type"} == redact.PLAIN_AUTH_KEYS
    assert {"clientCert"} == redact.HASHED_AUTH_KEYS
    assert {"host", "port", "type"} == redact.PLAIN_PROXY_KEYS
    assert {"server", "x-correlation-id"} <= redact.PLAIN_HEADERS
