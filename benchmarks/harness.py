"""How every benchmark measures: all sides turn about in one run, the first repetition dropped.

A benchmark is a module of this folder with

    FULL, TINY      its sizes, a frozen struct: what `make bench` measures, and what tests do
    measure(sizes)  -> Results, by way of a `Bench`

and a line in benchmarks/__main__.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Hashable, Mapping
from typing import Final, TypeVar

from benchmarks.machine import Watch, this_machine
from benchmarks.results import Results, Series

REPETITIONS: Final = 8
"""Of each side, the first of which is dropped: medians are of seven at least."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def interleave(sides: Mapping[K, Callable[[], V]], repetitions: int = REPETITIONS) -> dict[K, list[V]]:
    """Measure every side once a repetition, beginning with another one each time; the first repetition is dropped."""
    order = list(sides)
    found: dict[K, list[V]] = {side: [] for side in order}
    for repetition in range(repetitions):
        first = repetition % len(order)
        for side in order[first:] + order[:first]:
            value = sides[side]()
            if repetition:
                found[side].append(value)
    return found


class Bench:
    """Gathers what one benchmark measures. Made when that begins, so that it knows what others did meanwhile."""

    def __init__(self, name: str, *, base: str = "") -> None:
        self._name = name
        self._base = base
        self._watch = Watch()
        self._began = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        self._series: list[Series] = []
        self._missing: dict[str, str] = {}

    def add(self, side: str, case: str, unit: str, values: list[float]) -> None:
        """Take in a series, one value a repetition."""
        self._series.append(Series(side=side, case=case, unit=unit, values=values))

    def add_all(self, unit: str, measured: Mapping[tuple[str, str], list[float]]) -> None:
        """Take in what `interleave` gave for keys of side and case."""
        for (side, case), values in measured.items():
            self.add(side, case, unit, values)

    def miss(self, side: str, why: str) -> None:
        """Say that a side cannot be measured here, and what to do about it."""
        self._missing[side] = why

    def results(self, **facts: str | float) -> Results:
        """All of it."""
        return Results(
            bench=self._name,
            began=self._began,
            seconds=round(self._watch.seconds, 1),
            machine=this_machine(),
            others=round(self._watch.others(), 3),
            facts=facts,
            base=self._base,
            series=self._series,
            missing=self._missing,
        )
