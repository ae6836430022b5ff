"""What is wanted to be seen: which page, in which order, filtered how; and what each key changes of that."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping

from c4trace.segment.watch import Order
from c4trace.tui.bindings import ACTIONS, Action

__all__ = ["ORDERS", "Page", "Pane", "State", "press"]


class Page(enum.Enum):
    """What the screen shows."""

    sockets = "sockets"
    socket = "socket"
    help = "help"


class Pane(enum.Enum):
    """Which list the keys act on."""

    open = "open"
    closed = "closed"


ORDERS: Mapping[Pane, tuple[Order, ...]] = {
    Pane.open: (
        Order.sid,
        Order.state,
        Order.age,
        Order.peer,
        Order.written,
        Order.written_rate,
        Order.received,
        Order.received_rate,
        Order.unacked,
        Order.unprocessed,
        Order.last,
        Order.in_call,
        Order.error,
    ),
    Pane.closed: (Order.closed, Order.sid, Order.age, Order.peer, Order.written, Order.received, Order.error),
}
_FILTER_MAX = 200
_FAR = 1 << 40


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """What is wanted.

    `cursor` is the key of the socket that is chosen, `place` its place in the order; without a cursor the screen shows
    the top. `top` is the first row in sight. `typing` is the filter while it is typed, `before` the one before it.
    """

    page: Page = Page.sockets
    pane: Pane = Pane.open
    orders: Mapping[Pane, Order] = dataclasses.field(
        default_factory=lambda: {Pane.open: Order.sid, Pane.closed: Order.closed}
    )
    reversed: Mapping[Pane, bool] = dataclasses.field(default_factory=lambda: {Pane.open: False, Pane.closed: False})
    filter: str = ""
    typing: bool = False
    before: str = ""
    paused: bool = False
    has_cursor: bool = False
    cursor: tuple[int, int] | None = None
    place: int = 0
    top: int = 0
    drilled: tuple[int, int] | None = None
    scrolled: int = 0
    """Rows of the drill-down or the help that are passed: of the former from its end, of the latter from its top."""
    came_from: Page = Page.sockets
    over: bool = False

    @property
    def order(self) -> Order:
        """What the chosen list is sorted by."""
        return self.orders[self.pane]


@dataclasses.dataclass(frozen=True, slots=True)
class _Seen:
    """How many rows are in sight, and the socket under the cursor (or the first one in sight)."""

    rows: int
    chosen: tuple[int, int] | None


def press(state: State, key: str, *, page_rows: int, chosen: tuple[int, int] | None) -> tuple[State, Action | None]:
    """Say what `key` makes of the state; with what was asked for, None where the key means nothing.

    `page_rows` is how many rows are in sight, `chosen` the socket under the cursor (or the first one in sight).
    """
    if state.typing:
        return _typed(state, key), None
    action = ACTIONS.get(key)
    if action is None:
        return state, None
    changes = _ON_SOCKETS if state.page is Page.sockets else _ON_PAGE
    change = changes.get(action) or _ANYWHERE.get(action)
    return (change(state, _Seen(page_rows, chosen)) if change else state), action


def _typed(state: State, key: str) -> State:
    text, typing = state.filter, True
    match key:
        case "enter":
            return dataclasses.replace(state, typing=False)
        case "esc" | "ctrl-d":
            text, typing = state.before, False
        case "backspace":
            text, typing = text[:-1], bool(text)
        case "ctrl-u":
            text = ""
        case _:
            text += key if len(key) == 1 and len(text) < _FILTER_MAX else ""
    return _filtered(state, text, typing=typing)


def _filtered(state: State, text: str, *, typing: bool) -> State:
    return _uncursored(dataclasses.replace(state, filter=text, typing=typing))


def _uncursored(state: State) -> State:
    return dataclasses.replace(state, has_cursor=False, cursor=None, place=0, top=0)


def _move(step: Callable[[int], int]) -> Callable[[State, _Seen], State]:
    """The first move shows the cursor where the screen begins."""

    def moved(state: State, seen: _Seen) -> State:
        place = max(0, state.place + step(seen.rows)) if state.has_cursor else state.top
        return dataclasses.replace(state, has_cursor=True, cursor=None, place=place)

    return moved


def _to_bottom(state: State, _seen: _Seen) -> State:
    return dataclasses.replace(state, has_cursor=True, cursor=None, place=_FAR)


def _drill(state: State, seen: _Seen) -> State:
    if seen.chosen is None:
        return state
    return dataclasses.replace(state, page=Page.socket, drilled=seen.chosen, scrolled=0)


def _back(state: State, _seen: _Seen) -> State:
    if state.filter and not state.has_cursor:
        return _filtered(state, "", typing=False)
    return _uncursored(state)


def _to_other_pane(state: State, _seen: _Seen) -> State:
    pane = Pane.closed if state.pane is Pane.open else Pane.open
    return _uncursored(dataclasses.replace(state, pane=pane))


def _sort(step: int) -> Callable[[State, _Seen], State]:
    def sorted_by_next(state: State, _seen: _Seen) -> State:
        orders = ORDERS[state.pane]
        order = orders[(orders.index(state.order) + step) % len(orders)]
        changed = {**state.orders, state.pane: order}
        return _uncursored(dataclasses.replace(state, orders=changed, reversed={**state.reversed, state.pane: False}))

    return sorted_by_next


def _reverse(state: State, _seen: _Seen) -> State:
    turned = {**state.reversed, state.pane: not state.reversed[state.pane]}
    return _uncursored(dataclasses.replace(state, reversed=turned))


def _scroll(step: Callable[[int], int]) -> Callable[[State, _Seen], State]:
    """The drill-down is scrolled from its end, the help from its top."""

    def scrolled(state: State, seen: _Seen) -> State:
        sign = -1 if state.page is Page.socket else 1
        return dataclasses.replace(state, scrolled=min(_FAR, max(0, state.scrolled + sign * step(seen.rows))))

    return scrolled


def _leave_page(state: State, _seen: _Seen) -> State:
    before = state.came_from if state.page is Page.help else Page.sockets
    return dataclasses.replace(state, page=before, came_from=Page.sockets, scrolled=0)


def _show_help(state: State, _seen: _Seen) -> State:
    return dataclasses.replace(state, page=Page.help, scrolled=0, came_from=state.page)


_ON_SOCKETS: Mapping[Action, Callable[[State, _Seen], State]] = {
    Action.up: _move(lambda _rows: -1),
    Action.down: _move(lambda _rows: 1),
    Action.page_up: _move(lambda rows: -rows),
    Action.page_down: _move(lambda rows: rows),
    Action.top: lambda state, _seen: _uncursored(state),
    Action.bottom: _to_bottom,
    Action.drill: _drill,
    Action.back: _back,
    Action.other_pane: _to_other_pane,
    Action.sort: _sort(1),
    Action.sort_back: _sort(-1),
    Action.reverse: _reverse,
    Action.filter: lambda state, _seen: dataclasses.replace(state, typing=True, before=state.filter),
    Action.quit: lambda state, _seen: dataclasses.replace(state, over=True),
}
_ON_PAGE: Mapping[Action, Callable[[State, _Seen], State]] = {
    Action.up: _scroll(lambda _rows: -1),
    Action.down: _scroll(lambda _rows: 1),
    Action.page_up: _scroll(lambda rows: -rows),
    Action.page_down: _scroll(lambda rows: rows),
    Action.top: _scroll(lambda _rows: -_FAR),
    Action.bottom: _scroll(lambda _rows: _FAR),
    Action.back: _leave_page,
    Action.quit: _leave_page,
}
_ANYWHERE: Mapping[Action, Callable[[State, _Seen], State]] = {
    Action.pause: lambda state, _seen: dataclasses.replace(state, paused=not state.paused),
    Action.step: lambda state, _seen: dataclasses.replace(state, paused=True),
    Action.help: lambda state, seen: _leave_page(state, seen) if state.page is Page.help else _show_help(state, seen),
}
