"""Counting a recording: events one by one become the same Snapshot that a segment gives."""

from __future__ import annotations

from collections import Counter

from c4trace.events import FRAMINGS, Event, EventKind, Gap, Latency, Return, SessionState
from c4trace.report.distribution import Distribution
from c4trace.report.running_session import RunningSession
from c4trace.segment.snapshot import Cell, Exemplar, FactoryTotals, InFlight, ProcessInfo, Snapshot

__all__ = ["RunningFactory", "RunningTotals"]

NOT_RETURNED_MAX = 65_536  # events whose return line may still come
SESSIONS_MAX = 12_288  # sessions kept, as in a segment; the oldest that ended go first
NS = 1_000_000_000


class RunningFactory:
    """What the events of one factory add up to."""

    def __init__(self, label: str, framing: str | None) -> None:
        self.label = label
        self.framing = FRAMINGS.index(framing) if framing in FRAMINGS else -1  # -1: not on record
        self.sessions = 0
        self.states: Counter[SessionState] = Counter()
        self.n: Counter[EventKind] = Counter()
        self.bytes: Counter[EventKind] = Counter()
        self.took = {kind: Distribution() for kind in EventKind}
        self.latencies = {latency: Distribution() for latency in Latency}
        self.closed: Counter[tuple[int, int]] = Counter()


class RunningTotals:
    """Everything counted so far; `feed` every line after the header, look at any time.

    Memory is bounded: sessions that ended are forgotten once there are SESSIONS_MAX, what was counted stays.
    """

    def __init__(self, process: ProcessInfo) -> None:
        self.process = process
        self.factories: dict[str, RunningFactory] = {}
        self.sessions: dict[int, RunningSession] = {}
        self.sessions_total = 0
        self.events = 0
        self.lost = 0
        self.orphans = 0
        self.first: int | None = None
        self.last = 0
        self._not_returned: dict[int, Event] = {}

    def feed(self, line: Event | Return | Gap) -> None:
        """Count one line of a recording."""
        match line:
            case Event():
                self._event(line)
            case Return():
                self._returned(line)
            case Gap():
                self._gap(line)

    @property
    def not_returned(self) -> list[Event]:
        """Calls and up-calls that had not returned when the recording ended, oldest first."""
        return list(self._not_returned.values())

    def _event(self, event: Event) -> None:
        self.events += 1
        self.first = event.t if self.first is None else min(self.first, event.t)
        self.last = max(self.last, event.t + (event.dt or 0))
        kind = EventKind[event.ev]
        if event.dt is None:
            self._not_returned[event.seq] = event
            if len(self._not_returned) > NOT_RETURNED_MAX:
                del self._not_returned[next(iter(self._not_returned))]
        if event.sid == 0:
            self.orphans += 1
            return
        session = self._session(event)
        factory = session.factory
        factory.n[kind] += 1
        if event.n is not None:
            factory.bytes[kind] += event.n
        if event.dt is not None:
            factory.took[kind].add(event.dt, event.sid)
        session.advance(event, kind)

    def _session(self, event: Event) -> RunningSession:
        session = self.sessions.get(event.sid)
        if session is None:
            label = event.factory or "default"
            factory = self.factories.get(label)
            if factory is None:
                factory = self.factories[label] = RunningFactory(label, event.framing)
            session = self.sessions[event.sid] = RunningSession(event, factory)
            self.sessions_total += 1
            factory.sessions += 1
            self._forget_ended()
        return session

    def _forget_ended(self) -> None:
        if len(self.sessions) <= SESSIONS_MAX:
            return
        ended = (sid for sid, session in self.sessions.items() if session.state >= SessionState.closed)
        oldest = next(ended, None)
        if oldest is not None:
            session = self.sessions.pop(oldest)
            if session.state is SessionState.closed:
                session.factory.states[SessionState.closed] -= 1

    def _returned(self, line: Return) -> None:
        event = self._not_returned.pop(line.seq, None)
        if event is None or event.sid == 0:
            return
        self.last = max(self.last, event.t + line.dt)
        session = self.sessions.get(event.sid)
        if session is not None:
            session.factory.took[EventKind[event.ev]].add(line.dt, event.sid)

    def _gap(self, gap: Gap) -> None:
        self.lost += gap.lost
        if gap.sid in self.sessions:
            self.sessions[gap.sid].lost += gap.lost

    def snapshot(self) -> Snapshot:
        """Everything counted so far, in the form a segment gives."""
        return Snapshot(
            process=self.process,
            now=self.last / NS,
            factories=tuple(self._totals(factory) for factory in self.factories.values()),
            sessions=tuple(session.view() for session in self.sessions.values()),
            in_flight=tuple(self._in_flight(event) for event in self._not_returned.values()),
            lost={"ring_full": self.lost} if self.lost else {},
            sessions_total=self.sessions_total,
            orphans=self.orphans,
            overhead_seconds=0.0,
        )

    def _in_flight(self, event: Event) -> InFlight:
        return InFlight(event.tid, "", event.sid, EventKind[event.ev], (self.last - event.t) / NS)

    def _totals(self, factory: RunningFactory) -> FactoryTotals:
        live = [s for s in self.sessions.values() if s.factory is factory and s.state < SessionState.closed]
        return FactoryTotals(
            label=factory.label,
            framing=factory.framing,
            upcalls="",
            sessions=factory.sessions,
            states={state: n for state, n in factory.states.items() if n and state is not SessionState.disposed},
            events={
                kind: self._cell(factory.took[kind], factory.n[kind], factory.bytes[kind])
                for kind in EventKind
                if factory.n[kind]
            },
            latencies={latency: self._cell(took, took.n, 0) for latency, took in factory.latencies.items() if took.n},
            closed=dict(factory.closed),
            unacked_write_bytes=sum(s.writes.pending for s in live),
            unprocessed_receive_bytes=sum(s.receives.pending for s in live),
        )

    def _cell(self, took: Distribution, n: int, size: int) -> Cell:
        exemplar = (
            Exemplar(took.longest_sid, took.longest / NS, self.process.started + self.last / NS) if took.n else None
        )
        return Cell(n, size, took.n, took.total / NS, tuple(took.classic), exemplar)
