"""The whole screen, laid out for a size: a pure function of a frame."""

from __future__ import annotations

import dataclasses

from c4trace.report.quantities import count_text
from c4trace.report.screen import Span
from c4trace.tui.bindings import BINDINGS
from c4trace.tui.drill import drill_lines
from c4trace.tui.frame import Frame, Rows, Scene
from c4trace.tui.head import head_lines
from c4trace.tui.line import Line, laid_out, width_of, wrapped
from c4trace.tui.state import Page, Pane
from c4trace.tui.table import columns_for, heading_line, row_line

__all__ = ["Shares", "body_height", "draw", "shares"]

_HEADS = 2  # lines above a list: what it is, and its headings
_BOTH_FROM = 10  # lines in which both lists find room
_CLOSED_MIN = 2  # rows

_KEYS: dict[Page, tuple[tuple[str, str], ...]] = {
    Page.sockets: (
        ("q", "quit"),
        ("?", "help"),
        ("↑↓", "choose"),
        ("Enter", "events"),
        ("s", "sort"),
        ("r", "reverse"),
        ("/", "filter"),
        ("Space", "pause"),
        ("Tab", "closed"),
    ),
    Page.socket: (("q", "back"), ("↑↓", "scroll"), ("End", "latest"), ("Space", "pause"), ("?", "help")),
    Page.help: (("q", "back"), ("↑↓", "scroll")),
}
_PLAYING_KEYS = (("n", "step"), ("+-", "speed"))


@dataclasses.dataclass(frozen=True, slots=True)
class Shares:
    """How many rows of each list are in sight."""

    open: int
    closed: int

    def of(self, pane: Pane) -> int:
        """Give those of one list."""
        return self.open if pane is Pane.open else self.closed


def shares(scene: Scene, body: int, *, open_rows: int, closed_rows: int) -> Shares:
    """Share `body` lines out: a quarter at least for the closed ones, more where the open ones leave it."""
    if body < _BOTH_FROM or not closed_rows:
        alone = max(0, body - _HEADS)
        if scene.state.pane is Pane.closed:
            return Shares(0, alone)
        return Shares(alone, 0)
    rows = body - 2 * _HEADS
    least = min(closed_rows, max(_CLOSED_MIN, rows // 4))
    if scene.state.pane is Pane.closed:
        least = min(closed_rows, max(least, rows // 2))
    closed = min(closed_rows, max(least, rows - max(open_rows, 1)))
    return Shares(rows - closed, closed)


def body_height(scene: Scene, width: int, height: int) -> int:
    """Give the lines between head and foot."""
    return max(0, height - len(head_lines(scene, width)) - 1)


def draw(frame: Frame, width: int, height: int) -> list[Line]:
    """Give exactly `height` lines of at most `width` cells each."""
    scene = frame.scene
    head = head_lines(scene, width)[: max(0, height - 1)]
    room = height - len(head) - 1
    if scene.state.page is Page.help:
        body = _help(scene, width, room)
    elif scene.state.page is Page.socket:
        body = drill_lines(frame, width, room)
    else:
        body = _sockets(frame, width, room)
    lines = [*head, *body[:room], *[[]] * (room - len(body)), _foot(scene, width)]
    return lines[-height:]


def _sockets(frame: Frame, width: int, room: int) -> list[Line]:
    scene = frame.scene
    if not scene.looks:
        return [
            [],
            *(
                laid_out(line, width)
                for line in wrapped([(f"{word} ", "yellow") for word in scene.nothing.split()], width)
            ),
        ]
    share = shares(scene, room, open_rows=frame.open.matching, closed_rows=frame.closed.total)
    lines: list[Line] = []
    if share.open or scene.state.pane is Pane.open:
        lines += _list(Pane.open, frame.open, share.open, scene, width)
    if share.closed or scene.state.pane is Pane.closed:
        lines += [[]] * (share.open + _HEADS - len(lines) if share.open else 0)
        lines += _list(Pane.closed, frame.closed, share.closed, scene, width)
    return lines


def _list(pane: Pane, rows: Rows, share: int, scene: Scene, width: int) -> list[Line]:
    columns = columns_for(pane, scene, rows, width)
    lines = [_list_title(pane, rows, share, scene, width), heading_line(columns, pane, scene, width)]
    if rows.total and not rows.matching and share:
        lines.append(laid_out([("none has all these words; Esc clears the filter", "yellow")], width))
    for place, row in enumerate(rows.rows[:share], rows.top):
        lines.append(row_line(columns, row, scene, width, under_cursor=place == rows.cursor))
    return lines


def _list_title(pane: Pane, rows: Rows, share: int, scene: Scene, width: int) -> Line:
    state = scene.state
    chosen = state.pane is pane
    of = f"{count_text(rows.matching)} of {count_text(rows.total)}" if state.filter else count_text(rows.total)
    spans: list[Span] = [
        ("▌" if chosen else " ", "cyan"),
        (f"{'open' if pane is Pane.open else 'closed'} sockets", "bold" if chosen else ""),
        (f" {of}", ""),
        (f"  by {state.orders[pane].name.replace('_', ' ')}{' reversed' if state.reversed[pane] else ''}", "dim"),
    ]
    if rows.matching > share > 0:
        spans.append((f"  {count_text(rows.top + 1)}-{count_text(min(rows.top + share, rows.matching))}", "dim"))
    if state.filter:
        spans.append((f"  filter: {state.filter}", "magenta"))
    return laid_out(spans, width)


def _foot(scene: Scene, width: int) -> Line:
    if scene.state.typing:
        prompt: list[Span] = [
            ("filter: ", "bold"),
            (scene.state.filter, ""),
            ("█", ""),
            ("  Enter keeps, Esc leaves", "dim"),
        ]
        return laid_out(prompt, width)
    keys = _KEYS[scene.state.page] + (_PLAYING_KEYS if scene.playing is not None else ())
    spans: list[Span] = []
    for key, what in keys:
        more: list[Span] = [(key, "bold"), (f" {what}  ", "dim")]
        if width_of(spans) + width_of(more) - 2 > width:
            break
        spans += more
    return laid_out(spans, width)


def _help(scene: Scene, width: int, room: int) -> list[Line]:
    lines = [laid_out([("Keys", "bold")], width)]
    lines += [
        laid_out([(f"  {binding.shown:<9} ", "bold"), (binding.action.value, "")], width)
        for binding in BINDINGS
        if not binding.only_recording or scene.playing is not None
    ]
    lines.append([])
    lines += [laid_out([(f"{word:<11} ", "bold"), (meaning, "")], width) for word, meaning in _WORDS]
    top = min(scene.state.scrolled, max(0, len(lines) - room))
    return lines[top : top + room]


_WORDS = (
    ("▼ ▲", "a call of LiteCore, an up-call to it"),
    ("wrt/s rcv/s", "bytes written and received in the last second; their last 4 to 10 seconds beside it"),
    ("unack", "bytes written that the factory has not acknowledged (completedWrite)"),
    ("unproc", "bytes received that LiteCore has not processed (completedReceive)"),
    ("64K", "the same up to 64 KiB (!): LiteCore writes no more then, a factory should read no more"),
    ("in call", "the call a thread is in, and for how long: yellow from 1 s, red from 5 s"),
    ("state!", "opening for more than 15 s, or closing for more than 5 s"),
)
