"""Where output goes: how wide it is, whether it takes colours, and which characters it can write."""

from __future__ import annotations

import os
import shutil
import sys
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["Screen", "Span"]

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
_ASCII = str.maketrans({"▼": "v", "▲": "^", "↩": "<", "µ": "u", "…": "~", "·": "."})
_PLAIN_WIDTH = 200


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
        """Write one line in one style."""
        self.line([(text, style)])

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
            width=self.width or _PLAIN_WIDTH,
            force_terminal=self.styled,
            no_color=not self.styled,
            color_system="standard" if self.styled else None,
            highlight=False,
            emoji=False,
            markup=False,
            legacy_windows=False,
        )

    def _encodable(self, text: str) -> str:
        return text if self.unicode else text.translate(_ASCII)
