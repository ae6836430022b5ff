"""What a command is to look at: a recording, or the segment of a process, by file, pid or name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from c4trace.cli.ending import BadInput, Unreached
from c4trace.segment.attach import Segment, attach
from c4trace.segment.folder import SegmentError, SegmentFile, find_segments, segment_folders
from c4trace.segment.snapshot import ProcessInfo
from c4trace.segment.turned import turn_back_if_left

__all__ = ["is_file", "live_segment", "nothing_traced", "process_of", "segment_of"]

_FILE_ENDS = (".jsonl", ".zst", ".json")
_MAGIC = b"K4TCSEG1"  # native/segment.h, C4T_SEGMENT_MAGIC, little-endian


def is_file(source: str) -> bool:
    """Tell whether `source` means a recording: a file that is no segment, or what looks like the name of one."""
    path = Path(source)
    if path.exists():
        return not _is_segment(path)
    return source.endswith(_FILE_ENDS)


def segment_of(source: str, *, several: bool = False) -> Path:
    """Give the one segment that a pid, a tracer's name or a path means.

    Of several processes with that name a living one is meant, else the one that began last. Unreached where there is
    none; BadInput where several live, unless one of `several` will do.
    """
    if os.sep in source or _is_segment(Path(source)):
        return Path(source)
    with reaching():
        files = find_segments(source)
    found = [(process, file) for file in files if (process := process_of(file)) is not None]
    if files and not found:
        with reaching(), attach(files[0].path):  # says why
            pass
    if not found:
        raise Unreached(f"{source}: no such file, and no traced process of that pid or name; c4trace ps lists them")
    living = [file for process, file in found if process.state in {"live", "aside"}]
    if len(living) > 1 and not several:
        pids = ", ".join(str(file.pid) for file in living)
        raise BadInput(f"{source}: several processes are traced under this name; say which by its pid: {pids}")
    return living[0].path if living else max(found, key=lambda pair: pair[0].started)[1].path


@contextlib.contextmanager
def live_segment(source: str, *, control: bool = False) -> Iterator[Segment]:
    """Attach to the segment that `source` means; Unreached where it is refused, or its process no longer traces.

    What a recorder that was killed has left turned is turned back before.
    """
    path = segment_of(source)
    turn_back_if_left(path)
    with reaching(), attach(path, control=control) as segment:
        process = segment.snapshot().process
        match process.state:
            case "live":
                yield segment
            case "aside":
                raise Unreached(f"{source}: its tracer has stepped aside: {process.reason}")
            case _:
                raise Unreached(f"{source}: process {process.pid} is {process.state}; c4trace show has its last events")


@contextlib.contextmanager
def reaching() -> Iterator[None]:
    """Make of a folder that may not be looked at processes that cannot be reached."""
    try:
        yield
    except SegmentError as error:
        raise Unreached(str(error)) from error


def process_of(file: SegmentFile) -> ProcessInfo | None:
    """Give whose segment this is; None where it is gone or damaged."""
    try:
        with attach(file.path) as segment:
            return segment.snapshot().process
    except SegmentError:
        return None


def nothing_traced() -> str:
    """Say that there is nothing to look at, and where it was looked for."""
    folders = " and ".join(str(folder) for folder in segment_folders())
    return f"no traced process: nothing in {folders}"


def _is_segment(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return path.suffix == ".seg" or file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False
