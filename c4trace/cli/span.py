"""A length of time as people write it on a command line."""

from __future__ import annotations

import re

import click

__all__ = ["Span"]

_UNITS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST = 100 * 365 * 86_400  # seconds; the system's clocks and waits take no more than three times as much
_SPAN = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|s|m|h|d|)")


class Span(click.ParamType[float]):
    """A length of time, in seconds."""

    name = "time"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Give seconds."""
        if isinstance(value, float):
            return value
        found = _SPAN.fullmatch(value)
        if found is None:
            self.fail(f"{value!r} is no length of time: write seconds (1.5), 250ms, 30s, 2m, 1h or 1d", param, ctx)
        seconds = float(found[1]) * _UNITS[found[2]]
        if seconds > _LONGEST:
            self.fail(f"{value!r} is longer than 100 years; give less", param, ctx)
        return seconds
