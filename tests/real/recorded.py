"""What a recording says of a scenario: counts of each factory, its sessions, and whether their order can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import c4trace
from c4trace.events import Event, Gap, Return
from tests.real.counts import Counted

FLOWS = ("write", "completedWrite", "received", "completedReceive")
"""The events that carry bytes."""


@dataclass(frozen=True)
class RecordedSession:
    """One session's events in the order of the file."""

    sid: int
    factory: str
    events: list[Event]

    def data(self, name: str) -> bytes:
        """The bytes that all `name` events together had on record."""
        return b"".join(event.data or b"" for event in self.events if event.ev == name)


@dataclass(frozen=True)
class Recorded:
    """A whole recording."""

    events: list[Event]
    returns: list[Return]
    sessions: list[RecordedSession]

    @property
    def by_factory(self) -> dict[str, Counted]:
        """Counts by label, in the form in which factories count themselves."""
        labels = {session.factory for session in self.sessions}
        return {label: _counted(self._of(label)) for label in labels}

    def _of(self, label: str) -> list[Event]:
        return [event for session in self.sessions if session.factory == label for event in session.events]


def read_whole(path: Path) -> Recorded:
    """Reads a recording that must be whole: with the right footer, and without a gap."""
    with c4trace.open_recording(path) as recording:
        lines = list(recording)
        assert recording.torn is None
        assert recording.mismatches == ()
        assert recording.footer is not None
        assert recording.footer.lost == 0
    assert [line for line in lines if isinstance(line, Gap)] == []
    events = [line for line in lines if isinstance(line, Event)]
    returns = [line for line in lines if isinstance(line, Return)]
    assert recording.footer.events == len(events)
    recorded = Recorded(events, returns, _sessions(events))
    assert recording.footer.sessions == len(recorded.sessions)
    return recorded


def orderly(recorded: Recorded) -> None:
    """Numbers without a hole, time that in no thread goes back, and in each session the order of cause and effect.

    Between threads time may go back: one that is held up between its stamp and its record comes late, and nothing that
    has happened meanwhile can be its effect.
    """
    assert [event.seq for event in recorded.events] == list(range(1, len(recorded.events) + 1))
    latest: dict[int, int] = {}
    for event in recorded.events:
        assert event.t >= latest.get(event.tid, 0)
        latest[event.tid] = event.t
    late = {line.seq for line in recorded.returns}
    assert [event for event in recorded.events if (event.dt is None) == (event.seq not in late)] == []
    for session in recorded.sessions:
        _session_in_order(session)


def _session_in_order(session: RecordedSession) -> None:
    names = [event.ev for event in session.events]
    incoming = "fromNative" in names
    assert names[: 1 + incoming] == (["fromNative", "open"] if incoming else ["open"])
    assert names[-1] == "dispose"
    assert {name: names.count(name) for name in ("open", "closed", "dispose")} == {"open": 1, "closed": 1, "dispose": 1}
    assert names.count("opened") <= 1
    if "opened" in names:
        before = set(names[: names.index("opened")])
        assert before <= {"fromNative", "open", "gotHTTPResponse"}
        assert ("gotHTTPResponse" in before) is not incoming
    else:
        assert not set(names) & set(FLOWS)
    assert "received" not in names[names.index("closed") :]
    _acknowledged_after(session, "write", "completedWrite")
    _acknowledged_after(session, "received", "completedReceive")


def _acknowledged_after(session: RecordedSession, first: str, then: str) -> None:
    """At no time more bytes were acknowledged than had been passed."""
    outstanding = 0
    for event in session.events:
        if event.ev in {first, then}:
            assert event.n is not None
            outstanding += event.n if event.ev == first else -event.n
            assert outstanding >= 0, f"session {session.sid}: {then} is ahead of {first} at event {event.seq}"


def _sessions(events: Iterable[Event]) -> list[RecordedSession]:
    sessions: dict[int, RecordedSession] = {}
    for event in events:
        if event.sid not in sessions:
            assert event.factory is not None, f"session {event.sid} begins with {event.ev}"
            sessions[event.sid] = RecordedSession(event.sid, event.factory, [])
        sessions[event.sid].events.append(event)
    return list(sessions.values())


def _counted(events: list[Event]) -> Counted:
    size: Counter[str] = Counter()
    for event in events:
        if event.ev in FLOWS:
            assert event.n is not None
            size[event.ev] += event.n
    closed = [event.error for event in events if event.ev == "closed"]
    return {
        "calls": dict(sorted(Counter(event.ev for event in events).items())),
        "bytes": dict(sorted(size.items())),
        "closed": [[error.domain, error.code] if error else [0, 0] for error in closed],
    }
