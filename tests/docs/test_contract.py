"""docs/contract.md: every rule that is named anywhere is explained there."""

from __future__ import annotations

import re

from tests.docs.pages import DOCS, ROOT

RULE = re.compile(r"\bC4S-\d{3}\b")
ROWS = re.findall(r"^\| (C4S-\d{3}) \|", (DOCS / "contract.md").read_text(encoding="utf-8"), re.MULTILINE)
SOURCES = {".py", ".c", ".h", ".md", ".jsonl"}


def test_every_rule_that_is_named_anywhere_is_explained_once() -> None:
    folders = ("c4trace", "docs", "tests", "examples", "recordings", "dashboards", "benchmarks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in SOURCES]
    named = {rule for path in files for rule in RULE.findall(path.read_text(encoding="utf-8"))}
    assert len(named) > 50
    assert named - set(ROWS) == set()
    assert sorted(set(ROWS)) == ROWS
