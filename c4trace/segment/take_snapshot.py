"""From the segment's tables to a Snapshot."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from c4trace._native import ffi, lib
from c4trace.events import EventKind, Latency, SessionState
from c4trace.segment.capture import capture_text
from c4trace.segment.native_reader import NativeReader
from c4trace.segment.snapshot import (
    BUCKET_BOUNDS,
    Cell,
    Exemplar,
    FactoryTotals,
    Flow,
    InFlight,
    ProcessInfo,
    SessionView,
    Slices,
    Snapshot,
)

__all__ = [
    "CLOCKS",
    "LOSSES",
    "factory_label",
    "find_sessions",
    "process_info",
    "read_closed",
    "read_flights",
    "take_snapshot",
]

HOST_STATES = ("unknown", "live", "dead", "closed", "aside")
CLOCKS = ("monotonic", "tsc", "cntvct")
UPCALLS = ("not visible", "table", "relocation", "interposed")
LOSSES = ("ring_full", "overwritten", "latency", "session_row", "thread_slot", "internal", "return")
"""Reasons by number (native/segment.h, enum c4t_loss)."""

_BOUNDS = ffi.new("double[]", BUCKET_BOUNDS)
_EVENTS = int(lib.C4T_TOTALS) - len(Latency)
_SESSION = struct.Struct("<Q6q8Q3QIIIIiIi84s")
_NEVER = -(1 << 63)
_INCOMING, _HALF = 1, 2
_SLACK = 64  # rows that may have come into use since they were counted


def take_snapshot(reader: NativeReader, *, take_exemplars: bool = False) -> Snapshot:
    """Read everything there is at this moment.

    With `take_exemplars` the search for the slowest call begins anew, which needs a reader that may write. Raises
    SegmentError where the file was cut short meanwhile.
    """
    info = ffi.new("struct c4t_reader_info *")
    lib.c4t_reader_info(reader.handle, info)
    sessions = _sessions(reader, info, [_about(reader, index) for index in range(info.factories)])
    closed = read_closed(reader, info.closed_rows + _SLACK)
    snapshot = Snapshot(
        process=process_info(reader, info),
        now=info.now_ns / 1e9,
        factories=tuple(
            _factory(reader, index, sessions.get(index, []), closed.get(index, {}), take_exemplars=take_exemplars)
            for index in range(info.factories)
        ),
        sessions=tuple(sorted((view for views in sessions.values() for view in views), key=lambda view: view.sid)),
        in_flight=read_flights(reader, info.thread_rows + _SLACK, info.now_ns),
        lost=dict(zip(LOSSES, info.lost, strict=True)),
        sessions_total=info.sessions_total,
        orphans=info.orphans,
        overhead_seconds=info.overhead_ns / 1e9,
    )
    reader.check_whole()
    return snapshot


def find_sessions(reader: NativeReader, sids: Collection[int]) -> dict[int, SessionView]:
    """Find the rows of these sessions, by id, without the cost of a snapshot; those whose row is gone are left out."""
    info = ffi.new("struct c4t_reader_info *")
    lib.c4t_reader_info(reader.handle, info)
    factories = [_about(reader, index) for index in range(info.factories)]
    return {row[0]: _session(row, _of(row, factories)) for row in _rows(reader, info) if row[0] in sids}


def _text(field: Any) -> str:
    return bytes(ffi.string(field)).decode(errors="replace")


def _word(words: tuple[str, ...], number: int) -> str:
    return words[number] if number < len(words) else f"unknown ({number})"


def process_info(reader: NativeReader, info: Any) -> ProcessInfo:
    """Whose segment it is; `info` is a c4t_reader_info of this moment."""
    return ProcessInfo(
        name=_text(info.name),
        pid=info.pid,
        state=_word(HOST_STATES, info.state),
        reason=_text(info.status_text),
        path=str(reader.path),
        started=info.wall_ns / 1e9,
        litecore=_text(info.litecore),
        factory_size=info.factory_size,
        c4trace=_text(info.c4trace),
        capture=capture_text(info.capture, info.capture_bytes),
        recording=info.consumer_pid != 0,
        clock=_word(CLOCKS, info.clock_source),
    )


class _Factory(NamedTuple):
    label: str
    releases: str


_UNKNOWN = _Factory("", UPCALLS[0])


def factory_label(reader: NativeReader, index: int) -> str:
    """What a wrapped factory is called."""
    return _about(reader, index).label


def _about(reader: NativeReader, index: int) -> _Factory:
    copy = ffi.new("struct c4t_factory_copy *")
    lib.c4t_reader_factory(reader.handle, index, copy)
    return _Factory(_text(copy.label), _word(UPCALLS, copy.releases))


def _factory(
    reader: NativeReader,
    index: int,
    sessions: list[SessionView],
    closed: dict[tuple[int, int], int],
    *,
    take_exemplars: bool,
) -> FactoryTotals:
    copy = ffi.new("struct c4t_factory_copy *")
    totals = ffi.new("struct c4t_total[]", lib.C4T_TOTALS)
    lib.c4t_reader_factory(reader.handle, index, copy)
    lib.c4t_reader_totals(reader.handle, index, _BOUNDS, len(BUCKET_BOUNDS), take_exemplars, totals)
    counted = [view for view in sessions if view.upcalls_visible and view.state < SessionState.closed]
    return FactoryTotals(
        label=_text(copy.label),
        framing=copy.framing,
        upcalls=_word(UPCALLS, copy.upcalls),
        sessions=copy.sessions,
        states={state: max(0, copy.states[state]) for state in SessionState if state < SessionState.disposed},
        events={kind: _cell(totals[kind]) for kind in EventKind},
        latencies={latency: _cell(totals[_EVENTS + latency]) for latency in Latency},
        closed=closed,
        unacked_write_bytes=sum(max(0, view.write.bytes - view.completed_write.bytes) for view in counted),
        unprocessed_receive_bytes=sum(max(0, view.received.bytes - view.completed_receive.bytes) for view in counted),
        releases=_word(UPCALLS, copy.releases),
        slices=_slices(reader, index) if copy.releases else None,
    )


def _slices(reader: NativeReader, index: int) -> Slices:
    copy = ffi.new("struct c4t_slices_copy *")
    lib.c4t_reader_slices(reader.handle, index, copy)
    return Slices(
        written=Flow(copy.written, copy.written_bytes),
        released=Flow(copy.released, copy.released_bytes),
        not_followed=Flow(copy.unfollowed, copy.unfollowed_bytes),
    )


def _cell(total: Any) -> Cell:
    exemplar = None
    if total.slowest_sid:
        exemplar = Exemplar(total.slowest_sid, total.slowest_seconds, total.slowest_wall)
    buckets = tuple(total.buckets[0 : len(BUCKET_BOUNDS) + 1])
    return Cell(total.n, total.bytes, total.done, total.seconds, buckets, exemplar)


def read_closed(reader: NativeReader, room: int) -> dict[int, dict[tuple[int, int], int]]:
    """How often each factory's sessions closed with which (domain, code)."""
    copies = ffi.new("struct c4t_closed_copy[]", room)
    count = lib.c4t_reader_closed(reader.handle, copies, room)
    closed: dict[int, dict[tuple[int, int], int]] = {}
    for i in range(count):
        row = copies[i]
        closed.setdefault(row.factory, {})[row.domain, row.code] = row.n
    return closed


