"""Whose recording or segment it is, and which calls its threads are in."""

from __future__ import annotations

import datetime as dt
import os

import msgspec

from c4trace.events import UP_CALLS, EventKind
from c4trace.recording.schema import Header
from c4trace.report.plain import plain
from c4trace.report.quantities import duration_text
from c4trace.report.screen import Span
from c4trace.segment.snapshot import InFlight, ProcessInfo, Snapshot

__all__ = [
    "STATE_STYLES",
    "InFlightLine",
    "in_flight_lines",
    "in_flight_spans",
    "process_line",
    "process_of",
    "start_of",
]

STATE_STYLES = {"live": "green", "dead": "red", "aside": "yellow"}


def process_of(header: Header, path: str | os.PathLike[str]) -> ProcessInfo:
    """Give the process that was recorded; its state is "recorded"."""
    return ProcessInfo(
        name=header.name,
        pid=header.pid,
        state="recorded",
        reason="",
        path=os.fspath(path),
        started=header.clock.wall.timestamp(),
        litecore=header.litecore.version,
        factory_size=header.litecore.abi,
        c4trace=header.c4trace,
        capture=header.capture,
        recording=False,
        clock=header.clock.source,
    )


def process_line(process: ProcessInfo) -> str:
    """Say in one line whose recording or segment this is."""
    began = start_of(process).isoformat(sep=" ", timespec="milliseconds")
    parts = [
        f"{process.name} (pid {process.pid}) {process.state}",
        f"LiteCore {process.litecore}" if process.litecore else "no LiteCore",
        f"capture {process.capture}",
        f"began {began}",
        process.reason,
    ]
    return plain(" · ".join(part for part in parts if part))


def start_of(process: ProcessInfo) -> dt.datetime:
    """Give the moment at which its segment or recording began; that of a damaged segment may be 1970."""
    try:
        return dt.datetime.fromtimestamp(process.started, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return dt.datetime.fromtimestamp(0, dt.UTC)


class InFlightLine(msgspec.Struct, frozen=True, tag="in_flight", tag_field="type"):
    """A thread that is (or was, when its process died) inside a call: since `t`, ns since the segment began."""

    tid: int
    thread: str
    sid: int
    ev: str
    t: int


def in_flight_lines(snapshot: Snapshot) -> list[InFlightLine]:
    """Every thread that is inside a call, the one longest in it first."""
    flights = sorted(snapshot.in_flight, key=lambda flight: flight.seconds, reverse=True)
    return [InFlightLine(f.tid, f.thread, f.sid, f.event.name, _began(snapshot, f)) for f in flights]


def in_flight_spans(snapshot: Snapshot) -> list[list[Span]]:
    """Say the same for people: one line a thread, below one that says what this is; nothing where none is."""
    lines = in_flight_lines(snapshot)
    if not lines:
        return []
    dead = snapshot.process.state == "dead"
    heading = "in flight when it died" if dead else "in flight"
    return [[(heading, "bold red" if dead else "bold")], *(_spans(line, snapshot, dead=dead) for line in lines)]


def _spans(line: InFlightLine, snapshot: Snapshot, *, dead: bool) -> list[Span]:
    arrow, style = ("▲", "green") if EventKind[line.ev] in UP_CALLS else ("▼", "cyan")
    since = f"since {line.t / 1e9:.6f}" + ("" if dead else f", for {duration_text(snapshot.now * 1e9 - line.t)}")
    thread = plain(f"{line.thread} ({line.tid})" if line.thread else str(line.tid))
    return [
        (f"  thread {thread}  ", ""),
        (f"{arrow} ", style),
        (f"{line.ev}  ", "bold"),
        (f"session #{line.sid}  " if line.sid else "unknown session  ", ""),
        (since, "dim"),
    ]


def _began(snapshot: Snapshot, flight: InFlight) -> int:
    return round((snapshot.now - flight.seconds) * 1e9)
