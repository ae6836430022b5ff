from __future__ import annotations

import pytest
from rich.console import Console

from benchmarks.replication import IN_A_THREAD, SIDES, Results, Side, Spent, misses, table


def results(*, ratio: float) -> Results:
    spent = Spent(cpu=2.0, wall=1.0, opening_cpu=0.1, calls_cpu=0.02, collector_cpu=0.03, closing_cpu=0.01)
    side = Side(spent=[spent] * 7, cpu=2.0, wall=1.0, cpu_ratio=ratio, wall_ratio=1.0, paired_cpu_ratio=ratio)
    sides = dict.fromkeys(SIDES, side)
    return Results(documents=10_000, document_bytes=1000, capture="headers", events=80_433, sides=sides)


def test_c4traces_own_share_is_that_of_calls_collector_and_closing() -> None:
    assert results(ratio=1.0).sides[IN_A_THREAD].spent[0].own_share == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("ratio", "said"), [(1.03, []), (1.031, ["a traced host takes 1.031 times the CPU time of an untraced one"])]
)
def test_what_costs_more_than_it_may_is_named(ratio: float, said: list[str]) -> None:
    found = misses(results(ratio=ratio))
    assert [sentence.startswith(start) for sentence, start in zip(found, said, strict=True)] == [True] * len(said)


def test_the_table_fits_a_plain_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Console(width=80).print(table(results(ratio=1.02)))
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    row = ["2.000", "1.020", "1.020", "1.000", "0.030", "0.100", "0.020", "0.030", "0.010"]
    assert [IN_A_THREAD, *row] in [line.split() for line in lines]
