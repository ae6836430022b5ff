"""What the log has to remember of a session until it is over."""

from __future__ import annotations

import dataclasses
from typing import Any

from c4trace.decode.errors import error_name
from c4trace.events import ErrorInfo, Event, EventKind
from c4trace.redact import redact_text
from c4trace.segment.snapshot import Flow, SessionView

__all__ = ["Session", "error_fields"]

_NONE = Flow(0, 0)


@dataclasses.dataclass(slots=True)
class Session:
    """One session; times are nanoseconds since the header's clock, None where it has not happened or was not seen.

    `counted` tells whether `written` and `received` are known, `told` whether its summary has been logged.
    """

    sid: int
    counted: bool
    factory: str = ""
    address: str = ""
    began: int | None = None
    connected: int | None = None
    closing: int | None = None
    closed: int | None = None
    status: int | None = None
    error: ErrorInfo | None = None
    written: Flow = _NONE
    received: Flow = _NONE
    lost: int = 0
    unreleased: Flow = _NONE
    told: bool = False

    def advance(self, event: Event, kind: EventKind) -> None:
        """Take note of one event of this session."""
        match kind:
            case EventKind.open | EventKind.fromNative:
                self.began = event.t if self.began is None else self.began
                self.factory = self.factory or event.factory or ""
                self.address = self.address or redact_text(event.address or "")
            case EventKind.opened:
                self.connected = event.t
            case EventKind.gotHTTPResponse:
                self.status = event.status
            case EventKind.write:
                self.written = _grown(self.written, event)
            case EventKind.received:
                self.received = _grown(self.received, event)
            case EventKind.close | EventKind.requestClose:
                self.closing = event.t if self.closing is None else self.closing
            case EventKind.closed if self.closed is None:
                self.closed = event.t
                self.error = event.error

    def learn(self, view: SessionView) -> None:
        """Take from the segment's row what it counts exactly, and what was not seen here."""
        self.factory = self.factory or view.factory
        self.address = self.address or redact_text(view.address)
        self.began = round(view.opened_at * 1e9) if self.began is None else self.began
        self.written, self.received, self.lost = view.write, view.received, view.lost
        self.unreleased = view.unreleased or _NONE
        self.counted = True

    def names(self) -> dict[str, Any]:
        """Which session this is, for every line about it."""
        return {"sid": self.sid, "factory": self.factory or None, "address": self.address or None}

    def durations(self) -> dict[str, float]:
        """Seconds from open to opened, from open to closed, from the first close or requestClose to closed."""
        spans = {
            "connect_s": (self.began, self.connected),
            "session_s": (self.began, self.closed),
            "close_s": (self.closing, self.closed),
        }
        return {
            name: round((end - start) / 1e9, 6)
            for name, (start, end) in spans.items()
            if start is not None and end is not None
        }

    def summary(self) -> dict[str, Any]:
        """Give all that is worth saying when the session is over."""
        flows = {
            "written": self.written.n,
            "written_bytes": self.written.bytes,
            "received": self.received.n,
            "received_bytes": self.received.bytes,
        }
        ended = {} if self.closed is None else error_fields(self.error)
        held = {
            "slices_unreleased": self.unreleased.n or None,
            "slices_unreleased_bytes": self.unreleased.bytes or None,
        }
        status = {"status": self.status}
        return self.durations() | (flows if self.counted else {}) | {"lost": self.lost or None} | held | status | ended


def error_fields(error: ErrorInfo | None) -> dict[str, Any]:
    """Domain and code of a `closed`, by name, and the text that LiteCore knew."""
    if error is None:
        return {"error": error_name(0, 0)}
    return {"error": error_name(error.domain, error.code), "message": redact_text(error.message) or None}


def _grown(flow: Flow, event: Event) -> Flow:
    return Flow(flow.n + 1, flow.bytes + (event.n or 0))
