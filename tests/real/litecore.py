"""The loaded libLiteCore.so: its version, its errors, its slices and how many of its objects are alive."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from tests.real.abi import CData, ffi

PATH: Final = Path(__file__).parents[2] / ".litecore" / "libLiteCore.so"
"""Where `make litecore` puts the library."""


class Domain(IntEnum):
    """Whose code an error carries (C4ErrorDomain)."""

    LITECORE = 1
    POSIX = 2
    SQLITE = 3
    FLEECE = 4
    NETWORK = 5
    WEBSOCKET = 6


class LogLevel(IntEnum):
    """How much LiteCore says on stderr (C4LogLevel)."""

    DEBUG = 0
    VERBOSE = 1
    INFO = 2
    WARNING = 3
    ERROR = 4
    NONE = 5


@dataclass(frozen=True)
class ErrorCode:
    """A C4Error without its text; code 0 is no error."""

    domain: int
    code: int


class LiteCoreError(Exception):
    """LiteCore refused a call."""

    def __init__(self, call: str, error: ErrorCode, message: str) -> None:
        super().__init__(f"{call}: {message} (domain {error.domain}, code {error.code})")
        self.error = error


class LiteCore:
    """One loaded libLiteCore.so."""

    def __init__(self, path: Path = PATH) -> None:
        self.path = path
        self.c: CData = ffi.dlopen(str(path))

    @property
    def version(self) -> str:
        return self.take(self.c.c4_getVersion()).decode()

    @property
    def build(self) -> str:
        return self.take(self.c.c4_getBuildInfo()).decode()

    @property
    def object_count(self) -> int:
        """How many of LiteCore's reference-counted objects are alive."""
        return int(self.c.c4_getObjectCount())

    def log(self, level: LogLevel) -> None:
        self.c.c4log_setCallbackLevel(level)

    def take(self, result: CData) -> bytes:
        """Copies a C4SliceResult and releases it."""
        try:
            return copied(result)
        finally:
            self.c._FLBuf_Release(result.buf)

    def error(self, call: str, error: CData) -> LiteCoreError:
        message = self.take(self.c.c4error_getMessage(error[0])).decode()
        return LiteCoreError(call, ErrorCode(error.domain, error.code), message)

    def fleece(self, value: Any) -> bytes:
        """Encodes what JSON can say as Fleece."""
        failure = ffi.new("int *")
        with_text = slice_of(json.dumps(value).encode())
        result = self.c.FLData_ConvertJSON(with_text.value, failure)
        if not result.buf:
            raise ValueError(f"Fleece error {failure[0]} for {value!r}")
        return self.take(result)

    def from_fleece(self, data: bytes) -> Any:
        """Decodes Fleece as far as JSON can say it; None where there is no data."""
        if not data:
            return None
        # Fleece values are addressed by 2-byte units, so the copy must lie on an even address.
        aligned = ffi.new("uint16_t[]", (len(data) + 1) // 2)
        ffi.memmove(aligned, data, len(data))
        value = self.c.FLValue_FromData(ffi.new("C4Slice *", [aligned, len(data)])[0], 0)
        if not value:
            raise ValueError(f"no Fleece: {data!r}")
        return json.loads(self.take(self.c.FLValue_ToJSON(value)))


@dataclass(frozen=True)
class Slice:
    """A C4Slice and the bytes it points to, which live as long as this object."""

    value: CData
    owner: CData


def slice_of(data: bytes) -> Slice:
    """Gives bytes to LiteCore as a borrowed C4Slice."""
    owner = ffi.from_buffer(data)
    return Slice(ffi.new("C4Slice *", [owner, len(data)])[0], owner)


def text(value: str) -> Slice:
    """Gives a text to LiteCore as a borrowed C4String."""
    return slice_of(value.encode())


def copied(value: CData) -> bytes:
    """Copies a C4Slice or C4SliceResult; a null slice is empty."""
    return bytes(ffi.buffer(value.buf, value.size)) if value.size else b""
