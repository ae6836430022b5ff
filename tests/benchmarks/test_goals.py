from __future__ import annotations

import pytest

from benchmarks.goals import GOALS, Goal, Verdict, judge
from benchmarks.harness import Bench
from benchmarks.machine import BUSY
from benchmarks.results import Results
from tests.benchmarks.measured import results_of

AT_MOST = Goal(what="costs little", bench="calls", of=("traced", "one"), to=("bare", "one"), limit=1.25)
AT_LEAST = Goal(what="is fast", bench="calls", of=("traced", "one"), limit=100, at="least")


def verdict(goal: Goal, results: Results | None) -> Verdict:
    return judge([goal], {} if results is None else {results.bench: results})[0].verdict


@pytest.mark.parametrize(
    ("traced", "expected"), [([12.5, 25.0], Verdict.PASS), ([12.6, 25.2], Verdict.FAIL), ([1.0, 2.0], Verdict.PASS)]
)
def test_what_may_cost_so_much_at_most_is_judged_by_its_ratio(traced: list[float], expected: Verdict) -> None:
    assert verdict(AT_MOST, results_of({("traced", "one"): traced, ("bare", "one"): [10.0, 20.0]})) is expected


@pytest.mark.parametrize(("rate", "expected"), [(100.0, Verdict.PASS), (99.0, Verdict.FAIL)])
def test_what_must_reach_so_much_is_judged_by_itself(rate: float, expected: Verdict) -> None:
    assert verdict(AT_LEAST, results_of({("traced", "one"): [rate]})) is expected


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert verdict(AT_MOST, None) is Verdict.NOT_MEASURED
    assert verdict(AT_MOST, results_of({("traced", "one"): [1.0]})) is Verdict.NOT_MEASURED
    assert verdict(AT_MOST, results_of({("bare", "one"): [1.0]})) is Verdict.NOT_MEASURED


def test_a_busy_machine_is_named() -> None:
    measured = results_of({("traced", "one"): [1.0], ("bare", "one"): [1.0]}, others=BUSY + 0.01)
    assert judge([AT_MOST], {"calls": measured})[0].busy
    assert not judge([AT_MOST], {"calls": results_of({("traced", "one"): [1.0]})})[0].busy


def test_every_goal_has_a_name_of_its_own() -> None:
    assert len({goal.what for goal in GOALS}) == len(GOALS)


def test_a_bench_without_series_meets_no_goal() -> None:
    empty = Bench("hot_path").results()
    assert {one.verdict for one in judge(GOALS, {"hot_path": empty})} == {Verdict.NOT_MEASURED}


def test_reading_that_slows_down_or_takes_more_memory_as_files_grow_is_missed() -> None:
    sides = {"read": "11 M events", "show": "1 M events", "replay": "1 M events"}
    linear = {(side, case): [100.0] for side, most in sides.items() for case in ("100 k events", most)}
    flat = {(f"{side}, memory", case): [40.0] for side, case in linear}

    def missed(**grown: float) -> set[str]:
        bench = Bench("reading")
        for (side, case), values in (linear | flat).items():
            bench.add(
                side,
                case,
                "unit",
                [grown.get(side.partition(",")[0], 1.0) * value for value in values]
                if case == sides[side.partition(",")[0]]
                else values,
            )
        judged = judge(GOALS, {"reading": bench.results()})
        return {one.goal.of[0] for one in judged if one.verdict is Verdict.FAIL}

    assert missed() == set()
    assert missed(show=0.5, replay=1.5) == {"show", "replay, memory"}
