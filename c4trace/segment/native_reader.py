"""The reader in C, as Python holds it: opened and closed once, its errors as SegmentError."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Literal

from c4trace._native import ffi, lib
from c4trace.segment.folder import SegmentError

__all__ = ["Mode", "NativeReader"]

Mode = Literal["read", "consume", "control"]

_MODES: dict[Mode, int] = {"read": lib.C4T_READ, "consume": lib.C4T_CONSUME, "control": lib.C4T_CONTROL}


class NativeReader:
    """Owns one c4t_reader. Not to be used by two threads at once; `stop` alone may be called beside another call."""

    def __init__(self, path: Path, mode: Mode, *, from_now: bool = False) -> None:
        """Raises SegmentError, in one line, for what cannot be read (reader.h says what is refused)."""
        error = ffi.new("char[]", 512)
        self.path = path
        self._closing = threading.Lock()
        self._reader = lib.c4t_reader_open(os.fsencode(path), _MODES[mode], from_now, error, len(error))
        if self._reader == ffi.NULL:
            raise SegmentError(f"{path}: {ffi.string(error).decode(errors='replace')}")

    @property
    def handle(self) -> Any:
        """The c4t_reader pointer, for the functions of `lib`. Raises SegmentError once it is closed."""
        if self._reader is None:
            raise SegmentError(f"{self.path}: was closed; attach to it again")
        return self._reader

    def check_whole(self) -> None:
        """Raises SegmentError where the file was cut short since it was opened: what was read last may be zeros."""
        if lib.c4t_reader_was_cut(self.handle):
            raise SegmentError(f"{self.path}: was cut short while it was read; nothing of c4trace does that: remove it")

    def stop(self) -> None:
        """Let a running collect return at once."""
        with self._closing:
            if self._reader is not None:
                lib.c4t_reader_stop(self._reader)

    def close(self) -> None:
        """Unmap; a consumer gives its lease back. More than once is fine."""
        with self._closing:
            reader, self._reader = self._reader, None
        if reader is not None:
            lib.c4t_reader_close(reader)
