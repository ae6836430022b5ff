"""Sessions counted from a recording, as rows like those of a segment's session table."""

from __future__ import annotations

from typing import Any

from c4trace._native import ffi
from c4trace.events import SessionState
from c4trace.report.running_session import Acked, RunningSession
from c4trace.report.running_totals import RunningTotals

__all__ = ["CountedRows"]

_NEVER = -(1 << 63)
_MOST = (1 << 64) - 1
_INCOMING = 1


class CountedRows:
    """Rows of all sessions that `totals` knows; a session keeps its row, and only those touched are written anew."""

    def __init__(self, totals: RunningTotals) -> None:
        self._totals = totals
        self._rows: Any = ffi.new("struct c4t_session_copy[]", 64)
        self._row_of: dict[int, int] = {}
        self._free = list(range(63, -1, -1))
        self._touched: set[int] = set()

    def touch(self, sid: int) -> None:
        """Something has happened in this session."""
        self._touched.add(sid)

    def rows(self) -> Any:
        """Give the rows, a c4t_session_copy array; sid 0 where one is empty."""
        sessions = self._totals.sessions
        for sid in self._touched:
            session = sessions.get(sid)
            if session is not None:
                row = self._row(sid)  # first: it may take larger rows in the place of these
                self._write(self._rows[row], session)
        self._touched.clear()
        for sid in [sid for sid in self._row_of if sid not in sessions] if len(self._row_of) > len(sessions) else []:
            row = self._row_of.pop(sid)
            self._rows[row].sid = 0
            self._free.append(row)
        return self._rows

    def _row(self, sid: int) -> int:
        row = self._row_of.get(sid)
        if row is None:
            if not self._free:
                self._grow()
            row = self._row_of[sid] = self._free.pop()
        return row

    def _grow(self) -> None:
        before = len(self._rows)
        rows = ffi.new("struct c4t_session_copy[]", 2 * before)
        ffi.memmove(rows, self._rows, ffi.sizeof(self._rows))
        self._rows = rows
        self._free = list(range(2 * before - 1, before - 1, -1))

    def _write(self, row: Any, session: RunningSession) -> None:
        row.sid = session.sid
        row.t_last = session.last[1] if session.last else session.began
        row.t_open = session.began
        row.t_opened = session.reached.get(SessionState.open, _NEVER)
        row.t_closing = session.reached.get(SessionState.closing, _NEVER)
        row.t_closed = session.reached.get(SessionState.closed, _NEVER)
        row.t_disposed = session.reached.get(SessionState.disposed, _NEVER)
        row.flows = [min(n, _MOST) for flow in (session.writes, session.receives) for n in _numbers(flow)]
        row.lost = min(session.lost, _MOST)
        row.factory = list(self._totals.factories).index(session.factory.label)
        row.state = session.state
        row.flags = _INCOMING if session.incoming else 0
        row.last_event = session.last[0] if session.last else 0
        row.http_status = _signed(session.http_status or 0)
        domain, code = session.error or (0, 0)
        row.error_domain, row.error_code = domain & 0xFFFFFFFF, _signed(code)
        row.address = session.address.encode("utf-8", "replace")[: len(row.address) - 1]


def _numbers(flow: Acked) -> tuple[int, int, int, int]:
    return flow.begun, flow.begun_bytes, flow.acks, flow.acks_bytes


def _signed(code: int) -> int:
    """A damaged recording may have what no int32 holds."""
    return (code + (1 << 31)) % (1 << 32) - (1 << 31)
