"""Reading, showing and replaying recordings from a thousand events to ten million: how fast, in how much memory.

The recordings are made of what a host in C did (load_host.c), the same lines over and over. In events, or MB, a second
of the thread's CPU time:

    read                iterate over c4trace.open_recording: checked against the footer
    show                and make the rows of `c4trace show`, written to nowhere
    replay              and count everything, as `c4trace replay --speed max` does

How fast must not depend on how many there are. Memory is the most that a process had (its resident set) that reads, or
is `c4trace show` or `c4trace replay`; it must not either. "show first line" is the wall time from the start of `c4trace
show` to its first row.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

import c4trace
from benchmarks.harness import Bench, interleave
from benchmarks.load import folder_in_memory, load
from benchmarks.recording import CASES
from benchmarks.results import Results
from benchmarks.startup import C4TRACE
from c4trace.events import Event, Gap, Return
from c4trace.recording.schema import Header
from c4trace.recording.writer import RecordingWriter
from c4trace.replay.sinks import Fed
from c4trace.report.listing import print_rows
from c4trace.report.process import process_of
from c4trace.report.screen import Screen
from c4trace.report.selection import Selection
from c4trace.segment.attach import attach

SEGMENT_MIB: Final = 256
PAYLOAD_EVENTS: Final = 1000
LOOK_EVERY_S: Final = 0.005
READ: Final = "import sys, c4trace\nfor _ in c4trace.open_recording(sys.argv[1]): pass"
COMMANDS: Final = {
    "read": [sys.executable, "-c", READ],
    "show": [C4TRACE, "show"],
    "replay": [C4TRACE, "replay", "--speed", "max", "--log", "none"],
}


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How many events; the last of `events` is only read, and its file is the one whose first line is shown."""

    repetitions: int
    events: tuple[int, ...]
    payload_bytes: int


FULL: Final = Sizes(repetitions=8, events=(1_000, 10_000, 100_000, 1_000_000, 11_000_000), payload_bytes=64 << 20)
TINY: Final = Sizes(repetitions=2, events=(1_000, 2_000), payload_bytes=1 << 20)

Line = Event | Return | Gap


def measure(sizes: Sizes) -> Results:
    """All sizes."""
    bench = Bench("reading", base="read")
    with folder_in_memory(SEGMENT_MIB) as folder:
        header, texts = _texts(folder)
        *shown, most = sizes.events
        for events in sizes.events:
            path = _recording(folder / f"{events}.jsonl", header, texts["0 B"], events)
            of = count_of(events)
            sides = {"read": _read} if events == most else {"read": _read, "show": _show, "replay": _replay}
            runs = sizes.repetitions if events <= 100_000 else 2
            rates = interleave({side: partial(_rate, path, events, run) for side, run in sides.items()}, runs)
            for side, values in rates.items():
                bench.add(side, of, "events/s", values)
                bench.add(f"{side}, memory", of, "MiB", [_memory([*COMMANDS[side], str(path)])])
        path = folder / f"{most}.jsonl"
        gigabytes = path.stat().st_size / 1e9
        first = interleave({"first": partial(_first_line, path)}, sizes.repetitions)["first"]
        bench.add("show first line", "1 GB", "s", first)
        path.unlink()
        for case in CASES:
            size = len(texts[case])
            path = _recording(
                folder / "payload.jsonl", header, texts[case], sizes.payload_bytes // size * PAYLOAD_EVENTS
            )
            megabytes = path.stat().st_size / 1e6
            rates = interleave({"read": partial(_rate, path, megabytes, _read)}, sizes.repetitions)
            bench.add("read", case, "MB/s", rates["read"])
    return bench.results(largest_gigabytes=round(gigabytes, 2), most_shown=max(shown, default=0))


def _texts(folder: Path) -> tuple[Header, dict[str, bytes]]:
    """The lines of so many calls, by size of payload, and a header to them."""
    found = {}
    with load(folder, segment_mib=SEGMENT_MIB) as host:
        with attach(host.segment) as segment:
            header = msgspec.convert({**segment.header(), "type": "header"}, Header)
        for case, (message, capture) in CASES.items():
            host.begin(calls=PAYLOAD_EVENTS, message=message, capture=capture)
            host.wait()
            with attach(host.segment) as segment:
                lines = [line for line in segment.events() if isinstance(line, Event)][-PAYLOAD_EVENTS:]
            found[case] = msgspec.json.Encoder().encode_lines(lines)
    return header, found


def _recording(path: Path, header: Header, text: bytes, events: int) -> Path:
    path.unlink(missing_ok=True)
    with RecordingWriter(path, header) as writer:
        for _ in range(events // PAYLOAD_EVENTS):
            writer.text(text, PAYLOAD_EVENTS, 0, [])
    return path


def count_of(events: int) -> str:
    """How the tables say it."""
    return f"{events // 1_000_000} M events" if events >= 1_000_000 else f"{events // 1000} k events"


def _rate(path: Path, amount: float, run: Callable[[Path, Iterator[Line]], object]) -> float:
    began = time.thread_time()
    with c4trace.open_recording(path) as recording:
        run(path, iter(recording))
    took = time.thread_time() - began
    if recording.torn is not None or recording.mismatches:
        raise RuntimeError(f"{path}: {recording.torn or recording.mismatches}")
    return amount / took


def _read(_path: Path, lines: Iterator[Line]) -> None:
    for _ in lines:
        pass


def _show(_path: Path, lines: Iterator[Line]) -> None:
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        print_rows(lines, Selection(), Screen(nowhere))


def _replay(path: Path, lines: Iterator[Line]) -> None:
    with c4trace.open_recording(path) as recording:
        header = recording.header
    with Fed(header, process_of(header, str(path)), None) as fed:
        for line in lines:
            fed.feed(line)
    fed.snapshot()


def _memory(command: list[str]) -> float:
    """MiB; looked at until it ends, since what wait4 says begins with what we have."""
    most = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
            most = max(most, int(found[1]) if found else 0)
            time.sleep(LOOK_EVERY_S)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return most / 1024


def _first_line(path: Path) -> float:
    began = time.perf_counter()
    with subprocess.Popen([C4TRACE, "show", str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while b" write " not in process.stdout.readline():
            pass
        took = time.perf_counter() - began
        process.kill()
    return took
