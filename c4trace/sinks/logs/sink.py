"""The sink that logs."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

import msgspec

from c4trace.events import Event, EventKind, Gap, Return, SessionState
from c4trace.recording.schema import FORMAT, Header
from c4trace.redact import redact_headers, redact_options, redact_text
from c4trace.report.show import is_trouble
from c4trace.segment.native_reader import NativeReader
from c4trace.segment.snapshot import SessionView
from c4trace.segment.take_snapshot import find_sessions
from c4trace.sinks.logs.output import Output, Style, own_logger
from c4trace.sinks.logs.session import Session, error_fields

__all__ = ["LogSink"]

Level = Literal["debug", "info", "warning"]

_ON_STDERR: Mapping[object, Style] = {"json": "json", "console": "console"}
_SESSIONS_MAX = 16_384
_OVER_MAX = 128  # the segment keeps the rows of its last 512 sessions that are over (native/sessions.c, LINGER)
_TRAFFIC = {EventKind.write, EventKind.completedWrite, EventKind.received, EventKind.completedReceive}


def _to_stderr(text: str) -> None:
    if sys.stderr is not None:
        print(f"c4trace: {text}", file=sys.stderr, flush=True)


class LogSink:
    """Logs sessions, by a structlog logger of its own that leaves the host's logging alone.

    `target` is "json" or "console", for lines of that style on standard error, or a file (appended to, and readable for
    its owner only where it is new) or an open text stream, for lines of `style`. At level "debug" every event is a
    line. With `logger`, a structlog logger of the host, the lines go there as the host has configured it.

    `segment`, the path of the segment that is traced, gives each summary the session's exact numbers; without it they
    are summed up from the events, which must then all be seen (`wants` is "events").

    LogError where the file cannot be opened. After `start` nothing is raised: a line that cannot be written is left
    out, `left_out` counts it, and `report` is told once.
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | TextIO = "json",
        *,
        style: Style = "json",
        level: Level = "info",
        segment: str | os.PathLike[str] | None = None,
        logger: Any = None,
        report: Callable[[str], None] = _to_stderr,
    ) -> None:
        self.wants: Literal["text", "lifecycle", "events"] = "events"
        if segment is not None and level != "debug":
            self.wants = "lifecycle"
        self.left_out = 0
        self._every_event = level == "debug"
        self._report = report
        self._segment = None if segment is None else Path(segment)
        self._reader: NativeReader | None = None
        self._output = None if logger is not None else Output(None if target in _ON_STDERR else target)
        self._log = logger
        if self._output is not None:
            self._log = own_logger(self._output, _ON_STDERR.get(target, style), level)
        self._wall = dt.datetime.fromtimestamp(0, dt.UTC)
        self._now = 0
        self._lost = 0
        self._sessions: dict[int, Session] = {}
        self._closed: set[int] = set()
        self._over: list[tuple[Session, int]] = []

    def start(self, header: Mapping[str, object]) -> None:
        """Get ready; `header` has the fields of recording.schema.Header. SegmentError where there is no `segment`."""
        known = msgspec.convert({**header, "type": "header", "format": FORMAT}, Header)
        self._wall = known.clock.wall
        self._log = self._log.bind(tracer=known.name, pid=known.pid)
        if self._segment is not None:
            self._reader = NativeReader(self._segment, "read")

    def text(self, text: bytes | memoryview, events: int, lost: int, begun: Sequence[int], unread: float) -> None:
        """Do nothing: the notices have it."""

    def notices(self, batch: Sequence[Event | Return | Gap]) -> None:
        """Log what happened."""
        for line in batch:
            with self._guarded():
                self._take(line)
            if self._reader is None or len(self._over) >= _OVER_MAX:
                self._summarize()

    def idle(self) -> None:
        """Log the summaries of sessions that are over."""
        self._summarize()

    def close(self, lost: int) -> None:
        """End, after a line for losses no gap has told, and the summaries of sessions that closed without a dispose."""
        with self._guarded():
            if lost > self._lost:
                self._say("warning", "gap", self._now, lost=lost - self._lost)
        self._over += [(session, self._now) for session in self._sessions.values() if session.closed is not None]
        self._summarize()
        self._sessions.clear()
        if self._reader is not None:
            self._reader.close()
        if self._output is not None:
            self._output.close()

    def _take(self, line: Event | Return | Gap) -> None:
        match line:
            case Event():
                self._now = max(self._now, line.t)
                self._event(line, EventKind[line.ev])
            case Gap():
                self._lost += line.lost
                session = self._sessions.get(line.sid)
                names = session.names() if session else {"sid": line.sid or None}
                if session is not None:
                    session.lost += line.lost
                self._say("warning", "gap", self._now, **names, lost=line.lost, after=line.after)
            case Return() if self._every_event:
                self._say("debug", "return", self._now, seq=line.seq, dt=line.dt, accepted=line.accepted)

    def _event(self, event: Event, kind: EventKind) -> None:
        session = self._session(event.sid, kind)
        begins = session.began is None and kind in {EventKind.open, EventKind.fromNative}
        closes = session.closed is None and kind is EventKind.closed
        session.advance(event, kind)
        details = _details(event) if self._every_event else {}
        if begins:
            self._say("info", "open", event.t, **session.names(), incoming=kind is EventKind.fromNative, **details)
        elif kind is EventKind.opened:
            connect = session.durations().get("connect_s")
            self._say("info", "opened", event.t, **session.names(), connect_s=connect, **details)
        elif closes:
            self._closed.add(event.sid)
            fields = session.names() | details | error_fields(event.error) | {"status": session.status}
            self._say("warning" if is_trouble(event) else "info", "closed", event.t, **fields)
        elif self._every_event:
            self._say("debug", event.ev, event.t, **session.names(), **details)
        if kind is EventKind.dispose and event.sid:
            self._sessions.pop(event.sid, None)
            self._over.append((session, event.t))

    def _session(self, sid: int, kind: EventKind) -> Session:
        """The session of that id; one that began unseen is made up from the segment's row."""
        session = self._sessions.get(sid)
        if session is not None:
            return session
        session = Session(sid, counted=self.wants == "events")
        if sid == 0:  # a socket nobody knows
            return session
        if kind not in _TRAFFIC | {EventKind.open, EventKind.fromNative}:
            view = self._rows({sid}).get(sid)
            if view is not None:
                session.learn(view)
        self._sessions[sid] = session
        if len(self._sessions) > _SESSIONS_MAX:
            oldest = self._sessions.pop(next(iter(self._sessions)))
            if oldest.closed is not None:
                self._over.append((oldest, self._now))
        return session

    def _summarize(self) -> None:
        """Log the summary of every session that is over, those without a dispose among them."""
        if not self._over and not self._closed:
            return
        over, self._over = self._over, []
        closed, self._closed = self._closed, set()
        with self._guarded():
            rows = self._rows(closed | {session.sid for session, _ in over})
            for sid in closed & rows.keys() & self._sessions.keys():
                if rows[sid].state is SessionState.disposed:  # a factory without dispose ends sessions at closed
                    over.append((self._sessions[sid], self._now))
            for session, t in over:
                with self._guarded():
                    self._tell(session, t, rows.get(session.sid))

    def _tell(self, session: Session, t: int, row: SessionView | None) -> None:
        if session.told:
            return
        session.told = True
        if row is not None:
            session.learn(row)
        self._say("info", "summary", t, **session.names(), **session.summary())

    def _rows(self, sids: set[int]) -> Mapping[int, SessionView]:
        return find_sessions(self._reader, sids) if self._reader is not None else {}

    def _say(self, level: Level, what: str, t: int, **fields: Any) -> None:
        when = (self._wall + dt.timedelta(microseconds=t / 1000)).isoformat(timespec="microseconds")
        known = {name: value for name, value in fields.items() if value is not None}
        getattr(self._log, level)(what, timestamp=when.replace("+00:00", "Z"), **known)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the log, the host and other sinks go on
            self.left_out += 1
            if self.left_out == 1:
                with contextlib.suppress(Exception):
                    self._report(f"a line of the log is left out: {error}; the host goes on")


def _details(event: Event) -> dict[str, Any]:
    """Give what an event has besides its session, without its payload and without secrets."""
    return {
        "seq": event.seq,
        "tid": event.tid,
        "dt": event.dt,
        "n": event.n,
        "status": event.status,
        "options": None if event.options is None else redact_options(event.options),
        "headers": None if event.headers is None else redact_headers(event.headers),
        "hostname": event.hostname,
        "accepted": event.accepted,
        "message": None if event.message is None else redact_text(event.message),
    }
