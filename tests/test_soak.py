"""Sockets that fail and come again, for long: nothing is lost, no number is off, and memory does not grow."""

from __future__ import annotations

import pytest

from benchmarks import results, soak


def value(measured: results.Results, side: str, case: str) -> float:
    series = measured.find(side, case)
    assert series is not None
    (one,) = series.values
    return one


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param(soak.TINY, id="4 s"),
        pytest.param(soak.FULL, id="30 min", marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_sockets_that_fail_and_come_again_are_traced_whole(sizes: soak.Sizes) -> None:
    measured = soak.measure(sizes)
    assert value(measured, "counters", "drift") == 0
    assert value(measured, "events", "lost") == 0
    assert value(measured, "host", "breaches seen") == 0
    assert int(measured.facts["sessions"]) >= sizes.sockets
    assert value(measured, "events", "a second") > sizes.events / 10  # also where the machine is busy
    if sizes is soak.FULL:
        results.write(measured)
        assert int(measured.facts["sessions"]) > 10 * sizes.sockets
        assert value(measured, "host", "growth") < 2
        assert value(measured, "collector", "growth") < 2
