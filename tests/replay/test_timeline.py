from __future__ import annotations

import msgspec
import pytest

from c4trace.replay.timeline import Line, Timeline, play
from tests.report.sample import session, two_sessions


class Clock:
    """Time that passes only by waiting, and by `slow` at every look."""

    def __init__(self) -> None:
        self.now = 50.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def played(lines: list[Line], speed: float | None, *, each_takes: float = 0.0) -> list[tuple[float, Line]]:
    """Every line with the time at which its sink got it."""
    clock = Clock()
    seen: list[tuple[float, Line]] = []

    def sink(line: Line) -> None:
        seen.append((round(clock.now - 50.0, 9), line))
        clock.now += each_takes

    assert list(play(lines, Timeline(speed), [sink], clock=clock, wait=clock.wait)) == lines
    return seen


def test_events_come_as_long_after_the_first_as_they_were_recorded() -> None:
    assert [when for when, _ in played(session(1, 1, 7_000_000_000), 1)] == [i / 1000 for i in range(11)]


@pytest.mark.parametrize("speed", [0.5, 2, 10])
def test_a_factor_divides_all_waiting(speed: float) -> None:
    times = [when for when, _ in played(session(1, 1, 0), speed)]
    assert times == pytest.approx([i / 1000 / speed for i in range(11)])


def test_max_never_waits() -> None:
    assert {when for when, _ in played(two_sessions(), None)} == {0.0}


def test_a_slow_sink_delays_nothing_that_has_time_to_catch_up() -> None:
    times = [when for when, _ in played(session(1, 1, 0), 1, each_takes=0.0005)]
    assert times == [i / 1000 for i in range(11)]


def test_returns_and_gaps_come_with_the_line_before_them() -> None:
    seen = played(two_sessions(), 1)
    times = {type(line).__name__: when for when, line in seen if not hasattr(line, "ev")}
    assert times == {"Gap": 0.01, "Return": 0.028}


def test_every_sink_gets_every_line_in_order() -> None:
    one: list[Line] = []
    two: list[Line] = []
    list(play(two_sessions(), Timeline(None), [one.append, two.append]))
    assert one == two == two_sessions()


def test_time_the_caller_takes_moves_the_rest_back() -> None:
    clock = Clock()
    times = []
    for line in play(session(1, 1, 0)[:3], Timeline(1), [], clock=clock, wait=clock.wait):
        times.append(round(clock.now - 50.0, 9))
        if line.seq == 1:  # type: ignore[union-attr]
            clock.now += 60
    assert times == [0.0, 60.001, 60.002]


def test_an_endless_wait_is_waited_for_in_pieces() -> None:
    late = msgspec.structs.replace(session(1, 1, 0)[1], t=2 * 10**13)
    clock = Clock()
    list(play([session(1, 1, 0)[0], late], Timeline(1), [], clock=clock, wait=clock.wait))
    assert max(clock.waits) <= 3600
    assert sum(clock.waits) == pytest.approx(20_000)
