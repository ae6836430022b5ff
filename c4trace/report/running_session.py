"""Counting one session: its states, its bytes both ways, and the time between its events."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from c4trace.events import Event, EventKind, Latency, SessionState
from c4trace.segment.snapshot import Flow, SessionView

if TYPE_CHECKING:
    from c4trace.report.running_totals import RunningFactory

__all__ = ["Acked", "RunningSession"]

OUTSTANDING_MAX = 65_536  # writes (or receives) waiting whose ack is timed; the host times fewer one by one
NS = 1_000_000_000
STATE_AFTER = {
    EventKind.opened: SessionState.open,
    EventKind.close: SessionState.closing,
    EventKind.requestClose: SessionState.closing,
    EventKind.closeRequested: SessionState.closing,
    EventKind.closed: SessionState.closed,
    EventKind.dispose: SessionState.disposed,
}


class Acked:
    """One direction: bytes begun, bytes acknowledged, and when those begun that are still to be acknowledged began."""

    __slots__ = ("acks", "acks_bytes", "begun", "begun_bytes", "waiting")

    def __init__(self) -> None:
        self.begun = self.begun_bytes = self.acks = self.acks_bytes = 0
        self.waiting: deque[tuple[int, int]] = deque()

    @property
    def pending(self) -> int:
        """Bytes begun and not acknowledged."""
        return max(self.begun_bytes - self.acks_bytes, 0)

    def begin(self, size: int, t: int) -> None:
        """Take note of `size` bytes that began at `t`."""
        self.begun += 1
        self.begun_bytes += size
        if len(self.waiting) < OUTSTANDING_MAX:
            self.waiting.append((self.begun_bytes, t))

    def acknowledge(self, size: int, t: int) -> list[int]:
        """Give how long, in ns, each of those took whose last byte these `size` bytes cover."""
        self.acks += 1
        self.acks_bytes += size
        took = []
        while self.waiting and self.waiting[0][0] <= self.acks_bytes:
            took.append(t - self.waiting.popleft()[1])
        return took


class RunningSession:
    """What the events of one session add up to."""

    def __init__(self, first: Event, factory: RunningFactory) -> None:
        self.sid = first.sid
        self.factory = factory
        self.began = first.t
        self.state = SessionState.opening
        self.address = ""
        self.incoming = False
        self.last: tuple[EventKind, int] | None = None
        self.reached: dict[SessionState, int] = {}
        self.closing_asked: int | None = None
        self.writes = Acked()
        self.receives = Acked()
        self.lost = 0
        self.http_status: int | None = None
        self.error: tuple[int, int] | None = None
        factory.states[self.state] += 1

    def advance(self, event: Event, kind: EventKind) -> None:
        """Count one event of this session."""
        self.last = (kind, event.t)
        size = event.n or 0
        match kind:
            case EventKind.open | EventKind.fromNative:
                self.address = self.address or event.address or ""
                self.incoming = self.incoming or kind is EventKind.fromNative
            case EventKind.write:
                self.writes.begin(size, event.t)
            case EventKind.completedWrite:
                self._observe(Latency.write_ack, self.writes.acknowledge(size, event.t))
            case EventKind.received:
                self.receives.begin(size, event.t)
            case EventKind.completedReceive:
                self._observe(Latency.receive_ack, self.receives.acknowledge(size, event.t))
            case EventKind.gotHTTPResponse:
                self.http_status = event.status
            case EventKind.close | EventKind.requestClose:
                self.closing_asked = event.t if self.closing_asked is None else self.closing_asked
        if kind in STATE_AFTER:
            self._reach(STATE_AFTER[kind], event)

    def _reach(self, state: SessionState, event: Event) -> None:
        if state <= self.state:
            return
        states = self.factory.states
        states[self.state] -= 1
        states[state] += 1
        self.state = state
        self.reached[state] = event.t
        if state is SessionState.open:
            self._observe(Latency.open, [event.t - self.began])
        if state is SessionState.closed:
            self._closed(event)

    def _closed(self, event: Event) -> None:
        self.error = (event.error.domain, event.error.code) if event.error else (0, 0)
        self.factory.closed[self.error] += 1
        self._observe(Latency.session, [event.t - self.began])
        if self.closing_asked is not None:
            self._observe(Latency.close, [event.t - self.closing_asked])

    def _observe(self, latency: Latency, took: list[int]) -> None:
        for ns in took:
            self.factory.latencies[latency].add(ns, self.sid)

    def view(self) -> SessionView:
        """Give the row that a segment's session table would have."""
        return SessionView(
            sid=self.sid,
            factory=self.factory.label,
            state=self.state,
            address=self.address,
            incoming=self.incoming,
            upcalls_visible=True,
            last_event=self.last[0] if self.last else None,
            last=(self.last[1] if self.last else self.began) / NS,
            opened_at=self.began / NS,
            connected_at=self._when(SessionState.open),
            closing_at=self._when(SessionState.closing),
            closed_at=self._when(SessionState.closed),
            disposed_at=self._when(SessionState.disposed),
            write=Flow(self.writes.begun, self.writes.begun_bytes),
            completed_write=Flow(self.writes.acks, self.writes.acks_bytes),
            received=Flow(self.receives.begun, self.receives.begun_bytes),
            completed_receive=Flow(self.receives.acks, self.receives.acks_bytes),
            lost=self.lost,
            http_status=self.http_status,
            error=self.error,
        )

    def _when(self, state: SessionState) -> float | None:
        return self.reached[state] / NS if state in self.reached else None
