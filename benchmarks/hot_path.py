"""What a traced call costs, beside two stored time stamps: runs the C benchmark, shows medians and ratios.

    python -m benchmarks.hot_path [--repetitions N] [--calls N] [--json FILE] [--check]

Runs build/bench/bench_hot_path (`make bench` builds it; benchmarks/native/bench_hot_path.c says what its sides are).
Numbers are nanoseconds of CPU time per call. Ratios are medians of the ratios within each repetition, in which all
sides run one after the other: what changes from one repetition to the next does not touch them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

PROGRAM: Final = Path(__file__).parents[1] / "build/bench/bench_hot_path"
YARDSTICK: Final = "two_stored_ticks"
METRICS_ONLY: Final = "c4trace_off"
AT_MOST: Final = 2.0
"""Times the yardstick that a metrics-only call may cost on one thread."""
AT_MOST_SCALED: Final = 1.25
"""Times its cost on one thread that a metrics-only call may cost on four at once."""


class Measured(msgspec.Struct, frozen=True):
    """One side on so many threads: ns per call, one a repetition."""

    side: str
    threads: int
    ns: list[float]


class Measurement(msgspec.Struct, frozen=True):
    """What the C program prints; `calls` are made by each thread in each repetition."""

    calls: int
    results: list[Measured]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """One side on so many threads, summed up: ns per call, and how many times that of the yardstick it is."""

    side: str
    threads: int
    median: float
    lowest: float
    highest: float
    ratio: float


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured; `scaling` is a metrics-only call's cost on four threads to that on one."""

    calls: int
    repetitions: int
    costs: list[Cost]
    scaling: float


def summed_up(measurement: Measurement) -> Results:
    """Medians, spreads and ratios."""
    ns = {(measured.side, measured.threads): measured.ns for measured in measurement.results}
    costs = [
        Cost(
            side=side,
            threads=threads,
            median=statistics.median(each),
            lowest=min(each),
            highest=max(each),
            ratio=_paired_ratio(each, ns[YARDSTICK, threads]),
        )
        for (side, threads), each in ns.items()
    ]
    scaling = _paired_ratio(ns[METRICS_ONLY, 4], ns[METRICS_ONLY, 1])
    return Results(calls=measurement.calls, repetitions=len(ns[YARDSTICK, 1]), costs=costs, scaling=scaling)


def misses(results: Results) -> list[str]:
    """What costs more than it may, one sentence each."""
    ratio = next(cost.ratio for cost in results.costs if (cost.side, cost.threads) == (METRICS_ONLY, 1))
    found = []
    if ratio > AT_MOST:
        found.append(f"a metrics-only call costs {ratio:.2f} times two stored ticks; at most {AT_MOST} is wanted")
    if results.scaling > AT_MOST_SCALED:
        found.append(
            f"a metrics-only call on 4 threads costs {results.scaling:.2f} times what it costs on one; "
            f"at most {AT_MOST_SCALED} is wanted"
        )
    return found


def table(results: Results) -> Table:
    """The results, for people: the sides, each on one, two and four threads."""
    title = f"ns of CPU time per call; {results.repetitions} repetitions of {results.calls:,} calls a thread"
    made = Table(title=title, box=box.SIMPLE_HEAD)
    for column in ("side", "threads", "median", "lowest", "highest", "ratio"):
        made.add_column(column, justify="left" if column == "side" else "right")
    before = ""
    for cost in results.costs:
        numbers = (f"{number:.1f}" for number in (cost.median, cost.lowest, cost.highest))
        name = cost.side if cost.side != before else ""
        made.add_row(name, str(cost.threads), *numbers, f"{cost.ratio:.2f}")
        before = cost.side
    made.caption = f"ratio: to {YARDSTICK}; {METRICS_ONLY} on 4 threads to 1: {results.scaling:.2f}"
    return made


def _paired_ratio(ns: list[float], base: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(ns, base, strict=True))


def main(arguments: list[str]) -> int:
    """Measure as asked for, print a table, write JSON; 1 where --check finds that something costs too much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=22, help="the first of which is dropped")
    parser.add_argument("--calls", type=int, default=400_000, help="of each side on each thread, in each repetition")
    parser.add_argument("--json", type=Path, default=PROGRAM.parent / "hot_path.json", help="file for the results")
    parser.add_argument("--check", action="store_true", help="end with 1 where a metrics-only call costs too much")
    asked = parser.parse_args(arguments)
    if not PROGRAM.exists():
        parser.error(f"{PROGRAM.name} is not built yet: run make bench")
    command = [str(PROGRAM), str(asked.repetitions), str(asked.calls)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    results = summed_up(msgspec.json.decode(answer, type=Measurement))
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    Console().print(table(results))
    if os.getloadavg()[0] > (os.cpu_count() or 1) / 2:
        print("hot_path: other programs kept this machine busy, which costs c4trace more than the yardstick")
    found = misses(results) if asked.check else []
    for miss in found:
        print(f"hot_path: {miss}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
