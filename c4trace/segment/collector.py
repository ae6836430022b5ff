"""The one thread that takes events out of a segment and hands them to sinks."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from c4trace._native import ffi, lib
from c4trace.events import Event, Gap, Return
from c4trace.segment.attach import decode_lines
from c4trace.segment.header import recording_header
from c4trace.segment.native_reader import NativeReader
from c4trace.segment.take_snapshot import take_snapshot
from c4trace.segment.turned import Turned

__all__ = ["TEXTS_KEPT", "Collector", "Sink"]

_WAIT_US = 80_000  # a sink hears from us this often, and so does a stopping host at the latest
_LEASE_LOST, _CUT_SHORT = 2, 3

TEXTS_KEPT: int = lib.C4T_BATCHES
"""Texts that are in memory at once: the one being filled, and those that were given before it."""


class Sink(Protocol):
    """Where what a segment tells goes. All calls but `start` come from the collector's thread.

    A sink that raises is dropped with one message; the others and the host go on.
    """

    wants: Literal["text", "lifecycle", "events"]

    def start(self, header: Mapping[str, object]) -> None:
        """Get ready; `header` is the first line of a recording. What is raised here stops the collector's start."""

    def text(self, text: memoryview, events: int, lost: int, begun: Sequence[int], unread: float, /) -> None:
        """For "text": whole lines of a recording, `events` of them events, whose gaps sum up to `lost`.

        `begun` are the session ids of its open and fromNative events. `text` is the collector's own memory: it stays as
        it is until TEXTS_KEPT - 1 more have been given. `unread` tells how far the collector is behind: which part of
        the fullest ring, 0 to 1, was not read yet; at 1 events are lost.
        """

    def notices(self, batch: Sequence[Event | Return | Gap], /) -> None:
        """For "lifecycle" and "events": the same as objects; of every event, or of those that are not mere traffic."""

    def idle(self) -> None:
        """A moment to flush: called at least every 100 ms."""

    def close(self, lost: int) -> None:
        """Nothing follows; `lost` events are missing from all that was given."""


def _to_stderr(text: str) -> None:
    if sys.stderr is not None:
        print(f"c4trace: {text}", file=sys.stderr, flush=True)


