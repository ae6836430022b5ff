"""A small recording to test views with, whose numbers can be counted by hand."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import msgspec

from c4trace.events import ErrorInfo, Event, Gap, Return
from c4trace.recording.schema import Clock, Footer, Header, LiteCore

WALL = dt.datetime(2026, 11, 23, 4, 0, 0, 500_000, tzinfo=dt.UTC)
HEADER = Header(
    format=1,
    c4trace="0.1.0",
    name="orders",
    pid=4711,
    clock=Clock(WALL, "tsc"),
    capture="headers",
    litecore=LiteCore("3.0.0", 64),
)

Line = Event | Return | Gap


NORMAL = ErrorInfo(6, 1000)


def session(sid: int, seq: int, t: int, *, error: ErrorInfo = NORMAL) -> list[Line]:
    """Eleven events of one session, 1 ms apart from `t` on: 168 bytes written in two writes, 40 received."""
    words: list[dict[str, object]] = [
        {"ev": "open", "address": "ws://db.example:4984/orders/_blipsync", "options": {"WS-Protocols": "BLIP_3"}},
        {"ev": "gotHTTPResponse", "status": 101, "headers": {"Upgrade": "websocket"}},
        {"ev": "opened"},
        {"ev": "write", "n": 68, "data": b"\x01\x00Profile"},
        {"ev": "write", "n": 100},
        {"ev": "completedWrite", "n": 168},
        {"ev": "received", "n": 40},
        {"ev": "completedReceive", "n": 40},
        {"ev": "requestClose", "status": 1000, "message": "bye"},
        {"ev": "closed", "error": error},
        {"ev": "dispose"},
    ]
    lines = [
        {"seq": seq + i, "t": t + i * 1_000_000, "sid": sid, "tid": 100 + sid, "dt": 2000} for i in range(len(words))
    ]
    return [msgspec.convert({"type": "event", **line, **word}, Event) for line, word in zip(lines, words, strict=True)]


def two_sessions() -> list[Line]:
    """A session that closed well, a gap of 3, one closed for its certificate whose requestClose returned late."""
    untrusted = ErrorInfo(5, 8, "self-signed certificate")
    first, second = session(1, 1, 0), session(2, 12, 20_000_000, error=untrusted)
    late = msgspec.structs.replace(second[8], dt=None)
    return [*first, Gap(sid=2, after=11, lost=3), *second[:8], late, Return(seq=20, dt=7_000_000), *second[9:]]


def text_of(lines: list[Line], header: Header = HEADER) -> bytes:
    """The whole file: header, lines, and a footer that fits."""
    encode = msgspec.json.encode
    text = b"".join(encode(line) + b"\n" for line in (header, *lines))
    events = [line for line in lines if isinstance(line, Event)]
    footer = Footer(
        events=len(events),
        lost=sum(line.lost for line in lines if isinstance(line, Gap)),
        sessions=len({event.sid for event in events if event.ev == "open"}),
        sha256=hashlib.sha256(text).hexdigest(),
    )
    return text + encode(footer) + b"\n"


def written(folder: Path, lines: list[Line] | None = None, name: str = "orders.jsonl") -> Path:
    """The path of a recording with these lines, by default two_sessions()."""
    path = folder / name
    path.write_bytes(text_of(two_sessions() if lines is None else lines))
    return path
