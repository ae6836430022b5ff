"""Tracers around the factory that does nothing, one a clock, for the loop in C to call through."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from c4trace import EmbeddedHost, Tracer
from c4trace.bench.loop import INNER, CallLoop

OTHER_CLOCK: Final = "clock_gettime"
MODES: Final = {"metrics only": "off", "events": "events", "headers": "headers"}
"""The capture levels that take no payload, as the tables name them."""


class TracedCalls:
    """One tracer, and a loop through it with a socket for each thread."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._factory = tracer.wrap(INNER).address
        self._loop = self.loop()
        self.segment: Path = tracer.segment_path

    def loop(self, **sockets: Any) -> CallLoop:
        """Another loop, with sockets as `CallLoop` takes them."""
        return CallLoop(self._factory, **sockets)

    def at(self, capture: str, measured: Callable[[], float]) -> float:
        """What is measured at this capture level."""
        self._tracer.set_capture(capture)
        return measured()

    def ns(self, capture: str, **calls: int) -> float:
        """Nanoseconds a call at this capture level, on new sessions; as `CallLoop.ns`."""
        self._loop.renew()
        return self.at(capture, partial(self._loop.ns, **calls))


@contextmanager
def traced_calls() -> Iterator[TracedCalls]:
    """A tracer with the clock this machine has."""
    with memory_folder() as folder, EmbeddedHost() as host, Tracer("bench", litecore=host, folder=folder) as tracer:
        yield TracedCalls(tracer)


@contextmanager
def traced_by_both_clocks() -> Iterator[dict[str, TracedCalls]]:
    """Two tracers: "" with the clock this machine has, and OTHER_CLOCK."""
    with contextlib.ExitStack() as ends:
        folder = ends.enter_context(memory_folder())
        host = ends.enter_context(EmbeddedHost())
        usual = ends.enter_context(Tracer("bench", litecore=host, folder=folder))
        with _environment("C4TRACE_CLOCK", "monotonic"):
            other = ends.enter_context(Tracer("bench-clock", litecore=host, folder=folder))
        yield {"": TracedCalls(usual), OTHER_CLOCK: TracedCalls(other)}


@contextmanager
def memory_folder() -> Iterator[Path]:
    """A folder for segments: in memory, where the usual ones are."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
    with tempfile.TemporaryDirectory(prefix="c4trace-bench-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
