"""What a traced call costs, beside two stored time stamps and beside LTTng-UST.

A host calls `write` of a factory that does nothing, 256-byte messages that are not captured, on a new session for each
thread and each time, and nothing reads meanwhile (the segment is a flight recorder, and LTTng keeps a snapshot).
Numbers are nanoseconds of the calling thread's CPU time. Each time is that of a millisecond or so, after as much to
warm up, so that what else runs on the machine, and takes the processor and its caches away, tells little in the median.
The sides:

    bare                      the factory alone
    two stored ticks          two readings of the processor's counter, stored in memory of the thread
    two stored clock_gettime  the same with clock_gettime
    metrics only              traced: counters and histograms (capture off)
    events, headers           and two records, at entry and return; the same for a write
    ..., clock_gettime        the same with C4TRACE_CLOCK=monotonic
    LTTng-UST pair            two tracepoints with the fields of these records (`make bench-peers`)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from benchmarks import lttng
from benchmarks.harness import Bench, interleave
from benchmarks.results import Results
from benchmarks.traced_calls import MODES, OTHER_CLOCK, traced_by_both_clocks
from c4trace.bench.loop import INNER, CallLoop, Stamps

YARDSTICK: Final = "two stored ticks"
LTTNG: Final = "LTTng-UST pair"
MESSAGE: Final = 256


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`calls` are those of each thread, in each repetition, after `warm` ones."""

    repetitions: int
    warm: int
    calls: int
    threads: tuple[int, ...]


FULL: Final = Sizes(repetitions=64, warm=40_000, calls=40_000, threads=(1, 2, 4))
TINY: Final = Sizes(repetitions=2, warm=10, calls=100, threads=(1, 4))


def measure(sizes: Sizes) -> Results:
    """All sides on each number of threads."""
    bench = Bench("hot_path", base=YARDSTICK)
    with traced_by_both_clocks() as traced, lttng.tracing(lambda why: bench.miss(LTTNG, why)) as peer:
        sides: dict[str, Callable[..., float]] = {
            "bare": CallLoop(INNER).ns,
            YARDSTICK: CallLoop(INNER, stamps=Stamps.TICKS).ns,
            "two stored clock_gettime": CallLoop(INNER, stamps=Stamps.CLOCK).ns,
            **{mode: partial(traced[""].ns, capture) for mode, capture in MODES.items()},
            **{
                f"{mode}, {OTHER_CLOCK}": partial(traced[OTHER_CLOCK].ns, capture)
                for mode, capture in MODES.items()
                if mode != "events"
            },
        }
        if peer:
            sides[LTTNG] = CallLoop(peer.factory).ns
        keyed = {
            (side, case_of(threads)): partial(ns, warm=sizes.warm, calls=sizes.calls, threads=threads, message=MESSAGE)
            for side, ns in sides.items()
            for threads in sizes.threads
        }
        measured = interleave(keyed, sizes.repetitions)
        if peer and not peer.is_on():
            bench.miss(LTTNG, "its session was ended by somebody else: measure again")
            measured = {key: values for key, values in measured.items() if key[0] != LTTNG}
        bench.add_all("ns", measured)
    return bench.results(calls=sizes.calls, message_bytes=MESSAGE)


def case_of(threads: int) -> str:
    """What a case is called."""
    return f"{threads} thread{'s' if threads > 1 else ''}"
