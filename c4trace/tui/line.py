"""Lines of a screen: pieces of text in styles, cut and filled by the cells they take in a terminal."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from c4trace.report.screen import Span

__all__ = ["Line", "cut", "fit", "laid_out", "segment", "width_of", "wrapped"]

Line = list[Segment]


@functools.cache
def _style(name: str) -> Style | None:
    return Style.parse(name) if name else None


def segment(text: str, style: str = "") -> Segment:
    """Give a piece of a line; styles are written as rich has them, colours are those of the terminal's own palette."""
    return Segment(text, _style(style))


def cut(text: str, width: int) -> str:
    """Cut what does not fit, and say so by an ellipsis."""
    if text.isascii() and len(text) <= width:
        return text
    if cell_len(text) <= width:
        return text
    return "" if width < 1 else set_cell_size(text, width - 1).rstrip(" ") + "…"


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Make text exactly `width` cells wide."""
    taken = len(text) if text.isascii() else cell_len(text)
    if taken > width:
        text = cut(text, width)
        taken = cell_len(text)
    blank = " " * (width - taken)
    return blank + text if right else text + blank


def width_of(spans: Iterable[Span]) -> int:
    """Cells that these pieces take."""
    return sum(cell_len(text) for text, _ in spans)


def laid_out(spans: Sequence[Span], width: int) -> Line:
    """Make a line of pieces; what does not fit is cut."""
    line: Line = []
    room = width
    for text, style in spans:
        if not text:
            continue
        shown = cut(text, room)
        if not shown:
            break
        line.append(segment(shown, style))
        room -= cell_len(shown)
        if shown != text:
            break
    return line


def wrapped(spans: Iterable[Span], width: int) -> list[list[Span]]:
    """Break pieces into lines, before a piece where that will do; a new line begins with no blank or comma."""
    lines: list[list[Span]] = [[]]
    room = width
    for text, style in spans:
        rest = text
        while rest:
            if cell_len(rest.rstrip(" ")) > room and lines[-1]:
                lines.append([])
                room = width
                rest = rest.lstrip(", ")
            if room < cell_len(rest) and not rest.strip(" "):
                break
            head = _head(rest, max(room, 2))
            lines[-1].append((head, style))
            rest = rest[len(head) :]
            room -= cell_len(head)
    return lines


def _head(text: str, width: int) -> str:
    """Give as much of it as fits, one character at least; `width` has room for a wide one."""
    taken = 0
    for place, character in enumerate(text):
        taken += cell_len(character)
        if taken > width:
            return text[:place]
    return text
