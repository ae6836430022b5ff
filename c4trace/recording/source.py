"""The bytes of a recording's text, whether the file is compressed or not."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c4trace.recording.parts import parts_of
from c4trace.recording.schema import LINE_LIMIT, RecordingError

if TYPE_CHECKING:
    import zstandard
    from _typeshed import WriteableBuffer

__all__ = ["Source"]

_MAGIC_ZSTD = b"\x28\xb5\x2f\xfd"
_MAGIC_SKIPPABLE = b"\x2a\x4d\x18"  # after one byte 0x50 to 0x5f (RFC 8878, 3.1.2)
_OTHERS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip"}

# A block of 4 bytes can unpack to 128 KiB (RFC 8878, 3.1.1.2), so a step of this size stays below 32 MiB.
_STEP = 1024
_AT_ONCE = 256 << 10


class Source:
    """A recording's text, line by line, in constant memory; RecordingError names what cannot be read."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self.line = 0
        """The number of the last line that was given."""
        self._part_of_line = b""
        self._frames: _Frames | None = None
        try:
            self._file = io.BufferedReader(io.FileIO(path), 1 << 20)
        except OSError as error:
            raise _unreadable(path, 0, error) from error
        try:
            self._text = self._open_text()
        except BaseException:
            self._file.close()
            raise

    @property
    def torn(self) -> bool:
        """Whether the file ended inside a compressed frame; known once readline has given nothing."""
        return self._frames is not None and self._frames.torn

    def readline(self) -> bytes:
        """Give the first line with its end, if the file has one; `read` gives those after it."""
        self.line += 1
        try:
            line = self._text.readline(LINE_LIMIT + 1)
        except OSError as error:
            raise _unreadable(self.path, self.line, error) from error
        if len(line) > LINE_LIMIT:
            raise self._too_long(self.line)
        return line

    def read(self) -> bytes:
        """Give whole lines, as many as come at once; the file's last one perhaps without its end; empty at the end."""
        text = self._part_of_line
        while True:
            try:
                more = self._text.read1(_AT_ONCE)
            except OSError as error:
                raise _unreadable(self.path, self.line + 1, error) from error
            text += more
            end = text.rfind(b"\n") + 1 if more else len(text)
            if max(text.find(b"\n"), 0 if end else len(text)) > LINE_LIMIT:
                raise self._too_long(self.line + 1)
            if end or not more:
                break
        self._part_of_line = text[end:]
        self.line += text.count(b"\n")
        return text[:end]

    def close(self) -> None:
        """Close the file."""
        self._text.close()
        self._file.close()

    def _too_long(self, line: int) -> RecordingError:
        what = f"is longer than {LINE_LIMIT >> 20} MiB"
        return RecordingError(self.path, line, what, "the file is damaged or no recording of c4trace")

    def _open_text(self) -> io.BufferedReader[Any]:
        try:
            head = self._file.peek(8)[:8]
        except OSError as error:
            raise _unreadable(self.path, 0, error) from error
        if not head:
            raise RecordingError(self.path, 0, "is empty", "name a recording of c4trace, .jsonl or .jsonl.zst")
        for magic, kind in _OTHERS.items():
            if head.startswith(magic):
                raise RecordingError(self.path, 0, f"is compressed with {kind}", "unpack it first; c4trace reads zstd")
        if head.startswith(_MAGIC_ZSTD) or (0x50 <= head[0] <= 0x5F and head[1:4] == _MAGIC_SKIPPABLE):
            self._frames = _Frames(self._file, self.path)
            return io.BufferedReader(self._frames, 1 << 20)
        if os.fspath(self.path).endswith(".zst"):
            what = "is named .zst but is not compressed with zstd"
            raise RecordingError(self.path, 0, what, "rename it if it is plain JSON Lines, else it is damaged")
        return self._file


class _Frames(io.RawIOBase):
    """What a file of zstd frames unpacks to; a last frame that is cut off gives what is in it."""

    def __init__(self, file: io.BufferedReader[Any], path: str | os.PathLike[str]) -> None:
        try:
            import zstandard  # noqa: PLC0415 - an extra, needed for compressed files only
        except ImportError as error:
            what = "is compressed with zstd, and the package that unpacks it is missing"
            raise RecordingError(path, 0, what, "pip install 'c4trace[zstd]'") from error
        self.torn = False
        self._file = file
        self._error = zstandard.ZstdError
        self._unpack = zstandard.ZstdDecompressor().decompressobj
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._packed = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` with the next bytes of text: how many, 0 at the end."""
        while not self._ready:
            packed = self._packed or self._file.read(_STEP)
            if not packed:
                self.torn = self._frame is not None
                return 0
            self._ready = memoryview(self._next(packed))
        room = memoryview(buffer).cast("B")
        n = min(len(room), len(self._ready))
        room[:n] = self._ready[:n]
        self._ready = self._ready[n:]
        return n

    def _next(self, packed: bytes) -> bytes:
        if self._frame is None:
            self._frame = self._unpack()
        try:
            text = self._frame.decompress(packed)
        except self._error as error:
            raise OSError(f"its compressed data is damaged ({error})") from error
        self._packed = b""
        if self._frame.eof:
            self._packed = self._frame.unused_data
            self._frame = None
        return text


def _unreadable(path: str | os.PathLike[str], line: int, error: OSError) -> RecordingError:
    match error:
        case FileNotFoundError():
            return RecordingError(path, 0, "is not there", _what_is_there(Path(path)))
        case IsADirectoryError():
            return RecordingError(path, 0, "is a folder", "name a recording in it")
        case PermissionError():
            return RecordingError(path, 0, "may not be read by you", "recordings are readable by their owner only")
        case _:
            what = f"cannot be read: {error.strerror or error}"
            return RecordingError(path, line, what, "get the file again, or read what comes before this line")


def _what_is_there(path: Path) -> str:
    try:
        parts = list(parts_of(path).values())
    except OSError:
        parts = []
    return f"it was rotated: name a part, {parts[0].name} to {parts[-1].name}" if parts else "check the name"
