"""Traced processes, one a line."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich import box
from rich.table import Table
from rich.text import Text

from c4trace.events import CALLS, EventKind, SessionState
from c4trace.report.losses import events_lost
from c4trace.report.plain import plain
from c4trace.report.process import STATE_STYLES
from c4trace.report.quantities import bytes_text, count_text, duration_text
from c4trace.report.screen import Screen
from c4trace.segment.snapshot import Snapshot

__all__ = ["Row", "print_processes", "row_of"]


class Row(msgspec.Struct, frozen=True):
    """One traced process; `seconds` since its segment began (of a dead one: until its last event), `lost` by reason."""

    name: str
    pid: int
    state: str
    reason: str
    recording: bool
    litecore: str
    capture: str
    seconds: float
    sessions_open: int
    sessions: int
    calls: int
    up_calls: int
    bytes_written: int
    bytes_received: int
    lost: dict[str, int]
    path: str


def row_of(snapshot: Snapshot) -> Row:
    """Sum up one process over its factories."""
    process, factories = snapshot.process, snapshot.factories

    def n(kind: EventKind) -> int:
        return sum(factory.events[kind].n for factory in factories if kind in factory.events)

    def size(kind: EventKind) -> int:
        return sum(factory.events[kind].bytes for factory in factories if kind in factory.events)

    calls = sum(n(kind) for kind in CALLS)
    return Row(
        name=process.name,
        pid=process.pid,
        state=process.state,
        reason=process.reason,
        recording=process.recording,
        litecore=process.litecore,
        capture=process.capture,
        seconds=snapshot.now,
        sessions_open=sum(n for f in factories for state, n in f.states.items() if state < SessionState.closed),
        sessions=snapshot.sessions_total,
        calls=calls,
        up_calls=sum(n(kind) for kind in EventKind) - calls,
        bytes_written=size(EventKind.write),
        bytes_received=size(EventKind.received),
        lost={reason: n for reason, n in snapshot.lost.items() if n},
        path=process.path,
    )


def print_processes(rows: Sequence[Row], screen: Screen, *, as_json: bool) -> None:
    """Write the rows as a table, or as JSON Lines."""
    if as_json:
        for row in rows:
            screen.json(row)
        return
    if not rows:
        return
    table = Table(box=box.SIMPLE_HEAD if screen.unicode else box.ASCII2, show_edge=False, padding=(0, 1, 0, 0))
    table.header_style = "dim"
    table.add_column("name", overflow="fold")
    for heading in ("pid", "state", "open", "sessions", "calls", "written", "received", "lost", "age"):
        wide = screen.width is None or screen.width >= 80 or heading not in {"sessions", "received", "age"}
        if wide:
            table.add_column(heading, justify="left" if heading == "state" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row, [str(column.header) for column in table.columns]))
    screen.show(table)
    for row in rows:
        if row.reason:
            screen.text(plain(f"{row.name} ({row.pid}): {row.reason}"), STATE_STYLES.get(row.state, ""))


def _cells(row: Row, headings: list[str]) -> list[str | Text]:
    lost = events_lost(row.lost)
    cells: dict[str, str | Text] = {
        "name": plain(row.name),
        "pid": str(row.pid),
        "state": Text(row.state + (" rec" if row.recording else ""), STATE_STYLES.get(row.state, "")),
        "open": count_text(row.sessions_open),
        "sessions": count_text(row.sessions),
        "calls": count_text(row.calls + row.up_calls),
        "written": bytes_text(row.bytes_written),
        "received": bytes_text(row.bytes_received),
        "lost": Text(count_text(lost), "bold red" if lost else ""),
        "age": duration_text(row.seconds * 1e9),
    }
    return [cells[heading] for heading in headings]
