from __future__ import annotations

from c4trace.segment.watch import Order
from c4trace.tui.bindings import ACTIONS, BINDINGS, Action
from c4trace.tui.state import ORDERS, Page, Pane, State, press

CHOSEN = (0, 7)


def pressed(state: State, *keys: str) -> State:
    for key in keys:
        state, _ = press(state, key, page_rows=10, chosen=CHOSEN)
    return state


def test_no_key_means_two_things_and_every_action_has_one() -> None:
    keys = [key for binding in BINDINGS for key in binding.keys]
    assert len(keys) == len(set(keys))
    assert set(ACTIONS.values()) == set(Action)


def test_the_first_move_shows_the_cursor_and_the_next_ones_move_it() -> None:
    state = pressed(State(), "down")
    assert (state.has_cursor, state.place) == (True, 0)
    assert pressed(state, "down", "j").place == 2
    assert pressed(state, "pgdn", "up").place == 9
    assert pressed(state, "up").place == 0
    assert not pressed(state, "down", "home").has_cursor


def test_enter_drills_into_the_chosen_socket_and_esc_and_q_come_back() -> None:
    state = pressed(State(), "enter")
    assert (state.page, state.drilled) == (Page.socket, CHOSEN)
    assert pressed(state, "esc").page is Page.sockets
    assert pressed(state, "q").page is Page.sockets
    assert not pressed(state, "q").over
    assert press(State(), "enter", page_rows=1, chosen=None)[0].page is Page.sockets


def test_help_goes_back_to_where_it_came_from() -> None:
    assert pressed(State(), "?").page is Page.help
    assert pressed(State(), "?", "?").page is Page.sockets
    assert pressed(State(), "enter", "f1", "q").page is Page.socket


def test_sorting_goes_through_all_orders_and_begins_anew() -> None:
    state, seen = State(), []
    for _ in ORDERS[Pane.open]:
        seen.append(state.order)
        state = pressed(state, "s")
    assert seen == list(ORDERS[Pane.open])
    assert state.order is Order.sid
    assert pressed(state, "S").order is ORDERS[Pane.open][-1]


def test_reverse_belongs_to_its_list_and_ends_with_another_order() -> None:
    state = pressed(State(), "r")
    assert state.reversed == {Pane.open: True, Pane.closed: False}
    assert pressed(state, "s").reversed[Pane.open] is False
    assert pressed(state, "tab", "r").reversed == {Pane.open: True, Pane.closed: True}


def test_the_other_list_has_its_own_order() -> None:
    state = pressed(State(), "tab")
    assert (state.pane, state.order) == (Pane.closed, Order.closed)
    assert pressed(state, "tab").pane is Pane.open


def test_a_filter_is_typed_kept_left_and_cleared() -> None:
    typing = pressed(State(), "/", "d", "b", " ", "q")
    assert (typing.typing, typing.filter) == (True, "db q")
    assert pressed(typing, "backspace").filter == "db "
    kept = pressed(typing, "enter")
    assert (kept.typing, kept.filter) == (False, "db q")
    assert pressed(kept, "/", "x", "esc").filter == "db q"
    assert pressed(kept, "/", "ctrl-u").filter == ""
    assert pressed(kept, "esc").filter == ""
    assert pressed(kept, "down", "esc").filter == "db q"  # first the cursor goes
    assert len(pressed(State(), "/", *"x" * 500).filter) == 200
    assert not pressed(State(), "/", "backspace").typing


def test_pause_holds_and_goes_on_and_a_step_holds() -> None:
    assert pressed(State(), " ").paused
    assert not pressed(State(), " ", "p").paused
    assert pressed(State(), "n").paused


def test_events_are_scrolled_from_their_end_and_help_from_its_top() -> None:
    events = pressed(State(), "enter", "up", "up")
    assert events.scrolled == 2
    assert pressed(events, "down").scrolled == 1
    assert pressed(events, "end").scrolled == 0
    assert pressed(State(), "?", "down", "down", "up").scrolled == 1


def test_q_on_the_sockets_is_the_end_and_unknown_keys_are_nothing() -> None:
    assert pressed(State(), "q").over
    assert press(State(), "Z", page_rows=1, chosen=None) == (State(), None)
