"""The lines of a recording besides events, and what is wrong with a file that is none.

A recording is JSON Lines in UTF-8: a header, then events, returns and gaps (c4trace.events), then a footer. Unknown
fields are ignored, so that a format may grow without a new number.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from typing import Annotated, Any

import msgspec

from c4trace.events import Event, Gap, Return

__all__ = ["FORMAT", "LINE_LIMIT", "Clock", "Footer", "Header", "Line", "LiteCore", "RecordingError"]

FORMAT = 1
LINE_LIMIT = 16 << 20
"""Bytes a line may have, its end included; the longest that c4trace writes is a tenth of it."""


class LiteCore(msgspec.Struct, frozen=True):
    """The LiteCore that was traced; `abi` is the size of its C4SocketFactory in bytes, 0 where it was not known."""

    version: str = ""
    abi: int = 0


class Clock(msgspec.Struct, frozen=True):
    """What `t` counts from: the moment `wall`, by the clock `source` (tsc, cntvct or monotonic)."""

    wall: Annotated[dt.datetime, msgspec.Meta(tz=True)]
    source: str


class Header(msgspec.Struct, frozen=True, kw_only=True, tag="header", tag_field="type"):
    """First line: whose recording this is; `part` numbers the parts of one that was rotated, 0 where it was not."""

    format: int = FORMAT
    c4trace: str
    name: str
    pid: int
    argv: list[str] = []
    litecore: LiteCore = LiteCore()
    clock: Clock
    capture: str
    redaction: dict[str, Any] = {}
    part: int = 0


class Footer(msgspec.Struct, frozen=True, tag="footer", tag_field="type", omit_defaults=True):
    """Last line of a whole recording.

    `events` is the number of its event lines, `lost` the sum of its gap lines, `sessions` how many sessions began in it
    (have an open or fromNative on record), `sha256` the hexadecimal digest of all bytes of text before this line;
    None where the machine had no time to make it.
    """

    events: int
    lost: int
    sessions: int
    sha256: str | None = None


Line = Header | Event | Return | Gap | Footer


class RecordingError(Exception):
    """A file that cannot be read or written as a recording: which, at which line (0: as a whole), what, what to do."""

    def __init__(self, path: str | os.PathLike[str], line: int, what: str, hint: str) -> None:
        super().__init__(path, line, what, hint)
        self.path = os.fspath(path)
        self.line = line
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        name = self.path if self.path.isprintable() else ascii(self.path)
        place = f"{name}, line {self.line}" if self.line else name
        return re.sub(r"\s+", " ", f"{place}: {self.what}; {self.hint}")
