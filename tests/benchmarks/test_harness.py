from __future__ import annotations

import subprocess
import sys
import time
from functools import partial

from benchmarks.harness import interleave
from benchmarks.machine import Watch


def test_sides_take_turns_and_the_first_repetition_is_dropped() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return float(len(order))

    found = interleave({name: partial(side, name) for name in "abc"}, repetitions=4)
    assert "".join(order) == "abc" + "bca" + "cab" + "abc"
    assert found == {"a": [6.0, 8.0, 10.0], "b": [4.0, 9.0, 11.0], "c": [5.0, 7.0, 12.0]}


def test_our_own_work_is_not_that_of_others() -> None:
    watch = Watch()
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    assert watch.seconds > 0.2
    assert 0 <= watch.others() <= 1
