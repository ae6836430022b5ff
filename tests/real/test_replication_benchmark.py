"""The benchmark of replication, run small: it measures every side, and finds numbers that are not equal."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks import replication
from benchmarks.replication import SIDES, Order, Results
from tests.real.plain import Linking

pytestmark = pytest.mark.real


def test_every_side_is_measured_and_its_numbers_compared(tmp_path: Path) -> None:
    file = tmp_path / "results" / "replication.json"
    assert replication.main(["--documents", "50", "--repetitions", "2", "--json", str(file)]) == 0
    results = msgspec.json.decode(file.read_bytes(), type=Results)
    assert tuple(results.sides) == SIDES
    assert results.events > 50 * 8
    for side in results.sides.values():
        (spent,) = side.spent
        assert 0 < spent.collector_cpu + spent.closing_cpu < spent.cpu or side is results.sides[replication.UNWRAPPED]


def test_numbers_that_are_not_equal_end_it(tmp_path: Path, plain_libraries: dict[Linking, Path]) -> None:
    order = Order(
        side=replication.IN_A_THREAD,
        documents=5,
        document_bytes=10,
        capture="headers",
        library=str(plain_libraries[Linking.NOW]),
        folder=str(tmp_path),
    )
    run = replication._in_a_process(order)
    assert replication._check(run) > 5 * 8
    run.counted["client"]["bytes"]["write"] += 1
    with pytest.raises(AssertionError):
        replication._check(run)
