"""Looks at a source, takes keys, and makes frames: everything about the screen but the terminal."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from c4trace.events import SessionState
from c4trace.segment.look import ProcessLook
from c4trace.segment.watch import Order, Sorting, Watch, Watched, Word
from c4trace.tui.bindings import ACTIONS, Action
from c4trace.tui.filter import compile_filter
from c4trace.tui.frame import Frame, Rows, Scene
from c4trace.tui.line import Line
from c4trace.tui.source import Source
from c4trace.tui.state import Page, Pane, State, press
from c4trace.tui.totals import Meter, Totals
from c4trace.tui.view import body_height, draw, shares

__all__ = ["Viewer"]

_STATES = {
    Pane.open: (SessionState.opening, SessionState.open, SessionState.closing),
    Pane.closed: (SessionState.closed, SessionState.disposed),
}
_ALL = tuple(SessionState)


class Viewer:
    """What is looked at, and how; `watch` is the one that `source` looks into."""

    def __init__(self, source: Source, watch: Watch, *, wall: Callable[[], float] = time.time) -> None:
        self.state = State()
        self._source = source
        self._watch = watch
        self._wall = wall
        self._meter = Meter()
        self._looks: Mapping[int, ProcessLook] = {}
        self._totals: Totals = self._meter.add({})
        self._looked_at = wall()
        self._drilled: Watched | None = None
        self._chosen: tuple[int, int] | None = None
        self._page_rows = 1
        self._size: tuple[int, int] | None = None
        self._is_moved = False
        """Whether keys were pressed since the last frame."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()
        self._watch.close()

    @property
    def over(self) -> bool:
        """Whether the screen is to be left."""
        return self.state.over

    def filter(self, words: str) -> None:
        """Show only sessions with these words."""
        self.state = dataclasses.replace(self.state, filter=words)

    def look(self) -> None:
        """Look at everything, unless the picture is held; a recording that is held does not move."""
        if self.state.paused and self._source.playing is None:
            return
        self._looks = self._source.look()
        self._totals = self._meter.add(self._looks)
        self._looked_at = self._wall()

    def press(self, key: str) -> Action | None:
        """Do what a key asks for; Action.redraw is left to whoever draws."""
        drills = ACTIONS.get(key) is Action.drill and not self.state.typing
        if drills and self._is_moved and self._size is not None:
            self.frame(*self._size)  # keys came faster than the screen was drawn: the chosen one is where they have led
        self.state, action = press(self.state, key, page_rows=self._page_rows, chosen=self._chosen)
        self._source.control(action, paused=self.state.paused)
        self._is_moved = True
        return action

    def draw(self, width: int, height: int) -> list[Line]:
        """Lay the screen out, from what was seen at the last look."""
        return draw(self.frame(width, height), width, height)

    def frame(self, width: int, height: int) -> Frame:
        """Give everything that a screen of this size shows."""
        self._size, self._is_moved = (width, height), False
        scene = Scene(
            looks=self._looks,
            totals=self._totals,
            state=self.state,
            wall=self._moment(),
            playing=self._source.playing,
            troubles=self._source.troubles,
            nothing=self._source.nothing,
        )
        body = body_height(scene, width, height)
        if self.state.page is Page.socket and self.state.drilled is not None:
            self._page_rows = max(1, body - 12)
            self._drilled = self._find(self.state.drilled) or self._drilled
            lines = tuple(self._source.lines(self.state.drilled))
            self._keep_scrolled_within(len(lines))
            return Frame(dataclasses.replace(scene, state=self.state), drilled=self._drilled, lines=lines)
        self._drilled = None
        self._source.lines(None)
        if self.state.page is Page.help:
            self._page_rows = max(1, body)
            return Frame(scene)
        return self._lists(scene, body)

    def sessions(self, pane: Pane, *, count: int) -> list[Watched]:
        """Give up to `count` sessions of one list, in its order."""
        self._sort(pane, self._words(), None)
        return self._rows(0, count)

    @property
    def scene(self) -> Scene:
        """What is the same for all rows now."""
        return Scene(self._looks, self._totals, self.state, self._moment(), self._source.playing)

    def _moment(self) -> float:
        """The time of day, in a recording that of its host."""
        if self._source.playing is None:
            return self._looked_at
        return max((look.process.started + look.now for look in self._looks.values()), default=self._looked_at)

    def _words(self) -> list[Word]:
        return compile_filter(self.state.filter, self._looks)

    def _lists(self, scene: Scene, body: int) -> Frame:
        words = self._words()
        pane = self.state.pane
        other = Pane.closed if pane is Pane.open else Pane.open
        behind = self._sort(other, words, None)
        front = self._sort(pane, words, self.state.cursor)
        count = {pane: front, other: behind}
        share = shares(scene, body, open_rows=count[Pane.open].matching, closed_rows=count[Pane.closed].total)
        self._settle(front, share.of(pane))
        rows = {pane: self._take(front, self.state.top, share.of(pane), has_cursor=self.state.has_cursor)}
        self._choose(rows[pane])
        if share.of(other):
            rows[other] = self._take(self._sort(other, words, None), 0, share.of(other), has_cursor=False)
        else:
            rows[other] = Rows((), behind.total, behind.matching)
        return Frame(dataclasses.replace(scene, state=self.state), open=rows[Pane.open], closed=rows[Pane.closed])

    def _sort(self, pane: Pane, words: list[Word], wanted: tuple[int, int] | None) -> Sorting:
        state = self.state
        return self._watch.sort(_STATES[pane], state.orders[pane], words, reverse=state.reversed[pane], wanted=wanted)

    def _settle(self, sorting: Sorting, share: int) -> None:
        """Keep the cursor on its socket, and in sight; where that is gone, at its place."""
        self._page_rows = max(1, share)
        state = self.state
        if not state.has_cursor:
            self.state = dataclasses.replace(state, top=0, place=0)
            return
        place = state.place if sorting.place is None else sorting.place
        place = max(0, min(place, sorting.matching - 1))
        top = min(max(state.top, place - share + 1), place, max(0, sorting.matching - share))
        self.state = dataclasses.replace(state, place=place, top=max(0, top))

    def _take(self, sorting: Sorting, top: int, share: int, *, has_cursor: bool) -> Rows:
        rows = self._rows(top, share)
        cursor = self.state.place if has_cursor and rows else None
        return Rows(tuple(rows), sorting.total, sorting.matching, top, cursor)

    def _choose(self, rows: Rows) -> None:
        at = 0 if rows.cursor is None else rows.cursor - rows.top
        self._chosen = rows.rows[at].key if 0 <= at < len(rows.rows) else None
        if self.state.has_cursor:
            self.state = dataclasses.replace(self.state, cursor=self._chosen)

    def _rows(self, top: int, count: int) -> list[Watched]:
        return self._watch.rows(top, count, self._label)

    def _label(self, source: int, index: int) -> str:
        look = self._looks.get(source)
        return look.factories[index] if look is not None and index < len(look.factories) else ""

    def _find(self, key: tuple[int, int]) -> Watched | None:
        found = self._watch.sort(_ALL, Order.sid, [Word(sid=key[1])], wanted=key)
        if found.place is None:
            return None
        return next(iter(self._rows(found.place, 1)), None)

    def _keep_scrolled_within(self, lines: int) -> None:
        scrolled = min(self.state.scrolled, max(0, lines - self._page_rows))
        self.state = dataclasses.replace(self.state, scrolled=scrolled)
