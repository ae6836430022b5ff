from __future__ import annotations

import re
from pathlib import Path

from c4trace.tui.bindings import BINDINGS
from c4trace.tui.table import COLUMNS

PAGE = (Path(__file__).parents[2] / "docs/live.md").read_text(encoding="utf-8")


def test_every_key_is_on_the_page_of_the_screen() -> None:
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|$", PAGE.partition("\n## Keys\n")[2].partition("\n## ")[0], re.MULTILINE)
    assert rows == [(one.shown, one.action.value) for one in BINDINGS]


def test_every_column_is_on_the_page_of_the_screen() -> None:
    table = PAGE.partition("\n## Columns\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    assert named == {column.heading for columns in COLUMNS.values() for column in columns if column.heading}