def _seconds(ns: int) -> float | None:
    return None if ns == _NEVER else ns / 1e9


def _rows(reader: NativeReader, info: Any) -> Iterator[tuple[Any, ...]]:
    room = info.session_rows + _SLACK
    copies = ffi.new("struct c4t_session_copy[]", room)
    count = lib.c4t_reader_sessions(reader.handle, copies, room)
    return _SESSION.iter_unpack(ffi.buffer(copies, count * _SESSION.size))


def _of(row: tuple[Any, ...], factories: list[_Factory]) -> _Factory:
    return factories[row[18]] if row[18] < len(factories) else _UNKNOWN


def _sessions(reader: NativeReader, info: Any, factories: list[_Factory]) -> dict[int, list[SessionView]]:
    views: dict[int, list[SessionView]] = {}
    for row in _rows(reader, info):
        views.setdefault(row[18], []).append(_session(row, _of(row, factories)))
    return views


def _session(row: tuple[Any, ...], factory: _Factory) -> SessionView:
    sid, t_last, t_open, t_opened, t_closing, t_closed, t_disposed, *flows = row[:15]
    lost, held, held_bytes, _, state, flags, last_event, http_status, domain, code, address = row[15:]
    return SessionView(
        sid=sid,
        factory=factory.label,
        state=SessionState(state),
        address=address.partition(b"\0")[0].decode(errors="replace"),
        incoming=bool(flags & _INCOMING),
        upcalls_visible=not flags & _HALF,
        last_event=EventKind(last_event) if 0 < last_event <= len(EventKind) else None,
        last=_seconds(t_last) or 0.0,
        opened_at=_seconds(t_open) or 0.0,
        connected_at=_seconds(t_opened),
        closing_at=_seconds(t_closing),
        closed_at=_seconds(t_closed),
        disposed_at=_seconds(t_disposed),
        write=Flow(flows[0], flows[1]),
        completed_write=Flow(flows[2], flows[3]),
        received=Flow(flows[4], flows[5]),
        completed_receive=Flow(flows[6], flows[7]),
        lost=lost,
        http_status=http_status or None,
        error=(domain, code) if domain or code else None,
        unreleased=Flow(held, held_bytes) if factory.releases != UPCALLS[0] else None,
    )


def read_flights(reader: NativeReader, room: int, now_ns: int) -> tuple[InFlight, ...]:
    """Host threads that are inside a call or up-call, at most `room`, and for how long they were at `now_ns`."""
    copies = ffi.new("struct c4t_flight_copy[]", room)
    count = lib.c4t_reader_flights(reader.handle, copies, room)
    flights = (copies[i] for i in range(count))
    return tuple(
        InFlight(
            flight.tid, _text(flight.name), flight.sid, EventKind(flight.event), max(0, now_ns - flight.began) / 1e9
        )
        for flight in flights
    )
