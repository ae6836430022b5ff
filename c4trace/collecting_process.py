"""The process that `CollectionApart` starts: ``python -m c4trace.collecting_process``."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from c4trace.collecting import Collection
from c4trace.collecting_apart import STOP, Report, Request
from c4trace.segment.native_reader import NativeReader
from c4trace.segment.take_snapshot import take_snapshot
from c4trace.sinks.metrics import MetricsCollector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from c4trace.segment.snapshot import Snapshot

__all__ = ["main"]

_LOOK_EVERY_S = 0.2


class _Terminated(Exception):  # noqa: N818 - a request, no error
    pass


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise _Terminated


def _on_requests_to_end(do: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, do)


class Watched:
    """The segment as the metrics page needs it: any thread may ask."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._reader = NativeReader(path, "control")

    def snapshot(self) -> Snapshot:
        """For a scrape: the search for the slowest calls begins anew."""
        with self._lock:
            return take_snapshot(self._reader, take_exemplars=True)


def _lines(stdin: BinaryIO, host: int) -> Iterator[bytes]:
    """What the host says, until it says no more or is gone (a child it forked may have its end of the pipe too)."""
    while True:
        ready, _, _ = select.select([stdin], [], [], _LOOK_EVERY_S)
        if ready:
            line = stdin.readline()
            if not line:
                return
            yield line
        elif os.getppid() != host:
            return


def _say(report: Report) -> None:
    try:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # the host is gone, what is collected is not
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _answer(lines: Iterator[bytes], collection: Collection) -> int:
    """Answer all lines up to STOP; the number of the last."""
    number = 1
    for number, line in enumerate(lines, start=2):
        if line == STOP:
            break
        _say(Report(number, events=collection.events, unrecorded=collection.unrecorded()))
    return number


def main() -> int:
    """Collect as the first line asks for; the exit code: 0, or 2 where that cannot be done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the host, whose end is ours
    host = os.getppid()
    stdin = open(0, "rb", buffering=0)  # noqa: SIM115 - unbuffered, so that select knows of all there is
    try:
        request = msgspec.json.decode(stdin.readline(), type=Request)
        watched = Watched(Path(request.segment))
        metrics = MetricsCollector(watched.snapshot, unrecorded=lambda: collection.unrecorded())  # noqa: PLW0108 - made below
        collection = Collection(Path(request.segment), request.to, lambda: metrics)
    except Exception as error:  # noqa: BLE001 - whoever started us is told what is wrong, whatever it is
        _say(Report(1, error=str(error) or type(error).__name__))
        return 2
    number = 1
    try:
        _on_requests_to_end(_terminate)
        _say(Report(1, url=collection.metrics_url))
        number = _answer(_lines(stdin, host), collection)
    except _Terminated:
        pass
    _on_requests_to_end(signal.SIG_IGN)
    collection.stop()
    _say(Report(number, events=collection.events, unrecorded=collection.unrecorded()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
