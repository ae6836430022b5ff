"""What the sessions of a process wait for, and for how long, as of one look after the other."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping
from typing import NamedTuple

from c4trace.events import EventKind, SessionState
from c4trace.segment.snapshot import SessionView, Snapshot

__all__ = ["FLOWS", "STATES", "WaitWatch", "Waits"]

STATES = (SessionState.opening, SessionState.open, SessionState.closing, SessionState.closed)
"""The states in which a session is waited for."""

FLOWS = (EventKind.write, EventKind.received)
"""What passes bytes that another event, completedWrite or completedReceive, has to cover."""


@dataclasses.dataclass(frozen=True, slots=True)
class Waits:
    """The worst of one factory's sessions, all 0 where none waits.

    `oldest` has seconds in a state; `stalled` seconds, at least, for which bytes of a flow were outstanding and none
    were covered; `most` the bytes of a flow that one session has outstanding.
    """

    oldest: dict[SessionState, float]
    stalled: dict[EventKind, float]
    most: dict[EventKind, int]


class WaitWatch:
    """Looks at snapshots one after the other; any thread may call it.

    The segment says when a session last did anything, not when each flow last moved: for that, what was outstanding at
    the looks before is remembered. A stall is therefore never said to be longer than it is, and a first look knows only
    of sessions that are silent altogether.
    """

    def __init__(self) -> None:
        self._pending: dict[_Process, dict[_Flow, _Pending]] = {}
        self._lock = threading.Lock()

    def look(self, snapshot: Snapshot) -> dict[str, Waits]:
        """Give what the sessions of each factory wait for; nobody waits in a process that is not live."""
        process = _Process(snapshot.process.path, snapshot.process.started)
        live = snapshot.process.state == "live"
        found = {factory.label: _nothing() for factory in snapshot.factories}
        pending: dict[_Flow, _Pending] = {}
        with self._lock:
            before = self._pending.get(process, {})
            for view in snapshot.sessions:
                if live and view.upcalls_visible and view.factory in found:
                    _add(found[view.factory], view, before, pending, snapshot.now)
            if pending:
                self._pending[process] = pending
            else:
                self._pending.pop(process, None)
        return found

    def forget_others(self, snapshots: list[Snapshot]) -> None:
        """Remember only what was outstanding in these processes: the others are gone."""
        there = {_Process(one.process.path, one.process.started) for one in snapshots}
        with self._lock:
            for gone in self._pending.keys() - there:
                del self._pending[gone]


class _Process(NamedTuple):
    path: str
    started: float


class _Flow(NamedTuple):
    sid: int
    kind: EventKind


class _Pending(NamedTuple):
    """Bytes covered so far, and since when (seconds of the segment) none more were."""

    covered: int
    since: float


def _nothing() -> Waits:
    return Waits(dict.fromkeys(STATES, 0.0), dict.fromkeys(FLOWS, 0.0), dict.fromkeys(FLOWS, 0))


def _add(
    worst: Waits, view: SessionView, before: Mapping[_Flow, _Pending], pending: dict[_Flow, _Pending], now: float
) -> None:
    """Make `worst` that of this session where it is worse, and note in `pending` what it has outstanding."""
    if view.state in worst.oldest:
        worst.oldest[view.state] = max(worst.oldest[view.state], _age(view, now))
    if view.state >= SessionState.closed:
        return
    flows = ((view.write, view.completed_write), (view.received, view.completed_receive))
    for kind, (passed, covered) in zip(FLOWS, flows, strict=True):
        outstanding = passed.bytes - covered.bytes
        if outstanding <= 0:
            continue
        flow = _Flow(view.sid, kind)
        last = before.get(flow)
        since = min(last.since, view.last) if last is not None and last.covered == covered.bytes else view.last
        pending[flow] = _Pending(covered.bytes, since)
        worst.stalled[kind] = max(worst.stalled[kind], now - since)
        worst.most[kind] = max(worst.most[kind], outstanding)


def _age(view: SessionView, now: float) -> float:
    """For how long it has been in its state."""
    since: float | None
    match view.state:
        case SessionState.opening:
            since = view.opened_at
        case SessionState.open:
            since = view.connected_at
        case SessionState.closing:
            since = view.closing_at
        case _:
            since = view.closed_at
    return max(0.0, now - (view.last if since is None else since))
