"""Counting the sessions that begin in a recording, in constant memory."""

from __future__ import annotations

from c4trace.events import EventKind

__all__ = ["BEGINNINGS", "SidSet"]

BEGINNINGS = frozenset({EventKind.open.name, EventKind.fromNative.name})
"""Names of the events that begin a session; a session may have both (C4S-010)."""

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
