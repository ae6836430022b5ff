"""Where output goes: how wide it is, whether it takes colours, and which characters it can write."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

import msgspec

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["ASCII_FOR", "Screen", "Span"]

Span = tuple[str, str]
"""A piece of text and the name of its style ("" for none)."""

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "bold red": "1;31",
}
ASCII_FOR = str.maketrans(
    dict(zip("▼▲◂µ…·▶▸▴▾↑↓←→▕▏▎▍▌▋▊▉█▁▂▃▄▅▆▇“”", 'v^<u~.>>^v^v<>[|..|:::#.:-=+*#""', strict=True))
)
"""What is written instead where a terminal can write ASCII only; each takes the same room."""

_UNLIMITED = 10_000


class Screen:
    """One output stream; colours only on a terminal (not with NO_COLOR or TERM=dumb), cut to a width only there."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self.is_terminal = self.stream.isatty()
        self.width = shutil.get_terminal_size().columns if self.is_terminal else None
        wanted = self.is_terminal and os.environ.get("TERM") != "dumb"
        self.styled = (wanted or bool(os.environ.get("FORCE_COLOR"))) and not os.environ.get("NO_COLOR")
        self.unicode = "utf" in (self.stream.encoding or "utf-8").lower()

    def line(self, spans: list[Span]) -> None:
        """Write one line."""
        if self.styled:
            text = "".join(f"\x1b[{_CODES[style]}m{text}\x1b[0m" if style and text else text for text, style in spans)
        else:
            text = "".join([text for text, _ in spans]).rstrip()
        self.stream.write(self._encodable(text) + "\n")

    def text(self, text: str, style: str = "") -> None:
        """Write a text in one style, broken between words where the screen ends."""
        room = self.width or _UNLIMITED
        for line in textwrap.wrap(text, room, subsequent_indent="  ", break_on_hyphens=False) or [""]:
            self.line([(line, style)])

    def facts(self, facts: Sequence[tuple[Span, Sequence[Span]]]) -> None:
        """Write labels and what there is to say about each, broken between words within its own column."""
        from rich.table import Table  # noqa: PLC0415 - as below
        from rich.text import Text  # noqa: PLC0415 - as below

        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        for (label, style), spans in facts:
            table.add_row(Text(label, style), Text.assemble(*spans))
        self.show(table)

    def json(self, value: object) -> None:
        """Write one JSON object on a line of its own."""
        self.stream.write(msgspec.json.encode(value).decode() + "\n")

    def flush(self) -> None:
        """Let everything written be seen."""
        self.stream.flush()

    def show(self, *tables: RenderableType) -> None:
        """Write what rich lays out."""
        with self.console.capture() as capture:
            self.console.print(*tables)
        for line in capture.get().splitlines():
            self.stream.write(self._encodable(line.rstrip()) + "\n")

    @cached_property
    def console(self) -> Console:
        """The same stream as rich sees it."""
        from rich.console import Console  # noqa: PLC0415 - costs more than showing a short recording

        return Console(
            file=self.stream,
            width=self.width or _UNLIMITED,
            force_terminal=self.styled,
            no_color=not self.styled,
            color_system="standard" if self.styled else None,
            highlight=False,
            emoji=False,
            markup=False,
            legacy_windows=False,
        )

    def _encodable(self, text: str) -> str:
        return text if self.unicode else text.translate(ASCII_FOR)
