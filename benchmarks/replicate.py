"""One replication of a real LiteCore in a process of its own: what replication and proxies repeat.

    python -m benchmarks.replicate ORDER        an Order as JSON; prints a Run

Over the loopback, client and peer are one process, with factories in C (tests/real/plain_factory.c). Over WebSockets
the client's factory is c4trace's own, in Python, and the peer another process at `url`. What is recorded, on the
metrics page and in the log must be what the factories counted themselves, and no event may be lost.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from tests.real import scraped
from tests.real.counts import Counted
from tests.real.database import Database
from tests.real.factory import Stage
from tests.real.litecore import LiteCore, LogLevel
from tests.real.logged import says_the_same
from tests.real.peer import Peer
from tests.real.plain import URL, Plain
from tests.real.recorded import FLOWS, orderly, read_whole
from tests.real.replicator import PUSH, Replicator
from tests.real.traced import Report, Traced
from tests.real.websocket import WebSocketClient
from tests.real.wrapping import Unwrapped

ROOT: Final = Path(__file__).parents[1]
PATIENCE: Final = 600.0
WORDS: Final = [f"{consonant}{vowel}{end}" for consonant in "bdfgklmnprst" for vowel in "aeiou" for end in "nrstl"]


Collected = Literal["", "thread", "process"]
"""Where a tracer collects, with a metrics page, a log and a recording; "": there is none."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to replicate, and how: over the loopback where `url` is empty, untraced where `collect_in` is."""

    collect_in: Collected
    documents: int
    document_bytes: int
    folder: str
    capture: str = "headers"
    url: str = ""
    library: str = ""
    """Of the factories in C."""


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, from the replicator's start until all sockets are disposed of and the tracer, with all sinks, is closed.

    `own` is what c4trace takes of `cpu` by its own account: its threads, closing, and calls by samples. That is less
    exact than a difference, and far less noisy.
    """

    cpu: float
    wall: float
    own: float


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What it took, and what was counted in it."""

    spent: Spent
    counted: dict[str, Counted]
    report: Report | None


class _Way(Protocol):
    url: str
    address: int

    def live_sockets(self) -> int: ...

    def end(self) -> dict[str, Counted]: ...


def carry_out(order: Order) -> Run:
    """Replicate in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.replicate", msgspec.json.encode(order).decode()]
    answer = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    return msgspec.json.decode(answer, type=Run)


def checked(run: Run) -> int:
    """Compare everything that was traced with what the factories counted; how many events that were."""
    if run.report is None:
        return 0
    recorded = read_whole(Path(run.report.recording))
    orderly(recorded)
    own = {label: _comparable(side) for label, side in run.counted.items()}
    assert {label: _comparable(side) for label, side in recorded.by_factory.items()} == own
    page = scraped.classic(run.report.metrics)
    assert {label: _comparable(side) for label, side in scraped.counted(page).items()} == own
    scraped.at_rest(page)
    says_the_same(Path(run.report.log), recorded)
    assert run.report.orphans == 0
    return len(recorded.events)


def _comparable(side: Counted) -> Counted:
    return {
        "calls": side["calls"],
        "bytes": {name: size for name, size in side["bytes"].items() if name in FLOWS},
        "closed": side["closed"],
    }


def replicate(order: Order) -> Run:
    """Replicate in this process."""
    litecore = LiteCore()
    litecore.log(LogLevel.WARNING)
    folder = Path(order.folder)
    client = Database(litecore, folder, "client")
    client.put((f"push-{i}", {"number": i, "text": _text(i, order.document_bytes)}) for i in range(order.documents))
    wrapping = _wrapping(order, litecore, folder)
    stage = Stage(litecore, wrapping, problems=[])
    way: _Way = _OverWebSocket(stage, order.url) if order.url else _Loopback(stage, folder, Path(order.library))

    cpu, wall = _cpu(), time.monotonic()
    replicator = Replicator.connecting(client, PUSH, way.url, way.address)
    replicator.start()
    status = replicator.wait_stopped(PATIENCE)
    replicator.free()
    counted = way.end()
    cpu, wall = _cpu() - cpu, time.monotonic() - wall
    assert (status.error.code, stage.problems) == (0, [])

    report, own = None, 0.0
    if isinstance(wrapping, Traced):
        report = wrapping.last_look()
        own = _collector_cpu() + scraped.classic(report.metrics)["c4trace_overhead_seconds_total"][0][1]
        closing, closing_wall = _cpu(), time.monotonic()
        wrapping.close()
        closing, closing_wall = _cpu() - closing, time.monotonic() - closing_wall
        cpu, wall, own = cpu + closing, wall + closing_wall, own + closing
    return Run(spent=Spent(cpu=cpu, wall=wall, own=own), counted=counted, report=report)


def _wrapping(order: Order, litecore: LiteCore, folder: Path) -> Unwrapped | Traced:
    if not order.collect_in:
        return Unwrapped(litecore)
    return Traced(litecore, folder, capture=order.capture, collect_in=order.collect_in)


class _Loopback:
    """Client and peer in this process."""

    url = URL

    def __init__(self, stage: Stage, folder: Path, library: Path) -> None:
        self._peer = Peer(Database(stage.litecore, folder, "peer"))
        self._plain = Plain(stage, self._peer, library, framed=False)
        self.address = self._plain.client.address

    def live_sockets(self) -> int:
        return self._plain.client.live_sockets + self._plain.passive.live_sockets

    def end(self) -> dict[str, Counted]:
        self._peer.close()
        _wait(self.live_sockets)
        return {"client": self._plain.client.report(), "passive": self._plain.passive.report()}


class _OverWebSocket:
    """The client alone."""

    def __init__(self, stage: Stage, url: str) -> None:
        self.url = url
        self._client = WebSocketClient(stage)
        self.address = self._client.address

    def live_sockets(self) -> int:
        return self._client.live_sockets

    def end(self) -> dict[str, Counted]:
        _wait(self.live_sockets)
        self._client.close()
        return {"websocket": self._client.report()}


def _wait(live_sockets: Callable[[], int]) -> None:
    while live_sockets():
        time.sleep(0.001)


def _text(number: int, size: int) -> str:
    """Words, the same every time, that compress about as words do."""
    dice = random.Random(number)  # noqa: S311 - content, not a secret
    return " ".join(dice.choices(WORDS, k=size // 4 + 1))[:size]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _collector_cpu() -> float:
    """Of the threads of c4trace that are alive, by the kernel's own account."""
    ours = [thread.native_id for thread in threading.enumerate() if thread.name.startswith("c4trace-")]
    return sum(int(Path(f"/proc/self/task/{tid}/schedstat").read_text().split()[0]) for tid in ours) / 1e9


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(replicate(msgspec.json.decode(sys.argv[1], type=Order))))
