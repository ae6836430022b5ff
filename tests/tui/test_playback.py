from __future__ import annotations

from collections.abc import Iterator

import pytest

from c4trace.events import Event, Gap, Return, SessionState
from c4trace.report.running_totals import RunningTotals
from c4trace.segment.watch import Order, Watch, Watched
from c4trace.tui.bindings import Action
from c4trace.tui.playback import Playback
from c4trace.tui.source import Line
from tests.tui.scenes import process

ALL = tuple(SessionState)
S = 10**9


def line(seq: int, seconds: float, sid: int, ev: str, **said: object) -> Event:
    return Event(seq=seq, t=round(seconds * S), sid=sid, tid=1, ev=ev, dt=1000, **said)  # type: ignore[arg-type]


LINES: list[Line] = [
    line(1, 5.0, 1, "open", address="ws://a.example/db", factory="one"),
    line(2, 5.5, 1, "opened"),
    line(3, 6.0, 1, "write", n=1000),
    Gap(sid=1, after=3, lost=2),
    line(4, 7.0, 2, "open", address="ws://b.example/db", factory="two"),
    Event(seq=5, t=8 * S, sid=1, tid=2, ev="received", n=70),
    line(6, 9.0, 1, "completedWrite", n=400),
    Return(seq=5, dt=S),
    line(7, 15.0, 1, "closed"),
]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Played:
    """A playback with a clock that the test turns."""

    def __init__(self, watch: Watch, speed: float | None) -> None:
        self.watch = watch
        self.clock = Clock()
        self.totals = RunningTotals(process(state="recorded"))
        self.playback = Playback(watch, LINES, self.totals, self.totals.feed, speed, clock=self.clock)

    def after(self, seconds: float) -> dict[int, Watched]:
        """The sessions so much later."""
        self.clock.now += seconds
        self.playback.look()
        self.watch.sort(ALL, Order.sid)
        return {row.session.sid: row for row in self.watch.rows(0, 10, lambda _source, index: str(index))}


def has_ended(played: Played) -> bool:
    return played.playback.playing.ended


@pytest.fixture
def watch() -> Iterator[Watch]:
    with Watch() as made:
        yield made


def test_everything_happens_when_it_did(watch: Watch) -> None:
    played = Played(watch, 1.0)
    assert list(played.after(0)) == [1]
    assert played.after(0.4)[1].session.state is SessionState.opening
    assert played.after(0.2)[1].session.state is SessionState.open
    row = played.after(0.5)[1]
    assert (row.session.write.bytes, row.session.address, row.session.lost) == (1000, "ws://a.example/db", 2)
    assert row.now == pytest.approx(6.1)
    assert row.session.opened_at == 5.0
    assert played.playback.playing.position == pytest.approx(1.1)
    both = played.after(3.0)
    assert (both[1].unacked, both[1].unprocessed, both[2].session.factory) == (600, 70, "1")
    assert not has_ended(played)
    assert played.after(6.0)[1].session.state is SessionState.closed
    assert has_ended(played)
    assert played.after(100.0)[1].now == pytest.approx(15.0, abs=0.01)


def test_twice_as_fast_takes_half_the_time(watch: Watch) -> None:
    played = Played(watch, 2.0)
    played.after(0)
    assert list(played.after(0.9)) == [1]
    assert list(played.after(0.2)) == [1, 2]
    played.playback.control(Action.slower, paused=False)
    assert played.playback.playing.speed == 1.0
    played.playback.control(Action.faster, paused=False)
    played.playback.control(Action.faster, paused=False)
    assert played.playback.playing.speed == 4.0


def test_the_fastest_is_all_at_once(watch: Watch) -> None:
    played = Played(watch, None)
    rows = played.after(0)
    assert rows[1].session.state is SessionState.closed
    assert played.playback.playing.position == pytest.approx(10.0)
    assert played.playback.playing.ended


def test_a_recording_that_is_held_stands_still_and_goes_on_from_there(watch: Watch) -> None:
    played = Played(watch, 1.0)
    played.after(0)
    played.after(1.2)
    played.playback.control(Action.pause, paused=True)
    before = played.after(0)
    assert played.after(50.0) == before
    assert played.playback.playing.position == pytest.approx(1.2)
    played.playback.control(Action.pause, paused=False)
    assert list(played.after(0.9)) == [1, 2]


def test_a_step_is_one_event_and_what_comes_with_it(watch: Watch) -> None:
    played = Played(watch, 1.0)
    played.playback.control(None, paused=True)
    assert played.after(0) == {}
    for events, lost in ((1, 0), (2, 0), (3, 2), (4, 2), (5, 2), (6, 2)):
        played.playback.control(Action.step, paused=True)
        played.after(0)
        assert (played.totals.events, played.totals.lost) == (events, lost)
    assert played.totals.not_returned == []  # its return came with the sixth
    for _ in range(5):
        played.playback.control(Action.step, paused=True)
    assert played.totals.events == 7
    assert played.playback.playing.ended


def test_the_last_lines_of_a_session_are_kept(watch: Watch) -> None:
    played = Played(watch, None)
    played.after(0)
    assert list(played.playback.lines((0, 1))) == [one for one in LINES if one is not LINES[4]]
    assert list(played.playback.lines((0, 2))) == [LINES[4]]
    assert list(played.playback.lines(None)) == []


def test_a_call_that_has_not_returned_is_in_flight(watch: Watch) -> None:
    played = Played(watch, 1.0)
    played.after(0)
    flight = played.after(3.5)[1].in_call
    assert flight is not None
    assert (flight.tid, flight.event.name) == (2, "received")
    assert flight.seconds == pytest.approx(0.5)
    assert played.after(1.0)[1].in_call is None


def test_an_empty_recording_has_ended(watch: Watch) -> None:
    totals = RunningTotals(process(state="recorded"))
    playback = Playback(watch, [], totals, totals.feed, 1.0)
    assert playback.look()[0].sessions == 0
    assert playback.playing.ended


def test_any_number_of_sessions_is_shown(watch: Watch) -> None:
    n = 200
    totals = RunningTotals(process(state="recorded"))
    lines = [
        line(sid, sid / n, sid, "open", address=f"ws://{sid}.example/db", factory="one") for sid in range(1, n + 1)
    ]
    playback = Playback(watch, lines, totals, totals.feed, None)
    playback.look()
    watch.sort(ALL, Order.sid)
    rows = watch.rows(0, n, lambda _source, index: str(index))
    assert {row.session.sid: row.session.address for row in rows} == {
        sid: f"ws://{sid}.example/db" for sid in range(1, n + 1)
    }
