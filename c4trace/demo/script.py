"""What both ends of a recorded session say, in order: the script that the demo's host and peer play."""

from __future__ import annotations

import dataclasses
import os
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from c4trace.events import Event
from c4trace.recording.reader import open_recording
from c4trace.recording.schema import RecordingError

__all__ = ["Script", "own_script", "read_script"]


@dataclasses.dataclass(frozen=True, slots=True)
class Script:
    """A session: the path and options it was opened with, then (True, data) for what LiteCore wrote, else received."""

    path: str
    options: dict[str, Any]
    turns: tuple[tuple[bool, bytes], ...]

    @property
    def subprotocols(self) -> list[str]:
        """What the session asked for in Sec-WebSocket-Protocol."""
        return [name.strip() for name in str(self.options.get("WS-Protocols", "")).split(",") if name.strip()]


def own_script() -> Script:
    """Give the script that comes with c4trace: a real LiteCore 3.0.0 that pulls documents and a blob (recordings/)."""
    with resources.as_file(resources.files("c4trace.demo") / "peer.jsonl") as path:
        return read_script(path)


def read_script(path: str | os.PathLike[str]) -> Script:
    """Read the first outgoing session of a recording with all data.

    Raises RecordingError for a file that is no recording, or whose first session was not captured in full.
    """
    first: Event | None = None
    turns: list[tuple[bool, bytes]] = []
    with open_recording(path) as recording:
        for line in recording:
            if not isinstance(line, Event):
                continue
            if first is None and line.ev == "open":
                first = line
            if first is not None and line.sid == first.sid and line.ev in {"write", "received"}:
                if line.data is None or line.cut:
                    what = f"event {line.seq} of the session to play has not all its data"
                    raise RecordingError(path, 0, what, "record with capture='full'")
                turns.append((line.ev == "write", line.data))
    if first is None or not turns:
        raise RecordingError(path, 0, "has no session that could be played", "record one with capture='full'")
    return Script(urlsplit(first.address or "").path or "/", dict(first.options or {}), tuple(turns))
