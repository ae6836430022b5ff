"""A recording as the screen's source: its time goes on at any speed, stands still, or goes from event to event."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from c4trace.events import CALLS, Event, EventKind, Gap, Return, SessionState
from c4trace.report.running_totals import RunningTotals
from c4trace.segment.look import ProcessLook
from c4trace.segment.snapshot import InFlight
from c4trace.segment.watch import Watch
from c4trace.tui.bindings import Action
from c4trace.tui.counted_rows import CountedRows
from c4trace.tui.source import EVENTS_KEPT, Line, Playing

__all__ = ["Playback"]

_LINES_KEPT = 100_000  # over all sockets, for the drill-down
_BUDGET_S = 0.1  # a look takes no longer than this in a recording with too many events for its speed
_SLOWEST, _FASTEST = 1 / 64, 1024.0
_LOOK_AT_CLOCK_EVERY = 256


class Playback:
    """Plays `lines`, which are counted in `totals` by `feed`; `speed` is a factor, None for as fast as possible.

    Time goes on from one look to the next. Returns and gaps have no time: they come with the line before them.
    """

    troubles: Sequence[str] = ()
    nothing = "the recording has no events"

    def __init__(
        self,
        watch: Watch,
        lines: Iterable[Line],
        totals: RunningTotals,
        feed: Callable[[Line], None],
        speed: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watch = watch
        self._lines = iter(lines)
        self._totals = totals
        self._feed = feed
        self._speed = speed
        self._clock = clock
        self._rows = CountedRows(totals)
        self._kept: deque[Line] = deque(maxlen=_LINES_KEPT)
        self._sid_of: dict[int, int] = {}
        self._pending: Line | None = next(self._lines, None)
        self._first = self._pending.t if isinstance(self._pending, Event) else 0
        self._position = 0.0
        self._paused = False
        self._asked_at: float | None = None

    @property
    def playing(self) -> Playing:
        """How it is played."""
        return Playing(self._position, self._speed, ended=self._pending is None)

    def control(self, action: Action | None, *, paused: bool) -> None:
        """Do what a key asked for."""
        self._paused = paused
        match action:
            case Action.step:
                self._step()
            case Action.faster:
                self._speed = None if self._speed is None or self._speed >= _FASTEST else self._speed * 2
            case Action.slower:
                self._speed = _FASTEST if self._speed is None else max(_SLOWEST, self._speed / 2)

    def look(self) -> Mapping[int, ProcessLook]:
        """Play what is due by now, and look at what it comes to."""
        now = self._clock()
        passed = 0.0 if self._asked_at is None else now - self._asked_at
        self._asked_at = now
        if not self._paused and self._pending is not None:
            self._play(passed, now + _BUDGET_S)
        look = self._process_look()
        self._watch.take(0, self._now_ns(), self._rows.rows(), look.in_flight)
        return {0: look}

    def lines(self, key: tuple[int, int] | None) -> Sequence[Line]:
        """Give the last lines of a session."""
        if key is None:
            return ()
        found = [line for line in self._kept if self._session_of(line) in {key[1], 0}]
        return found[-EVENTS_KEPT:]

    def close(self) -> None:
        """Whoever opened the recording closes it."""

    def _now_ns(self) -> int:
        return max(self._totals.last, self._first + round(self._position * 1e9))

    def _play(self, passed: float, deadline: float) -> None:
        due = None if self._speed is None else self._first + round((self._position + passed * self._speed) * 1e9)
        n = 0
        while self._pending is not None and (due is None or _time_of(self._pending) <= due):
            self._take()
            n += 1
            if n % _LOOK_AT_CLOCK_EVERY == 0 and self._clock() >= deadline:
                due = None
                break
        reached = (self._totals.last - self._first) / 1e9
        if due is None or self._pending is None:
            self._position = max(self._position, reached)
        else:
            self._position = (due - self._first) / 1e9

    def _step(self) -> None:
        """Play one event, and what comes with it."""
        if self._pending is not None:
            self._take()
        while self._pending is not None and not isinstance(self._pending, Event):
            self._take()
        self._position = max(self._position, (self._totals.last - self._first) / 1e9)

    def _take(self) -> None:
        line = self._pending
        if line is None:
            return
        self._feed(line)
        self._kept.append(line)
        if isinstance(line, Event):
            self._rows.touch(line.sid)
            if line.dt is None:
                self._sid_of[line.seq] = line.sid
        self._pending = next(self._lines, None)

    def _session_of(self, line: Line) -> int:
        match line:
            case Event():
                return line.sid or -1
            case Gap():
                return line.sid
            case Return():
                return self._sid_of.get(line.seq, -1)

    def _process_look(self) -> ProcessLook:
        totals = self._totals
        factories = list(totals.factories.values())
        calls = sum(factory.n[kind] for factory in factories for kind in CALLS)
        return ProcessLook(
            process=totals.process,
            now=self._now_ns() / 1e9,
            factories=tuple(factory.label for factory in factories),
            states={
                state: sum(factory.states[state] for factory in factories)
                for state in SessionState
                if state < SessionState.disposed
            },
            errors=frozenset(error for factory in factories for error in factory.closed),
            in_flight=tuple(self._in_flight(event) for event in totals.not_returned),
            lost={"ring_full": totals.lost} if totals.lost else {},
            sessions=totals.sessions_total,
            orphans=totals.orphans,
            overhead_seconds=0.0,
            calls=calls,
            up_calls=sum(factory.n.total() for factory in factories) - calls,
            written=sum(factory.bytes[EventKind.write] for factory in factories),
            received=sum(factory.bytes[EventKind.received] for factory in factories),
        )

    def _in_flight(self, event: Event) -> InFlight:
        return InFlight(event.tid, "", event.sid, EventKind[event.ev], (self._now_ns() - event.t) / 1e9)


def _time_of(line: Line) -> int:
    return line.t if isinstance(line, Event) else 0
