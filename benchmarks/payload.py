"""What capturing payload costs, beside copying the same bytes into an equal ring.

A call at capture level full, or bytes:64, beside memcpy of its message to the places that it has in a thread's ring.
Otherwise as hot_path, on one thread. How fast a ring is depends on which pages of memory it got, so there are several.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from benchmarks.harness import Bench, interleave
from benchmarks.results import Results
from benchmarks.traced_calls import TracedCalls, traced_calls
from c4trace.bench.loop import copy_ns, look_at_rings

MESSAGES: Final = {"64 B": 64, "256 B": 256, "1 KiB": 1 << 10, "4 KiB": 4 << 10, "16 KiB": 16 << 10, "64 KiB": 64 << 10}
MOST_CALLS: Final = 20_000


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`payload` is how many bytes are captured at most, for each side in each repetition, and as many to warm up."""

    segments: int
    repetitions: int
    """With each segment, the first of which is dropped."""
    payload: int


FULL: Final = Sizes(segments=8, repetitions=9, payload=16 << 20)
TINY: Final = Sizes(segments=1, repetitions=2, payload=1 << 20)


def measure(sizes: Sizes) -> Results:
    """Each size of message."""
    bench = Bench("payload", base="memcpy")
    found: dict[tuple[str, str], list[float]] = {}
    ring = 0
    for _ in range(sizes.segments):
        with traced_calls() as traced:
            ring = look_at_rings(traced.segment).each
            for side, values in interleave(_sides(traced, ring, sizes.payload), sizes.repetitions).items():
                found.setdefault(side, []).extend(values)
    bench.add_all("ns", found)
    return bench.results(ring_bytes=ring)


def _sides(traced: TracedCalls, ring: int, payload: int) -> dict[tuple[str, str], Callable[[], float]]:
    sides: dict[tuple[str, str], Callable[[], float]] = {}
    calls = {case: min(MOST_CALLS, payload // message) for case, message in MESSAGES.items()}
    for case, message in MESSAGES.items():
        sides["memcpy", case] = partial(copy_ns, message, ring, calls[case], warm=calls[case])
    for capture in ("bytes:64", "full"):
        for case, message in MESSAGES.items():
            sides[capture, case] = partial(traced.ns, capture, warm=calls[case], calls=calls[case], message=message)
    return sides
