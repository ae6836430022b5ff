"""Results as tables for people: on a terminal, and for docs/performance.md."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.table import Table

from benchmarks.machine import BUSY
from benchmarks.results import Results, Series, paired_ratio

COLUMNS = ("side", "case", "median", "quartiles", "lowest", "unit", "ratio")


def rows(results: Results) -> list[tuple[str, ...]]:
    """A row a series; `ratio` is to the base side in the same case, empty where that says nothing."""
    return [
        (
            one.side,
            one.case,
            number(one.median),
            "" if len(one.values) == 1 else " to ".join(map(number, one.quartiles)),
            "" if len(one.values) == 1 else number(one.lowest),
            one.unit,
            _ratio(results, one),
        )
        for one in results.series
    ]


def table(results: Results) -> Table:
    """Everything that was measured."""
    facts = facts_text(results.facts)
    made = Table(title=f"{results.bench}: {facts}" if facts else results.bench, box=box.SIMPLE_HEAD, pad_edge=False)
    for column in COLUMNS:
        made.add_column(column, justify="left" if column in {"side", "case", "unit"} else "right")
    before = ""
    for side, *rest in rows(results):
        made.add_row(side if side != before else "", *rest)
        before = side
    made.caption = "\n".join(remarks(results))
    return made


def remarks(results: Results) -> list[str]:
    """What to know of these figures: how many repetitions, what is missing, whether the machine was busy."""
    said = [f"not measured: {side}: {why}" for side, why in results.missing.items()]
    count = max((len(one.values) for one in results.series), default=0)
    if results.base:
        said.insert(0, f"medians of {count}; ratio: to {results.base}, within each repetition")
    if results.others > BUSY:
        said.append(f"other programs had {results.others:.0%} of the machine meanwhile: these figures are doubtful")
    return said


def facts_text(facts: Mapping[str, str | float]) -> str:
    """What was measured: calls 300,000, message bytes 256."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value if isinstance(value, str) else f'{value:,}'}" for name, value in facts.items()
    )


def number(value: float) -> str:
    """Three digits or more: 0.00123, 1.23, 12.3, 1,234."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 0.01 else f"{value:#.3g}"


def _ratio(results: Results, one: Series) -> str:
    base = results.find(results.base, one.case)
    if base is None or base is one or base.unit != one.unit or 0 in base.values:
        return ""
    return number(paired_ratio(one, base))
