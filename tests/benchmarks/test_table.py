from __future__ import annotations

import pytest
from rich.console import Console

from benchmarks.table import number, table
from tests.benchmarks.measured import results_of


def shown(capsys: pytest.CaptureFixture[str], *, others: float = 0.0) -> list[str]:
    measured = results_of({("bare", "one"): [10.0, 20.0, 30.0], ("traced", "one"): [15.0, 40.0, 45.0]}, others=others)
    Console(width=80).print(table(measured))
    return capsys.readouterr().out.splitlines()


def test_the_table_fits_a_plain_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys)
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert ["traced", "one", "40.0", "27.5", "to", "42.5", "15.0", "ns", "1.50"] in [line.split() for line in lines]


def test_the_table_says_when_the_machine_was_busy(capsys: pytest.CaptureFixture[str]) -> None:
    assert not any("other programs" in line for line in shown(capsys))
    assert any("other programs had 31% of the machine" in line for line in shown(capsys, others=0.31))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.00123, "0.00123"), (0.5, "0.500"), (1.234, "1.23"), (99.94, "99.9"), (1234567.8, "1,234,568")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text
