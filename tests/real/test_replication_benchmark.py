"""What the benchmarks of replication repeat: one replication, whose numbers must all be equal."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.replicate import Order, carry_out, checked
from tests.real.plain import Linking

pytestmark = pytest.mark.real


def test_numbers_that_are_not_equal_end_it(tmp_path: Path, plain_libraries: dict[Linking, Path]) -> None:
    order = Order(
        collect_in="thread",
        documents=5,
        document_bytes=10,
        library=str(plain_libraries[Linking.NOW]),
        folder=str(tmp_path),
    )
    run = carry_out(order)
    assert checked(run) > 5 * 8
    assert 0 < run.spent.own < run.spent.cpu
    run.counted["client"]["bytes"]["write"] += 1
    with pytest.raises(AssertionError):
        checked(run)


def test_without_a_tracer_there_is_nothing_to_compare(tmp_path: Path, plain_libraries: dict[Linking, Path]) -> None:
    library = str(plain_libraries[Linking.NOW])
    run = carry_out(Order(collect_in="", documents=5, document_bytes=10, library=library, folder=str(tmp_path)))
    assert (checked(run), run.report, run.spent.own) == (0, None, 0)
    assert run.spent.cpu > 0
