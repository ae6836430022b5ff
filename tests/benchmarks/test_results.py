from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.harness import Bench
from benchmarks.results import Series, paired_ratio, read, write


def series(*values: float) -> Series:
    return Series(side="one", case="a case", unit="ns", values=list(values))


def test_a_series_tells_its_median_its_quartiles_and_its_lowest() -> None:
    one = series(5, 1, 4, 2, 3)
    assert (one.median, one.quartiles, one.lowest) == (3, (2, 4), 1)


def test_a_single_value_is_all_there_is_to_tell() -> None:
    one = series(7)
    assert (one.median, one.quartiles, one.lowest) == (7, (7, 7), 7)


def test_a_ratio_is_the_median_of_those_within_a_repetition() -> None:
    # Of the medians it would be 40 / 20.
    assert paired_ratio(series(15, 40, 45), series(10, 20, 30)) == 1.5


def test_series_of_different_lengths_are_compared_by_their_medians() -> None:
    assert paired_ratio(series(30), series(10, 20, 30)) == 1.5


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    bench = Bench("calls", base="bare")
    bench.add_all("ns", {("bare", "1 thread"): [1.5, 2.5], ("traced", "1 thread"): [3.0, 4.0]})
    bench.miss("peer", "not installed")
    results = bench.results(calls=1000)
    write(results, tmp_path / "bench")
    assert read(["calls", "never measured"], tmp_path / "bench") == {"calls": results}
    assert results.find("traced", "1 thread") == Series(side="traced", case="1 thread", unit="ns", values=[3.0, 4.0])
    assert results.find("traced", "2 threads") is None
    assert results.missing == {"peer": "not installed"}
    assert results.machine.cores > 0
    assert results.others == pytest.approx(0.5, abs=0.5)
