"""A recording's timeline played again: every line when its time has come, at any speed or step by step."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator

from c4trace.events import Event, Gap, Return

__all__ = ["Line", "Timeline", "play"]

Line = Event | Return | Gap

_LONGEST_WAIT = 3600.0  # seconds; the system refuses to sleep for a time that only a damaged recording asks for


@dataclasses.dataclass(slots=True)
class Timeline:
    """When each line is due. `speed` is a factor, None for as fast as possible.

    The first event is due at once, every other one as long after it as it was recorded, divided by `speed`. Due times
    count from the start, so that a late event delays none that follows. Returns and gaps have no time: they are due
    with the line before them.
    """

    speed: float | None
    _first: int | None = None

    def due(self, line: Line) -> float:
        """Give the seconds from the start of playing until `line` is due."""
        if self.speed is None or not isinstance(line, Event):
            return 0.0
        if self._first is None:
            self._first = line.t
        return (line.t - self._first) / 1e9 / self.speed


def play(
    lines: Iterable[Line],
    timeline: Timeline,
    sinks: Iterable[Callable[[Line], None]],
    *,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[Line]:
    """Give every line to every sink when it is due, then to the caller, who may take his time (stepping).

    The time a caller takes moves what follows back; the time the sinks take does not.
    """
    sinks = list(sinks)
    start = clock()
    for line in lines:
        due = start + timeline.due(line)
        while (early := due - clock()) > 0:
            wait(min(early, _LONGEST_WAIT))
        for sink in sinks:
            sink(line)
        given = clock()
        yield line
        start += clock() - given
