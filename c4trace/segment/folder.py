"""Where segments are, and which there are."""

from __future__ import annotations

import dataclasses
import os
import re
import stat
from pathlib import Path

__all__ = ["SegmentError", "SegmentFile", "find_segments", "list_segments", "segment_folders"]

_FILE_NAME = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,48})\.(?P<pid>[0-9]{1,10})\.seg")


class SegmentError(Exception):
    """A segment or its folder that cannot be used: one line with where, what and what to do."""


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class SegmentFile:
    """A segment by its file's name: the tracer's name and the process it ran in."""

    name: str
    pid: int
    path: Path


def segment_folders() -> tuple[Path, ...]:
    """The folders in which tracers of this user put segments.

    $C4TRACE_DIR, else /dev/shm/c4trace-UID and /tmp/c4trace-UID. A tracer takes the second only where the first cannot
    be had, so a host in a container may have used either.
    """
    chosen = os.environ.get("C4TRACE_DIR")
    if chosen:
        return (Path(chosen),)
    own = f"c4trace-{os.geteuid()}"
    return (Path("/dev/shm") / own, Path("/tmp") / own)  # noqa: S108 - checked for owner and mode before use


def list_segments(folder: Path | None = None) -> list[SegmentFile]:
    """All segments in `folder`, or in the usual folders, by name and pid; a folder that is not there has none.

    Raises SegmentError for a folder that belongs to someone else or that others may write to.
    """
    folders = (folder,) if folder is not None else segment_folders()
    return sorted(found for place in folders for found in _segments_in(place))


def find_segments(wanted: str, folder: Path | None = None) -> list[SegmentFile]:
    """The segments that `wanted` means: the path of one, a pid, or a tracer's name."""
    if "/" in wanted or wanted.endswith(".seg"):
        path = Path(wanted)
        named = _FILE_NAME.fullmatch(path.name)
        return [SegmentFile(named["name"] if named else path.name, int(named["pid"]) if named else 0, path)]
    return [found for found in list_segments(folder) if wanted in {found.name, str(found.pid)}]


def _segments_in(folder: Path) -> list[SegmentFile]:
    try:
        about = folder.stat(follow_symlinks=False)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SegmentError(f"{folder}: {error.strerror}; set C4TRACE_DIR to the folder of the segments") from error
    _check_folder(folder, about)
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise SegmentError(f"{folder}: {error.strerror}; set C4TRACE_DIR to the folder of the segments") from error
    # A link is listed as well, so that whoever attaches to it is told that it is refused.
    found = [(_FILE_NAME.fullmatch(entry.name), entry) for entry in entries if entry.is_symlink() or entry.is_file()]
    return [SegmentFile(name["name"], int(name["pid"]), entry) for name, entry in found if name]


def _check_folder(folder: Path, about: os.stat_result) -> None:
    if not stat.S_ISDIR(about.st_mode):
        raise SegmentError(f"{folder}: not a folder; remove it or set C4TRACE_DIR")
    if about.st_uid != os.geteuid():
        raise SegmentError(f"{folder}: belongs to user {about.st_uid}; look as that user or set C4TRACE_DIR")
    if about.st_mode & 0o022:
        raise SegmentError(
            f"{folder}: others may write to it (mode {about.st_mode & 0o777:o}); chmod 700 it or set C4TRACE_DIR"
        )