class Collector:
    """Consumes a segment in a daemon thread until `stop`, or until its host is gone.

    While it runs the host records instead of overwriting. It starts with what the segment holds already, or with
    `from_now` at the present. `capture`, a level and its byte count, is in force as long as it runs. `report` is given
    one line for each sink that fails.
    """

    def __init__(
        self,
        segment_path: str | os.PathLike[str],
        sinks: Sequence[Sink],
        *,
        from_now: bool = False,
        capture: tuple[int, int] | None = None,
        report: Callable[[str], None] = _to_stderr,
    ) -> None:
        self.path = Path(segment_path)
        self.events = 0
        self.lost = 0
        self.failures: list[str] = []
        """What was said of sinks that failed."""
        self._sinks = list(sinks)
        self._from_now = from_now
        self._capture = capture
        self._turned: Turned | None = None
        self._report = report
        self._reader: NativeReader | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._pid = 0

    @property
    def running(self) -> bool:
        """True from `start` until everything was handed out and all sinks are closed."""
        return self._thread is not None and self._pid == os.getpid() and self._thread.is_alive()

    def start(self) -> None:
        """Take the consumer lease, start all sinks, begin.

        Raises SegmentError for a segment that cannot be read or is being recorded, and whatever a sink's `start`
        raises; then nothing was begun.
        """
        reader = NativeReader(self.path, "consume", from_now=self._from_now)
        try:
            if self._capture is not None:
                self._turned = Turned(reader, self._capture)
            self._start_sinks(recording_header(take_snapshot(reader).process))
        except BaseException:
            self._turn_back()
            reader.close()
            raise
        self._reader = reader
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, args=(reader,), name="c4trace-collect", daemon=True)
        atexit.register(self.stop)
        self._thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Hand out everything that is left, close all sinks, end; False if `timeout` seconds were not enough.

        More than once is fine, and in a forked child it does nothing: the thread is the parent's.
        """
        thread, reader = self._thread, self._reader
        if thread is None or reader is None or self._pid != os.getpid():
            return True
        self._stopping.set()
        reader.stop()
        if thread is not threading.current_thread():
            thread.join(timeout)
        if thread.is_alive():
            return False
        atexit.unregister(self.stop)
        return True

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the host is gone and everything was handed out; False if `timeout` seconds were not enough."""
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.running

    def _start_sinks(self, header: Mapping[str, object]) -> None:
        started: list[Sink] = []
        try:
            for sink in self._sinks:
                sink.start(header)
                started.append(sink)
        except BaseException:
            for sink in started:
                with contextlib.suppress(Exception):
                    sink.close(0)
            raise

    def _wants(self) -> int:
        wants = 0
        for sink in self._sinks:
            wants |= int(lib.C4T_WANT_LIFECYCLE if sink.wants == "lifecycle" else lib.C4T_WANT_TEXT)
        return wants

    def _run(self, reader: NativeReader) -> None:
        try:
            is_ours = self._collect(reader)
            self._turn_back()
            if is_ours:
                self._drain(reader)
        finally:
            self._turn_back()
            for sink in tuple(self._sinks):
                self._guard(sink, sink.close, self.lost)
            reader.close()

    def _turn_back(self) -> None:
        turned, self._turned = self._turned, None
        if turned is not None:
            turned.back()

    def _collect(self, reader: NativeReader) -> bool:
        """Go on until stopped or the host is over; False where there is nothing to drain."""
        batch = ffi.new("struct c4t_batch *")
        idled = time.monotonic()
        while not self._stopping.is_set():
            lib.c4t_reader_collect(reader.handle, self._wants(), _WAIT_US, batch)
            self._hand_out(batch)
            if batch.over == _LEASE_LOST:
                self._say("another process records this segment now; this recording ends here")
                return False
            if batch.over == _CUT_SHORT:
                self._say(f"{self.path}: was cut short while it was read; this recording ends here")
            if batch.over:
                break
            now = time.monotonic()
            if now - idled >= _WAIT_US / 1e6 / 2:
                idled = now
                self._idle()
        return True

    def _drain(self, reader: NativeReader) -> None:
        batch = ffi.new("struct c4t_batch *")
        while lib.c4t_reader_drain(reader.handle, self._wants(), batch):
            self._hand_out(batch)

    def _hand_out(self, batch: Any) -> None:
        if not batch.text_size and not batch.notices_size:
            return
        self.events += batch.events
        self.lost += batch.lost
        text = memoryview(ffi.buffer(batch.text, batch.text_size))
        begun = ffi.unpack(batch.begun, batch.begun_count) if batch.begun_count else []
        lines: dict[str, Sequence[Event | Return | Gap]] = {}
        for sink in tuple(self._sinks):
            kind = sink.wants
            if kind == "text":
                if text:
                    self._guard(sink, sink.text, text, batch.events, batch.lost, begun, batch.unread)
                continue
            if kind not in lines:
                shown = text if kind == "events" else bytes(ffi.buffer(batch.notices, batch.notices_size))
                lines[kind] = decode_lines(shown) if shown else []
            if lines[kind]:
                self._guard(sink, sink.notices, lines[kind])

    def _idle(self) -> None:
        for sink in tuple(self._sinks):
            self._guard(sink, sink.idle)

    def _guard(self, sink: Sink, call: Callable[..., None], *given: object) -> None:
        """Call what is `sink`'s; whatever is wrong with it, the host and the others go on."""
        try:
            call(*given)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            self._sinks.remove(sink)
            self._say(f"{type(sink).__name__} failed and is left out from here on: {type(error).__name__}: {error}")
            with contextlib.suppress(Exception):
                sink.close(self.lost)

    def _say(self, text: str) -> None:
        self.failures.append(text)
        with contextlib.suppress(Exception):
            self._report(text)
