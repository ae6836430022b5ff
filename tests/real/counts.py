"""The test's own exact counts of what passes one factory, independent of anything c4trace says."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TypedDict


class Counted(TypedDict):
    """What one factory saw, by event (its C name without `c4socket_`): times, bytes, closed's domains and codes."""

    calls: dict[str, int]
    bytes: dict[str, int]
    closed: list[list[int]]


class Counts:
    """Counts of one factory; any thread may add."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._closed: list[list[int]] = []

    def add(self, event: str, size: int | None = None) -> None:
        """Counts one event; `size` is the number of bytes it carries or acknowledges, if it does."""
        with self._lock:
            self._calls[event] += 1
            if size is not None:
                self._bytes[event] += size

    def add_closed(self, domain: int, code: int) -> None:
        """Counts one closed up-call and keeps its error."""
        self.add("closed")
        with self._lock:
            self._closed.append([domain, code])

    def __getitem__(self, event: str) -> int:
        with self._lock:
            return self._calls[event]

    @property
    def live_sockets(self) -> int:
        """How many sockets have been made or opened and not yet disposed of."""
        with self._lock:
            # A socket from fromNative is opened too, once its replicator starts.
            return max(self._calls["open"], self._calls["fromNative"]) - self._calls["dispose"]

    def report(self) -> Counted:
        with self._lock:
            return {
                "calls": dict(sorted(self._calls.items())),
                "bytes": dict(sorted(self._bytes.items())),
                "closed": list(self._closed),
            }
