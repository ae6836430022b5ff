"""A source that shows what it is given, and a screen as text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.segment import SegmentLines

from c4trace._native import ffi
from c4trace.events import Event, EventKind, SessionState
from c4trace.segment.look import ProcessLook
from c4trace.segment.snapshot import InFlight, ProcessInfo
from c4trace.segment.watch import Watch
from c4trace.tui.bindings import Action
from c4trace.tui.line import Line
from c4trace.tui.source import Line as EventLine
from c4trace.tui.source import Playing
from c4trace.tui.viewer import Viewer

S = 10**9
NEVER = -(1 << 63)
STARTED = 1_700_000_000.0


def session(sid: int, **said: Any) -> dict[str, Any]:
    """A session; what is not said of it is as in one that opened at second 1."""
    return {
        "sid": sid,
        "t_open": S,
        "t_opened": S + S // 100,
        "t_last": 9 * S,
        "t_closing": NEVER,
        "t_closed": NEVER,
        "t_disposed": NEVER,
        "state": SessionState.open,
        "last_event": EventKind.received,
        "address": f"ws://db{sid}.example:4984/orders/_blipsync".encode(),
        **said,
    }


def process(name: str = "orders", pid: int = 4711, state: str = "live", **said: Any) -> ProcessInfo:
    """A process."""
    facts: dict[str, Any] = {
        "reason": "",
        "path": "",
        "started": STARTED,
        "litecore": "3.1.6",
        "factory_size": 72,
        "c4trace": "0.1.0",
        "capture": "headers",
        "recording": False,
        "clock": "tsc",
        **said,
    }
    return ProcessInfo(name=name, pid=pid, state=state, **facts)


def look_of(info: ProcessInfo, sessions: Sequence[Mapping[str, Any]], now: float, **said: Any) -> ProcessLook:
    """What is told of a process with these sessions."""
    states = {state: sum(one["state"] == state for one in sessions) for state in SessionState}
    facts: dict[str, Any] = {
        "factories": ("socket",),
        "errors": frozenset((one.get("error_domain", 0), one.get("error_code", 0)) for one in sessions),
        "in_flight": (),
        "lost": {},
        "orphans": 0,
        "overhead_seconds": 0.001 * now,
        "calls": 1000,
        "up_calls": 2000,
        "written": 3 << 20,
        "received": 5 << 20,
        **said,
    }
    return ProcessLook(process=info, now=now, states=states, sessions=len(sessions), **facts)


class Given:
    """A source of processes that are what the test says."""

    def __init__(self, watch: Watch, *looks: tuple[ProcessInfo, Sequence[Mapping[str, Any]]], **said: Any) -> None:
        self.watch = watch
        self.given = list(looks)
        self.said = said
        self.now = 10.0
        self.playing: Playing | None = None
        self.troubles: Sequence[str] = ()
        self.nothing = "nobody is there"
        self.events: Sequence[EventLine] = ()
        self.asked: list[tuple[int, int] | None] = []
        self.flights: Sequence[InFlight] = ()

    def look(self) -> Mapping[int, ProcessLook]:
        for number, (_, sessions) in enumerate(self.given):
            rows = ffi.new("struct c4t_session_copy[]", len(sessions))
            for row, one in zip(rows, sessions, strict=True):
                for name, value in one.items():
                    setattr(row, name, value)
            self.watch.take(number, round(self.now * S), rows, self.flights)
        return {
            number: look_of(info, sessions, self.now, in_flight=tuple(self.flights), **self.said)
            for number, (info, sessions) in enumerate(self.given)
        }

    def control(self, action: Action | None, *, paused: bool) -> None:
        pass

    def lines(self, key: tuple[int, int] | None) -> Sequence[EventLine]:
        self.asked.append(key)
        return self.events if key is not None else ()

    def close(self) -> None:
        pass


def viewing(*looks: tuple[ProcessInfo, Sequence[Mapping[str, Any]]], **said: Any) -> tuple[Viewer, Given]:
    """A viewer that has looked once."""
    watch = Watch()
    source = Given(watch, *looks, **said)
    viewer = Viewer(source, watch, wall=lambda: STARTED + source.now)
    viewer.look()
    return viewer, source


def text_of(lines: Sequence[Line]) -> list[str]:
    """What stands on each line."""
    return ["".join(piece.text for piece in line).rstrip() for line in lines]


def screen(viewer: Viewer, width: int = 120, height: int = 30, *keys: str) -> list[str]:
    """What stands on the screen after these keys."""
    viewer.draw(width, height)
    for key in keys:
        viewer.press(key)
        viewer.draw(width, height)
    return text_of(viewer.draw(width, height))


def printed(lines: Sequence[Line], width: int, **console: Any) -> str:
    """What rich makes of it for a terminal."""
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=True, **console).print(
        SegmentLines(lines, new_lines=True), soft_wrap=True
    )
    return file.getvalue()


def event(seq: int, sid: int, ev: str, **said: Any) -> Event:
    """An event of a session."""
    return Event(seq=seq, t=seq * 1_000_000, sid=sid, tid=1, ev=ev, dt=1000, **said)
