"""What the screen looks at: processes or a recording."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

from c4trace.events import Event, Gap, Return
from c4trace.segment.look import ProcessLook
from c4trace.tui.bindings import Action

__all__ = ["EVENTS_KEPT", "Line", "Playing", "Source"]

Line = Event | Return | Gap

EVENTS_KEPT = 500
"""Lines of one socket that the drill-down keeps."""


@dataclasses.dataclass(frozen=True, slots=True)
class Playing:
    """How a recording is played: seconds since its first event, and the speed as a factor, None for the fastest."""

    position: float
    speed: float | None
    ended: bool


class Source(Protocol):
    """Looks at sessions, into a Watch it was given when it was made."""

    @property
    def playing(self) -> Playing | None:
        """How a recording is played, None where processes are looked at."""

    @property
    def troubles(self) -> Sequence[str]:
        """What cannot be looked at, and why: one line each."""

    @property
    def nothing(self) -> str:
        """What to say while there is nothing to look at."""

    def look(self) -> Mapping[int, ProcessLook]:
        """Look at everything, now; by the numbers that the sources have in the watch."""

    def control(self, action: Action | None, *, paused: bool) -> None:
        """Take note of what a key asked for; only a recording can be held, stepped and played faster."""

    def lines(self, key: tuple[int, int] | None) -> Sequence[Line]:
        """Give the last events of a socket, oldest first; with None let go of what was kept for that."""

    def close(self) -> None:
        """Let go of everything."""
