"""Which lines of a recording are asked for: by session, by call, by time, or only those that tell of an error."""

from __future__ import annotations

import dataclasses

from c4trace.events import Event, Gap, Return
from c4trace.report.show import NOT_RETURNED_MAX, is_trouble

__all__ = ["Selection"]


@dataclasses.dataclass(slots=True)
class Selection:
    """What is asked for; an empty set and None ask for all. `begin` and `end` are ns since the recording's start.

    A return goes with its event, a gap with its session and, having no time of its own, with the event before it.
    """

    sessions: frozenset[int] = frozenset()
    calls: frozenset[str] = frozenset()
    begin: int | None = None
    end: int | None = None
    errors: bool = False
    _now: int = 0
    _awaited: dict[int, None] = dataclasses.field(default_factory=dict)

    def wants(self, line: Event | Return | Gap) -> bool:
        """Tell whether the line is asked for; to be called with every line, in order."""
        if isinstance(line, Event):
            self._now = line.t
            wanted = self._wants_event(line)
            if line.dt is None and wanted:
                self._await(line.seq)
            return wanted
        if isinstance(line, Gap):
            return (not self.sessions or line.sid in {0, *self.sessions}) and not self.calls and self._in_time()
        wanted = line.seq in self._awaited
        self._awaited.pop(line.seq, None)
        return wanted

    def _await(self, seq: int) -> None:
        self._awaited[seq] = None
        if len(self._awaited) > NOT_RETURNED_MAX:
            del self._awaited[next(iter(self._awaited))]

    @property
    def over(self) -> bool:
        """Whether the time asked for is over: no event that follows is wanted."""
        return self.end is not None and self._now > self.end

    def _wants_event(self, event: Event) -> bool:
        return (
            (not self.sessions or event.sid in self.sessions)
            and (not self.calls or event.ev in self.calls)
            and self._in_time()
            and (not self.errors or is_trouble(event))
        )

    def _in_time(self) -> bool:
        return (self.begin is None or self._now >= self.begin) and (self.end is None or self._now <= self.end)
