from __future__ import annotations

import pytest
from rich.console import Console

from benchmarks.hot_path import Measured, Measurement, misses, summed_up, table


def measurement(*, off: tuple[float, ...], off_on_four: tuple[float, ...]) -> Measurement:
    ticks: tuple[float, ...] = (10.0, 20.0, 30.0)
    sides = {("two_stored_ticks", 1): ticks, ("two_stored_ticks", 4): ticks}
    sides |= {("c4trace_off", 1): off, ("c4trace_off", 4): off_on_four}
    return Measurement(1000, [Measured(side, threads, list(ns)) for (side, threads), ns in sides.items()])


def test_a_ratio_is_the_median_of_those_within_a_repetition() -> None:
    results = summed_up(measurement(off=(15.0, 40.0, 45.0), off_on_four=(30.0, 40.0, 90.0)))
    cost = next(cost for cost in results.costs if (cost.side, cost.threads) == ("c4trace_off", 1))
    assert (cost.median, cost.lowest, cost.highest) == (40.0, 15.0, 45.0)
    assert cost.ratio == 1.5
    assert results.scaling == 2.0


@pytest.mark.parametrize(
    ("off", "off_on_four", "said"),
    [
        ((20.0, 40.0, 60.0), (25.0, 50.0, 75.0), []),
        ((20.2, 40.4, 60.6), (20.2, 40.4, 60.6), ["a metrics-only call costs 2.02 times two stored ticks"]),
        ((10.0, 20.0, 30.0), (13.0, 26.0, 39.0), ["a metrics-only call on 4 threads costs 1.30 times"]),
    ],
)
def test_what_costs_more_than_it_may_is_named(
    off: tuple[float, ...], off_on_four: tuple[float, ...], said: list[str]
) -> None:
    found = misses(summed_up(measurement(off=off, off_on_four=off_on_four)))
    assert [sentence.startswith(start) for sentence, start in zip(found, said, strict=True)] == [True] * len(said)


def test_the_table_fits_a_plain_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    results = summed_up(measurement(off=(15.0, 40.0, 45.0), off_on_four=(30.0, 40.0, 90.0)))
    Console(width=80).print(table(results))
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert ["c4trace_off", "1", "40.0", "15.0", "45.0", "1.50"] in [line.split() for line in lines]
