"""What a benchmark has measured, as it is kept in build/bench/NAME.json."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.machine import Machine

FOLDER: Final = Path(__file__).parents[1] / "build/bench"


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One side in one case: a value for every repetition that counts, in the order they were made."""

    side: str
    case: str
    unit: str
    values: list[float]

    @property
    def median(self) -> float:
        """Of all values."""
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between which half of the values lie."""
        if len(self.values) == 1:
            return self.values[0], self.values[0]
        lower, _, upper = statistics.quantiles(self.values, n=4, method="inclusive")
        return lower, upper

    @property
    def lowest(self) -> float:
        """Of all values."""
        return min(self.values)


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """All series of one benchmark; `base` is the side that the others are compared with, case by case."""

    bench: str
    began: str
    """RFC 3339."""
    seconds: float
    machine: Machine
    others: float
    """The share of all processors' time that other programs, or other guests of the same hardware, had meanwhile."""
    facts: dict[str, str | int | float]
    """What was measured: sizes and counts."""
    base: str
    series: list[Series]
    missing: dict[str, str]
    """Sides that could not be measured here, and why."""

    def find(self, side: str, case: str) -> Series | None:
        """The series of a side in a case, if it was measured."""
        return next((one for one in self.series if (one.side, one.case) == (side, case)), None)


def paired_ratio(of: Series, to: Series) -> float:
    """The median of the ratios within each repetition: what slows a whole repetition down does not touch it."""
    if len(of.values) != len(to.values):
        return of.median / to.median
    return statistics.median(one / other for one, other in zip(of.values, to.values, strict=True))


def write(results: Results, folder: Path = FOLDER) -> Path:
    """Keep results, in place of the last ones of that benchmark."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{results.bench}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    return path


def forget(name: str, folder: Path = FOLDER) -> None:
    """Keep no results of a benchmark: the last ones are not those of what is there now."""
    (folder / f"{name}.json").unlink(missing_ok=True)


def read(names: Iterable[str], folder: Path = FOLDER) -> Mapping[str, Results]:
    """Those of these benchmarks that have been measured."""
    paths = {name: folder / f"{name}.json" for name in names}
    return {name: msgspec.json.decode(path.read_bytes(), type=Results) for name, path in paths.items() if path.exists()}
