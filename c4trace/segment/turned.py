"""A capture level that was turned for a while, and is turned back whatever becomes of whoever turned it.

A note beside the segment says what it was: should its writer be killed, whoever looks next turns the level back.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from c4trace._native import ffi, lib
from c4trace.segment.capture import capture_text
from c4trace.segment.folder import SegmentError
from c4trace.segment.native_reader import NativeReader

__all__ = ["Turned", "turn_back_if_left"]

_NOTE_MAX = 1024


class _Note(msgspec.Struct, frozen=True):
    """Control words before and after, whose they are, and the process that turned them: its id and start in /proc."""

    segment: int
    """The file's inode: another process may have the name and the pid later."""
    before: tuple[int, int]
    after: tuple[int, int]
    pid: int
    start: int


class Turned:
    """Turns the capture level of the segment `reader` holds, until `back`; `reader` must be one that may write.

    `before` and `after` are the levels in words.
    """

    def __init__(self, reader: NativeReader, level: tuple[int, int]) -> None:
        before = _capture_of(reader)
        self.before, self.after = capture_text(*before), capture_text(*level)
        self._reader = reader
        self._note = _Note(_inode(reader.path), before, level, os.getpid(), _start_of(os.getpid()))
        if level != before:
            _write(_note_path(reader.path), self._note)
        lib.c4t_reader_set_capture(reader.handle, *level)

    def back(self) -> None:
        """Turn it back, unless somebody else has turned it meanwhile. More than once is fine."""
        _turn_back(self._reader, self._note)


def turn_back_if_left(segment: Path) -> bool:
    """Turn back what a process that is gone has left turned; True where that was done.

    A segment that is gone or refused is left alone.
    """
    path = _note_path(segment)
    note = _read(path)
    if note is None or (note.pid > 0 and _start_of(note.pid) == note.start):
        return False
    try:
        reader = NativeReader(segment, "control")
    except SegmentError:
        return False
    try:
        return _turn_back(reader, note)
    finally:
        reader.close()


def _turn_back(reader: NativeReader, note: _Note) -> bool:
    same = note.segment == _inode(reader.path)
    ours = same and note.before != note.after and _capture_of(reader) == note.after
    if ours:
        lib.c4t_reader_set_capture(reader.handle, *note.before)
    with contextlib.suppress(OSError):
        _note_path(reader.path).unlink()
    return ours


def _capture_of(reader: NativeReader) -> tuple[int, int]:
    info = ffi.new("struct c4t_reader_info *")
    lib.c4t_reader_info(reader.handle, info)
    return info.capture, info.capture_bytes


def _inode(path: Path) -> int:
    try:
        return path.stat(follow_symlinks=False).st_ino
    except OSError:
        return 0


def _note_path(segment: Path) -> Path:
    return segment.with_name(f"{segment.name}.turned")


def _write(path: Path, note: _Note) -> None:
    """Without a note nothing is turned: it would stay so."""
    new = path.with_name(f"{path.name}.{note.pid}")
    try:
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "wb") as opened:
            opened.write(msgspec.json.encode(note))
        new.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink()
        raise SegmentError(f"{path}: cannot be written: {error.strerror}; make room for it") from error


def _read(path: Path) -> _Note | None:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(file, "rb") as opened:
            about = os.fstat(opened.fileno())
            if about.st_uid != os.geteuid() or about.st_mode & 0o022:
                return None
            note = msgspec.json.decode(opened.read(_NOTE_MAX), type=_Note)
    except (OSError, msgspec.DecodeError):
        return None
    return note if all(0 <= level < 5 and 0 <= count < 1 << 32 for level, count in (note.before, note.after)) else None


def _start_of(pid: int) -> int:
    """When a process began, in clock ticks since boot; 0 where there is none (proc(5), stat, field 22)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return 0 if fields[0] in {b"Z", b"X"} else int(fields[19])
    except (OSError, IndexError, ValueError):
        return 0
