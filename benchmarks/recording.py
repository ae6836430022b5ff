"""Recording: from the ring to a file in memory, beside what Python's libraries and the system need for parts of it.

A host in C has made a burst of `write` calls, whose entry and return records lie in its ring; 0 B is a call without
captured payload, the others have all of it. Sides, in events a second of CPU time:

    c4trace jsonl           merge the ring and make lines; write(2): a thread for each, the slower one of which counts
    c4trace jsonl, alone    the same, both by one thread
    msgspec                 the same job in Python: c4t_reader_next by cffi, an Event of each, encode, write
    msgspec, events made    only the end of it: Event objects that are there already, encode one by one, write
    msgspec, one list       the same, all of them by one encode_lines
    orjson, events made     the same of dicts whose data is base64 already (where orjson is installed)
    write(2)                write the same text, which is there already
    memcpy                  copy the same text

and in events a second of wall time, with everything that a user's recording has (threads, footer, digest):

    recorder, jsonl         into a plain file
    recorder, zst           into a compressed one
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import msgspec

from benchmarks.harness import Bench, interleave
from benchmarks.load import Load, folder_in_memory, load
from benchmarks.results import Results
from c4trace._native import ffi, lib
from c4trace.events import Event, EventKind
from c4trace.segment.attach import decode_lines
from c4trace.segment.collector import Collector
from c4trace.segment.native_reader import NativeReader
from c4trace.sinks.recorder import Recorder

CASES: Final = {"0 B": (256, "events"), "256 B": (256, "full"), "4 KiB": (4096, "full")}
"""Bytes of each message, and the capture level."""
SEGMENT_MIB: Final = 512
RING_BYTES: Final = 12 << 20
"""Less than a ring of such a segment has, so that a burst fits."""
PIECE: Final = 1 << 20


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`burst` is how many bytes of the ring are filled for each measurement, at most."""

    repetitions: int
    burst: int


FULL: Final = Sizes(repetitions=16, burst=RING_BYTES)
TINY: Final = Sizes(repetitions=2, burst=1 << 17)


class Case(NamedTuple):
    """One burst, and its lines as they are recorded."""

    calls: int
    message: int
    capture: str
    events: list[Event]
    text: bytes


def measure(sizes: Sizes) -> Results:
    """Every size of payload."""
    bench = Bench("recording", base="msgspec")
    bytes_of: dict[str, float] = {}
    with (
        folder_in_memory(SEGMENT_MIB) as folder,
        load(folder, segment_mib=SEGMENT_MIB) as host,
        _File(folder / "out") as file,
    ):
        for name, (message, capture) in CASES.items():
            with _Ring(host) as ring:
                case = _case(ring, message, capture, sizes.burst)
                bytes_of[name] = len(case.text) / case.calls
                by_cpu = interleave(_sides(ring, file, case), sizes.repetitions)
            recorders = {kind: _recorder(host, folder / f"{name}.{kind}", case) for kind in ("jsonl", "jsonl.zst")}
            by_wall = interleave(recorders, sizes.repetitions)
            bench.add_all("events/s", {(side, name): values for side, values in by_cpu.items()})
            for kind, values in by_wall.items():
                bench.add(f"recorder, {kind.removeprefix('jsonl.')}", name, "events/s, wall", values)
    if _orjson() is None:
        bench.miss("orjson, events made", "orjson is not installed: make bench-peers")
    return bench.results(**{f"bytes of a line, {name}": round(size) for name, size in bytes_of.items()})


class _Ring:
    """A host's rings, as the one who consumes them."""

    def __init__(self, host: Load) -> None:
        self.host = host
        self.reader = NativeReader(host.segment, "consume")
        self.batch = ffi.new("struct c4t_batch *")
        for _ in self.texts():  # what was there before
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()

    def fill(self, case: Case) -> None:
        self.host.begin(calls=case.calls, message=case.message, capture=case.capture)
        self.host.wait()
        time.sleep(0.002)  # what was published lately is held back

    def texts(self) -> Iterator[memoryview]:
        """Lines of all there is."""
        while True:
            lib.c4t_reader_collect(self.reader.handle, lib.C4T_WANT_TEXT, 0, self.batch)
            if not self.batch.text_size:
                return
            yield memoryview(ffi.buffer(self.batch.text, self.batch.text_size))


