"""What traced processes tell us: lines of a word and a text, each process in a file of its own, named by its pid."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args

__all__ = ["Report", "Reports", "Word"]

Word = Literal["met", "unknown", "segment", "note", "failed", "loaded", "unlinked"]


class Report(NamedTuple):
    """Process `pid` said `word`.

    met, unknown: it has a LiteCore of this version, which c4trace knows, or not; segment: it traces into the segment at
    this path; note: a remark on that; failed: why it cannot trace; loaded, unlinked: the LiteCore at this path was
    there at its end, none of its functions was called where that is seen, and something is linked to it, or nothing.
    """

    pid: int
    word: Word
    text: str


class Reports:
    """The folder they are in; it is given each line once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, int] = {}

    def new(self) -> list[Report]:
        """Read all whole lines since the last time, in the order of each process."""
        return [report for name in self._grown() for report in self._lines(name)]

    def _grown(self) -> list[str]:
        with os.scandir(self.folder) as entries:
            return sorted(
                entry.name
                for entry in entries
                if entry.name.isdecimal() and entry.stat(follow_symlinks=False).st_size > self._read.get(entry.name, 0)
            )

    def _lines(self, name: str) -> list[Report]:
        data = (self.folder / name).read_bytes()
        begin, end = self._read.get(name, 0), data.rfind(b"\n") + 1
        self._read[name] = max(begin, end)
        split = (line.partition(" ") for line in data[begin:end].decode(errors="replace").splitlines())
        return [Report(int(name), cast("Word", word), text) for word, _, text in split if word in get_args(Word)]
