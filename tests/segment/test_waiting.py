from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from c4trace.events import EventKind, SessionState
from c4trace.segment.snapshot import Flow, SessionView, Snapshot
from c4trace.segment.waiting import FLOWS, STATES, Waits, WaitWatch
from tests.sinks.snapshots import QUIET, factory, snapshot


def session(sid: int = 1, **changes: Any) -> SessionView:
    return dataclasses.replace(QUIET, sid=sid, **changes)


def at(now: float, *sessions: SessionView, **process: Any) -> Snapshot:
    return dataclasses.replace(snapshot(factory(), factory("other", 2), **process), now=now, sessions=sessions)


def look(watch: WaitWatch, now: float, *sessions: SessionView, **process: Any) -> Waits:
    return watch.look(at(now, *sessions, **process))["main"]


def unacked(sid: int, written: int, covered: int, last: float, **changes: Any) -> SessionView:
    return session(sid, write=Flow(1, written), completed_write=Flow(1, covered), last=last, **changes)


def test_nobody_waits_where_there_are_no_sessions() -> None:
    nothing = Waits(dict.fromkeys(STATES, 0.0), dict.fromkeys(FLOWS, 0.0), dict.fromkeys(FLOWS, 0))
    assert WaitWatch().look(at(100)) == {"main": nothing, "other": nothing}


@pytest.mark.parametrize(
    ("state", "times", "age"),
    [
        (SessionState.opening, {}, 99.0),
        (SessionState.open, {}, 98.0),
        (SessionState.closing, {"closing_at": 40.0}, 60.0),
        (SessionState.closing, {"last": 70.0}, 30.0),  # the peer asked, LiteCore has not answered
        (SessionState.closed, {"closing_at": 40.0, "closed_at": 90.0}, 10.0),
    ],
)
def test_the_age_of_a_state_counts_from_when_the_session_came_into_it(
    state: SessionState, times: dict[str, float], age: float
) -> None:
    waits = look(WaitWatch(), 100, session(1, state=state, **times), session(2, state=SessionState.disposed))
    assert waits.oldest == {**dict.fromkeys(STATES, 0.0), state: age}


def test_the_oldest_session_of_each_factory_is_told() -> None:
    sessions = [
        session(1, connected_at=90.0),
        session(2, connected_at=30.0),
        session(3, connected_at=10.0, factory="other"),
        session(4, connected_at=1.0, upcalls_visible=False),
    ]
    waits = WaitWatch().look(at(100, *sessions))
    assert [waits[label].oldest[SessionState.open] for label in ("main", "other")] == [70.0, 90.0]


def test_the_most_that_one_session_has_outstanding_is_told_for_each_flow() -> None:
    sessions = [
        unacked(1, 700, 0, 5.0),
        unacked(2, 9000, 8500, 5.0, received=Flow(3, 80), completed_receive=Flow(1, 20)),
        unacked(3, 10, 20, 5.0),  # more was covered than was written (C4S-032): nothing is outstanding
        unacked(4, 5000, 0, 5.0, state=SessionState.closed),
    ]
    assert look(WaitWatch(), 100, *sessions).most == {EventKind.write: 700, EventKind.received: 60}


def test_a_silent_session_with_bytes_outstanding_has_stalled_since_its_last_event() -> None:
    waits = look(WaitWatch(), 100, unacked(1, 10, 0, 60.0), session(2, last=3.0))
    assert waits.stalled == {EventKind.write: 40.0, EventKind.received: 0.0}


def test_a_flow_that_stands_still_beside_one_that_moves_has_stalled_since_it_was_first_seen_so() -> None:
    watch = WaitWatch()
    for now in (10.0, 20.0, 30.0):
        waits = look(watch, now, unacked(1, 10, 0, now - 1, received=Flow(1, int(now)), completed_receive=Flow(1, 1)))
        assert waits.stalled == {EventKind.write: now - 9.0, EventKind.received: now - 9.0}
    assert look(watch, 40, unacked(1, 10, 5, 39.0)).stalled[EventKind.write] == 1.0
    assert look(watch, 50, unacked(1, 10, 10, 49.0)).stalled[EventKind.write] == 0.0
    assert look(watch, 60, unacked(1, 20, 10, 59.0)).stalled[EventKind.write] == 1.0


def test_processes_are_told_apart_and_forgotten_when_they_are_gone() -> None:
    watch = WaitWatch()
    one, other = ({"path": path, "started": 1.0} for path in ("one", "other"))
    look(watch, 10, unacked(1, 10, 0, 9.0), **one)
    assert look(watch, 20, unacked(1, 10, 0, 19.0), **other).stalled[EventKind.write] == 1.0
    assert look(watch, 20, unacked(1, 10, 0, 19.0), **one).stalled[EventKind.write] == 11.0
    watch.forget_others([at(20, **other)])
    assert look(watch, 30, unacked(1, 10, 0, 29.0), **one).stalled[EventKind.write] == 1.0
    assert look(watch, 30, unacked(1, 10, 0, 29.0), **other).stalled[EventKind.write] == 11.0


@pytest.mark.parametrize("state", ["dead", "closed", "aside", "recorded"])
def test_nobody_waits_in_a_process_that_is_not_live(state: str) -> None:
    waits = look(WaitWatch(), 100, unacked(1, 10, 0, 60.0), session(2, state=SessionState.opening), state=state)
    assert not any([*waits.oldest.values(), *waits.stalled.values(), *waits.most.values()])
