"""What capturing payload costs, beside copying the same bytes into an equal ring.

A call at capture level full, or bytes:64, beside memcpy of its message into as much shared memory as a thread's ring
has, from end to end and again. Otherwise as hot_path, on one thread.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec

from benchmarks.harness import Bench, interleave
from benchmarks.results import Results
from benchmarks.traced_calls import traced_calls
from c4trace.bench.loop import copy_ns, look_at_rings

MESSAGES: Final = {"64 B": 64, "256 B": 256, "1 KiB": 1 << 10, "4 KiB": 4 << 10, "16 KiB": 16 << 10, "64 KiB": 64 << 10}
MOST_CALLS: Final = 20_000


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`payload` is how many bytes are captured at most, for each side in each repetition, and as many to warm up."""

    repetitions: int
    payload: int


FULL: Final = Sizes(repetitions=64, payload=16 << 20)
TINY: Final = Sizes(repetitions=2, payload=1 << 20)


def measure(sizes: Sizes) -> Results:
    """Each size of message."""
    bench = Bench("payload", base="memcpy")
    calls = {case: min(MOST_CALLS, sizes.payload // message) for case, message in MESSAGES.items()}
    with traced_calls() as traced:
        ring = look_at_rings(traced.segment).each
        sides = {
            ("memcpy", case): partial(copy_ns, message, ring, calls[case], warm=calls[case])
            for case, message in MESSAGES.items()
        }
        for capture in ("bytes:64", "full"):
            for case, message in MESSAGES.items():
                sides[capture, case] = partial(traced.ns, capture, warm=calls[case], calls=calls[case], message=message)
        bench.add_all("ns", interleave(sides, sizes.repetitions))
    return bench.results(ring_bytes=ring)
