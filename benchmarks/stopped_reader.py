"""Whether a host notices that a reader is stopped or killed.

Two cases, both by the clock on the wall, because to wait takes no CPU time:

    messages    a real conversation of the embedded host: messages of 256 bytes there and back, a second
    calls       the loop's calls a second, which do nothing: what else a call costs cannot hide behind work

The sides:

    no reader                   the flight recorder
    exporter stopped            `c4trace metrics --all`, stopped after a scrape
    recorder stopped            `c4trace record`, just stopped: it holds its lease, events are dropped
    recorder stopped for long   the same when the lease has run out
    recorder killed             just killed

In the end the counters must be equal to what the host itself has counted.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks.harness import Bench, interleave
from benchmarks.hot_path import MESSAGE
from benchmarks.results import Results
from benchmarks.traced_calls import memory_folder
from c4trace import EmbeddedHost, ErrorDomain, SocketFactory, Tracer
from c4trace.bench.loop import INNER, CallLoop
from c4trace.events import EventKind
from c4trace.factories.socket_factory import Address, Socket

C4TRACE: Final = str(Path(sys.executable).with_name("c4trace"))
NO_READER: Final = "no reader"
PATIENCE: Final = 60.0
URL: Final = "ws://localhost:4984/db/_blipsync"


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Messages and calls of each side in each repetition."""

    repetitions: int
    messages: int
    calls: int


class Speed(msgspec.Struct, frozen=True):
    """What a host does in a second."""

    messages: float
    calls: float


FULL: Final = Sizes(repetitions=10, messages=5_000, calls=2_000_000)
TINY: Final = Sizes(repetitions=2, messages=50, calls=20_000)


def measure(sizes: Sizes) -> Results:
    """All sides with one tracer, each with a reader of its own."""
    bench = Bench("stopped_reader", base=NO_READER)
    with (
        memory_folder() as folder,
        EmbeddedHost() as embedded,
        Tracer("bench", litecore=embedded, folder=folder) as tracer,
    ):
        host = Host(tracer, embedded, sizes)
        measured = interleave(sides(host), sizes.repetitions)
        host.check()
    for side, values in measured.items():
        bench.add(side, "messages", "1/s", [one.messages for one in values])
        bench.add(side, "calls", "1/s", [one.calls for one in values])
    return bench.results(messages=sizes.messages, calls=sizes.calls)


class Echo(SocketFactory):
    """Answers every message with the same."""

    def open(self, socket: Socket, address: Address, options: dict[str, Any]) -> None:  # noqa: ARG002 - none is needed
        """Open at once."""
        socket.got_http_response(101, {})
        socket.opened()

    def write(self, socket: Socket, data: bytes) -> None:
        """Answer."""
        socket.completed_write(len(data))
        socket.received(data)

    def completed_receive(self, socket: Socket, n: int) -> None:
        """Do nothing."""

    def request_close(self, socket: Socket, status: int, message: str) -> None:
        """Close at once."""
        socket.closed(ErrorDomain.WEBSOCKET, status, message)


class Host:
    """Exchanges messages, makes calls, and knows how many calls it has made."""

    def __init__(self, tracer: Tracer, embedded: EmbeddedHost, sizes: Sizes) -> None:
        self.folder = tracer.segment_path.parent
        self._tracer = tracer
        self._embedded = embedded
        self._sizes = sizes
        self._socket = embedded.connect(tracer.wrap(Echo(), factory="echo"), URL)
        self._loop = CallLoop(tracer.wrap(INNER, factory="loop").address, threads=1)
        self._made = 0

    def speed(self) -> Speed:
        """What it does in a second, now."""
        return Speed(
            self._sizes.messages / _seconds(self._exchange),
            self._sizes.calls / _seconds(self._call),
        )

    def is_recorded(self) -> bool:
        """Whether a recorder has the lease."""
        return self._tracer.snapshot().process.recording

    def lose_lease(self) -> None:
        """Go on until the lease of a recorder that is stopped has run out."""
        end = time.monotonic() + PATIENCE
        while self.is_recorded():
            if time.monotonic() > end:
                raise TimeoutError("the host waits for a recorder that is stopped")
            self._call()

    def check(self) -> None:
        """Compare the counters with the host's own."""
        self._socket.close()
        self._socket.wait_disposed(PATIENCE)
        echo, loop = self._tracer.snapshot().factories
        own = {kind: (tally.n, tally.bytes) for kind, tally in self._embedded.counts().events.items()}
        assert {kind: (cell.n, cell.bytes) for kind, cell in echo.events.items() if cell.n} == own
        assert loop.events[EventKind.write].n == self._made

    def _exchange(self) -> None:
        for _ in range(self._sizes.messages):
            self._socket.send(bytes(MESSAGE))
        for _ in range(self._sizes.messages):
            self._socket.receive(PATIENCE)

    def _call(self) -> None:
        self._loop.ns(calls=self._sizes.calls, message=MESSAGE)
        self._made += self._sizes.calls


def _seconds(do: Callable[[], None]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def sides(host: Host) -> dict[str, Callable[[], Speed]]:
    """Every side, which begins with no reader and leaves none."""
    return {
        NO_READER: host.speed,
        "exporter stopped": partial(_exporter_stopped, host),
        "recorder stopped": partial(_recorder_stopped, host, for_long=False),
        "recorder stopped for long": partial(_recorder_stopped, host, for_long=True),
        "recorder killed": partial(_recorder_killed, host),
    }


def _exporter_stopped(host: Host) -> Speed:
    with _reader(host, "metrics", "--all", "--port", "0") as (exporter, said):
        with urllib.request.urlopen(said.split()[2], timeout=PATIENCE) as page:  # noqa: S310 - our own
            page.read()
        exporter.send_signal(signal.SIGSTOP)
        return host.speed()


def _recorder_stopped(host: Host, *, for_long: bool) -> Speed:
    with _recorder(host) as recorder:
        recorder.send_signal(signal.SIGSTOP)
        if for_long:
            host.lose_lease()
        host.speed()  # fills the rings
        return host.speed()


def _recorder_killed(host: Host) -> Speed:
    with _recorder(host) as recorder:
        recorder.kill()
        return host.speed()


@contextmanager
def _recorder(host: Host) -> Iterator[subprocess.Popen[str]]:
    """The recorder; once it is killed, another one gives its lease back."""
    with tempfile.TemporaryDirectory() as folder:
        record = ["record", "bench", "-o", f"{folder}/bench.jsonl"]
        with _reader(host, *record) as (recorder, _):
            yield recorder
        with _reader(host, *record, "--for", "1ms") as (other, _):
            other.wait(PATIENCE)
        assert not host.is_recorded()


@contextmanager
def _reader(host: Host, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The reader once it reads, and what it has said; killed at the end."""
    environment = {**os.environ, "C4TRACE_DIR": str(host.folder)}
    with subprocess.Popen([C4TRACE, *words], env=environment, stderr=subprocess.PIPE, text=True) as reader:
        assert reader.stderr is not None
        try:
            yield reader, reader.stderr.readline()
        finally:
            reader.kill()
