"""The one policy of what may be shown: options, HTTP headers and running text, without their secrets.

In doubt a value is taken out: what is shown is listed, and all else is secret. The tables and the rules for text are
those by which the host takes secrets out before anything reaches the segment (native/mask.h); here they serve what was
decoded since. Redacting what was redacted changes nothing.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from c4trace._native import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["REDACTED", "redact_headers", "redact_options", "redact_text"]

REDACTED = "[redacted]"
"""Stands where a secret stood. It does not tell the secret's length."""

LONGEST_GROWTH = len(REDACTED)
"""A secret of one byte becomes this many."""


def _table(number: int) -> frozenset[str]:
    """One of the host's tables, by its number in native/mask.h."""
    keys = (lib.c4t_mask_key(number, i) for i in itertools.count())
    return frozenset(ffi.string(key).decode() for key in itertools.takewhile(bool, keys))


PLAIN_OPTION_KEYS = _table(0)
"""Options whose scalar value is shown. Not docIDs, channels, filterParams, remoteDBUniqueID: often personal data."""

HASHED_OPTION_KEYS = _table(1)
"""Options with public certificates: shown as their size and SHA-256."""

PLAIN_AUTH_KEYS = _table(2)
"""The same for the dict `auth`, be it the server's or the proxy's. A username is personal data, all else is secret."""

HASHED_AUTH_KEYS = _table(3)
"""Keys of `auth` with a public certificate."""

PLAIN_PROXY_KEYS = _table(4)
"""Keys of the dict `proxy` whose value is shown; its own `auth` is one like above."""

PLAIN_HEADERS = _table(5)
"""Lower-case names of HTTP headers whose value is shown, in requests and responses. Of all others only the name is."""


def redact_options(options: Mapping[str, object]) -> dict[str, object]:
    """Copy the options of `open` without their secrets; the value of an unknown key counts as one."""
    return _members(options, _option)


def redact_headers(headers: Mapping[str, object]) -> dict[str, object]:
    """Copy the headers of an HTTP request or response, without the values that are not known to be harmless."""
    return _members(headers, _header)


def _members(members: Mapping[str, object], redacted: Callable[[str, object], object]) -> dict[str, object]:
    return {redact_text(key): redacted(key, value) for key, value in members.items()}


def _option(key: str, value: object) -> object:
    match key, value:
        case "auth", Mapping():
            return _members(value, _auth)
        case "proxy", Mapping():
            return _members(value, _proxy)
        case "headers", Mapping():
            return redact_headers(value)
        case "headers", list():
            return [_header_line(item) for item in value]
        case _ if key in HASHED_OPTION_KEYS:
            return _hashed(value)
        case _:
            return _plain(value) if key in PLAIN_OPTION_KEYS else REDACTED


def _auth(key: str, value: object) -> object:
    if key in HASHED_AUTH_KEYS:
        return _hashed(value)
    return _plain(value) if key in PLAIN_AUTH_KEYS else REDACTED


def _proxy(key: str, value: object) -> object:
    if key == "auth" and isinstance(value, Mapping):
        return _members(value, _auth)
    return _plain(value) if key in PLAIN_PROXY_KEYS else REDACTED


def _header(name: str, value: object) -> object:
    if name.lower() not in PLAIN_HEADERS:
        return REDACTED
    return [_plain(item) for item in value] if isinstance(value, list) else _plain(value)


def _header_line(line: object) -> str:
    """A header in one string, as an array of headers has it: "Name: value"."""
    name, colon, _ = line.partition(":") if isinstance(line, str) else ("", "", "")
    if not isinstance(line, str) or not colon:
        return REDACTED
    return redact_text(line) if name.lower() in PLAIN_HEADERS else f"{redact_text(name)}: {REDACTED}"


def _plain(value: object) -> object:
    """A value that may be shown: scalars only, since nobody knows what a collection might hold."""
    if isinstance(value, str):
        return redact_text(value)
    return value if value is None or isinstance(value, bool | int | float) else REDACTED


def _hashed(value: object) -> object:
    match value:
        case str() if value != REDACTED:
            return _fingerprint(value.encode(errors="surrogatepass"))
        case bytes():
            return _fingerprint(value)
        case {"bytes": int(size), "sha256": str(digest), **rest} if not rest and re.fullmatch("[0-9a-f]{64}", digest):
            return {"bytes": size, "sha256": digest}
        case _:
            return REDACTED


def _fingerprint(certificate: bytes) -> dict[str, object]:
    return {"bytes": len(certificate), "sha256": hashlib.sha256(certificate).hexdigest()}


def redact_text(text: str) -> str:
    """Copy a message, an address or a header's value without the secrets that may stand in running text.

    Those are user and query of URLs, credentials behind the name of their scheme, cookies, JSON web tokens and the
    values of names like password or token. What is no Unicode (a lone surrogate) becomes U+FFFD.
    """
    given = text.encode("utf-8", "surrogatepass")
    room = len(given) * LONGEST_GROWTH + len(REDACTED)
    written = ffi.new("char[]", room)
    size = lib.c4t_scrub_text(given, len(given), written, room, ffi.new("unsigned *"))
    return bytes(ffi.buffer(written, size)).decode()
