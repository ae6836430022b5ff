"""Look at a segment from outside, whether its host lives or not, without taking anything out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from c4trace._native import ffi, lib
from c4trace.events import Event, Gap, Return
from c4trace.segment.capture import capture_level
from c4trace.segment.folder import SegmentError
from c4trace.segment.header import recording_header
from c4trace.segment.native_reader import NativeReader
from c4trace.segment.snapshot import Snapshot
from c4trace.segment.take_snapshot import take_snapshot

__all__ = ["Segment", "attach", "decode_lines"]

_DECODER = msgspec.json.Decoder(Event | Return | Gap)


def decode_lines(text: bytes | bytearray | memoryview) -> list[Event | Return | Gap]:
    """Events, returns and gaps from whole lines of a recording."""
    return _DECODER.decode_lines(text)


def attach(path: str | os.PathLike[str], *, control: bool = False) -> Segment:
    """Map the segment at `path`; `control` lets its capture level be turned and exemplars be taken.

    Raises SegmentError, in one line, for what is no segment of this user, is damaged or has another layout.
    """
    return Segment(Path(path), control=control)


class Segment:
    """A mapped segment. A context manager; not to be used by two threads at once."""

    def __init__(self, path: Path, *, control: bool = False) -> None:
        self.path = path
        if _is_missing(path):
            raise SegmentError(f"{path}: is not there; check the name")
        self._reader = NativeReader(path, "control" if control else "read")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unmap."""
        self._reader.close()

    def snapshot(self, *, take_exemplars: bool = False) -> Snapshot:
        """Totals, sessions, calls in flight and losses at this moment; SegmentError where the file was cut short.

        `take_exemplars` lets the search for the slowest call begin anew; it needs `control`.
        """
        return take_snapshot(self._reader, take_exemplars=take_exemplars)

    def header(self) -> Mapping[str, object]:
        """The header that a recording of this segment has."""
        return recording_header(self.snapshot().process)

    def events(self) -> Iterator[Event | Return | Gap]:
        """What the rings still hold, oldest first, in one order; read from a copy, nothing is consumed.

        Of a live host it ends with what was published when the iteration began; a gap tells of events that were
        overwritten meanwhile. `seq` counts from 1 in each iteration. Raises SegmentError at its end where the file was
        cut short meanwhile.
        """
        reader = NativeReader(self.path, "read")
        try:
            batch = ffi.new("struct c4t_batch *")
            while lib.c4t_reader_drain(reader.handle, lib.C4T_WANT_TEXT, batch):
                yield from decode_lines(bytes(ffi.buffer(batch.text, batch.text_size)))
            reader.check_whole()
        finally:
            reader.close()

    def set_capture(self, capture: str) -> None:
        """Turn what is put into the rings from now on: off, events, headers, bytes:N or full. Needs `control`."""
        level, count = capture_level(capture)
        if lib.c4t_reader_set_capture(self._reader.handle, level, count):
            raise SegmentError(f"{self.path}: is only looked at; attach with control=True to turn its capture level")


def _is_missing(path: Path) -> bool:
    """Whether there is nothing; a folder of another user's does not tell, and the reader says whose it is."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
