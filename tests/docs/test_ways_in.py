"""docs/ways-in.md against the examples."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import DOCS, ROOT, blocks

SUFFIXES = {"c": ".c", "rust": ".rs"}
BLOCKS = [block for block in blocks(DOCS / "ways-in.md") if block.language in SUFFIXES]


@pytest.mark.parametrize("language", SUFFIXES)
def test_every_line_in_this_language_is_one_of_an_example(language: str) -> None:
    shown = {line.strip() for block in BLOCKS if block.language == language for line in block.text.splitlines()}
    files = (path for path in (ROOT / "examples").rglob(f"*{SUFFIXES[language]}") if "target" not in path.parts)
    there = {line.strip() for path in files for line in path.read_text(encoding="utf-8").splitlines()}
    assert len(shown) > 5
    assert shown - there == set()


def test_every_example_is_one_of_the_ways() -> None:
    page = (DOCS / "ways-in.md").read_text(encoding="utf-8")
    folders = [path.name for path in (ROOT / "examples").iterdir() if path.is_dir()]
    assert len(folders) > 3
    assert [name for name in folders if f"(../examples/{name}/README.md)" not in page] == []


def test_what_run_is_said_to_say_it_does_say() -> None:
    page = (DOCS / "ways-in.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| `([^`]+)` \|", page.partition("| It says |")[2].partition("\n## ")[0], re.MULTILINE)
    source = (ROOT / "c4trace/run/diagnosis.py").read_text(encoding="utf-8")
    said = [part.strip("' ") for cell in cells for part in cell.split("…") if part.strip("' ")]
    assert len(said) > 5
    assert [part for part in said if part not in source] == []
