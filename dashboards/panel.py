"""What a dashboard is made of, whoever draws it."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator

__all__ = ["Dashboard", "Panel", "Query", "Row", "Shape", "Unit", "Variable"]


class Shape(enum.Enum):
    """How a panel is drawn."""

    LINES = "lines"
    STACKED = "stacked"
    NUMBER = "number"
    TABLE = "table"


class Unit(enum.Enum):
    """What a panel's values are, by the name Grafana has for it."""

    COUNT = "short"
    PER_SECOND = "cps"
    BYTES = "bytes"
    BYTES_PER_SECOND = "binBps"
    SECONDS = "s"
    RATIO = "percentunit"


@dataclasses.dataclass(frozen=True)
class Query:
    """A PromQL expression over the dashboard's variables; `legend` names each series by its labels, as in "{call}"."""

    expr: str
    legend: str = ""


@dataclasses.dataclass(frozen=True)
class Panel:
    """One picture. `line` is where it turns red, if anywhere; `columns` are the labels that a table shows, in order.

    `width` is of 24.
    """

    title: str
    description: str
    unit: Unit
    queries: tuple[Query, ...]
    shape: Shape = Shape.LINES
    width: int = 8
    line: float | None = None
    columns: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Row:
    """Panels beside one another, under a title."""

    title: str
    panels: tuple[Panel, ...]


@dataclasses.dataclass(frozen=True)
class Variable:
    """A label that can be chosen, of the series of `of`; all of its values at first, and none is a value too."""

    label: str
    title: str
    of: str


@dataclasses.dataclass(frozen=True)
class Dashboard:
    """A page of panels; `name` is that of its files, and c4trace-NAME its uid in Grafana."""

    name: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]

    @property
    def uid(self) -> str:
        """What links lead to."""
        return f"c4trace-{self.name}"

    def panels(self) -> Iterator[Panel]:
        """All of them, from top to bottom."""
        for row in self.rows:
            yield from row.panels
