"""From what a user asks for to an open native tracer, or to a TraceError."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c4trace._native import ffi, lib
from c4trace.destinations import checked_path, shown
from c4trace.host import EmbeddedHost
from c4trace.segment.capture import capture_level
from c4trace.segment.folder import segment_folders
from c4trace.trace_error import TraceError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["checked_capture", "failing", "open_native", "recording_bytes"]

_RECORDING_BYTES = 64 << 20


def open_native(
    name: str,
    *,
    litecore: object,
    capture: str,
    folder: object,
    segment_bytes: int | None,
    sessions: int | None,
    recording: bool,
) -> Any:
    """The c4trace_tracer, open. Raises TraceError; then there is no segment."""
    config = ffi.new("c4trace_config *")
    kept = [ffi.new("char[]", _checked_name(name).encode())]
    config.size = ffi.sizeof("c4trace_config")
    config.name = kept[0]
    if isinstance(litecore, EmbeddedHost):
        config.upcalls = ffi.cast("c4t_upcalls *", litecore.table)
    elif litecore is not None:
        kept.append(ffi.new("char[]", os.fsencode(checked_path("litecore", litecore))))
        config.litecore = kept[-1]
    place = None if folder is None else checked_path("folder", folder)
    if place is not None:
        kept.append(ffi.new("char[]", os.fsencode(place)))
        config.folder = kept[-1]
    config.segment_bytes = _checked_number("segment_bytes", segment_bytes, 1 << 40)
    config.sessions = _checked_number("sessions", sessions, 1 << 20)
    if segment_bytes is None and recording:
        config.segment_bytes = recording_bytes(place)
    config.capture, config.capture_bytes = checked_capture(capture)
    tracer = ffi.new("c4trace_tracer **")
    try:
        failing(lambda failure: lib.c4trace_open(config, tracer, failure) == 0)
    except BaseException:  # KeyboardInterrupt comes as soon as the call is back
        if tracer[0] != ffi.NULL:
            lib.c4trace_close(tracer[0], 0)
        raise
    return tracer[0]


def failing(call: Callable[[Any], object]) -> Any:
    """Call what fills a c4trace_failure where its answer is false; its answer, or TraceError."""
    failure = ffi.new("c4trace_failure *")
    answer = call(failure)
    if not answer:
        raise TraceError(ffi.string(failure.text).decode(errors="replace"))
    return answer


def checked_capture(capture: object) -> tuple[int, int]:
    """Level and byte count of a capture level by its words; TraceError for words that are none."""
    try:
        return capture_level(capture if isinstance(capture, str) else shown(capture))
    except ValueError as error:
        raise TraceError(str(error)) from error


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name.isprintable():
        raise TraceError(f"tracer name {shown(name)} is not 1 to 48 letters, digits, '.', '_' or '-': give another one")
    return name


def _checked_number(what: str, number: object, most: int) -> int:
    if number is None:
        return 0
    if type(number) is not int or not 0 < number <= most:
        raise TraceError(f"{what} {shown(number)} makes no segment: give a whole number from 1 to {most}, or nothing")
    return number


def recording_bytes(folder: str | None) -> int:
    """Enough for rings that hold 100 ms at peak, where that is a quarter of the room at most; else 0: the default."""
    place = Path(folder) if folder is not None else segment_folders()[0]
    places = (place, *place.absolute().parents)  # the folder is made when the segment is
    try:
        room = os.statvfs(next(place for place in places if place.is_dir()))
    except OSError:
        return 0
    return _RECORDING_BYTES if room.f_bavail * room.f_frsize >= 4 * _RECORDING_BYTES else 0
