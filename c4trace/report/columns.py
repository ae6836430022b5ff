"""Rows of `show` laid out for a width: what does not fit goes, least needed first, and the text is cut last."""

from __future__ import annotations

from c4trace.report.screen import Span
from c4trace.report.show import ShownRow

__all__ = ["Columns"]

_TOOK_FROM = 64  # characters a screen must have for the column
_THREAD_FROM = 92
_SESSION_STYLES = ("cyan", "magenta", "blue", "green", "yellow")
_ARROW_STYLES = {"▼": "cyan", "▲": "green", "◂": "dim", "·": "yellow"}


class Columns:
    """The columns that fit into `width` characters; all of them, and text in full, where `width` is None."""

    def __init__(self, width: int | None) -> None:
        self.with_took = width is None or width >= _TOOK_FROM
        self.with_thread = width is None or width >= _THREAD_FROM
        heading = "".join(text for text, _ in self._lay("time", "+dt", "sess", "thread", "", "call", "bytes"))
        self.room = None if width is None else max(width - len(heading), 0)
        self.heading: list[Span] = [(heading, "dim")]

    def spans(self, row: ShownRow) -> list[Span]:
        """Lay one row out, as one line."""
        spans = self._lay(row.time, row.took, row.session, row.thread, row.arrow, row.call, row.size)
        trouble = "red" if row.trouble else ""
        if row.sid:
            spans[1] = (spans[1][0], _SESSION_STYLES[row.sid % len(_SESSION_STYLES)])
        spans[-2] = (spans[-2][0], trouble)
        spans.append((self._cut(row.text), trouble))
        return spans

    def _lay(self, time: str, took: str, session: str, thread: str, arrow: str, call: str, size: str) -> list[Span]:
        spans = [(f"{time:>11} {took:>7} " if self.with_took else f"{time:>11} ", "dim"), (f"{session:<6}", "")]
        if self.with_thread:
            spans.append((f"{thread:>7} ", "dim"))
        spans.append((f"{arrow:<2}", _ARROW_STYLES.get(arrow, "")))
        spans.append((f"{call:<18} ", ""))
        spans.append((f"{size:>9} ", ""))
        return spans

    def _cut(self, text: str) -> str:
        if self.room is None or len(text) <= self.room:
            return text
        return text[: self.room - 1] + "…" if self.room else ""
