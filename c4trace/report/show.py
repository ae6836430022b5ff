"""The events of a recording as readable rows: when, how long, which session and thread, which way, how much, what."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from c4trace.decode.errors import error_name
from c4trace.events import UP_CALLS, Event, Gap, Return
from c4trace.report.plain import plain
from c4trace.report.quantities import count_text, duration_text, noun

__all__ = ["Rows", "ShownRow", "is_trouble"]

UP = frozenset(kind.name for kind in UP_CALLS)
NORMAL_CLOSE = (6, 1000)
NOT_RETURNED_MAX = 65_536  # calls whose return may still come
_TRAFFIC = frozenset({"write", "received", "completedWrite", "completedReceive"})
PREVIEW = 64  # bytes of a payload that are shown


class ShownRow(msgspec.Struct, frozen=True):
    """One row; every field is ready to print, empty where there is nothing to say."""

    time: str
    took: str
    session: str
    thread: str
    arrow: str
    call: str
    size: str
    text: str
    trouble: bool
    sid: int


class Rows:
    """Makes rows of lines, in order; a return's row tells of the call that it ends."""

    def __init__(self) -> None:
        self._not_returned: dict[int, Event] = {}

    def of(self, line: Event | Return | Gap) -> ShownRow:
        """Put one line of a recording into columns; times are seconds since its start."""
        match line:
            case Event():
                if line.dt is None:
                    self._remember(line)
                return _event_row(line)
            case Return():
                return _return_row(line, self._not_returned.pop(line.seq, None))
            case Gap():
                text = f"{count_text(line.lost)} {noun(line.lost, 'event')} lost here"
                return ShownRow("", "", _session(line.sid, ""), "", "·", "gap", "", text, trouble=True, sid=line.sid)

    def _remember(self, event: Event) -> None:
        self._not_returned[event.seq] = event
        if len(self._not_returned) > NOT_RETURNED_MAX:
            del self._not_returned[next(iter(self._not_returned))]


def _event_row(event: Event) -> ShownRow:
    return ShownRow(
        time=f"{event.t / 1e9:.6f}",
        took="+" + ("…" if event.dt is None else duration_text(event.dt)),
        session=_session(event.sid, "#?"),
        thread=str(event.tid),
        arrow="▲" if event.ev in UP else "▼",
        call=event.ev,
        size="" if event.n is None else count_text(event.n),
        text=_text(event),
        trouble=is_trouble(event),
        sid=event.sid,
    )


def _return_row(line: Return, event: Event | None) -> ShownRow:
    verdict = "" if line.accepted is None else ", accepted" if line.accepted else ", rejected"
    took, trouble = "+" + duration_text(line.dt), line.accepted is False
    if event is None:
        return ShownRow("", took, "", "", "◂", "return", "", f"of event {line.seq}{verdict}", trouble, 0)
    time = f"{(event.t + line.dt) / 1e9:.6f}"
    session = _session(event.sid, "#?")
    return ShownRow(time, took, session, str(event.tid), "◂", event.ev, "", f"returned{verdict}", trouble, event.sid)


def _session(sid: int, unknown: str) -> str:
    return f"#{sid}" if sid else unknown


def is_trouble(line: Event | Return | Gap) -> bool:
    """Tell whether this line is an error: a loss, a refusal, an HTTP status from 400 on, an abnormal close."""
    match line:
        case Gap():
            return True
        case Return():
            return line.accepted is False
    if line.error is not None:
        return line.error.code != 0 and (line.error.domain, line.error.code) != NORMAL_CLOSE
    if line.ev == "gotHTTPResponse":
        return (line.status or 0) >= 400
    if line.ev in {"requestClose", "closeRequested"}:
        return line.status not in {None, 0, 1000, 1001}
    return line.accepted is False


def _text(event: Event) -> str:
    """Everything else; most events have nothing but bytes."""
    if event.ev in _TRAFFIC:
        return _preview(event)
    parts = [
        event.address or "",
        f"framing {event.framing}" if event.framing in {"client", "server"} else "",
        event.hostname or "",
        "" if event.status is None else str(event.status),
        "" if event.error is None else error_name(event.error.domain, event.error.code),
        _quoted(event.message or (event.error.message if event.error else "")),
        _mapping(event.options),
        _mapping(event.headers),
        "rejected" if event.accepted is False else "",
        _preview(event),
    ]
    return "  ".join(plain(part) for part in parts if part)


def _quoted(message: str) -> str:
    return f"“{message}”" if message else ""


def _mapping(fields: dict[str, Any] | None) -> str:
    return " ".join(f"{name}={_value(value)}" for name, value in fields.items()) if fields else ""


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return msgspec.json.encode(value).decode()


_SHOWN = {byte: "·" for byte in range(256) if not 32 <= byte < 127}


def _preview(event: Event) -> str:
    if not event.data:
        return ""
    shown = event.data[:PREVIEW].decode("latin-1").translate(_SHOWN)
    more = len(event.data) > PREVIEW or bool(event.cut)
    return f"|{shown}{'…' if more else '|'}"
