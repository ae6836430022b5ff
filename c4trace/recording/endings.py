"""Digesting and ending recordings beside whoever writes them: a footer has the digest of all that is before it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

from c4trace.recording.worker import Worker
from c4trace.recording.writer import RecordingWriter

__all__ = ["Endings"]

_WAITING = 1  # so that a thread that is still busy with the recording before has no room
_PIECE_BYTES = 4 << 20  # worth waking a thread for, and little enough to be left when all ends
_LAST_BYTES = 1 << 30  # that are digested when everything else is done: about a second's work


class Endings:
    """Follows one recording after the other in `threads` threads, which they take in turn.

    One of them digests more slowly than memory can be written: with two, a part is digested to its end while the next
    one is followed already. Where there is no time even so, a recording ends without digest: events matter more.
    `failed` is told, in one of these threads, how many events a recording that could not be ended has lost by that, and
    why.
    """

    def __init__(self, threads: int, *, sync: bool, failed: Callable[[int, Exception], None]) -> None:
        self._workers = [Worker("c4trace-digest", _WAITING) for _ in range(threads)]
        self._ending: list[RecordingWriter | None] = [None] * threads
        self._turn = 0
        self._is_following = [False] * threads  # or about to
        self._sync = sync
        self._failed = failed

    def follow(self, writer: RecordingWriter) -> None:
        """Digest what has been written, when it is much and there is time for it."""
        turn = self._turn
        if not self._is_following[turn] and writer.undigested >= _PIECE_BYTES:
            self._is_following[turn] = True  # before it can be set back
            if not self._workers[turn].offer(partial(self._follow, writer, turn)):
                self._is_following[turn] = False

    def end(self, writer: RecordingWriter) -> None:
        """End this one; the next one to follow is another."""
        worker, before = self._workers[self._turn], self._ending[self._turn]
        work = partial(self._end, writer)
        if not worker.offer(work):
            if before is not None:
                before.give_digest_up()
            worker.give(work)
        self._ending[self._turn] = writer
        self._turn = (self._turn + 1) % len(self._workers)

    def abandon(self, writer: RecordingWriter) -> None:
        """Close this one as it is."""
        self._workers[self._turn].give(writer.abandon)

    def wait(self) -> None:
        """Wait until all of them are ended; nothing can be followed after this."""
        for worker in self._workers:
            worker.end()

    def _follow(self, writer: RecordingWriter, turn: int) -> None:
        with contextlib.suppress(OSError):  # then ending it fails as well, and that is told
            writer.catch_up()
        self._is_following[turn] = False

    def _end(self, writer: RecordingWriter) -> None:
        events = writer.events
        if writer.undigested > _LAST_BYTES:
            writer.give_digest_up()
        try:
            writer.close(sync=self._sync)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be told, and the thread goes on
            self._failed(events - writer.events, error)
