"""A loaded LiteCore: its version, its errors, its bytes."""

from __future__ import annotations

import os
import re

from c4trace.decode.errors import error_name
from c4trace.demo.litecore.abi import CData, ffi
from c4trace.trace_error import TraceError
from c4trace.tracer import Tracer

__all__ = ["Borrowed", "LiteCore"]

_UP_CALLS = (
    "c4socket_gotHTTPResponse",
    "c4socket_opened",
    "c4socket_received",
    "c4socket_completedWrite",
    "c4socket_closeRequested",
    "c4socket_closed",
    "c4socket_fromNative",
    "c4socket_retain",
    "c4socket_release",
    "c4error_make",
    "_FLBuf_Release",
)
_ERRORS_ONLY = 4  # kC4LogError


class Borrowed:
    """Bytes as a C4Slice that LiteCore borrows, valid as long as this object."""

    def __init__(self, data: bytes | str) -> None:
        self._owner = ffi.from_buffer(data.encode() if isinstance(data, str) else data)
        self.slice: CData = ffi.new("C4Slice *", [self._owner, len(self._owner)])[0]


class LiteCore:
    """One libLiteCore.so. TraceError where it cannot be loaded, or is of a version the demo cannot drive."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        version = _version(path)
        if not re.match(r"3\.0\.", version):
            hint = "trace the program it belongs to instead, by c4trace.Tracer"
            raise TraceError(f"{os.fspath(path)}: is LiteCore {version}, and the demo drives 3.0 only; {hint}")
        self.c: CData = ffi.dlopen(os.fspath(path))
        self.c.c4log_setCallbackLevel(_ERRORS_ONLY)

    @property
    def upcalls(self) -> dict[str, int]:
        """LiteCore's own up-calls, untraced, by C name."""
        return {name: int(ffi.cast("uintptr_t", getattr(self.c, name))) for name in _UP_CALLS}

    def take(self, result: CData) -> bytes:
        """Copy a C4SliceResult and release it."""
        try:
            return bytes(ffi.buffer(result.buf, result.size)) if result.size else b""
        finally:
            self.release(result)

    def release(self, result: CData) -> None:
        """Release a C4SliceResult."""
        self.c._FLBuf_Release(result.buf)  # noqa: SLF001 - that is the C function's name

    def checked(self, call: str, result: CData, error: CData) -> CData:
        """Give the result of a call; TraceError where LiteCore refused it."""
        if not result:
            message = self.take(self.c.c4error_getMessage(error[0])).decode(errors="replace")
            raise TraceError(f"LiteCore refused {call}: {message} ({error_name(error.domain, error.code)})")
        return result


def _version(path: str | os.PathLike[str]) -> str:
    """Which LiteCore this is, as a tracer finds out; TraceError where it is none."""
    with Tracer("demo", litecore=path) as tracer:
        return tracer.snapshot().process.litecore or "of no known version"
