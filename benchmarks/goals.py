"""The goals: what a figure may come to, each as a ratio within one run."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from benchmarks.machine import BUSY
from benchmarks.results import Results, paired_ratio

At = tuple[str, str]
"""A series of a benchmark: side and case."""


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """`of` divided by `to` (or `of` itself) shall be at most, or at least, `limit`."""

    what: str
    bench: str
    of: At
    to: At | None = None
    limit: float
    at: Literal["most", "least"] = "most"


class Verdict(enum.StrEnum):
    """How a goal stands."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    NOT_MEASURED = "not measured"


class Judged(msgspec.Struct, frozen=True):
    """A goal, how it stands, what was measured, and whether the machine was busy then."""

    goal: Goal
    verdict: Verdict
    measured: float | None = None
    busy: bool = False


ONE: Final = "1 thread"
FOUR: Final = "4 threads"

GROWN: Final = (("read", "11 M"), ("show", "1 M"), ("replay", "1 M"))
"""What reads recordings, and the largest one that it is given (benchmarks/reading.py)."""

GOALS: Final = (
    Goal(
        what="metrics-only call / two stored rdtsc",
        bench="hot_path",
        of=("metrics only", ONE),
        to=("two stored ticks", ONE),
        limit=1.25,
    ),
    Goal(
        what="call with entry and return records / two stored rdtsc",
        bench="hot_path",
        of=("headers", ONE),
        to=("two stored ticks", ONE),
        limit=1.5,
    ),
    Goal(
        what="call with entry and return records / LTTng-UST pair",
        bench="hot_path",
        of=("headers", ONE),
        to=("LTTng-UST pair", ONE),
        limit=0.12,
    ),
    Goal(
        what="the same with clock_gettime / LTTng-UST pair",
        bench="hot_path",
        of=("headers, clock_gettime", ONE),
        to=("LTTng-UST pair", ONE),
        limit=0.25,
    ),
    Goal(
        what="hand-written Python wrapper (uncached labels) / metrics-only call",
        bench="wrappers",
        of=("Python wrapper, labels", ONE),
        to=("metrics only", ONE),
        limit=300,
        at="least",
    ),
    *(
        Goal(
            what=f"4 threads / 1 thread, {mode}",
            bench="hot_path",
            of=(mode, FOUR),
            to=(mode, ONE),
            limit=1.25,
        )
        for mode in ("metrics only", "events", "headers", "headers, clock_gettime")
    ),
    *(
        Goal(
            what=f"payload capture / memcpy into an equal ring, {size}",
            bench="payload",
            of=("full", size),
            to=("memcpy", size),
            limit=limit,
        )
        for size, limit in (("1 KiB", 2.5), ("4 KiB", 1.3), ("64 KiB", 1.08))
    ),
    Goal(
        what="instructions a call with records",
        bench="instructions",
        of=("headers", "a call"),
        limit=125,
    ),
    *(
        Goal(
            what=f"JSONL writing by c4trace / msgspec, {size} payload",
            bench="recording",
            of=("c4trace jsonl", size),
            to=("msgspec", size),
            limit=limit,
            at="least",
        )
        for size, limit in (("0 B", 8), ("256 B", 8), ("4 KiB", 4))
    ),
    Goal(
        what="lossless to tmpfs, 256 B payload, events/s",
        bench="lossless",
        of=("tmpfs", "256 B"),
        limit=1_000_000,
        at="least",
    ),
    Goal(
        what="lossless to tmpfs, 4 KiB payload, GB/s of payload",
        bench="lossless",
        of=("tmpfs", "4 KiB"),
        limit=1,
        at="least",
    ),
    *(
        Goal(
            what=f"real replication with everything on / without, host CPU time, {way}",
            bench="replication",
            of=(side, f"{way}, CPU"),
            to=("untraced", f"{way}, CPU"),
            limit=1.03,
        )
        for way, side in (("loopback", "thread"), ("WebSocket", "thread"))
    ),
    Goal(
        what="Java client's host CPU time, c4trace run with metrics and recording / without",
        bench="java",
        of=("traced", "CPU"),
        to=("untraced", "CPU"),
        limit=1.03,
    ),
    *(
        Goal(
            what=f"messages a second, {reader} / no reader",
            bench="stopped_reader",
            of=(reader, "messages"),
            to=("no reader", "messages"),
            limit=0.95,
            at="least",
        )
        for reader in ("exporter stopped", "recorder stopped", "recorder stopped for long", "recorder killed")
    ),
    Goal(
        what="import c4trace / import rich.live",
        bench="startup",
        of=("import c4trace", "wall"),
        to=("import rich.live", "wall"),
        limit=1.5,
    ),
    Goal(
        what="c4trace show, first line of a 1 GB file, s",
        bench="reading",
        of=("show first line", "1 GB"),
        limit=0.3,
    ),
    *(
        Goal(
            what=f"{side}, events a second, {most} / 100 k events: linear growth",
            bench="reading",
            of=(side, f"{most} events"),
            to=(side, "100 k events"),
            limit=0.8,
            at="least",
        )
        for side, most in GROWN
    ),
    *(
        Goal(
            what=f"{side}, memory, {most} / 100 k events",
            bench="reading",
            of=(f"{side}, memory", f"{most} events"),
            to=(f"{side}, memory", "100 k events"),
            limit=1.25,
        )
        for side, most in GROWN
    ),
    *(
        Goal(
            what=f"c4trace live, 10,000 sockets, {case}, {screen}, % of a core",
            bench="live",
            of=(screen, f"{case}, CPU"),
            limit=5,
        )
        for case in ("at rest", "talking")
        for screen in ("80 x 24", "250 x 60")
    ),
    Goal(what="soak: growth of the host's memory, MiB", bench="soak", of=("host", "growth"), limit=2),
    Goal(what="soak: growth of the collector's memory, MiB", bench="soak", of=("collector", "growth"), limit=2),
    Goal(what="soak: events lost", bench="soak", of=("events", "lost"), limit=0),
    Goal(what="soak: counters off the host's own", bench="soak", of=("counters", "drift"), limit=0),
)


def judge(goals: Iterable[Goal], results: Mapping[str, Results]) -> list[Judged]:
    """How each goal stands by these results."""
    return [_judged(goal, results.get(goal.bench)) for goal in goals]


def _judged(goal: Goal, results: Results | None) -> Judged:
    of = results and results.find(*goal.of)
    to = results and goal.to and results.find(*goal.to)
    if not results or not of or (goal.to and not to):
        return Judged(goal, Verdict.NOT_MEASURED)
    measured = paired_ratio(of, to) if to else of.median
    met = measured <= goal.limit if goal.at == "most" else measured >= goal.limit
    return Judged(goal, Verdict.PASS if met else Verdict.FAIL, measured, busy=results.others > BUSY)
