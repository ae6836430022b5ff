"""The words for what happens at the factory boundary: calls, up-calls, events, gaps."""

from __future__ import annotations

import enum
from typing import Annotated, Any

import msgspec

__all__ = [
    "CALLS",
    "FRAMINGS",
    "UP_CALLS",
    "ErrorInfo",
    "Event",
    "EventKind",
    "Gap",
    "Latency",
    "Return",
    "SessionState",
]


class EventKind(enum.IntEnum):
    """One call or up-call; numbers as in the trace segment (native/segment.h, enum c4t_event)."""

    open = 1
    write = 2
    completedReceive = 3
    close = 4
    requestClose = 5
    dispose = 6
    attached = 7
    fromNative = 8
    gotPeerCertificate = 9
    gotHTTPResponse = 10
    opened = 11
    received = 12
    completedWrite = 13
    closeRequested = 14
    closed = 15


Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""A number, size, time or id in a recording; one that does not fit 63 bits is no recording of ours."""
Code = Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 32) - 1)]
"""A status or an error code, as C has it."""

FRAMINGS = ("client", "none", "server")
"""Who does WebSocket, by number (C4SocketFraming): LiteCore as client, the factory, LiteCore as server."""

CALLS = tuple(kind for kind in EventKind if kind <= EventKind.attached)
UP_CALLS = tuple(kind for kind in EventKind if kind > EventKind.attached)


class SessionState(enum.IntEnum):
    """Where a session is in its life (native/segment.h, enum c4t_session_state)."""

    opening = 1
    open = 2
    closing = 3
    closed = 4
    disposed = 5


class Latency(enum.IntEnum):
    """Time between two events of one session (native/segment.h, enum c4t_latency)."""

    open = 0
    write_ack = 1
    receive_ack = 2
    close = 3
    session = 4


class ErrorInfo(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The C4Error of a `closed`: domain, code and, where LiteCore knew it, the text."""

    domain: Code
    code: Code
    message: str = ""


class Event(msgspec.Struct, frozen=True, gc=False, tag="event", tag_field="type", omit_defaults=True):
    """One call or up-call, as a line of a recording has it.

    `t` and `dt` are nanoseconds (since the header's clock; in the callee), `n` bytes, `sid` the session's id (0: of an
    unknown socket). `framing` is one of FRAMINGS. `data` holds the captured bytes and `cut` how many bytes of the slice
    are missing from it. `dt` is absent while a call has not returned.
    """

    seq: Count
    t: Count
    sid: Count
    tid: Count
    ev: str
    dt: Count | None = None
    n: Count | None = None
    factory: str | None = None
    framing: str | None = None
    address: str | None = None
    options: dict[str, Any] | None = None
    status: Code | None = None
    headers: dict[str, Any] | None = None
    message: str | None = None
    error: ErrorInfo | None = None
    hostname: str | None = None
    accepted: bool | None = None
    data: bytes | None = None
    cut: Count | None = None


class Return(msgspec.Struct, frozen=True, gc=False, tag="return", tag_field="type"):
    """An event that had not returned when its line was written returned after `dt` nanoseconds."""

    seq: Count
    dt: Count
    accepted: bool | None = None


class Gap(msgspec.Struct, frozen=True, gc=False, tag="gap", tag_field="type"):
    """`lost` events of session `sid` (0: of several) that are not on record, after event number `after`."""

    sid: Count
    after: Count
    lost: Count
