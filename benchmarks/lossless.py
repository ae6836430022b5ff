"""The most that is recorded without losing an event: a host that makes exactly so many calls a second, minutes long.

The host is a process in C (load_host.c), this one collects and records to memory, in parts of which the last 2 GiB are
kept. First the rate is raised step by step, for some seconds each, until events are lost twice at the same rate: what
was recorded before that is the limit. Then, for minutes, the goal's rate is recorded; what stays without loss is what
counts, else it goes down step by step. Everything is compared: what was made, what the collector counted, what is lost,
and the last part that was ended is read again.

The first of all runs is not counted: a virtual machine may get its memory only when that is first written to, and for
so long no memory is as fast as it will be. Parts that were ended without digest, for lack of time, are counted too.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from benchmarks.harness import Bench
from benchmarks.load import Load, folder_in_memory, load
from benchmarks.results import Results
from c4trace.recording.parts import parts_of
from c4trace.recording.reader import open_recording
from c4trace.recording.rotation import Rotation
from c4trace.segment.collector import Collector
from c4trace.sinks.recorder import Recorder

KEPT: Final = 2 << 30
STEP: Final = 1.15
TRIES: Final = 2
FOOTER: Final = 1000
"""Bytes that the last part's end may take beyond what is kept."""


class Case(NamedTuple):
    """A size of payload, the goal in calls a second, and how many of the unit that is counted in a call is."""

    message: int
    goal: int
    unit: str
    of_a_call: float


CASES: Final = {
    "256 B": Case(256, 1_000_000, "events/s", 1),
    "4 KiB": Case(4096, 244_141, "GB/s of payload", 4096e-9),
}


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How long the limit's steps and the goal are recorded; `share` of the goal is the first step.

    A segment has sixteen rings, each a power of two: of 4352 MiB they are 256 MiB, which hold a quarter of a second of
    the goal in 4 KiB payloads.
    """

    warm_seconds: float
    seconds: float
    step_seconds: float
    steps: int
    share: float
    segment_mib: int
    kept: int


FULL: Final = Sizes(warm_seconds=20, seconds=180, step_seconds=20, steps=10, share=0.7, segment_mib=4352, kept=KEPT)
TINY: Final = Sizes(warm_seconds=0.1, seconds=0.2, step_seconds=0.2, steps=1, share=0.01, segment_mib=64, kept=64 << 20)


class Recorded(NamedTuple):
    """What became of a run: events lost, how far the host was behind its plan, and processors in use by each part."""

    lost: int
    without_digest: int
    latest_ms: float
    host: float
    threads: dict[str, float]


def measure(sizes: Sizes) -> Results:
    """Each size of payload."""
    bench = Bench("lossless")
    largest = CASES["4 KiB"]
    record(sizes, largest, int(largest.goal * sizes.share), sizes.warm_seconds)
    for name, case in CASES.items():
        rates = [int(case.goal * sizes.share * STEP**step) for step in range(sizes.steps)]
        limit = 0
        for rate in rates:
            if all(record(sizes, case, rate, sizes.step_seconds).lost for _ in range(TRIES)):
                break
            limit = rate
        bench.add("limit", name, case.unit, [limit * case.of_a_call])
        lower = (rate for rate in reversed(rates) if rate < case.goal)
        rate, found = case.goal, record(sizes, case, case.goal, sizes.seconds)
        while found.lost and (rate := next(lower, 0)):
            bench.add("lost", f"{name}, more than {rate:,} a second", "events", [found.lost])
            found = record(sizes, case, rate, sizes.seconds)
        bench.add("tmpfs", name, case.unit, [rate * case.of_a_call])
        bench.add("parts without digest", name, "of those kept", [found.without_digest])
        bench.add("host", name, "processors", [found.host])
        bench.add("host behind its plan", name, "ms", [found.latest_ms])
        for thread, share in found.threads.items():
            bench.add(thread, name, "processors", [share])
    return bench.results(seconds=sizes.seconds, kept_bytes=sizes.kept, segment_mib=sizes.segment_mib)


def record(sizes: Sizes, case: Case, rate: int, seconds: float) -> Recorded:
    """Record so many calls a second for so long."""
    with folder_in_memory(sizes.segment_mib) as folder:
        path = folder / "out.jsonl"
        with load(folder, segment_mib=sizes.segment_mib) as host:
            rotation = Rotation(part_bytes=sizes.kept // 8, keep_bytes=sizes.kept)
            recorder = Recorder(path, rotation=rotation)
            collector = Collector(host.segment, [recorder])
            collector.start()
            calls = int(rate * seconds)
            before = host.cpu()
            host.begin(calls=calls, message=case.message, capture="full", rate=rate)
            made = host.wait()
            threads = {name: cpu / made.seconds for name, cpu in _threads().items()}
            used = (host.cpu() - before) / made.seconds
            collector.stop()
        _check(host, collector, recorder, calls)
        without_digest = _read_the_last(path, sizes.kept)
    return Recorded(collector.lost + recorder.unrecorded, without_digest, made.latest_ms, used, threads)


def _threads() -> dict[str, float]:
    """Seconds of the processor of c4trace's threads, those of one name together."""
    found: dict[str, float] = {}
    for thread in threading.enumerate():
        if thread.name.startswith("c4trace-"):
            used = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()[0]
            found[thread.name] = found.get(thread.name, 0.0) + int(used) / 1e9
    return found


def _check(host: Load, collector: Collector, recorder: Recorder, calls: int) -> None:
    if recorder.stopped is not None:
        raise RuntimeError(recorder.stopped)
    if collector.events + collector.lost != calls + host.opens:
        raise RuntimeError(f"{calls} made, {collector.events} came, {collector.lost} lost")


def _read_the_last(path: Path, kept: int) -> int:
    """What is kept is whole, and no more than was asked for; how many parts have no digest."""
    parts = list(parts_of(path).values())
    if sum(part.stat().st_size for part in parts) > kept + FOOTER:
        raise RuntimeError(f"more than {kept} bytes were kept")
    with open_recording(parts[-1]) as recording:
        for _ in recording:
            pass
    if recording.torn is not None or recording.mismatches:
        raise RuntimeError(f"{parts[-1]}: {recording.torn or recording.mismatches}")
    return sum(b'"sha256"' not in _end_of(part) for part in parts)


def _end_of(path: Path) -> bytes:
    """The footer, and some text before it that may be anything but one."""
    with path.open("rb") as file:
        file.seek(-min(FOOTER, path.stat().st_size), os.SEEK_END)
        return file.read().splitlines()[-1]
