"""A whole number as people write it on a command line."""

from __future__ import annotations

import click

__all__ = ["Number"]


class Number(click.IntRange):
    """A whole number within bounds."""

    name = "number"  # click says of bad input that it is none of these, and would say "integer range"
