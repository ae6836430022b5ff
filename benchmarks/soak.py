"""A long run: sockets that fail and come again, traced with everything on; memory must stay flat and numbers equal.

The host (soak_host.c) is a C program with its own count of all that crosses the boundary. A process collects: a rotated
recording, a metrics page, a log. Meanwhile both are asked for their memory; growth is that of the last quarter of the
time over the second one, when everything is in use. At the end metrics page and snapshot must say what the host
has counted, and the recording that but for what is said to be lost.

    make soak                                              among the tests that take minutes: 30 minutes of it
    python -m benchmarks soak --set seconds=300            five
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

import c4trace
from benchmarks.harness import Bench
from benchmarks.host_program import built
from benchmarks.results import Results
from c4trace.collecting_apart import CollectionApart
from c4trace.destinations import Destinations, destinations
from c4trace.events import Event, EventKind
from c4trace.recording.parts import parts_of
from c4trace.recording.rotation import Rotation
from c4trace.segment.attach import attach
from c4trace.segment.snapshot import Snapshot
from tests.tracing import Counted, counted, scraped

SOURCE: Final = Path(__file__).with_name("soak_host.c")
SAMPLE_EVERY_S: Final = 0.5
PATIENCE: Final = 120.0
MIB: Final = 1 << 20


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`events` a second, of all sockets together."""

    seconds: float
    sockets: int
    events: float


FULL: Final = Sizes(seconds=1800, sockets=200, events=100_000)
TINY: Final = Sizes(seconds=4, sockets=50, events=10_000)


class Told(msgspec.Struct, frozen=True):
    """What the host says at its end: its events by number, breaches of the contract it saw, and what was not let go."""

    events: dict[int, tuple[int, int]]
    anomalies: int
    left: int

    def counted(self) -> Counted:
        """In the form in which everything else counts."""
        return {EventKind(number).name: (n, size) for number, (n, size) in self.events.items() if n}


def measure(sizes: Sizes) -> Results:
    """Run for so long, and compare."""
    bench = Bench("soak")
    memory: dict[str, list[float]] = {"host": [], "collector": []}
    with tempfile.TemporaryDirectory() as name, _host(Path(name), sizes) as host:
        folder = Path(name)
        segment = attach(Path(_line(host)))
        collection = CollectionApart(segment.path, _destinations(folder))
        _say(host)
        _sample(host.pid, collection.pid, memory, sizes.seconds)
        told = msgspec.json.decode(_line(host), type=Told)
        assert collection.metrics_url is not None
        page = scraped(collection.metrics_url)
        snapshot = segment.snapshot()
        _say(host)
        assert host.wait(PATIENCE) == 0
        collection.stop()
        segment.close()
        recorded, kept_lost = _recorded(folder / "soak.jsonl")
    own = told.counted()
    events = sum(n for n, _ in own.values())
    lost = max(_lost(snapshot), kept_lost)
    drift = _apart(own, page) + _apart(own, counted(snapshot)) + abs(events - recorded - lost)
    for process, samples in memory.items():
        bench.add(process, "growth", "MiB", [max(0.0, _growth(samples))])
        bench.add(process, "most", "MiB", [max(samples)])
    bench.add("events", "lost", "events", [lost])
    bench.add("counters", "drift", "events", [drift])
    bench.add("host", "breaches seen", "", [told.anomalies + told.left])
    bench.add("events", "a second", "events/s", [events / sizes.seconds])
    bench.add("sessions", "a second", "sessions/s", [own["open"][0] / sizes.seconds])
    return bench.results(seconds=sizes.seconds, sockets=sizes.sockets, events=events, sessions=own["open"][0])


@contextmanager
def _host(folder: Path, sizes: Sizes) -> Iterator[subprocess.Popen[bytes]]:
    """The host, built here, with its segment in `folder`."""
    command = [str(built(SOURCE, folder)), "soak", str(sizes.seconds), str(sizes.sockets), str(sizes.events)]
    environment = {**os.environ, "C4TRACE_DIR": str(folder / "segments")}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as host:
        try:
            yield host
        finally:
            host.kill()


def _destinations(folder: Path) -> Destinations:
    return destinations(
        record=folder / "soak.jsonl",
        rotation=Rotation(part_bytes=64 * MIB, keep_parts=3),
        metrics_port=0,
        metrics_address="127.0.0.1",
        log=folder / "log.jsonl",
        log_level="info",
    )


def _line(host: subprocess.Popen[bytes]) -> str:
    assert host.stdout is not None
    return host.stdout.readline().decode().rstrip("\n")


def _say(host: subprocess.Popen[bytes]) -> None:
    assert host.stdin is not None
    host.stdin.write(b"\n")
    host.stdin.flush()


def _sample(host: int, collector: int, memory: Mapping[str, list[float]], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for process, pid in (("host", host), ("collector", collector)):
            memory[process].append(_own_memory(pid) / MIB)
        time.sleep(SAMPLE_EVERY_S)


def _own_memory(pid: int) -> int:
    """Bytes that are of this process alone (RssAnon)."""
    found = re.search(r"^RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def _growth(samples: list[float]) -> float:
    quarter = max(1, len(samples) // 4)
    return median(samples[-quarter:]) - median(samples[quarter : 2 * quarter] or samples)


def _lost(snapshot: Snapshot) -> int:
    """Whatever is not on record; a duration or a latency that was not measured is no event."""
    return sum(n for reason, n in snapshot.lost.items() if reason not in {"latency", "return"})


def _apart(own: Counted, others: Counted) -> int:
    """How many events, and how many bytes, one count says more or less than another."""
    names = own.keys() | others.keys()
    pairs = [(own.get(name, (0, 0)), others.get(name, (0, 0))) for name in names]
    return sum(abs(one[0] - other[0]) + abs(one[1] - other[1]) for one, other in pairs)


def _recorded(record: Path) -> tuple[int, int]:
    """The number of the last event on record, and how many are lost by the footers of the parts that were kept."""
    last, lost = 0, 0
    for part in parts_of(record).values():
        with c4trace.open_recording(part) as recording:
            for line in recording:
                if isinstance(line, Event):
                    last = line.seq
            assert (recording.torn, recording.mismatches) == (None, ())
            assert recording.footer is not None
            lost += recording.footer.lost
    return last, lost
