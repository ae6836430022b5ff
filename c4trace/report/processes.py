"""Traced processes, one a line."""

from __future__ import annotations

import time
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


_OVER = {"dead", "closed"}
_ONLY_IF_WIDE = {"sessions", "written", "received"}
_ONLY_IF_NOT_NARROW = {"calls", "age"}


class Row(msgspec.Struct, frozen=True):
    """One traced process; `seconds` since its segment began (of a dead one: until its last event), `lost` by reason.

    `over_for`: seconds since the last event of a dead one. Rates are those between two looks, None where there was one.
    """

    name: str
    pid: int
    state: str
    reason: str
    recording: bool
    litecore: str
    capture: str
    seconds: float
    over_for: float | None
    sessions_open: int
    sessions: int
    calls: int
    up_calls: int
    bytes_written: int
    bytes_received: int
    events_per_s: float | None
    bytes_per_s: float | None
    lost: dict[str, int]
    path: str
    slices_unreleased: int | None = None
    """Of `write`, held by the factories; None where no release can be seen."""


def row_of(snapshot: Snapshot, before: Snapshot | None = None) -> Row:
    """Sum up one process over its factories; `before` is an earlier look at it."""
    process, factories = snapshot.process, snapshot.factories
    calls = sum(_n(snapshot, kind) for kind in CALLS)
    events_per_s, bytes_per_s = _rates(snapshot, before)
    over = process.state in _OVER
    return Row(
        name=process.name,
        pid=process.pid,
        state=process.state,
        reason=process.reason,
        recording=process.recording,
        litecore=process.litecore,
        capture=process.capture,
        seconds=snapshot.now,
        over_for=max(0.0, time.time() - process.started - snapshot.now) if over else None,
        sessions_open=sum(n for f in factories for state, n in f.states.items() if state < SessionState.closed),
        sessions=snapshot.sessions_total,
        calls=calls,
        up_calls=_events(snapshot) - calls,
        bytes_written=_size(snapshot, EventKind.write),
        bytes_received=_size(snapshot, EventKind.received),
        events_per_s=events_per_s,
        bytes_per_s=bytes_per_s,
        lost={reason: n for reason, n in snapshot.lost.items() if n},
        path=process.path,
        slices_unreleased=_unreleased(snapshot),
    )


def _unreleased(snapshot: Snapshot) -> int | None:
    seen = [factory.slices.unreleased.n for factory in snapshot.factories if factory.slices is not None]
    return sum(seen) if seen else None


def _n(snapshot: Snapshot, kind: EventKind) -> int:
    return sum(factory.events[kind].n for factory in snapshot.factories if kind in factory.events)


def _size(snapshot: Snapshot, kind: EventKind) -> int:
    return sum(factory.events[kind].bytes for factory in snapshot.factories if kind in factory.events)


def _events(snapshot: Snapshot) -> int:
    return sum(_n(snapshot, kind) for kind in EventKind)


def _bytes(snapshot: Snapshot) -> int:
    return _size(snapshot, EventKind.write) + _size(snapshot, EventKind.received)


def _rates(now: Snapshot, before: Snapshot | None) -> tuple[float | None, float | None]:
    if before is None or now.now <= before.now or now.process.state in _OVER:
        return None, None
    seconds = now.now - before.now
    return (_events(now) - _events(before)) / seconds, (_bytes(now) - _bytes(before)) / seconds


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
    for heading in (
        "pid",
        "state",
        "open",
        "sessions",
        "calls",
        "calls/s",
        "written",
        "received",
        "bytes/s",
        "lost",
        "age",
    ):
        wide = screen.width is None or screen.width >= 112 or heading not in _ONLY_IF_WIDE
        wide = wide and (screen.width is None or screen.width >= 80 or heading not in _ONLY_IF_NOT_NARROW)
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
        "state": Text(_state(row), STATE_STYLES.get(row.state, "")),
        "open": count_text(row.sessions_open),
        "sessions": count_text(row.sessions),
        "calls": count_text(row.calls + row.up_calls),
        "calls/s": "" if row.events_per_s is None else count_text(round(row.events_per_s)),
        "bytes/s": "" if row.bytes_per_s is None else bytes_text(round(row.bytes_per_s)),
        "written": bytes_text(row.bytes_written),
        "received": bytes_text(row.bytes_received),
        "lost": Text(count_text(lost), "bold red" if lost else ""),
        "age": duration_text(row.seconds * 1e9),
    }
    return [cells[heading] for heading in headings]


def _state(row: Row) -> str:
    if row.over_for is not None:
        return f"{row.state} {duration_text(row.over_for * 1e9)}"
    return row.state + (" rec" if row.recording else "")
