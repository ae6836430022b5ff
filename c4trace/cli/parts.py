"""The options by which a recording is written in parts, of which the last are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from c4trace.cli.ending import BadInput
from c4trace.cli.number import Number
from c4trace.cli.size import Size
from c4trace.cli.span import Span
from c4trace.recording.rotation import Rotation

__all__ = ["part_options", "rotation_of"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_KEPT_PARTS = 8  # of how many parts what is kept consists, where only its size was said

_OPTIONS = (
    click.option("--part-size", type=Size(), help="Begin a new part after so many bytes of file (64MiB, 1GB)."),
    click.option("--part-time", type=Span(), help="Begin a new part after 30s, 10m, 1h."),
    click.option("--keep-size", type=Size(), help="Remove old parts so that all take no more than this (2GiB)."),
    click.option("--keep-parts", type=Number(1), metavar="N", help="Keep the last N parts only."),
    click.option("--sync-parts", is_flag=True, help="Bring each part to the disk at its end: it outlives a power cut."),
)


def part_options(command: _Command) -> _Command:
    """Give a command the options; `rotation_of` takes their values."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def rotation_of(
    *, part_size: int | None, part_time: float | None, keep_size: int | None, keep_parts: int | None, sync_parts: bool
) -> Rotation | None:
    """What they ask for, None where the recording is one file; raises BadInput for what makes no sense."""
    if part_size is None and part_time is None:
        if keep_size is None:
            if keep_parts is not None or sync_parts:
                option = "--sync-parts" if keep_parts is None else "--keep-parts"
                raise BadInput(f"{option} does not say when a part ends; give --part-size or --part-time as well")
            return None
        part_size = max(keep_size // _KEPT_PARTS, 1)
    if keep_size is not None and keep_size < (part_size or 1):
        raise BadInput("--keep-size is less than one part; give more, or a smaller --part-size")
    for option, value in (("--part-size", part_size), ("--part-time", part_time)):
        if value is not None and value <= 0:
            raise BadInput(f"{option} is 0; give more")
    return Rotation(
        part_bytes=part_size, part_seconds=part_time, keep_parts=keep_parts, keep_bytes=keep_size, sync=sync_parts
    )
