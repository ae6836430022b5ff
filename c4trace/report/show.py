"""The events of a recording as readable rows: when, how long, which session and thread, which way, how much, what."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from c4trace.decode.errors import error_name
from c4trace.events import UP_CALLS, Event, Gap, Return
from c4trace.report.plain import plain
from c4trace.report.quantities import count_text, duration_text, noun

__all__ = ["ShownRow", "is_trouble", "row_of"]

UP = frozenset(kind.name for kind in UP_CALLS)
NORMAL_CLOSE = (6, 1000)
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


def row_of(line: Event | Return | Gap, *, base: int = 0) -> ShownRow:
    """Put one line of a recording into columns; times are seconds since `base` (ns)."""
    match line:
        case Event():
            return ShownRow(
                time=f"{(line.t - base) / 1e9:.6f}",
                took="+" + ("…" if line.dt is None else duration_text(line.dt)),
                session=f"#{line.sid}" if line.sid else "#?",
                thread=str(line.tid),
                arrow="▲" if line.ev in UP else "▼",
                call=line.ev,
                size="" if line.n is None else count_text(line.n),
                text=_text(line),
                trouble=is_trouble(line),
                sid=line.sid,
            )
        case Return():
            verdict = "" if line.accepted is None else ", accepted" if line.accepted else ", rejected"
            text = f"event {line.seq} returned{verdict}"
            return ShownRow(
                "", "+" + duration_text(line.dt), "", "", "↩", "return", "", text, line.accepted is False, 0
            )
        case Gap():
            session = f"#{line.sid}" if line.sid else ""
            text = f"{count_text(line.lost)} {noun(line.lost, 'event')} lost here"
            return ShownRow("", "", session, "", "·", "gap", "", text, trouble=True, sid=line.sid)


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
    parts = [
        event.address or "",
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


def _preview(event: Event) -> str:
    if not event.data:
        return ""
    shown = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in event.data[:PREVIEW])
    more = len(event.data) > PREVIEW or bool(event.cut)
    return f"|{shown}{'…' if more else '|'}"
