"""What there is to see at one moment: everything the view needs, and nothing it has to ask for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from c4trace.segment.look import ProcessLook
from c4trace.segment.watch import Watched
from c4trace.tui.source import Line, Playing
from c4trace.tui.state import State
from c4trace.tui.totals import Totals

__all__ = ["Frame", "Rows", "Scene"]


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """What is the same for all rows of a frame."""

    looks: Mapping[int, ProcessLook]
    totals: Totals
    state: State
    wall: float
    """Seconds since the epoch; of a recording, the time of day in it."""
    playing: Playing | None = None
    troubles: Sequence[str] = ()
    nothing: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Rows:
    """The sessions of one list that are in sight, from place `top` on; `cursor` is the one under the cursor."""

    rows: Sequence[Watched] = ()
    total: int = 0
    matching: int = 0
    top: int = 0
    cursor: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """`drilled` is the socket whose events are shown, as it was last seen; None where it never was."""

    scene: Scene
    open: Rows = Rows()
    closed: Rows = Rows()
    drilled: Watched | None = None
    lines: Sequence[Line] = ()
