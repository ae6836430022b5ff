from __future__ import annotations

import msgspec

from c4trace.events import Event, EventKind, Gap, Latency, Return, SessionState
from c4trace.report.process import process_of
from c4trace.report.running_session import OUTSTANDING_MAX
from c4trace.report.running_totals import NOT_RETURNED_MAX, SESSIONS_MAX, RunningTotals
from c4trace.segment.snapshot import Flow
from tests.report.sample import HEADER, WALL, Line, session, two_sessions


def totals_of(lines: list[Line]) -> RunningTotals:
    totals = RunningTotals(process_of(HEADER, "orders.jsonl"))
    for line in lines:
        totals.feed(line)
    return totals


def event(seq: int, sid: int, ev: str, *, n: int | None = None, dt: int | None = 5, t: int = 0) -> Event:
    return Event(seq=seq, t=t, sid=sid, tid=1, ev=ev, n=n, dt=dt)


def test_two_sessions_add_up_to_the_snapshot_a_segment_would_give() -> None:
    snapshot = totals_of(two_sessions()).snapshot()
    (factory,) = snapshot.factories
    assert snapshot.sessions_total == factory.sessions == 2
    assert snapshot.lost == {"ring_full": 3}
    assert snapshot.in_flight == ()
    assert factory.closed == {(6, 1000): 1, (5, 8): 1}
    assert factory.states == {}
    assert {kind: (cell.n, cell.bytes) for kind, cell in factory.events.items()} == {
        EventKind.open: (2, 0),
        EventKind.gotHTTPResponse: (2, 0),
        EventKind.opened: (2, 0),
        EventKind.write: (4, 336),
        EventKind.completedWrite: (2, 336),
        EventKind.received: (2, 80),
        EventKind.completedReceive: (2, 80),
        EventKind.requestClose: (2, 0),
        EventKind.closed: (2, 0),
        EventKind.dispose: (2, 0),
    }
    assert snapshot.process.started == WALL.timestamp()


def test_a_late_return_is_counted_with_its_call() -> None:
    (factory,) = totals_of(two_sessions()).snapshot().factories
    cell = factory.events[EventKind.requestClose]
    assert (cell.n, cell.done) == (2, 2)
    assert cell.seconds == (2000 + 7_000_000) / 1e9
    assert sum(cell.buckets) == cell.done


def test_latencies_are_the_time_between_the_events_of_a_session() -> None:
    (factory,) = totals_of(session(1, 1, 0)).snapshot().factories
    assert {latency: (cell.n, cell.seconds) for latency, cell in factory.latencies.items()} == {
        Latency.open: (1, 0.002),
        Latency.write_ack: (2, 0.003),
        Latency.receive_ack: (1, 0.001),
        Latency.close: (1, 0.001),
        Latency.session: (1, 0.009),
    }


def test_a_session_tells_where_it_is_and_what_is_pending() -> None:
    totals = totals_of(session(1, 1, 0)[:5])
    (factory,) = totals.snapshot().factories
    (view,) = totals.snapshot().sessions
    assert factory.states == {SessionState.open: 1}
    assert factory.unacked_write_bytes == 168
    assert view.state is SessionState.open
    assert view.address == "ws://db.example:4984/orders/_blipsync"
    assert (view.write, view.completed_write) == (Flow(2, 168), Flow(0, 0))
    assert (view.connected_at, view.closed_at) == (0.002, None)
    assert view.http_status == 101
    assert view.last_event is EventKind.write


def test_what_has_not_returned_is_in_flight() -> None:
    lines = [event(1, 1, "open"), event(2, 1, "requestClose", dt=None, t=1000), event(3, 1, "write", n=1, t=5000)]
    (flight,) = totals_of([*lines]).snapshot().in_flight
    assert (flight.event, flight.sid, flight.tid) == (EventKind.requestClose, 1, 1)
    assert flight.seconds == (5005 - 1000) / 1e9


def test_events_of_an_unknown_socket_are_counted_apart() -> None:
    totals = totals_of([event(1, 0, "received", n=5), Return(seq=1, dt=4)])
    assert totals.orphans == 1
    assert totals.snapshot().factories == ()


def test_several_factories_are_counted_each_for_itself() -> None:
    other = [msgspec.structs.replace(line, factory="replica") for line in session(2, 20, 0) if isinstance(line, Event)]
    factories = totals_of([*session(1, 1, 0), *other]).snapshot().factories
    assert [(factory.label, factory.sessions) for factory in factories] == [("default", 1), ("replica", 1)]


def test_more_writes_than_are_remembered_are_counted_but_not_timed() -> None:
    lines: list[Line] = [event(i, 1, "write", n=1) for i in range(1, OUTSTANDING_MAX + 11)]
    lines.append(event(1000, 1, "completedWrite", n=len(lines)))
    (factory,) = totals_of(lines).snapshot().factories
    assert factory.latencies[Latency.write_ack].n == OUTSTANDING_MAX
    assert factory.unacked_write_bytes == 0


def test_ended_sessions_are_forgotten_and_stay_counted() -> None:
    totals = RunningTotals(process_of(HEADER, "x"))
    for sid in range(1, SESSIONS_MAX + 101):
        totals.feed(event(3 * sid, sid, "open"))
        totals.feed(event(3 * sid + 1, sid, "closed"))
    assert len(totals.sessions) == SESSIONS_MAX
    (factory,) = totals.snapshot().factories
    assert totals.sessions_total == factory.sessions == SESSIONS_MAX + 100
    assert factory.states == {SessionState.closed: SESSIONS_MAX}


def test_calls_that_never_return_do_not_pile_up() -> None:
    totals = RunningTotals(process_of(HEADER, "x"))
    for seq in range(1, NOT_RETURNED_MAX + 50):
        totals.feed(event(seq, 1, "write", n=1, dt=None))
    assert len(totals.not_returned) == NOT_RETURNED_MAX
    totals.feed(Return(seq=1, dt=3))
    totals.feed(Gap(sid=9, after=2, lost=4))
    assert totals.lost == 4
