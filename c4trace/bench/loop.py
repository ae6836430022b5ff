"""The loop in C that calls `write` of a factory over and over, and tells what a call takes."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import NamedTuple

from c4trace._native import ffi, lib

__all__ = ["INNER", "MESSAGE_MAX", "THREADS_MAX", "CallLoop", "Rings", "Stamps", "copy_ns", "look_at_rings"]

THREADS_MAX: int = lib.C4BENCH_THREADS_MAX
MESSAGE_MAX: int = lib.C4BENCH_MESSAGE_MAX
INNER = int(ffi.cast("uintptr_t", lib.c4bench_inner()))
"""Address of a C4SocketFactory without framing whose functions do nothing."""


class Stamps(enum.IntEnum):
    """What is done around each call, in place of a tracer: nothing, or two readings of a clock, stored."""

    BARE = 0
    TICKS = 1
    CLOCK = 2


class CallLoop:
    """Calls of one factory's `write`, with sockets of its own: `each` for every one of `threads`, called in turn."""

    _next_socket = 1 << 20  # an address as a key, which nothing looks into

    def __init__(
        self,
        factory: int,
        *,
        stamps: Stamps = Stamps.BARE,
        threads: int = THREADS_MAX,
        each: int = 1,
        opened: bool = True,
    ) -> None:
        """Open the sockets through `factory`, the address of a C4SocketFactory, unless `opened` is False."""
        self._calls = ffi.new("struct c4bench_calls *")
        self._calls.factory = ffi.cast("void *", factory)
        self._calls.sockets = CallLoop._next_socket
        self._calls.each = each
        self._calls.stamps = stamps
        self._traced = factory != INNER
        self._calls.threads = self._threads = threads
        CallLoop._next_socket += lib.C4BENCH_SOCKET_STEP * threads * each
        if opened:
            lib.c4bench_open(self._calls)

    def ns(self, *, calls: int, warm: int = 0, threads: int = 1, message: int = 0) -> float:
        """Nanoseconds of its thread's CPU time that a call takes: the mean over `threads` that call at once.

        Each makes `calls` calls with a message of so many bytes, after `warm` calls that are not timed. Raises
        ValueError for numbers that cannot be.
        """
        if not (0 < threads <= self._threads and calls > 0 and warm >= 0 and 0 <= message <= MESSAGE_MAX):
            raise ValueError(f"{calls} calls of {message} bytes on {threads} of {self._threads} threads")
        self._calls.threads, self._calls.message = threads, message
        self._calls.warm, self._calls.calls = warm, calls
        found = float(lib.c4bench_run(self._calls))
        if found < 0:
            raise OSError(f"{threads} threads could not be begun")
        return found

    def turns_ns(self, *, threads: int, run: int, turns: int, message: int, completes: bool = False) -> float:
        """Nanoseconds that a call takes where so many threads take turns on the first socket, `run` calls a turn.

        They are timed on the wall, from the beginning of each turn to its end. With `completes`, after each turn of
        writes comes one of as many completedWrites, by the next thread (on one thread: by the same). A socket has to
        be open in a tracer of c4trace, or nothing is traced. Raises ValueError for numbers that cannot be.
        """
        asked = ffi.new("struct c4bench_turns *")
        asked.factory, asked.socket, asked.traced = self._calls.factory, self._calls.sockets, self._traced
        asked.threads, asked.run, asked.turns = threads, run, turns
        asked.message, asked.completes = message, completes
        found = float(lib.c4bench_take_turns(asked))
        if found < 0:
            raise ValueError(f"{turns} turns of {run} calls of {message} bytes on {threads} threads")
        return found

    def session_ns(self, rounds: int) -> float:
        """Nanoseconds that open, requestClose and dispose of a socket take, all sockets at once, `rounds` times.

        For a loop that was not `opened`.
        """
        self._calls.threads = self._threads
        return float(lib.c4bench_sessions(self._calls, rounds))

    def renew(self) -> None:
        """Dispose of the sockets and open them again: sessions that no other thread has called."""
        self.dispose()
        lib.c4bench_open(self._calls)

    def dispose(self) -> None:
        """Dispose of the sockets."""
        self._calls.threads = self._threads
        lib.c4bench_dispose(self._calls)


class Rings(NamedTuple):
    """Bytes of one ring of a segment, and what was ever written into all of them."""

    each: int
    written: int


def look_at_rings(segment: Path) -> Rings:
    """Look at the segment in this file; zeros where it is none."""
    found = lib.c4bench_look(str(segment).encode())
    return Rings(found.each, found.written)


def copy_ns(message: int, ring: int, copies: int, *, warm: int = 0) -> float:
    """Nanoseconds that copying a message takes, to the places that it would have in a ring of so many bytes."""
    found = float(lib.c4bench_copy(message, ring, warm, copies))
    if found < 0:
        raise ValueError(f"{copies} copies of {message} bytes into a ring of {ring}")
    return found
