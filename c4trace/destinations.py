"""Where a tracer's events go, in the words of `Tracer`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec

from c4trace.recording.rotation import Rotation
from c4trace.recording.schema import RecordingError
from c4trace.trace_error import TraceError

__all__ = ["Destinations", "PathLike", "checked_path", "destinations", "shown"]

PathLike = str | os.PathLike[str]

_LOG_STYLES = ("json", "console")
_LOG_LEVELS = ("info", "debug")


class Destinations(msgspec.Struct, frozen=True):
    """Paths are absolute; `log` is "json" or "console" (both on standard error) or the path of a file."""

    record: str | None = None
    rotation: Rotation | None = None
    metrics_port: int | None = None
    metrics_address: str = "127.0.0.1"
    log: str | None = None
    log_level: Literal["info", "debug"] = "info"

    def __bool__(self) -> bool:
        return self.record is not None or self.metrics_port is not None or self.log is not None


def destinations(
    *,
    record: PathLike | None,
    rotation: Rotation | None,
    metrics_port: int | None,
    metrics_address: str,
    log: PathLike | None,
    log_level: Literal["info", "debug"],
) -> Destinations:
    """What was asked for; raises TraceError for what makes no sense, without touching any file or port."""
    if rotation is not None and record is None:
        raise TraceError("rotation= is about a recording, but there is none: give record= as well")
    if metrics_port is not None and (type(metrics_port) is not int or not 0 <= metrics_port < 1 << 16):
        raise TraceError(f"metrics cannot be served on port {shown(metrics_port)}: give 0 (any that is free) to 65535")
    if not isinstance(metrics_address, str):
        raise TraceError(f"metrics_address= is a {type(metrics_address).__name__}: give a host name or an IP address")
    if rotation is not None and not isinstance(rotation, Rotation):
        raise TraceError(f"rotation= is a {type(rotation).__name__}: give a c4trace.Rotation")
    if log_level not in _LOG_LEVELS:
        raise TraceError(f"unknown log level {shown(log_level)}: use {' or '.join(_LOG_LEVELS)}")
    recording = None if record is None else _absolute("record", record)
    if recording is not None and rotation is not None:
        try:
            rotation.check(Path(recording))
        except RecordingError as error:
            raise TraceError(str(error)) from error
    log_to = log if isinstance(log, str) and log in _LOG_STYLES else None if log is None else _absolute("log", log)
    if recording is not None and recording == log_to:
        raise TraceError(f"{recording}: recording and log cannot be one file; give each its own")
    return Destinations(
        record=recording,
        rotation=rotation,
        metrics_port=metrics_port,
        metrics_address=metrics_address,
        log=log_to,
        log_level=log_level,
    )


def shown(value: object) -> str:
    """What was given, for a message; of what is neither text nor number, which may hold secrets, only the type."""
    return repr(value) if isinstance(value, str | int | float | None) else f"of type {type(value).__name__}"


def _absolute(what: str, path: object) -> str:
    return str(Path(checked_path(what, path)).absolute())


def checked_path(what: str, path: object) -> str:
    """`path` as text; raises TraceError for what is none."""
    if not isinstance(path, str | os.PathLike):
        raise TraceError(f"{what}= is a {type(path).__name__} and no path: give a str or an os.PathLike")
    text = os.fsdecode(path)
    if not text or "\0" in text:
        raise TraceError(f"{what}={text!r} is no path: it is {'cut by a NUL' if text else 'empty'}; give another one")
    return text
