"""When a part of a recording ends, and how much is kept of the parts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from c4trace.recording.parts import parts_of
from c4trace.recording.schema import RecordingError
from c4trace.recording.target import is_being_written

__all__ = ["Rotation"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """When a part ends (at `part_bytes` of its file or after `part_seconds`), and how much is kept of the parts.

    `keep_parts` counts the part being written, `keep_bytes` leaves room for it. Parts that are being written are never
    removed. None: no limit. With `sync` a part is brought to the disk when it ends, so that it outlives a power cut.
    """

    part_bytes: int | None = None
    part_seconds: float | None = None
    keep_parts: int | None = None
    keep_bytes: int | None = None
    sync: bool = False

    def check(self, path: Path) -> None:
        """Raise RecordingError, which names `path`, where the limits make no sense."""
        for name in ("part_bytes", "part_seconds", "keep_parts", "keep_bytes"):
            limit = getattr(self, name)
            if limit is not None and not (isinstance(limit, int | float) and limit > 0):
                raise RecordingError(
                    path, 0, f"cannot be rotated with {name}={limit!r}", "give more than 0, or nothing"
                )
        if self.part_bytes is None and self.part_seconds is None:
            raise RecordingError(path, 0, "is never rotated", "give part_bytes or part_seconds")
        if self.keep_bytes is not None and self.keep_bytes < (self.part_bytes or 0):
            raise RecordingError(path, 0, "is to keep less than one part", "give a larger keep_bytes")

    def is_due(self, size: int, seconds: float) -> bool:
        """Whether a part of `size` bytes that began `seconds` ago ends."""
        too_large = self.part_bytes is not None and size > self.part_bytes
        return too_large or (self.part_seconds is not None and seconds >= self.part_seconds)

    def prune(self, path: Path) -> None:
        """Remove the oldest parts of `path` that are more than is kept; OSError where that fails."""
        if self.keep_parts is None and self.keep_bytes is None:
            return
        parts = [part for part in parts_of(path).values() if part.is_file() and not part.is_symlink()]
        sizes = [part.stat().st_size for part in parts]
        surplus = len(parts) - (self.keep_parts or len(parts))
        too_many_bytes = sum(sizes[:-1]) + max(self.part_bytes or 0, *sizes[-1:], 0) - (self.keep_bytes or float("inf"))
        for part, size in zip(parts, sizes, strict=True):
            if surplus <= 0 and too_many_bytes <= 0:
                break
            if not is_being_written(part):
                part.unlink(missing_ok=True)
                surplus -= 1
                too_many_bytes -= size
