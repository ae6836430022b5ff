"""c4trace: every call of a Couchbase LiteCore socket factory, counted, timed and on record."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from c4trace.factories.socket_factory import Address, ErrorDomain, Framing, Socket, SocketFactory
    from c4trace.host import EmbeddedHost
    from c4trace.recording.reader import Recording, open_recording
    from c4trace.recording.rotation import Rotation
    from c4trace.recording.schema import RecordingError
    from c4trace.trace_error import TraceError
    from c4trace.tracer import Traced, Tracer

__all__ = [
    "Address",
    "EmbeddedHost",
    "ErrorDomain",
    "Framing",
    "Recording",
    "RecordingError",
    "Rotation",
    "Socket",
    "SocketFactory",
    "TraceError",
    "Traced",
    "Tracer",
    "open_recording",
]

_HOMES = {
    "Address": "c4trace.factories.socket_factory",
    "EmbeddedHost": "c4trace.host",
    "ErrorDomain": "c4trace.factories.socket_factory",
    "Framing": "c4trace.factories.socket_factory",
    "Recording": "c4trace.recording.reader",
    "RecordingError": "c4trace.recording.schema",
    "Rotation": "c4trace.recording.rotation",
    "Socket": "c4trace.factories.socket_factory",
    "SocketFactory": "c4trace.factories.socket_factory",
    "TraceError": "c4trace.trace_error",
    "Traced": "c4trace.tracer",
    "Tracer": "c4trace.tracer",
    "open_recording": "c4trace.recording.reader",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that a command pays only for what it needs."""
    if name not in _HOMES:
        raise AttributeError(f"module 'c4trace' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
