"""Writing lines of a recording out, one after the other as they are read: in columns, or as JSON Lines."""

from __future__ import annotations

from collections.abc import Iterable

from c4trace.events import Event, Gap, Return
from c4trace.report.columns import Columns
from c4trace.report.screen import Screen
from c4trace.report.selection import Selection
from c4trace.report.show import Rows

__all__ = ["print_json", "print_rows"]

Line = Event | Return | Gap


def print_rows(lines: Iterable[Line], selection: Selection, screen: Screen) -> int:
    """Write the lines asked for in columns, the first one at once; how many there were."""
    columns, rows = Columns(screen.width), Rows()
    shown = 0
    for line in lines:
        if selection.wants(line):
            if not shown:
                screen.line(columns.heading)
            screen.line(columns.spans(rows.of(line)))
            if not shown:
                screen.flush()
            shown += 1
        elif selection.over:
            break
    return shown


def print_json(lines: Iterable[Line], selection: Selection, screen: Screen) -> int:
    """Write the lines asked for as a recording has them; how many there were."""
    shown = 0
    for line in lines:
        if selection.wants(line):
            screen.json(line)
            shown += 1
        elif selection.over:
            break
    return shown
