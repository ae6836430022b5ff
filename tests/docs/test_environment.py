"""docs/environment.md against the code."""

from __future__ import annotations

import re

from tests.docs.pages import DOCS, ROOT

PAGE = (DOCS / "environment.md").read_text(encoding="utf-8")
READ = re.compile(r'"_?(C4TRACE_[A-Z_]+)"|\$(C4TRACE_[A-Z_]+)')


def test_every_variable_that_is_read_or_set_is_documented_and_no_other() -> None:
    sources = [path for path in (ROOT / "c4trace").rglob("*") if path.suffix in {".py", ".c", ".h"}]
    used = {name for path in sources for found in READ.findall(path.read_text(encoding="utf-8")) for name in found}
    documented = set(re.findall(r"`_?(C4TRACE_[A-Z_]+)`", PAGE))
    assert documented == used - {""}
    assert len(documented) > 5
