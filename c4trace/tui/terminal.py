"""The terminal: taken over for a while, given back as it was, and told only what has changed."""

from __future__ import annotations

import contextlib
import os
import select
import termios
from types import TracebackType
from typing import Any, Self, TextIO

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style

from c4trace.report.screen import ASCII_FOR
from c4trace.tui.line import Line

__all__ = ["Terminal", "can_show", "why_not"]

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"  # alternate screen, no cursor, no wrapping at the edge (xterm, DEC)
_LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_SMALLEST = (20, 5)
_COLORS = {"standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "truecolor": ColorSystem.TRUECOLOR}


def can_show(stream: TextIO) -> bool:
    """Tell whether a screen can be drawn here: a terminal whose cursor can be moved."""
    return stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


def why_not(stream: TextIO) -> str:
    """Say why no screen can be drawn on `stream`, the standard output."""
    if not stream.isatty():
        return "stdout is none"
    return f"this one's cursor cannot be moved (TERM={os.environ.get('TERM', '')})"


class Terminal:
    """Draws to `stream`, a terminal, and reads keys from `keys`, a file of one, or None where there is none.

    It is taken over while this is entered; `give_back` and `take_over` in between let others have it. Colours are
    left out with NO_COLOR.
    """

    def __init__(self, stream: TextIO, keys: int | None) -> None:
        self.keys = keys
        self._file = stream.fileno()
        self._stream = stream
        self._unicode = "utf" in (stream.encoding or "").lower()
        self._colors = _COLORS.get(Console(file=stream).color_system or "", ColorSystem.STANDARD)
        self._no_colors = bool(os.environ.get("NO_COLOR"))
        self._before: list[Any] | None = None
        self._shown: list[Line] = []
        self._widths: dict[int, list[int]] = {}
        """Of the pieces of each line shown, in cells."""
        self._size = (0, 0)
        self._styles: dict[Style, Style] = {}

    def __enter__(self) -> Self:
        self.take_over()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError, termios.error):  # the terminal is gone
            self.give_back()

    def take_over(self) -> None:
        """Begin with an empty screen; keys come at once and unseen, those that send signals still do."""
        self._stream.flush()
        if self.keys is not None:
            if self._before is None:
                self._before = termios.tcgetattr(self.keys)
            mode = termios.tcgetattr(self.keys)
            mode[3] &= ~(termios.ICANON | termios.ECHO)
            mode[6] = list(mode[6])
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self.keys, termios.TCSADRAIN, mode)
        self._write(_ENTER)
        self.forget()

    def give_back(self) -> None:
        """Leave everything as it was before."""
        try:
            self._write(_LEAVE)
        finally:
            if self.keys is not None and self._before is not None:
                termios.tcsetattr(self.keys, termios.TCSAFLUSH, self._before)
                self._before = None

    def forget(self) -> None:
        """Draw everything anew the next time: somebody else may have written here."""
        self._shown = []
        self._size = (0, 0)

    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        try:
            columns, lines = os.get_terminal_size(self._file)
        except OSError:
            columns, lines = 80, 24
        return max(columns or 80, _SMALLEST[0]), max(lines or 24, _SMALLEST[1])

    def show(self, lines: list[Line], size: tuple[int, int]) -> None:
        """Draw the lines, one below the other from the top; only what has changed is sent."""
        parts = []
        if size != self._size:
            self._size, self._shown = size, []
            parts.append("\x1b[0m\x1b[2J")
        for number, line in enumerate(lines):
            if number >= len(self._shown) or line != self._shown[number]:
                parts.append(self._changed(number, line, size[0]))
        self._shown = lines
        if parts:
            self._write("".join(parts))

    def _changed(self, number: int, line: Line, width: int) -> str:
        """What to send for a line: pieces of the same widths as before are changed where they stand."""
        widths = [piece.cell_length for piece in line]
        before, self._widths[number] = self._widths.get(number), widths
        if number >= len(self._shown) or widths != before:
            # Nothing is erased behind a line that is full: with no wrapping the cursor still stands on its last cell.
            end = "" if sum(widths) >= width else "\x1b[K"
            return f"\x1b[{number + 1};1H{''.join(map(self._text, line))}{end}"
        parts, column, is_there = [], 1, False
        for piece, old, cells in zip(line, self._shown[number], widths, strict=True):
            if piece != old:
                parts.append(self._text(piece) if is_there else f"\x1b[{number + 1};{column}H{self._text(piece)}")
            is_there = piece != old
            column += cells
        return "".join(parts)

    def read(self) -> bytes | None:
        """What was typed; None where the terminal is gone. To be called when there is something."""
        if self.keys is None:
            return b""
        try:
            return os.read(self.keys, 4096) or None
        except BlockingIOError:
            return b""
        except OSError:
            return None

    def _text(self, piece: Segment) -> str:
        text, style, _ = piece
        if not self._unicode:
            text = text.translate(ASCII_FOR).encode("ascii", "replace").decode()
        return self._styled(style).render(text, color_system=self._colors) if style else text

    def _styled(self, style: Style) -> Style:
        if not self._no_colors:
            return style
        bare = self._styles.get(style)
        if bare is None:
            bare = self._styles[style] = style.without_color
        return bare

    def _write(self, text: str) -> None:
        data = memoryview(text.encode("utf-8", "replace"))
        while data:
            try:
                data = data[os.write(self._file, data) :]
            except BlockingIOError:  # somebody has made the terminal's file non-blocking
                select.select([], [self._file], [], 1.0)
