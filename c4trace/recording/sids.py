"""Counting the sessions that begin in a recording, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from c4trace.events import EventKind

__all__ = ["BEGINNINGS", "SidSet", "begun"]

BEGINNINGS = frozenset({EventKind.open.name, EventKind.fromNative.name})
"""Names of the events that begin a session; a session may have both (C4S-010)."""

_MARKS = tuple(b'"ev":"%b"' % name.encode() for name in BEGINNINGS)
_PAGE = 1024


class SidSet:
    """A set of session ids at about a bit an id: ids are given in order, so their bits lie together."""

    def __init__(self) -> None:
        self._pages: dict[int, int] = {}
        self._count = 0

    def add(self, sid: int) -> None:
        """Put `sid` into the set."""
        page, bit = divmod(sid, _PAGE)
        bits = self._pages.get(page, 0)
        if not bits >> bit & 1:
            self._pages[page] = bits | 1 << bit
            self._count += 1

    def __len__(self) -> int:
        return self._count


class _Beginning(msgspec.Struct):
    ev: str
    sid: int


_decode = msgspec.json.Decoder(_Beginning).decode


def begun(text: bytes) -> Iterator[int]:
    """Session ids of the beginnings in whole lines of JSON Lines `text`, as the collector writes it: without blanks."""
    for mark in _MARKS:
        at = text.find(mark)
        while at >= 0:
            end = text.find(b"\n", at)
            line = _decode(text[text.rfind(b"\n", 0, at) + 1 : end])
            if line.ev in BEGINNINGS:  # else the mark was inside options or headers
                yield line.sid
            at = text.find(mark, end)
