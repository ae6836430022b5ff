"""A thread that works beside the one that collects, so that a slow disk or a long digest holds nothing else up."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

__all__ = ["Worker"]

Work = Callable[[], None]


class Worker:
    """Does what it is given, one after the other, in a daemon thread; `room` is how much of it may wait.

    What it is given must not raise.
    """

    def __init__(self, name: str, room: int) -> None:
        self._queue: queue.Queue[Work | None] = queue.Queue(room)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def give(self, work: Work) -> None:
        """Let it do `work`, once there is room for it."""
        self._queue.put(work)

    def offer(self, work: Work) -> bool:
        """Let it do `work` if there is room now; whether there is."""
        try:
            self._queue.put_nowait(work)
        except queue.Full:
            return False
        return True

    def end(self) -> None:
        """Wait until everything is done; it can be given nothing more."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            work()
