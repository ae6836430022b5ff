"""docs/security.md against the policy of what is shown."""

from __future__ import annotations

import re

from c4trace import redact
from tests.docs.pages import DOCS

PAGE = (DOCS / "security.md").read_text(encoding="utf-8")
TABLES = {
    "options of `open`": redact.PLAIN_OPTION_KEYS,
    "options, as size and SHA-256": redact.HASHED_OPTION_KEYS,
    "the option `auth`": redact.PLAIN_AUTH_KEYS,
    "`auth`, as size and SHA-256": redact.HASHED_AUTH_KEYS,
    "the option `proxy`": redact.PLAIN_PROXY_KEYS,
    "HTTP headers, in requests and responses": redact.PLAIN_HEADERS,
}


def test_what_is_shown_is_what_the_page_says_is_shown() -> None:
    rows = dict(re.findall(r"^\| ([^|]+) \| (`[^|]+) \|$", PAGE.partition("## What never")[2], re.MULTILINE))
    shown = {where: set(re.findall(r"`([^`]+)`", rows[where])) - {"auth"} for where in TABLES}
    assert shown == TABLES
