"""What keys ask for."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping

__all__ = ["ACTIONS", "BINDINGS", "Action", "Binding"]


class Action(enum.Enum):
    """What a key asks for, in words that the help shows."""

    up = "one socket up"
    down = "one socket down"
    page_up = "a page up"
    page_down = "a page down"
    top = "to the top; the cursor goes"
    bottom = "to the end"
    drill = "the socket's last events"
    back = "back; clear the filter, the cursor"
    other_pane = "from open sockets to closed ones, and back"
    sort = "sort by the next column"
    sort_back = "sort by the column before"
    reverse = "turn the order round"
    filter = "filter: words that must be there, -word must not"
    pause = "hold the picture, or the recording; and go on"
    step = "recording: to the next event"
    faster = "recording: twice as fast"
    slower = "recording: half as fast"
    redraw = "draw anew"
    help = "this page"
    quit = "back, and from the sockets out"


@dataclasses.dataclass(frozen=True, slots=True)
class Binding:
    """Keys, and what they ask for; `shown` is how they are written for people."""

    shown: str
    keys: tuple[str, ...]
    action: Action
    only_recording: bool = False


BINDINGS = (
    Binding("↑ k", ("up", "k"), Action.up),
    Binding("↓ j", ("down", "j"), Action.down),
    Binding("PgUp b", ("pgup", "b"), Action.page_up),
    Binding("PgDn f", ("pgdn", "f"), Action.page_down),
    Binding("Home g", ("home", "g"), Action.top),
    Binding("End G", ("end", "G"), Action.bottom),
    Binding("Enter →", ("enter", "right", "l"), Action.drill),
    Binding("Esc ←", ("esc", "left", "backspace", "h"), Action.back),
    Binding("Tab", ("tab", "backtab"), Action.other_pane),
    Binding("s >", ("s", ">"), Action.sort),
    Binding("S <", ("S", "<"), Action.sort_back),
    Binding("r", ("r", "R"), Action.reverse),
    Binding("/", ("/",), Action.filter),
    Binding("Space p", (" ", "p"), Action.pause),
    Binding("n .", ("n", "."), Action.step, only_recording=True),
    Binding("+", ("+", "="), Action.faster, only_recording=True),
    Binding("-", ("-", "_"), Action.slower, only_recording=True),
    Binding("Ctrl-L", ("ctrl-l",), Action.redraw),
    Binding("? F1", ("?", "f1"), Action.help),
    Binding("q", ("q", "Q", "ctrl-d"), Action.quit),
)

ACTIONS: Mapping[str, Action] = {key: binding.action for binding in BINDINGS for key in binding.keys}
"""By key, as keys.py names them."""
