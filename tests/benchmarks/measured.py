"""Results that no benchmark has measured."""

from __future__ import annotations

import msgspec

from benchmarks.harness import Bench
from benchmarks.results import Results


def results_of(series: dict[tuple[str, str], list[float]], *, others: float = 0.0, unit: str = "ns") -> Results:
    """Those of a benchmark `calls`, compared with "bare"."""
    bench = Bench("calls", base="bare")
    bench.add_all(unit, series)
    return msgspec.structs.replace(bench.results(calls=1000), others=others)
