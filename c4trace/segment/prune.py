"""Segments of the dead are kept as black boxes, but not all of them, and not for ever."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
import time
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from c4trace._native import lib
from c4trace.segment.attach import attach
from c4trace.segment.folder import SegmentError, SegmentFile, list_segments

__all__ = ["KEEP_BYTES", "KEEP_DAYS", "SPARE_S", "BlackBox", "prune_as_asked", "prune_segments"]

KEEP_DAYS = 7.0
KEEP_BYTES = 256 << 20
"""Of all dead segments together; less where that is more than a quarter of the file system."""
SPARE_S = 60.0
"""What has died since is spared: whoever started it may be about to read it."""

_OVER = {"dead", "closed"}
_BEGINNING = struct.Struct("=QI")  # magic and layout of native/segment.h


def prune_segments(folder: Path, done: Collection[Path] = ()) -> list[Path]:
    """Remove dead segments of `folder` that are older than KEEP_DAYS, then the oldest, down to KEEP_BYTES.

    The newest is kept whatever its size, and all that died within SPARE_S, unless they are `done`. Of another layout
    than this c4trace has, age is the file's. Gives what was removed; what cannot be looked at or removed is left alone.
    """
    try:
        dead = [found for file in list_segments(folder) if (found := _dead(file)) is not None]
        room = os.statvfs(folder)
    except (SegmentError, OSError):
        return []
    keep = min(KEEP_BYTES, room.f_blocks * room.f_frsize // 4)
    removed = []
    held = 0
    for number, box in enumerate(sorted(dead, key=lambda box: -box.last)):
        held += box.size
        age = time.time() - box.last
        too_much = (number > 0 and held > keep) or age > KEEP_DAYS * 86_400
        if too_much and (age > SPARE_S or box.path in done) and _is_removed(box):
            removed.append(box.path)
    return removed


def prune_as_asked(folder: Path, *, older_than: float | None, keep_bytes: int | None) -> list[BlackBox]:
    """Remove what has been dead for `older_than` seconds, then the oldest, down to `keep_bytes` of all the dead.

    What is None is not asked for; without both, it is KEEP_DAYS and KEEP_BYTES. Gives what was removed; what is used,
    or cannot be looked at or removed, is left alone. Raises SegmentError where the folder is refused.
    """
    if older_than is None and keep_bytes is None:
        older_than, keep_bytes = KEEP_DAYS * 86_400, KEEP_BYTES
    dead = [found for file in list_segments(folder) if (found := _dead(file)) is not None]
    removed = []
    held = 0
    for box in sorted(dead, key=lambda box: -box.last):
        too_old = older_than is not None and time.time() - box.last >= older_than
        too_much = keep_bytes is not None and held + box.size > keep_bytes
        if (too_old or too_much) and _is_removed(box):
            removed.append(box)
        else:
            held += box.size
    return removed


class BlackBox(NamedTuple):
    """The segment of a dead process; `last`, in seconds since the epoch, is when it was last seen to do something."""

    name: str
    pid: int
    path: Path
    inode: int
    size: int
    last: float


def _dead(file: SegmentFile) -> BlackBox | None:
    try:
        about = file.path.stat(follow_symlinks=False)
        last = _last_seen(file.path, about)
    except (SegmentError, OSError):
        return None
    if last is None:
        return None
    return BlackBox(file.name, file.pid, file.path, about.st_ino, about.st_blocks * 512, last)


def _last_seen(path: Path, about: os.stat_result) -> float | None:
    """When the process of a segment was last seen to do something; None where it may still do so."""
    is_written = _is_written(path)
    if _is_of_another_layout(path):  # which only a lease can tell to be of the dead; its age is that of the file
        return about.st_mtime if is_written is False else None
    with attach(path) as segment:
        snapshot = segment.snapshot()
    return snapshot.process.started + snapshot.now if snapshot.process.state in _OVER and not is_written else None


def _is_of_another_layout(path: Path) -> bool:
    """Whether it is the segment of a c4trace that is older or newer than this one (native/segment.h)."""
    with path.open("rb") as file:
        magic, layout = _BEGINNING.unpack(file.read(_BEGINNING.size).ljust(_BEGINNING.size, b"\0"))
    return bool(magic == lib.C4T_SEGMENT_MAGIC and layout != lib.C4T_SEGMENT_LAYOUT)


def _is_written(path: Path) -> bool | None:
    """Whether anybody has it mapped to write: a host in another container, whose pid means nothing here.

    A read lease is refused while that is so (fcntl(2), F_SETLEASE). None where there are no leases.
    """
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)  # for whoever comes meanwhile: one that does nothing
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    finally:
        os.close(file)  # the lease goes with it
    return False


def _is_removed(box: BlackBox) -> bool:
    try:
        if box.path.stat(follow_symlinks=False).st_ino != box.inode:
            return False  # a new process has taken its place
        box.path.unlink()
    except OSError:
        return False
    return True
