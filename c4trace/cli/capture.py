"""A capture level in the words of a command line."""

from __future__ import annotations

import click

from c4trace.segment.capture import capture_level

__all__ = ["Capture"]


class Capture(click.ParamType[tuple[int, int]]):
    """A capture level in words."""

    name = "level"

    def convert(
        self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Give level and byte count."""
        try:
            return value if isinstance(value, tuple) else capture_level(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
