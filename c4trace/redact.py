"""The one policy of what may be shown: options, HTTP headers and running text, without their secrets.

In doubt a value is taken out: what is shown is listed, and all else is secret. The host process follows the same tables
and rules before anything reaches the segment (native/mask.c, native/scrub.c); tests hold both against each other.
Redacting what was redacted changes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["REDACTED", "redact_headers", "redact_options", "redact_text"]

REDACTED = "[redacted]"
"""Stands where a secret stood. It does not tell the secret's length."""

PLAIN_OPTION_KEYS = frozenset(
    {
        "BLIPCompressionLevel", "WS-Protocols", "acceptAllCerts", "acceptParentDomainCookies", "autoPurge",
        "checkpointInterval", "filter", "heartbeat", "maxIncomingRevs", "maxRetries", "maxRetryInterval",
        "maxRevsBeingRequested", "maxRevsInFlight", "networkInterface", "noDecryption", "noDeltas",
        "noIncomingConflicts", "onlySelfSignedServer", "outgoingConflicts", "progress", "reset", "skipDeleted",
    }
)  # fmt: skip
"""Options whose scalar value is shown. Not docIDs, channels, filterParams, remoteDBUniqueID: often personal data."""

HASHED_OPTION_KEYS = frozenset({"pinnedCert", "rootCerts"})
"""Options with public certificates: shown as their size and SHA-256."""

PLAIN_AUTH_KEYS = frozenset({"challengeAuth", "type"})
"""The same for the dict `auth`, be it the server's or the proxy's. A username is personal data, all else is secret."""

HASHED_AUTH_KEYS = frozenset({"clientCert"})

PLAIN_PROXY_KEYS = frozenset({"host", "port", "type"})
"""The same for the dict `proxy`."""

PLAIN_HEADERS = frozenset(
    {
        "accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "date",
        "retry-after", "sec-websocket-extensions", "sec-websocket-protocol", "sec-websocket-version", "server",
        "transfer-encoding", "upgrade", "user-agent", "vary", "via", "x-correlation-id",
    }
)  # fmt: skip
"""Lower-case names of HTTP headers whose value is shown, in requests and responses. Of all others only the name is."""

SECRET_WORDS = (
    "accesskey", "apikey", "clientcertkey", "credential", "nonce", "passphrase", "passwd", "password", "privatekey",
    "pwd", "secret", "session", "signature", "token",
)  # fmt: skip
"""In running text, a name with one of these in it (letter case, "_" and "-" aside) has a secret value."""

SECRET_LINES = ("authorization", "authenticate", "cookie")
"""The same, and the value goes on to the end of the line."""

CREDENTIAL_SCHEMES = ("basic", "bearer", "digest", "negotiate", "ntlm")
"""In running text, the word behind one of these is a credential; behind "digest" it is the rest of the line."""


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

    Those are user and query of URLs, credentials behind the name of their scheme, cookies, and the values of names like
    password or token. A run is what lies between white space, quotes and angle brackets.
    """
    shown: list[str] = []
    at = 0
    for start, end in _merged(sorted(_Scan(text).secrets())):
        shown += text[at:start], REDACTED
        at = end
    return "".join((*shown, text[at:]))


_Span = tuple[int, int]
_RUN = re.compile(r'[^\x00-\x20\x7f"<>]+')
_LINE = re.compile(r"[^\r\n]+")
_WORD = re.compile(r"[A-Za-z0-9_-]+")
_BEFORE_SIGN = re.compile(r"[ \t\"'\\\]]*")
_SIGN = re.compile(r"[=:]+[=:> \t\\]*")
_BEFORE_CREDENTIAL = re.compile(r"[ \t:=\"']+")
_QUOTED = {quote: re.compile(rf"(?s:[^{quote}\\]|\\.?)*") for quote in "\"'"}


class _Scan:
    """Finds the stretches of a text that are secret: one pass, so that a hostile text costs no more than its length."""

    def __init__(self, text: str) -> None:
        self._text = text
        # What was found last by each pattern: the next word often asks for the same.
        self._found: dict[re.Pattern[str], _Span] = {}

    def secrets(self) -> Iterator[_Span]:
        for run in _RUN.finditer(self._text):
            yield from _url_secrets(run[0], run.start())
        hidden_to = 0
        for word in _WORD.finditer(self._text):
            start, end = self._announced(word[0].lower(), word.end())
            if start >= end:
                continue
            # Between a secret and one that its own text announces nothing is shown.
            yield min(start, hidden_to) if word.start() < hidden_to else start, end
            hidden_to = max(hidden_to, end)

    def _announced(self, word: str, at: int) -> _Span:
        """The secret that a word, in lower case and ending at `at`, announces."""
        if word in CREDENTIAL_SCHEMES:
            before = _BEFORE_CREDENTIAL.match(self._text, at)
            return self._value(before.end(), whole_line=word == "digest") if before else (0, 0)
        letters = word.replace("_", "").replace("-", "")
        if any(name in letters for name in SECRET_LINES):
            return self._named(at, whole_line=True)
        if any(name in letters for name in SECRET_WORDS):
            return self._named(at, whole_line=False)
        return 0, 0

    def _named(self, at: int, *, whole_line: bool) -> _Span:
        """The value behind the name that ends at `at`: name=value, "name": "value" and the like."""
        before = _BEFORE_SIGN.match(self._text, at)
        sign = _SIGN.match(self._text, before.end() if before else at)
        if not sign:
            return 0, 0
        start = sign.end()
        if not whole_line and self._text[start : start + 1] in ('"', "'"):
            return start + 1, self._end(_QUOTED[self._text[start]], start + 1)
        return self._value(start, whole_line=whole_line)

    def _value(self, start: int, *, whole_line: bool) -> _Span:
        return start, self._end(_LINE if whole_line else _RUN, start)

    def _end(self, pattern: re.Pattern[str], start: int) -> int:
        """Where the match that begins at `start`, or holds it, ends."""
        first, last = self._found.get(pattern, (0, 0))
        if not first <= start < last:
            match = pattern.match(self._text, start)
            last = match.end() if match else start
            self._found[pattern] = start, last
        return last


def _url_secrets(run: str, offset: int) -> Iterator[_Span]:
    """User, password and query of one run.

    All up to the last "@" counts as user and password, since passwords may hold any character; an "@" behind a "?"
    leaves open which of both it belongs to.
    """
    at, slash, end = run.rfind("@"), run.find("/"), len(run)
    scheme = run.find("://", 0, -1)  # with a host behind it
    host = scheme + 3
    starts = [
        run.find("?", slash + 1) if slash >= 0 else -1,
        run.find("#", host + 1) if scheme >= 0 else -1,
    ]
    query = min((start for start in starts if start >= 0), default=-1)
    if query >= 0:
        yield offset + query + 1, offset + end
    if at < 0 or (scheme < 0 and not 0 <= run.find(":") < at):
        return
    user = host if 0 <= scheme < run.find("@") else 0
    yield offset + user, offset + (end if 0 <= query < at and scheme >= 0 else at)


def _merged(spans: list[_Span]) -> Iterator[_Span]:
    """Stretches that touch or overlap, as one; empty ones not at all."""
    current: _Span | None = None
    for start, end in spans:
        if start >= end:
            continue
        if current and start <= current[1]:
            current = current[0], max(current[1], end)
            continue
        if current:
            yield current
        current = start, end
    if current:
        yield current
