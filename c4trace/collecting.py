"""Collecting a tracer's segment into its sinks: in a thread of the host, or in a process of its own."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from c4trace.recording.rotation import Rotation
from c4trace.recording.schema import RecordingError
from c4trace.segment.attach import attach
from c4trace.segment.collect import Config, Report, SinkSpec
from c4trace.segment.collector import Collector
from c4trace.segment.folder import SegmentError
from c4trace.sinks.logs import LogError, LogSink
from c4trace.sinks.metrics import MetricsCollector
from c4trace.sinks.recorder import Recorder
from c4trace.sinks.scrape import MetricsServer, ServeError

if TYPE_CHECKING:
    from c4trace.events import Event, Gap, Return

__all__ = ["Collecting", "Destinations", "TraceError", "collecting"]

_START_S = 20.0
_END_S = 30.0


class TraceError(Exception):
    """What c4trace was asked for and cannot do: one line with what, why and what to do."""


class Destinations(msgspec.Struct, frozen=True):
    """Where a tracer's events go; the words are those of `Tracer`."""

    record: str | os.PathLike[str] | None = None
    rotation: Rotation | None = None
    metrics_port: int | None = None
    metrics_address: str = "127.0.0.1"
    log: str | os.PathLike[str] | None = None
    log_level: Literal["info", "debug"] = "info"

    def __bool__(self) -> bool:
        return self.record is not None or self.metrics_port is not None or self.log is not None


class Collecting(Protocol):
    """A collection under way."""

    metrics_url: str | None

    def unrecorded(self) -> int:
        """Events that a recorder which had to stop has not written."""

    def stop(self) -> None:
        """Drain, close all sinks, end."""


def collecting(
    where: Literal["thread", "process"], segment: Path, destinations: Destinations, collector: MetricsCollector
) -> Collecting:
    """Begin to collect. Raises TraceError for a destination that cannot be used."""
    if where not in {"thread", "process"}:
        raise TraceError(f"cannot collect in {where!r}: use 'thread' or 'process'")
    try:
        if where == "process":
            return _InProcess(segment, destinations)
        return _InThread(segment, destinations, collector)
    except (RecordingError, SegmentError, ServeError, LogError) as error:
        raise TraceError(str(error)) from error


def recorder(path: str, rotation: Mapping[str, Any] | None) -> Recorder:
    """A recorder from what JSON can say."""
    return Recorder(path, rotation=Rotation(**rotation) if rotation else None)


class _InThread:
    def __init__(self, segment: Path, destinations: Destinations, metrics: MetricsCollector) -> None:
        self.metrics_url: str | None = None
        self._server: MetricsServer | None = None
        self._recorder: Recorder | None = None
        self._collector: Collector | None = None
        with contextlib.ExitStack() as undo:
            if destinations.metrics_port is not None:
                self._server = MetricsServer(metrics, destinations.metrics_port, destinations.metrics_address)
                undo.callback(self._server.close)
                self.metrics_url = f"http://{self._server.address}:{self._server.port}/metrics"
            sinks: list[Any] = []
            if destinations.record is not None:
                self._recorder = Recorder(destinations.record, rotation=destinations.rotation)
                sinks.append(self._recorder)
            if destinations.log is not None:
                sinks.append(LogSink(destinations.log, level=destinations.log_level, segment=segment))
            if sinks:
                self._collector = Collector(segment, sinks)
                self._collector.start()
            undo.pop_all()

    def unrecorded(self) -> int:
        return self._recorder.unrecorded if self._recorder is not None else 0

    def stop(self) -> None:
        if self._collector is not None:
            self._collector.stop()
        if self._server is not None:
            self._server.close()


class ServedMetrics:
    """A sink that serves the metrics of a segment over HTTP, for a collector in a process of its own."""

    wants: Literal["lifecycle"] = "lifecycle"

    def __init__(self, segment: str, port: int, address: str) -> None:
        self._segment = attach(segment, control=True)
        self._server = MetricsServer(MetricsCollector(lambda: self._segment.snapshot(take_exemplars=True)), port, address)
        self.url = f"http://{self._server.address}:{self._server.port}/metrics"

    def start(self, header: Mapping[str, object]) -> None:
        """Nothing to do: a scrape reads the segment."""

    def text(self, text: memoryview, events: int, lost: int, /) -> None:
        """Never called."""

    def notices(self, batch: Sequence[Event | Return | Gap], /) -> None:
        """Nothing to do: a scrape reads the segment."""

    def idle(self) -> None:
        """Nothing to do."""

    def close(self, lost: int) -> None:  # noqa: ARG002 - losses are in the segment
        """Serve no more."""
        self._server.close()


def _specs(segment: Path, destinations: Destinations) -> list[SinkSpec]:
    specs = []
    if destinations.record is not None:
        rotation = msgspec.to_builtins(destinations.rotation)
        specs.append(SinkSpec("c4trace.collecting:recorder", [os.path.abspath(destinations.record), rotation]))
    if destinations.log is not None:
        options = {"level": destinations.log_level, "segment": str(segment)}
        specs.append(SinkSpec("c4trace.sinks.logs:LogSink", [os.fspath(destinations.log)], options))
    if destinations.metrics_port is not None:
        args = [str(segment), destinations.metrics_port, destinations.metrics_address]
        specs.append(SinkSpec("c4trace.collecting:ServedMetrics", args))
    return specs


class _InProcess:
    """The pipe to its standard input is what keeps the other process collecting."""

    def __init__(self, segment: Path, destinations: Destinations) -> None:
        config = Config(str(segment), _specs(segment, destinations))
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "c4trace.segment.collect"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        first = self._say(msgspec.json.encode(config) + b"\n")
        if not first.ready:
            self._process.kill()
            self._process.communicate()
            raise TraceError(first.error or "the collector process did not start")
        self.metrics_url: str | None = first.url or None

    def _say(self, line: bytes) -> Report:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line)
            self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], _START_S)
        answer = self._process.stdout.readline() if ready else b""
        return msgspec.json.decode(answer, type=Report) if answer else Report()

    def unrecorded(self) -> int:
        return 0

    def stop(self) -> None:
        try:
            self._process.communicate(timeout=_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
