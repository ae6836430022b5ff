"""Collecting a segment into its destinations: a recording, a log, a metrics page."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from c4trace.recording.schema import RecordingError
from c4trace.segment.collector import Collector
from c4trace.segment.folder import SegmentError
from c4trace.serve_error import ServeError
from c4trace.sinks.logs import LogError, LogSink
from c4trace.sinks.recorder import Recorder
from c4trace.trace_error import TraceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from c4trace.destinations import Destinations
    from c4trace.segment.collector import Sink
    from c4trace.sinks.metrics import MetricsCollector
    from c4trace.sinks.scrape import MetricsServer

__all__ = ["Collecting", "Collection", "Place", "refusing"]

Place = Literal["thread", "process"]


class Collecting(Protocol):
    """A collection under way, here or in another process."""

    metrics_url: str | None
    """Where its metrics page is, if it has one."""

    def unrecorded(self) -> int:
        """Count the events that a recorder which had to stop has not written."""

    def stop(self) -> None:
        """Hand out everything that is left, close all destinations, end; more than once is fine."""

    def forget(self) -> None:
        """In a forked child: it is the parent's."""


class Collection:
    """Collects the segment at `segment` in threads of this process.

    `metrics` gives what its metrics page shows, if it has one. Raises TraceError for a destination that cannot be used;
    then nothing was begun and nothing is left.
    """

    def __init__(self, segment: Path, to: Destinations, metrics: Callable[[], MetricsCollector]) -> None:
        self.metrics_url: str | None = None
        self._server: MetricsServer | None = None
        self._recorder: Recorder | None = None
        self._collector: Collector | None = None
        with refusing(), contextlib.ExitStack() as undo:
            if to.record is not None:
                self._recorder = Recorder(to.record, rotation=to.rotation)
            if to.metrics_port is not None:
                from c4trace.sinks.scrape import MetricsServer  # noqa: PLC0415 - half of what a tracer without needs

                self._server = MetricsServer(metrics(), to.metrics_port, to.metrics_address)
                undo.callback(self._server.close)
                self.metrics_url = self._server.url
            # The recorder is started last: where it is refused, a recording that is to be replaced is still there.
            sinks: list[Sink] = [_log(to.log, to, segment, undo)] if to.log is not None else []
            if self._recorder is not None:
                sinks.append(self._recorder)
            if sinks:
                self._collector = Collector(segment, sinks)
                self._collector.start()
            undo.pop_all()

    @property
    def events(self) -> int:
        """Events that were handed to recording and log."""
        return self._collector.events if self._collector is not None else 0

    @property
    def lost(self) -> int:
        """Events that are missing from what was handed to them."""
        return self._collector.lost if self._collector is not None else 0

    def unrecorded(self) -> int:
        """As in `Collecting`."""
        return self._recorder.unrecorded if self._recorder is not None else 0

    def stop(self) -> None:
        """As in `Collecting`."""
        if self._collector is not None:
            self._collector.stop()
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def forget(self) -> None:
        """Do nothing: collector and server know that they are the parent's."""


def _log(target: str, to: Destinations, segment: Path, undo: contextlib.ExitStack) -> LogSink:
    """The log; what it has made is gone again where something else is refused."""
    file = Path(target)
    is_new = file.is_absolute() and not file.exists()
    log = LogSink(target, level=to.log_level, segment=segment)
    if is_new:
        undo.callback(file.unlink, missing_ok=True)
    undo.callback(log.close, 0)
    return log


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Make a TraceError of what a destination is refused with."""
    try:
        yield
    except (RecordingError, SegmentError, ServeError, LogError) as error:
        raise TraceError(str(error)) from error
