"""The last events of one session in a segment, without taking anything out of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from c4trace._native import ffi, lib
from c4trace.segment.attach import decode_lines
from c4trace.segment.native_reader import NativeReader
from c4trace.tui.source import EVENTS_KEPT, Line

__all__ = ["Followed"]

_BATCHES = 64  # of at most a MiB, in one look: more than the largest segment's rings hold of headers


class Followed:
    """Follows session `sid`, beginning with the oldest event that the rings hold."""

    def __init__(self, reader: NativeReader, sid: int) -> None:
        self._reader = reader
        self._lines: deque[Line] = deque(maxlen=EVENTS_KEPT)
        self._drained = lib.c4t_reader_follow(reader.handle, sid) != 0

    def lines(self) -> Sequence[Line]:
        """Give what is known of it now, oldest first."""
        batch = ffi.new("struct c4t_batch *")
        for _ in range(_BATCHES if not self._drained else 0):
            lib.c4t_reader_collect(self._reader.handle, lib.C4T_WANT_TEXT, 0, batch)
            self._take(batch.text, batch.text_size)
            if batch.over:
                self._drain()
            if batch.over or batch.text_size == 0:
                break
        return self._lines

    def _drain(self) -> None:
        """Nothing will follow: take the rest."""
        batch = ffi.new("struct c4t_batch *")
        while lib.c4t_reader_drain(self._reader.handle, lib.C4T_WANT_TEXT, batch):
            self._take(batch.text, batch.text_size)
        self._drained = True

    def _take(self, text: object, size: int) -> None:
        if size:
            self._lines.extend(decode_lines(bytes(ffi.buffer(text, size))))
