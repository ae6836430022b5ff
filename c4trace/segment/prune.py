"""Segments of the dead are kept as black boxes, but not all of them, and not for ever."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from c4trace.segment.attach import attach
from c4trace.segment.folder import SegmentError, SegmentFile, list_segments

__all__ = ["KEEP_BYTES", "KEEP_DAYS", "SPARE_S", "prune_segments"]

KEEP_DAYS = 7.0
KEEP_BYTES = 256 << 20
"""Of all dead segments together; less where that is more than a quarter of the file system."""
SPARE_S = 60.0
"""What has died since is spared: whoever started it may be about to read it."""

_OVER = {"dead", "closed"}


def prune_segments(folder: Path, done: Collection[Path] = ()) -> list[Path]:
    """Remove dead segments of `folder` that are older than KEEP_DAYS, then the oldest, down to KEEP_BYTES.

    The newest is kept whatever its size, and all that died within SPARE_S, unless they are `done`. Gives what was
    removed; what cannot be looked at or removed is left alone.
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
        if too_much and (age > SPARE_S or box.path in done) and _removed(box.path):
            removed.append(box.path)
    return removed


class _Box(NamedTuple):
    path: Path
    last: float
    """When its process was last seen to do something."""
    size: int


def _dead(file: SegmentFile) -> _Box | None:
    try:
        size = file.path.stat(follow_symlinks=False).st_blocks * 512
        with attach(file.path) as segment:
            snapshot = segment.snapshot()
    except (SegmentError, OSError):
        return None
    if snapshot.process.state not in _OVER:
        return None
    return _Box(file.path, snapshot.process.started + snapshot.now, size)


def _removed(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True
