"""From text to the bytes of the file: as it is, or in zstd frames that read up to the last flush when torn."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from c4trace.recording.schema import RecordingError

if TYPE_CHECKING:
    import zstandard

__all__ = ["Packing", "packing_for"]

_BLOCK_BYTES = 256 << 10
_FRAME_BYTES = 16 << 20
_FRAME_SECONDS = 10.0
_LEVEL = 1  # recording runs beside the host: what higher levels save in bytes they cost in its time
_OTHERS = {".gz", ".bz2", ".xz", ".zip", ".lz4", ".br"}


class Packing(Protocol):
    """Turns text into bytes of the file."""

    @property
    def whole(self) -> bool:
        """Whether the bytes so far are enough to read all text so far."""

    def pack(self, text: bytes | memoryview) -> bytes | memoryview:
        """Take more text; the bytes that are ready."""

    def flush(self) -> bytes:
        """Give the bytes that are needed to read all text so far."""

    def end(self) -> bytes:
        """Give the last bytes of the file, or of a part of it that can be read alone."""


def packing_for(path: Path) -> Packing:
    """Choose by the name's end: .zst is compressed.

    RecordingError for a name that promises another compression, and where the package for zstd is missing.
    """
    if path.suffix in _OTHERS:
        raise RecordingError(path, 0, "is named for a compression that c4trace has not", "end the name in .jsonl.zst")
    if path.suffix != ".zst":
        return _Plain()
    try:
        import zstandard  # noqa: PLC0415 - an extra, needed for compressed files only
    except ImportError as error:
        what = "cannot be compressed: the package zstandard is missing"
        raise RecordingError(path, 0, what, "pip install 'c4trace[zstd]', or take a name without .zst") from error
    return _Frames(zstandard.ZstdCompressor(_LEVEL, write_checksum=True), zstandard.COMPRESSOBJ_FLUSH_BLOCK)


class _Plain:
    whole = True

    def pack(self, text: bytes | memoryview) -> bytes | memoryview:
        return text

    def flush(self) -> bytes:
        return b""

    def end(self) -> bytes:
        return b""


class _Frames:
    """Flushes blocks often, so that a crash costs little; ends frames now and then, for tools that read whole ones."""

    def __init__(self, compressor: zstandard.ZstdCompressor, flush_block: int) -> None:
        self._compressor = compressor
        self._flush_block = flush_block
        self._frame: zstandard.ZstdCompressionObj | None = None
        self._begun = 0.0
        self._in_frame = 0
        self._in_block = 0

    @property
    def whole(self) -> bool:
        return not self._in_block

    def pack(self, text: bytes | memoryview) -> bytes:
        if self._frame is None:
            self._frame = self._compressor.compressobj()
            self._begun = time.monotonic()
            self._in_frame = 0
        packed = self._frame.compress(text)
        self._in_frame += len(text)
        self._in_block += len(text)
        if self._in_block >= _BLOCK_BYTES:
            packed += self.flush()
        return packed

    def flush(self) -> bytes:
        if self._frame is None:
            return b""
        if self._in_frame >= _FRAME_BYTES or time.monotonic() - self._begun >= _FRAME_SECONDS:
            return self.end()
        if not self._in_block:
            return b""
        self._in_block = 0
        return self._frame.flush(self._flush_block)

    def end(self) -> bytes:
        if self._frame is None:
            return b""
        packed = self._frame.flush()
        self._frame = None
        self._in_block = 0
        return packed
