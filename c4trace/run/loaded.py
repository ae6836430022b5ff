"""Which program files the command and its children have loaded, looked at now and then from outside."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["OURS", "LoadedFiles"]

OURS = "libc4trace"
_FIRST_S, _LONGEST_S = 0.1, 5.0


class LoadedFiles:
    """Files mapped for execution in process `pid` or any of its children, as far as they were seen.

    It looks often at first and ever less, so that a program of hours costs as little as one of seconds.
    """

    def __init__(self, pid: int) -> None:
        self.paths: set[Path] = set()
        self.bare: set[Path] = set()  # of processes into which our library was not preloaded
        self._pid = pid
        self._pause = _FIRST_S
        self._next = time.monotonic() + _FIRST_S

    def look_if_due(self) -> None:
        """Look, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        for pid in _with_children(self._pid):
            mapped = set(_mapped(pid))
            self.paths |= mapped
            if not any(path.name.startswith(OURS) for path in mapped):
                self.bare |= mapped
        self._pause = min(self._pause * 2, _LONGEST_S)
        self._next = now + self._pause


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _text(task).split():
            yield from _with_children(int(child))


def _mapped(pid: int) -> Iterator[Path]:
    for line in _text(Path(f"/proc/{pid}/maps")).splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and "x" in fields[1] and fields[5].startswith("/"):
            yield Path(fields[5])


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="surrogateescape")
    except OSError:  # gone meanwhile, or not ours to look at
        return ""