class _File:
    """A file in memory that begins anew for each measurement."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def empty(self) -> None:
        os.ftruncate(self.fd, 0)

    def write(self, text: bytes | bytearray | memoryview) -> None:
        rest = memoryview(text)
        while rest:
            rest = rest[os.write(self.fd, rest) :]


def _case(ring: _Ring, message: int, capture: str, burst: int) -> Case:
    record = 128 + (-(-message // 64) * 64 if capture == "full" else 0)
    case = Case(burst // record, message, capture, [], b"")
    ring.fill(case)
    text = b"".join(bytes(part) for part in ring.texts())
    events = [line for line in decode_lines(text) if isinstance(line, Event)]
    if len(events) != case.calls:
        raise RuntimeError(f"{case.calls} events were made, {len(events)} came")
    return case._replace(events=events, text=text)


def _sides(ring: _Ring, file: _File, case: Case) -> dict[str, Callable[[], float]]:
    def side(work: Callable[[], int], *, fills: bool = False) -> Callable[[], float]:
        def measured() -> float:
            file.empty()
            if fills:
                ring.fill(case)
            began = time.thread_time()
            events = work()
            took = time.thread_time() - began
            if events != case.calls:
                raise RuntimeError(f"{events} of {case.calls} events")
            return events / took

        return measured

    sides: dict[str, Callable[[], float]] = {
        "c4trace jsonl": partial(_jsonl, ring, file, case, slower=max),
        "c4trace jsonl, alone": partial(_jsonl, ring, file, case, slower=sum),
        "msgspec": side(lambda: _msgspec(ring, file), fills=True),
        "msgspec, events made": side(lambda: _one_by_one(case.events, msgspec.json.Encoder().encode, file)),
        "msgspec, one list": side(lambda: _one_list(case.events, file)),
        "write(2)": side(lambda: _write(case, file)),
        "memcpy": side(lambda: _copy(case)),
    }
    orjson = _orjson()
    if orjson is not None:
        dicts = [_dict(event) for event in case.events]
        sides["orjson, events made"] = side(lambda: _one_by_one(dicts, orjson.dumps, file))
    return sides


def _jsonl(ring: _Ring, file: _File, case: Case, slower: Callable[[tuple[float, float]], float]) -> float:
    file.empty()
    ring.fill(case)
    events, collecting, writing = 0, 0.0, 0.0
    at = time.thread_time()
    for text in ring.texts():
        began, at = at, time.thread_time()
        collecting += at - began
        file.write(text)
        events += ring.batch.events
        began, at = at, time.thread_time()
        writing += at - began
    if events != case.calls:
        raise RuntimeError(f"{events} of {case.calls} events")
    return events / slower((collecting + time.thread_time() - at, writing))


def _msgspec(ring: _Ring, file: _File) -> int:
    """What a recorder in Python would have to do."""
    view, handle, encode = ffi.new("struct c4t_event_view *"), ring.reader.handle, msgspec.json.Encoder().encode
    names = {kind.value: kind.name for kind in EventKind}
    lines, events, following = bytearray(), 0, lib.c4t_reader_next
    lib.c4t_reader_look(handle, 0)
    while following(handle, view):
        if view.kind != 0:
            continue
        data = bytes(ffi.buffer(view.data, view.data_size)) if view.data_size else None
        dt = view.dt_ns
        event = Event(
            view.seq, view.t_ns, view.sid, view.tid, names[view.event], None if dt < 0 else dt, view.n, data=data
        )
        lines += encode(event)
        lines += b"\n"
        events += 1
        if len(lines) >= PIECE:
            file.write(lines)
            lines.clear()
    lib.c4t_reader_done(handle)
    file.write(lines)
    return events


def _one_by_one(events: list[Any], encode: Callable[[Any], bytes], file: _File) -> int:
    lines = bytearray()
    for event in events:
        lines += encode(event)
        lines += b"\n"
        if len(lines) >= PIECE:
            file.write(lines)
            lines.clear()
    file.write(lines)
    return len(events)


def _one_list(events: list[Event], file: _File) -> int:
    file.write(msgspec.json.Encoder().encode_lines(events))
    return len(events)


def _write(case: Case, file: _File) -> int:
    for at in range(0, len(case.text), PIECE):
        file.write(memoryview(case.text)[at : at + PIECE])
    return case.calls


_ROOM: Final = bytearray(PIECE)


def _copy(case: Case) -> int:
    text, room = memoryview(case.text), memoryview(_ROOM)
    for at in range(0, len(text), PIECE):
        part = text[at : at + PIECE]
        room[: len(part)] = part
    return case.calls


def _orjson() -> Any:
    try:
        import orjson  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415 - a peer that need not be there
    except ImportError:
        return None
    return orjson


def _dict(event: Event) -> dict[str, Any]:
    found = {name: getattr(event, name) for name in event.__struct_fields__}
    if event.data is not None:
        found["data"] = base64.b64encode(event.data).decode()
    return {"type": "event"} | {name: value for name, value in found.items() if value is not None}


def _recorder(host: Load, path: Path, case: Case) -> Callable[[], float]:
    def measured() -> float:
        path.unlink(missing_ok=True)
        recorder = Recorder(path)
        collector = Collector(host.segment, [recorder])
        collector.start()
        host.begin(calls=case.calls, message=case.message, capture=case.capture)
        began = time.perf_counter()
        host.wait()
        collector.stop()
        took = time.perf_counter() - began
        if (collector.lost, recorder.unrecorded, recorder.stopped) != (0, 0, None):
            raise RuntimeError(f"{collector.lost} events lost, {recorder.unrecorded} unrecorded: {recorder.stopped}")
        return case.calls / took

    return measured
