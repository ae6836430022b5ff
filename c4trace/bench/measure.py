"""What tracing costs here: a call in each mode, and how fast a recorder is."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from c4trace.bench.loop import INNER, CallLoop, Stamps, look_at_rings
from c4trace.host import EmbeddedHost
from c4trace.recording.parts import parts_of
from c4trace.recording.rotation import Rotation
from c4trace.tracer import Tracer

__all__ = ["MESSAGE", "Measured", "Recorder", "measure"]

MESSAGE = 256
"""Bytes a call passes."""
CALLS = 20_000
"""Of a side at a time, and as many before to warm up: a millisecond or so."""
LEVELS = {"metrics only": "off", "events": "events", "headers": "headers", "full": "full"}
NAME = "c4trace-bench"
PART = 32 << 20
TAKES = 0.005
"""Seconds between the bursts of a steady load."""
STEADY = 0.5
"""Of what a recorder writes when it is never without work."""


class Recorder(msgspec.Struct, frozen=True, kw_only=True):
    """A recorder in a process of its own, that writes JSON Lines at capture level headers."""

    events_per_second: float
    """That it writes while the host makes more than it can take."""
    bytes_per_event: float
    """In the recording."""
    steady_events_per_second: float
    """At which it was tried next, for as long."""
    steady_lost: int
    """How many of those it lost."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """All of it; times are nanoseconds of a call on one thread, medians, with what the call itself takes."""

    clock: str
    cpus: int
    untraced: float
    time_stamps: float
    """With two readings of the processor's counter around it, stored."""
    calls: dict[str, float]
    """By capture level."""
    segment_bytes_per_call: float
    """In the segment at capture level headers: an entry and a return record."""
    recorder: Recorder
    seconds: float
    """That it took to measure."""


def measure(seconds: float) -> Measured:
    """Measure for about so long. Raises TraceError where no tracer can be opened."""
    began = time.monotonic()
    with EmbeddedHost() as host, tempfile.TemporaryDirectory(prefix="c4trace-bench-") as folder:
        found = _calls(host, seconds * 0.4)
        recorder = _recorder(host, Path(folder) / "bench.jsonl", seconds * 0.25)
    return Measured(
        clock=found.clock,
        cpus=len(os.sched_getaffinity(0)),
        untraced=found.ns.pop("untraced"),
        time_stamps=found.ns.pop("time stamps"),
        calls=found.ns,
        segment_bytes_per_call=found.segment_bytes,
        recorder=recorder,
        seconds=time.monotonic() - began,
    )


class _Calls(NamedTuple):
    clock: str
    ns: dict[str, float]
    segment_bytes: float


def _calls(host: EmbeddedHost, seconds: float) -> _Calls:
    """Nanoseconds a call by side: all sides turn about, until the time is over."""
    with Tracer(NAME, litecore=host) as tracer:
        traced = CallLoop(tracer.wrap(INNER).address, threads=1)

        def at(level: str) -> float:
            tracer.set_capture(level)
            return traced.ns(warm=CALLS, calls=CALLS, message=MESSAGE)

        sides: dict[str, Callable[[], float]] = {
            "untraced": partial(CallLoop(INNER, threads=1).ns, warm=CALLS, calls=CALLS, message=MESSAGE),
            "time stamps": partial(
                CallLoop(INNER, stamps=Stamps.TICKS, threads=1).ns, warm=CALLS, calls=CALLS, message=MESSAGE
            ),
            **{side: partial(at, level) for side, level in LEVELS.items()},
        }
        for side in sides.values():
            side()  # the first time is that of cold caches
        found: dict[str, list[float]] = {name: [] for name in sides}
        end = time.monotonic() + seconds
        while time.monotonic() < end or not found["untraced"]:
            for name, side in sides.items():
                found[name].append(side())
        return _Calls(
            clock=tracer.snapshot().process.clock,
            ns={name: statistics.median(each) for name, each in found.items()},
            segment_bytes=_segment_bytes(tracer, sides["headers"]),
        )


def _segment_bytes(tracer: Tracer, calls: Callable[[], float]) -> float:
    """What each of the calls writes into the rings."""
    before = look_at_rings(tracer.segment_path).written
    calls()
    return (look_at_rings(tracer.segment_path).written - before) / (2 * CALLS)


def _recorder(host: EmbeddedHost, record: Path, seconds: float) -> Recorder:
    most = _record(host, record, seconds, rate=None)
    steady = most.rate * STEADY
    return Recorder(
        events_per_second=most.rate,
        bytes_per_event=most.bytes_per_event,
        steady_events_per_second=steady,
        steady_lost=_record(host, record, seconds, rate=steady).lost,
    )


class _Recorded(NamedTuple):
    rate: float
    bytes_per_event: float
    lost: int


def _record(host: EmbeddedHost, record: Path, seconds: float, *, rate: float | None) -> _Recorded:
    """Record for so long at a rate of events, or as many as can be made; nothing is kept."""
    burst = CALLS if rate is None else max(1, round(rate * TAKES))
    bursts = 0
    with Tracer(
        NAME, litecore=host, record=record, rotation=Rotation(part_bytes=PART, keep_parts=3), collect_in="process"
    ) as tracer:
        loop = CallLoop(tracer.wrap(INNER).address, threads=1)
        began = time.monotonic()
        while (now := time.monotonic()) < began + seconds:
            if rate is not None and now < began + bursts * TAKES:
                time.sleep(began + bursts * TAKES - now)
            loop.ns(calls=burst, message=MESSAGE)
            bursts += 1
    took = time.monotonic() - began
    lost = sum(tracer.snapshot().lost[reason] for reason in ("ring_full", "overwritten"))
    parts = list(parts_of(record).values())
    text = parts[-1].read_bytes()
    for part in parts:
        part.unlink()
    return _Recorded((bursts * burst - lost) / took, len(text) / max(1, text.count(b"\n")), lost)
