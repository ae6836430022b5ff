"""The lists of sockets: which columns fit into a width, and their rows."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

from c4trace.report.screen import Span
from c4trace.segment.watch import Order, Watched
from c4trace.tui import cells
from c4trace.tui.frame import Rows, Scene
from c4trace.tui.line import Line, fit, laid_out, segment, width_of
from c4trace.tui.state import Pane

__all__ = ["COLUMNS", "Column", "columns_for", "heading_line", "row_line"]

Cell = Callable[[Watched, Scene, int], Span]


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One column: `need` is its place in the row of those that are given room, 0 for those that always are."""

    heading: str
    width: int
    cell: Cell
    need: int = 0
    order: Order | None = None
    right: bool = False
    only_if: str = ""


def _flow(cell: Callable[..., Span], *, written: bool) -> Cell:
    return functools.partial(cell, written=written)


_OPEN = (
    Column("sock", 5, cells.sid, 0, Order.sid),
    Column("process", 10, cells.process, only_if="processes"),
    Column("factory", 10, cells.factory, 9, only_if="factories"),
    Column("state", 8, cells.state, 0, Order.state),
    Column("age", 6, cells.age, 4, Order.age, right=True),
    Column("peer", 9, cells.peer, 0, Order.peer),
    Column("written", 7, _flow(cells.size, written=True), 7, Order.written, right=True),
    Column("wrt/s", 5, _flow(cells.rate, written=True), 0, Order.written_rate, right=True),
    Column("", 8, _flow(cells.rates, written=True), 6),
    Column("received", 8, _flow(cells.size, written=False), 7, Order.received, right=True),
    Column("rcv/s", 5, _flow(cells.rate, written=False), 0, Order.received_rate, right=True),
    Column("", 8, _flow(cells.rates, written=False), 6),
    Column("unack", 6, _flow(cells.outstanding, written=True), 0, Order.unacked, right=True),
    Column("64K", 6, _flow(cells.outstanding_gauge, written=True), 8, right=True),
    Column("unproc", 6, _flow(cells.outstanding, written=False), 0, Order.unprocessed, right=True),
    Column("64K", 6, _flow(cells.outstanding_gauge, written=False), 8, right=True),
    Column("in call", 9, cells.in_call, 2, Order.in_call),
    Column("last event", 25, cells.last_event, 5, Order.last),
    Column("error", 12, cells.error, 10, Order.error),
)
_CLOSED = (
    Column("sock", 5, cells.sid, 0, Order.sid),
    Column("process", 10, cells.process, only_if="processes"),
    Column("factory", 10, cells.factory, 6, only_if="factories"),
    Column("closed", 6, cells.closed_ago, 0, Order.closed, right=True),
    Column("lasted", 7, cells.lasted, 2, Order.age, right=True),
    Column("written", 7, _flow(cells.size, written=True), 3, Order.written, right=True),
    Column("received", 8, _flow(cells.size, written=False), 3, Order.received, right=True),
    Column("peer", 9, cells.peer, 1, Order.peer),
    Column("cause", 24, cells.cause, 0, Order.error),
)
COLUMNS = {Pane.open: _OPEN, Pane.closed: _CLOSED}
_GROWTH = (
    ("cause", 12),
    ("peer", 12),
    ("process", 8),
    ("in call", 19),
    ("cause", 12),
    ("peer", 8),
    ("", 12),
    ("process", 12),
    ("factory", 10),
    ("error", 12),
    ("peer", 40),
    ("error", 36),
)
"""Who is given room that is left, and how much, in turn."""


def columns_for(pane: Pane, scene: Scene, rows: Rows, width: int) -> list[Column]:
    """Choose the columns that fit, most needed first, and share what is left among those that may grow."""
    candidates = [column for column in COLUMNS[pane] if _applies(column, scene)]
    chosen: set[int] = set()
    room = width + 1
    for need in sorted({column.need for column in candidates}):
        group = [i for i, column in enumerate(candidates) if column.need == need]
        wanted = sum(_least(candidates[i], rows) + 1 for i in group)
        if need and wanted > room:
            break
        room -= wanted
        chosen.update(group)
    columns = [candidates[i] for i in sorted(chosen)]
    widths = [_least(column, rows) for column in columns]
    return _grown(columns, widths, max(0, room))


def _applies(column: Column, scene: Scene) -> bool:
    if column.only_if == "processes":
        return len(scene.looks) > 1
    if column.only_if == "factories":
        return any(len(look.factories) > 1 for look in scene.looks.values())
    return True


def _least(column: Column, rows: Rows) -> int:
    """Session numbers must never be cut: nobody could tell sockets apart."""
    if column.order is Order.sid:
        return max([4, *(len(str(row.session.sid)) + 1 for row in rows.rows)])
    return column.width


def _grown(columns: list[Column], widths: list[int], room: int) -> list[Column]:
    for heading, most in _GROWTH:
        growing = [i for i, column in enumerate(columns) if column.heading == heading]
        for i in growing:
            more = min(most, room // len(growing))
            widths[i] += more
            room -= more
    return [dataclasses.replace(column, width=width) for column, width in zip(columns, widths, strict=True)]


def heading_line(columns: Sequence[Column], pane: Pane, scene: Scene, width: int) -> Line:
    """Write the headings; an arrow points to where the order grows."""
    by, turned = scene.state.orders[pane], scene.state.reversed[pane]
    spans: list[Span] = []
    for column in columns:
        sorted_by = column.order is by
        text = column.heading + (("▴" if turned else "▾") if sorted_by else "")
        room = max(column.width, min(len(text), column.width + 1))  # an arrow may take the blank beside the column
        shown = fit(text, room, right=column.right).ljust(column.width + (column is not columns[-1]))
        style = "bold underline" if sorted_by else "underline"
        if spans and spans[-1][1] == style:  # no piece is all blank: rich draws none of these in an SVG
            shown = spans.pop()[0] + shown
        spans.append((shown, style))
    text, style = spans.pop()
    return laid_out([*spans, (text.ljust(width - width_of(spans)), style)], width)


def row_line(columns: Sequence[Column], row: Watched, scene: Scene, width: int, *, under_cursor: bool) -> Line:
    """Write a row; the one under the cursor is reversed all over."""
    line: Line = []
    blank = 0
    for column in columns:
        text, style = column.cell(row, scene, column.width)
        shown = fit(text, column.width, right=column.right)
        content = shown if column.right else shown.rstrip(" ")
        if content and not content.isspace():
            line.append(segment(" " * blank + content, style))
            blank = len(shown) - len(content) + 1
        else:
            blank += len(shown) + 1
    if sum(column.width + 1 for column in columns) - 1 > width:  # narrower than the least there is to show
        line = laid_out([(piece.text, str(piece.style or "")) for piece in line], width)
    if not under_cursor:
        return line
    used = sum(piece.cell_length for piece in line)
    return [segment(piece.text, "reverse") for piece in line] + [segment(" " * (width - used), "reverse")]
