"""Threads that take turns on one session, as LiteCore's schedulers may: what a call costs beside that of one thread.

Each thread makes a run of calls on the one session and leaves it to the next thread. Messages are of 256 bytes and not
captured; numbers are nanoseconds of a call, from the beginning of each turn to its end, with a reading of the clock in
each turn, which is much where a turn is one call. The cases:

    bare                     writes to the factory that does nothing
    metrics only, headers    writes, traced at these capture levels
    written and completed    at headers, half of the turns are completedWrites; with several threads another one's
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from benchmarks.harness import Bench, interleave
from benchmarks.hot_path import MESSAGE, case_of
from benchmarks.results import Results
from benchmarks.traced_calls import TracedCalls, traced_calls
from c4trace.bench.loop import INNER, CallLoop

RUNS: Final = (1, 10, 1000)
THREADS: Final = (1, 2, 4)
MODES: Final = {"metrics only": "off", "headers": "headers"}
COMPLETED: Final = "written and completed"


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`calls` of all threads together, of each side in each repetition; and how many turns there are at most."""

    repetitions: int
    calls: int
    turns: int


FULL: Final = Sizes(repetitions=16, calls=200_000, turns=10_000)
TINY: Final = Sizes(repetitions=2, calls=20, turns=4)


def measure(sizes: Sizes) -> Results:
    """All sides, each on a session of its own in each repetition."""
    bench = Bench("turns", base=case_of(1))
    with traced_calls() as traced:
        bench.add_all("ns", interleave(_sides(traced, sizes), sizes.repetitions))
    return bench.results(message_bytes=MESSAGE)


def _sides(traced: TracedCalls, sizes: Sizes) -> dict[tuple[str, str], Callable[[], float]]:
    bare, loop = CallLoop(INNER, threads=1), traced.loop(threads=1)
    sides: dict[tuple[str, str], Callable[[], float]] = {}
    for threads in THREADS:
        for run in RUNS:
            turns = max(2 * threads, min(sizes.turns, sizes.calls // run))
            taken = partial(CallLoop.turns_ns, threads=threads, run=run, turns=turns, message=MESSAGE)
            side = case_of(threads)
            sides[side, f"bare, {run:,} a turn"] = partial(taken, bare)
            for mode, capture in MODES.items():
                sides[side, f"{mode}, {run:,} a turn"] = partial(traced.at, capture, partial(_anew, loop, taken))
            both = partial(taken, completes=True)
            if threads < max(THREADS):
                sides[side, f"{COMPLETED}, {run:,} a turn"] = partial(
                    traced.at, MODES["headers"], partial(_anew, loop, both)
                )
    return sides


def _anew(loop: CallLoop, taken: Callable[[CallLoop], float]) -> float:
    """On a session that no thread has called, so that none has a share in what came before."""
    loop.renew()
    return taken(loop)
