"""One process at a glance: what a screen that is drawn again and again needs, at a fraction of a snapshot's cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from c4trace._native import ffi, lib
from c4trace.events import CALLS, EventKind, SessionState
from c4trace.segment.native_reader import NativeReader
from c4trace.segment.snapshot import InFlight, ProcessInfo
from c4trace.segment.take_snapshot import LOSSES, factory_label, process_info, read_closed, read_flights

__all__ = ["OVER", "ProcessLook", "look_at"]

OVER = frozenset({"dead", "closed"})
"""States of a process from which nothing will follow."""

_SLACK = 64  # rows that may have come into use since they were counted


@dataclasses.dataclass(frozen=True, slots=True)
class ProcessLook:
    """A process now; `now` is seconds since its segment began. Counts are over all its factories.

    `states` counts sessions in each state up to closed, `errors` are those that sessions were closed with: (domain,
    code). `factories` are labels by index.
    """

    process: ProcessInfo
    now: float
    factories: tuple[str, ...]
    states: Mapping[SessionState, int]
    errors: frozenset[tuple[int, int]]
    in_flight: tuple[InFlight, ...]
    lost: Mapping[str, int]
    sessions: int
    orphans: int
    overhead_seconds: float
    calls: int
    up_calls: int
    written: int
    received: int
    stopped: bool = False
    """By a signal or a debugger: it lives, and nothing moves (proc(5), state T or t)."""


def look_at(reader: NativeReader) -> ProcessLook:
    """Read what a segment says of its process."""
    info = ffi.new("struct c4t_reader_info *")
    lib.c4t_reader_info(reader.handle, info)
    counts = [_counts(reader, index) for index in range(info.factories)]
    calls = sum(n for count in counts for kind in CALLS for n, _ in [count[kind]])
    process = process_info(reader, info)
    return ProcessLook(
        process=process,
        now=info.now_ns / 1e9,
        factories=tuple(factory_label(reader, index) for index in range(info.factories)),
        states=_states(reader, info.factories),
        errors=frozenset(
            error for errors in read_closed(reader, info.closed_rows + _SLACK).values() for error in errors
        ),
        in_flight=read_flights(reader, info.thread_rows + _SLACK, info.now_ns),
        lost=dict(zip(LOSSES, info.lost, strict=True)),
        sessions=info.sessions_total,
        orphans=info.orphans,
        overhead_seconds=info.overhead_ns / 1e9,
        calls=calls,
        up_calls=sum(n for count in counts for n, _ in count.values()) - calls,
        written=sum(count[EventKind.write][1] for count in counts),
        received=sum(count[EventKind.received][1] for count in counts),
        stopped=process.state not in OVER and _is_stopped(process.pid),
    )


def _is_stopped(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:  # it has just ended
        return False
    return stat.rpartition(b") ")[2][:1] in {b"T", b"t"}


def _counts(reader: NativeReader, factory: int) -> dict[EventKind, tuple[int, int]]:
    counts = ffi.new("struct c4t_count[]", lib.C4T_EV_COUNT)
    lib.c4t_reader_counts(reader.handle, factory, counts)
    return {kind: (counts[kind].n, counts[kind].bytes) for kind in EventKind}


def _states(reader: NativeReader, factories: int) -> dict[SessionState, int]:
    states = {state: 0 for state in SessionState if state < SessionState.disposed}
    copy = ffi.new("struct c4t_factory_copy *")
    for index in range(factories):
        lib.c4t_reader_factory(reader.handle, index, copy)
        for state in states:
            states[state] += max(0, copy.states[state])
    return states
