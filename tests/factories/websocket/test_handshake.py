"""The HTTP of the handshake, without a connection."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4trace.factories import Address
from c4trace.factories.websocket.cookies import Cookies
from c4trace.factories.websocket.failure import Failure
from c4trace.factories.websocket.handshake import ResponseHead, Target


def head(*lines: str) -> ResponseHead:
    return ResponseHead.parse("\r\n".join([*lines, "", ""]).encode("latin-1"))


@pytest.mark.parametrize(
    ("address", "target"),
    [
        (Address("ws", "h", 80, "/db/_blipsync"), Target(False, "h", 80, "/db/_blipsync")),
        (Address("wss", "h", 0, "/db"), Target(True, "h", 443, "/db")),
        (Address("WS", "::1", 0, ""), Target(False, "::1", 80, "/")),
        (Address("blips", "h", 4984, "db"), Target(True, "h", 4984, "/db")),
        (Address("http", "h", 1, "/a%20b/ü"), Target(False, "h", 1, "/a%20b/%C3%BC")),
    ],
)
def test_an_address_names_a_server_and_a_resource(address: Address, target: Target) -> None:
    assert Target.of(address) == target


@pytest.mark.parametrize(
    ("location", "end"),
    [
        ("/x", Target(True, "h", 4984, "/x")),
        ("x", Target(True, "h", 4984, "/a/x")),
        ("?q", Target(True, "h", 4984, "/a/b?q")),
        ("//other/x", Target(True, "other", 443, "/x")),
        ("https://other:8443", Target(True, "other", 8443, "/")),
        ("wss://[::1]:8443/x?y=z#f", Target(True, "::1", 8443, "/x?y=z")),
    ],
)
def test_a_location_is_resolved_against_where_it_came_from(location: str, end: Target) -> None:
    assert Target(True, "h", 4984, "/a/b").redirected(location) == end


@pytest.mark.parametrize("location", [None, "", "ws://h/x", "http://h/x", "ftp://h/x", "https://[x", "https://h:x/"])
def test_a_location_that_leads_nowhere_or_out_of_tls_is_refused(location: str | None) -> None:
    with pytest.raises(Failure) as caught:
        Target(True, "h", 4984, "/a/b?secret").redirected(location)
    assert caught.value.outcome[:2] == (5, 12)
    assert "secret" not in str(caught.value)


def test_headers_are_title_case_and_repeated_ones_a_list() -> None:
    response = head(
        "HTTP/1.1 101 Switching Protocols",
        "sec-websocket-protocol:BLIP_3+CBMobile_3",
        "SET-COOKIE:  a=1; Path=/ ",
        "Set-Cookie: b=2",
        "etag: x",
        "X-Ümlaut: ÿ",
    )
    assert response.status == 101
    assert response.headers == {
        "Sec-WebSocket-Protocol": "BLIP_3+CBMobile_3",
        "Set-Cookie": ["a=1; Path=/", "b=2"],
        "ETag": "x",
        "X-Ümlaut": "ÿ",
    }
    assert response.get_all("SET-cookie") == ["a=1; Path=/", "b=2"]
    assert response.get_all("Location") == []


@given(st.binary(max_size=200))
def test_random_bytes_are_a_response_or_a_protocol_error(data: bytes) -> None:
    with suppress(Failure):
        ResponseHead.parse(b"HTTP/1.1 " + data)


PARENT = "Set-Cookie: a=1; Domain=example.test"


@pytest.mark.parametrize(("accept", "sent"), [(True, "a=1; own=2"), (False, "own=2")])
def test_cookies_of_a_parent_domain_are_kept_only_where_they_are_accepted(accept: bool, sent: str) -> None:  # noqa: FBT001  # parameters
    target = Target(True, "sync.example.test", 443, "/db")
    cookies = Cookies(accept_parent_domain=accept)
    cookies.store(target, head("HTTP/1.1 302 Found", PARENT, "Set-Cookie: own=2; Domain=sync.example.test"))
    assert cookies.header(target) == sent
    assert cookies.header(Target(True, "other.test", 443, "/db")) == ""


def test_a_secure_cookie_stays_in_tls() -> None:
    cookies = Cookies(accept_parent_domain=False)
    cookies.store(Target(True, "h.test", 443, "/"), head("HTTP/1.1 302 Found", "Set-Cookie: a=1; Secure"))
    assert cookies.header(Target(True, "h.test", 443, "/")) == "a=1"
    assert cookies.header(Target(False, "h.test", 80, "/")) == ""
