"""Secrets that are put where LiteCore's options and a server's answer have theirs, and the search for them."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

PASSWORD: Final = 'canary-of-auth "1%/ß'  # noqa: S105 - that is the point
HEADER: Final = "canary-of-headers-2"
COOKIE: Final = "canary-of-cookies-3"
PROXY: Final = "canary-of-proxy-4"
REALM: Final = "canary-of-realm-5"
ANSWERED_COOKIE: Final = "canary-of-set-cookie-6"
TOKEN: Final = "canary-of-token-7"  # noqa: S105 - that is the point
CANARIES: Final = (PASSWORD, HEADER, COOKIE, PROXY, REALM, ANSWERED_COOKIE, TOKEN)

OPTIONS: Final[dict[str, Any]] = {
    "auth": {"type": "Basic", "username": "canary-of-username-8", "password": PASSWORD},
    "headers": {"X-Api-Key": HEADER, "Authorization": f"Bearer {TOKEN}", "User-Agent": "tests"},
    "cookies": f"session={COOKIE}; path=/",
}
"""What a replicator gets. Its username is personal data, and no more to be seen than the rest."""

PROXY_OPTIONS: Final[dict[str, Any]] = {
    "type": "HTTP",
    "host": "127.0.0.1",
    "auth": {"username": "proxy-user", "password": PROXY},
}
"""The option `proxy`, without its port."""

ANSWER: Final = {
    "WWW-Authenticate": f'Basic realm="{REALM}"',
    "Set-Cookie": f"session={ANSWERED_COOKIE}; HttpOnly",
    "X-Token": TOKEN,
}
"""Headers of a 401."""


def found_in(path: Path) -> list[str]:
    """The canaries that stand in a file, in the clear or in any usual encoding of it."""
    content = path.read_bytes()
    secrets = (*CANARIES, OPTIONS["auth"]["username"])
    return [secret for secret in secrets if any(form in content for form in _forms(secret))]


def _forms(secret: str) -> Iterator[bytes]:
    plain = secret.encode()
    yield from (plain, secret.encode("utf-16-le"), secret.encode("latin-1"), plain.hex().encode())
    yield from (json.dumps(secret, ensure_ascii=ascii_).strip('"').encode() for ascii_ in (True, False))
    yield urllib.parse.quote(secret).encode()
    for shift in range(3):  # wherever it stands in what was encoded
        yield base64.b64encode(b"\0" * shift + plain)[4 if shift else 0 : -4]
