"""The proxies that a user would look at sockets with instead: toxiproxy and mitmproxy.

A real LiteCore pushes documents over a WebSocket to another process, as in replication: untraced, traced by c4trace
with everything on (collected in a thread of the host, or in a process), and untraced through each proxy, which only
passes on (mitmproxy also writes its flow file, as c4trace its recording). Beside that a message goes to an echo server
and back, one after the other, on a socket of c4trace's factory. CPU time is that of the host, and of the proxy from
when it listens. What is traced ends when the recording is whole. Needs `make litecore` and `make bench-peers`.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from benchmarks import peers
from benchmarks.harness import Bench, interleave
from benchmarks.replicate import Collected, Order, carry_out, checked
from benchmarks.results import Results
from c4trace import EmbeddedHost, Tracer
from c4trace.factories import WebSocketFactory
from c4trace.factories.bridge import bridge
from tests.real.litecore import PATH
from tests.real.serve import serving

UNTRACED: Final = "untraced"
TRACED: Final[dict[str, Literal["thread", "process"]]] = {"c4trace, thread": "thread", "c4trace, process": "process"}
PATIENCE: Final = 60.0


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`documents` are pushed and `messages` sent to and fro by each side in each repetition."""

    repetitions: int
    documents: int
    document_bytes: int
    messages: int
    message_bytes: int


FULL: Final = Sizes(repetitions=8, documents=1000, document_bytes=1000, messages=300, message_bytes=256)
TINY: Final = Sizes(repetitions=2, documents=20, document_bytes=100, messages=5, message_bytes=256)


class Spent(NamedTuple):
    """Seconds a replication takes, and microseconds a message takes to the server and back."""

    wall: float
    host_cpu: float
    proxy_cpu: float
    round_trip: float


def measure(sizes: Sizes) -> Results:
    """All sides that can be had here."""
    bench = Bench("proxies", base=UNTRACED)
    if not PATH.exists():
        for name in (UNTRACED, *TRACED, *peers.PROXIES):
            bench.miss(name, "there is no LiteCore: make litecore")
        return bench.results()
    sides: dict[str, Callable[[], Spent]] = {
        UNTRACED: partial(_through, sizes, peers.no_proxy, ""),
        **{name: partial(_through, sizes, peers.no_proxy, collect_in) for name, collect_in in TRACED.items()},
    }
    for name, proxy in peers.PROXIES.items():
        if proxy.program.exists():
            sides[name] = partial(_through, sizes, proxy.running, "")
        else:
            bench.miss(name, "not installed: make bench-peers")
    measured = interleave(sides, sizes.repetitions)
    for case, unit, field in (
        ("replication, wall", "s", "wall"),
        ("replication, host's CPU", "s", "host_cpu"),
        ("replication, proxy's CPU", "s", "proxy_cpu"),
        ("a message and its echo", "us", "round_trip"),
    ):
        for name, spent in measured.items():
            if field == "proxy_cpu" and name not in peers.PROXIES:
                continue
            bench.add(name, case, unit, [getattr(one, field) for one in spent])
    return bench.results(
        documents=sizes.documents,
        document_bytes=sizes.document_bytes,
        messages=sizes.messages,
        message_bytes=sizes.message_bytes,
    )


def _through(sizes: Sizes, proxy: peers.Running, collect_in: Collected) -> Spent:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as remote:
        with serving(Path(remote)) as peer, proxy(peers.port_of(peer.places.push), Path(remote)) as (port, cpu):
            before = cpu()
            run = carry_out(
                Order(
                    collect_in=collect_in,
                    documents=sizes.documents,
                    document_bytes=sizes.document_bytes,
                    url=f"ws://127.0.0.1:{port}/db",
                    folder=folder,
                )
            )
            proxy_cpu = cpu() - before
            assert peer.end().documents == sizes.documents
        checked(run)
        with peers.echo_server() as there, proxy(there, Path(remote)) as (port, _):
            round_trip = _round_trip(sizes, port, Path(folder), collect_in)
    return Spent(run.spent.wall, run.spent.cpu, proxy_cpu, round_trip)


def _round_trip(sizes: Sizes, port: int, folder: Path, collect_in: Collected) -> float:
    """The median of all messages but the first tenth."""
    message = bytes(sizes.message_bytes)
    took = []
    with _socket_factory(folder, collect_in) as (host, factory):
        socket = host.connect(factory, f"ws://127.0.0.1:{port}/")
        socket.wait_opened(PATIENCE)
        for _ in range(sizes.messages):
            began = time.perf_counter()
            socket.send(message)
            assert socket.receive(PATIENCE) == message
            took.append(time.perf_counter() - began)
        socket.close()
        socket.wait_disposed(PATIENCE)
    return statistics.median(took[len(took) // 10 :]) * 1e6


@contextmanager
def _socket_factory(folder: Path, collect_in: Collected) -> Iterator[tuple[EmbeddedHost, int]]:
    """A host, and the address of c4trace's WebSocket factory, traced with everything on or bare."""
    with contextlib.ExitStack() as ends:
        factory = WebSocketFactory()
        ends.callback(factory.shutdown)
        host = ends.enter_context(EmbeddedHost())
        if not collect_in:
            yield host, bridge(factory, host.upcalls).address
            return
        tracer = ends.enter_context(
            Tracer(
                "proxies",
                litecore=host,
                record=folder / "echo.jsonl",
                metrics_port=0,
                log=folder / "echo-log.jsonl",
                folder=folder / "segments",
                collect_in=collect_in,
            )
        )
        yield host, tracer.wrap(factory).address
