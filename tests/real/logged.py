"""What a log says of a scenario."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tests.real.recorded import Recorded, RecordedSession


@dataclass
class LoggedSession:
    """The lines about one session, by the event they tell of."""

    lines: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))


def says_the_same(log: Path, recorded: Recorded) -> None:
    """A line for each step of each session, and a summary whose bytes are those on record; nothing else."""
    found: dict[int, LoggedSession] = defaultdict(LoggedSession)
    for line in map(msgspec.json.decode, log.read_bytes().splitlines()):
        found[line["sid"]].lines[line["event"]].append(line)
    assert sorted(found) == sorted(session.sid for session in recorded.sessions)
    for session in recorded.sessions:
        _session_logged(found[session.sid].lines, session)


def _session_logged(lines: dict[str, list[dict[str, Any]]], session: RecordedSession) -> None:
    names = [event.ev for event in session.events]
    assert {event: len(found) for event, found in lines.items()} == {
        "open": 1,
        **({"opened": 1} if "opened" in names else {}),
        "closed": 1,
        "summary": 1,
    }
    assert {line["factory"] for found in lines.values() for line in found} == {session.factory}
    summary = lines["summary"][0]
    for name, flow in (("written", "write"), ("received", "received")):
        sizes = [event.n or 0 for event in session.events if event.ev == flow]
        assert (summary[name], summary[f"{name}_bytes"]) == (len(sizes), sum(sizes))
    assert "lost" not in summary
