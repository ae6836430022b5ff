"""Sessions of many processes, looked at again and again: with their rates, in an order, and only those in sight."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Collection, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from c4trace._native import ffi, lib
from c4trace.events import EventKind, SessionState
from c4trace.segment.native_reader import NativeReader
from c4trace.segment.snapshot import Flow, InFlight, SessionView

__all__ = ["FLOW_LINE", "Order", "Sorting", "Watch", "Watched", "Word"]

FLOW_LINE: int = lib.C4T_WATCH_FLOW_LINE
"""Bytes outstanding in one direction from which LiteCore sends no more (kSendBufferSize in WebSocketImpl.cc)."""

_NEVER = -(1 << 63)
_LATEST = (1 << 63) - 1  # ns; sums of times in a damaged recording may be later
_INCOMING, _HALF = 1, 2


class Order(enum.IntEnum):
    """What a list of sessions is sorted by; numbers as in segment/watch.h, enum c4t_watch_by."""

    sid = lib.C4T_BY_SID
    state = lib.C4T_BY_STATE
    age = lib.C4T_BY_AGE
    peer = lib.C4T_BY_PEER
    written = lib.C4T_BY_WRITTEN
    written_rate = lib.C4T_BY_WRITTEN_RATE
    received = lib.C4T_BY_RECEIVED
    received_rate = lib.C4T_BY_RECEIVED_RATE
    unacked = lib.C4T_BY_UNACKED
    unprocessed = lib.C4T_BY_UNPROCESSED
    last = lib.C4T_BY_LAST
    in_call = lib.C4T_BY_FLIGHT
    error = lib.C4T_BY_ERROR
    closed = lib.C4T_BY_CLOSED


@dataclasses.dataclass(frozen=True, slots=True)
class Watched:
    """A session at the last look.

    `now` is the present on the clock of the session's times, in seconds. Rates are bytes a second over about the last
    second, None where that is not known yet; `written_rates` and `received_rates` are those of the last samples, about
    half a second each, the latest last. `in_call` is the thread that is longest inside a call of this session, of
    `calls` threads.
    """

    source: int
    session: SessionView
    now: float
    written_rate: float | None
    received_rate: float | None
    written_rates: tuple[float, ...]
    received_rates: tuple[float, ...]
    in_call: InFlight | None
    calls: int

    @property
    def key(self) -> tuple[int, int]:
        """Which session this is: its source and its id there."""
        return self.source, self.session.sid

    @property
    def unacked(self) -> int:
        """Bytes written that the factory has not yet acknowledged."""
        return _outstanding(self.session.write, self.session.completed_write)

    @property
    def unprocessed(self) -> int:
        """Bytes received that LiteCore has not yet processed."""
        return _outstanding(self.session.received, self.session.completed_receive)


@dataclasses.dataclass(frozen=True, slots=True)
class Word:
    """A word of a filter: a session has it that fits any of these. `is_not`: the session must not have it.

    `peer` is part of the address; `owners` are (source, factory's index) pairs, `errors` (domain, code) pairs.
    """

    peer: str = ""
    sid: int = 0
    states: Collection[SessionState] = ()
    events: Collection[EventKind] = ()
    errors: Collection[tuple[int, int]] = ()
    owners: Collection[tuple[int, int]] = ()
    is_not: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Sorting:
    """How many sessions are in the states asked for, how many of them fit the filter, and the place of the wanted."""

    total: int
    matching: int
    place: int | None


class Watch:
    """Looks at sessions of several sources, each known by a number below 4096. Belongs to one thread."""

    def __init__(self) -> None:
        self._watch = lib.c4t_watch_new()
        self._rows = ffi.new("struct c4t_watched[]", 1)
        if self._watch == ffi.NULL:
            raise MemoryError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of everything; more than once is fine."""
        watch, self._watch = self._watch, ffi.NULL
        lib.c4t_watch_free(watch)

    def look(self, source: int, reader: NativeReader) -> None:
        """Look at all sessions of a segment."""
        if lib.c4t_watch_reader(self._watch, source, reader.handle):
            raise MemoryError

    def take(self, source: int, now_ns: int, rows: Any, flights: Sequence[InFlight]) -> None:
        """Take in sessions that somebody else has counted: `rows` is a c4t_session_copy array, empty where sid is 0."""
        copies = ffi.new("struct c4t_flight_copy[]", len(flights) or 1)
        for copy, flight in zip(copies, flights, strict=False):
            copy.sid, copy.ns, copy.tid = flight.sid, min(round(flight.seconds * 1e9), _LATEST), flight.tid & 0xFFFFFFFF
            copy.event, copy.name = flight.event, flight.thread.encode()[:15]
        if lib.c4t_watch_rows(self._watch, source, min(now_ns, _LATEST), rows, len(rows), copies, len(flights)):
            raise MemoryError

    def forget(self, source: int) -> None:
        """Forget everything about a source."""
        lib.c4t_watch_forget(self._watch, source)

    def sort(
        self,
        states: Iterable[SessionState],
        by: Order,
        words: Sequence[Word] = (),
        *,
        reverse: bool = False,
        wanted: tuple[int, int] | None = None,
    ) -> Sorting:
        """Put the sessions in these states that have all words into an order, which holds until the next look.

        The largest come first, of text, ids and times of events the smallest, oldest and latest. `wanted` is the key of
        a session whose place is asked for.
        """
        query, keep = ffi.new("struct c4t_watch_query *"), []
        query.states, query.by, query.reversed = _bits(states), by, reverse
        query.source, query.sid = wanted or (0, 0)
        compiled = ffi.new("struct c4t_watch_word[]", len(words) or 1)
        for native, word in zip(compiled, words, strict=False):
            keep += _compile(native, word)
        query.words, query.word_count = compiled, len(words)
        order = ffi.new("struct c4t_watch_order *")
        if lib.c4t_watch_sort(self._watch, query, order):
            raise MemoryError
        return Sorting(order.all, order.matching, None if order.place < 0 else order.place)

    def rows(self, begin: int, count: int, label: Callable[[int, int], str]) -> list[Watched]:
        """Give `count` sessions of the order, from place `begin` on; `label` names a factory by source and index."""
        if count > len(self._rows):
            self._rows = ffi.new("struct c4t_watched[]", count)
        found = lib.c4t_watch_copy(self._watch, max(begin, 0), self._rows, max(count, 0))
        return [_watched(self._rows[i], label) for i in range(found)]


def _outstanding(begun: Flow, done: Flow) -> int:
    return max(0, begun.bytes - done.bytes)


def _bits(numbers: Iterable[int]) -> int:
    bits = 0
    for number in numbers:
        bits |= 1 << number
    return bits


def _pairs(pairs: Collection[tuple[int, int]]) -> Any:
    return ffi.new("uint64_t[]", [(high & 0xFFFFFFFF) << 32 | low & 0xFFFFFFFF for high, low in pairs] or [0])


def _compile(native: Any, word: Word) -> list[Any]:
    """Fill a c4t_watch_word; what it points to, which must live as long."""
    peer = ffi.new("char[]", word.peer.encode("utf-8", "replace")) if word.peer else ffi.NULL
    errors, owners = _pairs(word.errors), _pairs(word.owners)
    native.peer, native.errors, native.owners = peer, errors, owners
    native.error_count, native.owner_count = len(word.errors), len(word.owners)
    native.sid, native.is_not = word.sid if 0 <= word.sid < 1 << 64 else 0, word.is_not
    native.states, native.events = _bits(word.states), _bits(word.events)
    return [peer, errors, owners]


def _seconds(ns: int) -> float | None:
    return None if ns == _NEVER else ns / 1e9


def _watched(row: Any, label: Callable[[int, int], str]) -> Watched:
    copy = row.session
    return Watched(
        source=row.source,
        session=_view(copy, label(row.source, copy.factory)),
        now=row.now_ns / 1e9,
        written_rate=row.written_rate if row.written_rate >= 0 else None,
        received_rate=row.received_rate if row.received_rate >= 0 else None,
        written_rates=tuple(ffi.unpack(row.written, row.samples)),
        received_rates=tuple(ffi.unpack(row.received, row.samples)),
        in_call=_in_call(row) if row.flights else None,
        calls=row.flights,
    )


def _in_call(row: Any) -> InFlight:
    thread = ffi.string(row.flight_thread).decode(errors="replace")
    return InFlight(row.flight_tid, thread, row.session.sid, EventKind(row.flight_event), row.flight_ns / 1e9)


def _view(copy: Any, label: str) -> SessionView:
    flows = ffi.unpack(copy.flows, 8)
    error = (copy.error_domain, copy.error_code)
    return SessionView(
        sid=copy.sid,
        factory=label,
        state=SessionState(copy.state),
        address=ffi.string(copy.address).decode(errors="replace"),
        incoming=bool(copy.flags & _INCOMING),
        upcalls_visible=not copy.flags & _HALF,
        last_event=EventKind(copy.last_event) if 0 < copy.last_event <= len(EventKind) else None,
        last=_seconds(copy.t_last) or 0.0,
        opened_at=_seconds(copy.t_open) or 0.0,
        connected_at=_seconds(copy.t_opened),
        closing_at=_seconds(copy.t_closing),
        closed_at=_seconds(copy.t_closed),
        disposed_at=_seconds(copy.t_disposed),
        write=Flow(flows[0], flows[1]),
        completed_write=Flow(flows[2], flows[3]),
        received=Flow(flows[4], flows[5]),
        completed_receive=Flow(flows[6], flows[7]),
        lost=copy.lost,
        http_status=copy.http_status or None,
        error=error if error != (0, 0) else None,
        unreleased=Flow(copy.held, copy.held_bytes) if copy.held else None,
    )
