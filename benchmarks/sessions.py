"""Many sockets: what a write costs while so many are open, each called in turn, and what it costs to open and end them.

As hot_path, on one thread, with messages of 256 bytes that are not captured. A session is open, requestClose, dispose.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from benchmarks.harness import Bench, interleave
from benchmarks.hot_path import MESSAGE
from benchmarks.results import Results
from benchmarks.traced_calls import TracedCalls, traced_calls
from c4trace.bench.loop import INNER, CallLoop

OPEN: Final = (1, 10, 100, 1000, 10_000)
MODES: Final = {"metrics only": "off", "headers": "headers"}


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`calls` and `sessions` of each side, with each number of sockets, in each repetition."""

    repetitions: int
    calls: int
    sessions: int


FULL: Final = Sizes(repetitions=8, calls=200_000, sessions=20_000)
TINY: Final = Sizes(repetitions=2, calls=100, sessions=1)


def measure(sizes: Sizes) -> Results:
    """Writes first, then sessions, each with a tracer of its own: its table of sessions holds 12,288."""
    bench = Bench("sessions", base="bare")
    with traced_calls() as traced:
        bench.add_all("ns", interleave(_writes(traced, sizes.calls), sizes.repetitions))
    with traced_calls() as traced:
        bench.add_all("ns", interleave(_sessions(traced, sizes.sessions), sizes.repetitions))
    return bench.results(calls=sizes.calls, sessions=sizes.sessions)


def _writes(traced: TracedCalls, calls: int) -> dict[tuple[str, str], Callable[[], float]]:
    sides: dict[tuple[str, str], Callable[[], float]] = {}
    for count in OPEN:
        case = f"a write, {count:,} open"
        sides["bare", case] = partial(CallLoop(INNER, threads=1, each=count).ns, calls=calls, message=MESSAGE)
        loop = traced.loop(threads=1, each=count)
        for side, capture in MODES.items():
            sides[side, case] = partial(traced.at, capture, partial(loop.ns, calls=calls, message=MESSAGE))
    return _by_side(sides)


def _sessions(traced: TracedCalls, sessions: int) -> dict[tuple[str, str], Callable[[], float]]:
    sides: dict[tuple[str, str], Callable[[], float]] = {}
    for count in OPEN:
        case, rounds = f"a session, {count:,} at once", max(1, sessions // count)
        bare = CallLoop(INNER, threads=1, each=count, opened=False)
        sides["bare", case] = partial(bare.session_ns, rounds)
        loop = traced.loop(threads=1, each=count, opened=False)
        for side, capture in MODES.items():
            sides[side, case] = partial(traced.at, capture, partial(loop.session_ns, rounds))
    return _by_side(sides)


def _by_side(sides: dict[tuple[str, str], Callable[[], float]]) -> dict[tuple[str, str], Callable[[], float]]:
    names = ["bare", *MODES]
    return {key: sides[key] for key in sorted(sides, key=lambda key: names.index(key[0]))}
