"""What `c4trace run` costs Couchbase Lite for Java: documents and a blob, pushed and pulled back over a WebSocket.

The program of tests/real/java, against a passive LiteCore in another process. The sides:

    untraced    java
    traced      c4trace run --record FILE --metrics-port 0 -- java; nothing may be lost
    own         what c4trace takes of the traced host's CPU time by its own account, inside calls and up-calls
    collector   what c4trace run itself takes meanwhile, in its own process

CPU time is that of the JVM with all its threads, from start to end, by the resource usage the kernel keeps for it;
wall time that of the whole command. Needs `make litecore`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.harness import Bench, interleave
from benchmarks.results import Results
from c4trace.segment.attach import attach
from c4trace.segment.folder import list_segments
from tests.real import java_host
from tests.real.serve import serving

UNTRACED: Final = "untraced"
C4TRACE: Final = str(Path(sys.executable).with_name("c4trace"))
USED: Final = "TIMEFORMAT='%3U %3S'; time \"$@\""
"""For bash: run the program, and say on stderr what seconds of user and system time it took, to the millisecond."""

SAME: Final = {"write": "received", "received": "write"}
"""What the peer counts for each: of whole messages the numbers match."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Documents that each repetition pushes and pulls back, and the size of the blob."""

    repetitions: int
    documents: int
    blob_bytes: int


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of one repetition."""

    host_cpu: float
    wall: float
    own_cpu: float
    collector_cpu: float


FULL: Final = Sizes(repetitions=8, documents=10_000, blob_bytes=1_000_000)
TINY: Final = Sizes(repetitions=2, documents=10, blob_bytes=1000)


def measure(sizes: Sizes) -> Results:
    """Push and pull, untraced and traced."""
    bench = Bench("java", base=UNTRACED)
    with tempfile.TemporaryDirectory() as folder:
        try:
            java = java_host.command(Path(folder))
        except java_host.MissingError as missing:
            for side in (UNTRACED, "traced", "own", "collector"):
                bench.miss(side, str(missing))
            return bench.results()
        sides = {side: partial(_replicate, java, sizes, traced=side != UNTRACED) for side in (UNTRACED, "traced")}
        measured = interleave(sides, sizes.repetitions)
    for side, spent in measured.items():
        bench.add(side, "CPU", "s", [one.host_cpu for one in spent])
        bench.add(side, "wall", "s", [one.wall for one in spent])
    bench.add("own", "CPU", "s", [one.own_cpu for one in measured["traced"]])
    bench.add("collector", "CPU", "s", [one.collector_cpu for one in measured["traced"]])
    return bench.results(documents=sizes.documents, blob_bytes=sizes.blob_bytes)


def _replicate(java: list[str], sizes: Sizes, *, traced: bool) -> Spent:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        for name in ("peer", "databases"):
            (here / name).mkdir()
        record = here / "java.jsonl"
        before = [C4TRACE, "run", "--record", str(record), "--metrics-port", "0", "--"] if traced else []
        with serving(here / "peer") as peer:
            arguments = [str(here / "databases"), peer.places.push, peer.places.pull, str(sizes.documents)]
            timed = ["bash", "-c", USED, "bash", *java, *arguments, str(sizes.blob_bytes), "return"]
            began = time.monotonic()
            with subprocess.Popen(
                [*before, *timed],
                env={**java_host.environment(), "C4TRACE_DIR": str(here / "segments")},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            ) as process:
                assert process.stderr is not None
                said = process.stderr.read()
                _, status, all_of_it = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            wall = time.monotonic() - began
            served = peer.end()
        if process.returncode or served.documents != sizes.documents + 1 or (traced and "nothing lost" not in said):
            raise RuntimeError(f"the Java program failed, or events were lost: {said}")
        if traced:
            peers = (served.push["calls"], served.pull["calls"])
            _on_record(record, {name: sum(calls[name] for calls in peers) for name in SAME})
        (own,) = [_overhead(file.path) for file in list_segments(here / "segments")] or [0.0]
        host = sum(map(float, re.findall(r"^(\d+\.\d+) (\d+\.\d+)$", said, re.MULTILINE)[-1]))
        return Spent(
            host_cpu=host, wall=wall, own_cpu=own, collector_cpu=all_of_it.ru_utime + all_of_it.ru_stime - host
        )


def _overhead(segment: Path) -> float:
    with attach(segment) as dead:
        return dead.snapshot().overhead_seconds


def _on_record(record: Path, counted: dict[str, int]) -> None:
    """Check that the recording has as many as the peer has counted."""
    with record.open("rb") as lines:
        events = [json.loads(line).get("ev") for line in lines]
    found = {ours: events.count(ours) for ours in SAME}
    wanted = {ours: counted[theirs] for ours, theirs in SAME.items()}
    if found != wanted:
        raise RuntimeError(f"the recording has {found}, the peer has counted {wanted}")
