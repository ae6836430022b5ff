"""A number of bytes as people write it on a command line."""

from __future__ import annotations

import re

import click

__all__ = ["Size"]

_UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 1 << 10,
    "mi": 1 << 20,
    "gi": 1 << 30,
    "ti": 1 << 40,
}
_LARGEST = (1 << 63) - 1  # of a file
_SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+) ?([kmgt]i?|)b?", re.IGNORECASE)


class Size(click.ParamType[int]):
    """A number of bytes."""

    name = "size"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Give bytes."""
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(value.strip())
        if found is None:
            self.fail(f"{value!r} is no size: write bytes (1000000), 64MiB, 2GiB, 500MB", param, ctx)
        size = float(found[1]) * _UNITS[found[2].lower()]
        if size > _LARGEST:
            self.fail(f"{value!r} is larger than any file; give less", param, ctx)
        return int(size)
