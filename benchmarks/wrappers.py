"""What wrappers written in Python cost, which a user would write in c4trace's place.

A host calls as in hot_path, through a C4SocketFactory made of cffi callbacks that call the factory that does nothing:

    pass-through           nothing else
    Python wrapper, child  counts, adds bytes and observes durations with prometheus_client, children looked up before
    Python wrapper, labels the same with labels(...) in every call
    metrics only           traced by c4trace, capture off: the same numbers and more
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
from cffi import FFI
from prometheus_client import CollectorRegistry, Counter, Histogram

from benchmarks.harness import Bench, interleave
from benchmarks.hot_path import MESSAGE, case_of
from benchmarks.results import Results
from benchmarks.traced_calls import traced_calls
from c4trace.bench.loop import INNER, CallLoop

TRACED: Final = "metrics only"
DECLARATIONS: Final = """
    typedef struct { const void *buf; size_t size; } C4Slice;
    typedef struct {
        uint8_t framing; void *context;
        void (*open)(void *, const void *, C4Slice, void *);
        void (*write)(void *, C4Slice);
        void (*completedReceive)(void *, size_t);
        void (*close)(void *);
        void (*requestClose)(void *, int, C4Slice);
        void (*dispose)(void *);
        void (*attached)(void *);
    } C4SocketFactory;
"""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`calls` are those of each thread in each repetition through a wrapper; c4trace gets a hundred times as many."""

    repetitions: int
    calls: int
    threads: tuple[int, ...]


FULL: Final = Sizes(repetitions=8, calls=2000, threads=(1, 2, 4))
TINY: Final = Sizes(repetitions=2, calls=10, threads=(1,))


def measure(sizes: Sizes) -> Results:
    """All wrappers on each number of threads."""
    bench = Bench("wrappers", base=TRACED)
    wrappers = Wrappers()
    with traced_calls() as traced:
        sides: dict[str, tuple[int, Callable[..., float]]] = {
            TRACED: (100, partial(traced.ns, "off")),
            "pass-through": (1, wrappers.loop(wrappers.pass_through)),
            "Python wrapper, child": (1, wrappers.loop(wrappers.count)),
            "Python wrapper, labels": (1, wrappers.loop(wrappers.count_by_labels)),
        }
        keyed = {
            (side, case_of(threads)): partial(ns, calls=times * sizes.calls, threads=threads, message=MESSAGE)
            for side, (times, ns) in sides.items()
            for threads in sizes.threads
        }
        bench.add_all("ns", interleave(keyed, sizes.repetitions))
    return bench.results(calls=sizes.calls, message_bytes=MESSAGE)


class Wrappers:
    """The wrappers' write functions, each `(socket, slice) -> None`."""

    def __init__(self) -> None:
        self._ffi = FFI()
        self._ffi.cdef(DECLARATIONS)
        self._inner: Any = self._ffi.cast("C4SocketFactory *", INNER)
        registry = CollectorRegistry()
        self._calls = Counter("calls", "Calls.", ["factory", "call"], registry=registry)
        self._bytes = Counter("bytes", "Bytes.", ["factory", "call"], registry=registry)
        self._seconds = Histogram("seconds", "Durations.", ["factory", "call"], registry=registry)
        self._write_calls = self._calls.labels("bench", "write")
        self._write_bytes = self._bytes.labels("bench", "write")
        self._write_seconds = self._seconds.labels("bench", "write")
        self._kept: list[Any] = []

    def loop(self, write: Callable[[Any, Any], None]) -> Callable[..., float]:
        """How long a call takes through a factory whose write this is."""
        factory = self._ffi.new("C4SocketFactory *", self._inner[0])
        callback = self._ffi.callback("void(void *, C4Slice)", write)
        factory.write = callback
        self._kept += [factory, callback]
        return CallLoop(int(self._ffi.cast("uintptr_t", factory))).ns

    def pass_through(self, socket: Any, data: Any) -> None:
        """Only call on."""
        self._inner.write(socket, data)

    def count(self, socket: Any, data: Any) -> None:
        """Count with children that were looked up before."""
        self._write_calls.inc()
        self._write_bytes.inc(data.size)
        began = time.perf_counter()
        self._inner.write(socket, data)
        self._write_seconds.observe(time.perf_counter() - began)

    def count_by_labels(self, socket: Any, data: Any) -> None:
        """Count as prometheus_client's documentation shows it."""
        self._calls.labels("bench", "write").inc()
        self._bytes.labels("bench", "write").inc(data.size)
        began = time.perf_counter()
        self._inner.write(socket, data)
        self._seconds.labels("bench", "write").observe(time.perf_counter() - began)
