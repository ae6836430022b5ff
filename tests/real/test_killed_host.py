"""A host that replicates with a real LiteCore is killed at random moments: what it leaves can be read."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import zstandard

import c4trace
from c4trace.events import Event, EventKind, Gap, Return
from c4trace.segment.attach import attach
from c4trace.segment.snapshot import Snapshot
from tests.real.endless import READY, Endless
from tests.real.loopback import HANGING
from tests.real.plain import Linking

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
MANNERS = [
    pytest.param({"recording": "killed.jsonl"}, id="python-messages"),
    pytest.param({"recording": "killed.jsonl.zst", "framed": True}, id="python-stream-zst"),
    pytest.param({"recording": "killed.jsonl", "library": "?"}, id="c-messages"),
    pytest.param({"recording": "killed.jsonl.zst", "library": "?", "framed": True}, id="c-stream-zst"),
]


@dataclass
class Host:
    """A running endless host."""

    process: subprocess.Popen[str]
    segment: Path
    recording: Path

    def says(self, word: str) -> str:
        """The rest of its next line, which must begin with `word`."""
        assert self.process.stdout is not None
        said, _, rest = self.process.stdout.readline().strip().partition(" ")
        assert said == word
        return rest


@contextmanager
def host(folder: Path, manner: Endless) -> Iterator[Host]:
    """Starts a host; at the latest on leaving it is killed."""
    (folder / "segments").mkdir(mode=0o700)
    command = [sys.executable, "-m", "tests.real.endless", str(folder), msgspec.json.encode(manner).decode()]
    environment = os.environ | {"C4TRACE_DIR": str(folder / "segments")}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            started = Host(process, Path(), folder / manner.recording)
            started.segment = Path(started.says(READY))
            yield started
        finally:
            process.kill()


def manner_of(given: dict[str, str], libraries: dict[Linking, Path]) -> Endless:
    library = {"library": str(libraries[Linking.NOW])} if "library" in given else {}
    return msgspec.convert(given | library, Endless)


@pytest.mark.parametrize("kills", [pytest.param(3, id="few"), pytest.param(13, id="many", marks=pytest.mark.slow)])
@pytest.mark.parametrize("manner", MANNERS)
def test_what_a_killed_host_leaves_can_be_read(
    tmp_path: Path, plain_libraries: dict[Linking, Path], manner: dict[str, str], kills: int
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")  # pytest shows it where the test fails
    dice = random.Random(seed)  # noqa: S311 - moments for a test
    for attempt in range(kills):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with host(folder, manner_of(manner, plain_libraries)) as running:
            time.sleep(dice.random())
            flushed = lines_in(running.recording)
            running.process.kill()
            running.process.wait()
            shown(running.segment, readable_up_to(running.recording, flushed))
            running.segment.unlink()


def test_the_call_a_killed_host_was_in_is_named(tmp_path: Path) -> None:
    with host(tmp_path, Endless(recording="killed.jsonl", hangs_in_write=4)) as running:
        tid = int(running.says(HANGING))
        until = time.monotonic() + PATIENCE
        while lines_in(running.recording).count(b'"ev":"write"') < 4:
            assert time.monotonic() < until, "the write that hangs is not on record"
            time.sleep(0.01)
        running.process.kill()
        running.process.wait()
        recorded = readable_up_to(running.recording, b"")
        hanging = [event for event in recorded.unreturned if event.ev == "write" and event.tid == tid]
        assert len(hanging) == 1
        snapshot = shown(running.segment, recorded)
        assert [(flight.tid, flight.event, flight.sid) for flight in snapshot.in_flight if flight.tid == tid] == [
            (tid, EventKind.write, hanging[0].sid)
        ]
        client = next(session for session in snapshot.sessions if session.factory == "client")
        assert hanging[0].sid == client.sid
        assert client.write.n == 4


def test_a_collector_in_another_process_records_a_killed_host_to_its_last_event(tmp_path: Path) -> None:
    with host(tmp_path, Endless(recording="killed.jsonl", collect_in="process")) as running:
        time.sleep(0.5)
        running.process.kill()
        running.process.wait()
        until = time.monotonic() + PATIENCE
        while b'"type":"footer"' not in lines_in(running.recording):
            assert time.monotonic() < until, "the collector did not end its recording"
            time.sleep(0.01)
        with c4trace.open_recording(running.recording) as recording:
            recorded = left_in(list(recording))
        assert recording.torn is None
        assert recording.mismatches == ()
        assert recording.footer is not None
        assert recording.footer.lost == 0
        shown(running.segment, recorded)
        with attach(running.segment) as segment:
            assert left_in(list(segment.events())).by_thread == recorded.by_thread


@dataclass(frozen=True)
class Left:
    """Events that a killed host left, and those among them of which no return is known."""

    events: list[Event]
    unreturned: list[Event]

    @property
    def by_thread(self) -> dict[int, list[tuple[object, ...]]]:
        """What each thread did, in its order; of times nothing, since two readers compare clocks at other moments."""
        threads: dict[int, list[tuple[object, ...]]] = defaultdict(list)
        for event in self.events:
            threads[event.tid].append((event.sid, event.ev, event.n, event.status, event.data))
        return threads


def left_in(lines: list[Event | Return | Gap]) -> Left:
    """Sorts lines out; there must be no gap, and numbers without a hole."""
    assert not any(isinstance(line, Gap) for line in lines)
    events = [line for line in lines if isinstance(line, Event)]
    returned = {line.seq for line in lines if isinstance(line, Return)}
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    return Left(events, [event for event in events if event.dt is None and event.seq not in returned])


def lines_in(path: Path) -> bytes:
    """The whole lines a recording has now, as somebody reads them who knows nothing of c4trace."""
    data = path.read_bytes()
    if path.suffix == ".zst":
        unpacked = b""
        while data:
            frame = zstandard.ZstdDecompressor().decompressobj()
            unpacked += frame.decompress(data)
            if not frame.eof:
                break
            data = frame.unused_data
        data = unpacked
    return data[: data.rfind(b"\n") + 1]


def readable_up_to(path: Path, flushed: bytes) -> Left:
    """All of a killed host's recording: what was `flushed` before is there as it was, and no line is left out."""
    with c4trace.open_recording(path) as recording:
        lines = list(recording)
    assert recording.torn is not None
    assert recording.footer is None
    text = lines_in(path)
    assert text.startswith(flushed)
    assert len(lines) == text.count(b"\n") - 1  # the header
    return left_in(lines)


def shown(path: Path, recorded: Left) -> Snapshot:
    """The segment says who is dead, holds all that is on record and more, and names the calls that did not return."""
    with attach(path) as segment:
        snapshot = segment.snapshot()
        held = left_in(list(segment.events()))
    assert snapshot.process.state == "dead"
    threads = held.by_thread
    for tid, done in recorded.by_thread.items():
        assert threads[tid][: len(done)] == done
    counted = sum(cell.n for factory in snapshot.factories for cell in factory.events.values())
    # Each thread may have counted one event more, which it had not recorded yet.
    assert 0 <= counted - len(held.events) <= len(threads)
    named(snapshot, held)
    return snapshot


def named(snapshot: Snapshot, held: Left) -> None:
    """A thread is in the innermost call of it that has not returned, and no thread that was in a call is left out.

    That call is named just after its event was recorded: of a thread that was killed between the two, the event is its
    newest, and the call around it, if there is one, is named.
    """
    newest = {event.tid: event for event in held.events}
    inside: dict[int, list[Event]] = defaultdict(list)
    for event in held.unreturned:
        inside[event.tid].append(event)
    flights = {flight.tid: flight for flight in snapshot.in_flight}
    assert len(flights) == len(snapshot.in_flight)
    assert flights.keys() <= inside.keys()
    for tid, calls in inside.items():
        found = [(flights[tid].event.name, flights[tid].sid)] if tid in flights else []
        unnamed = calls[:-1] if calls[-1] is newest[tid] else calls
        assert found in ([(event.ev, event.sid) for event in some[-1:]] for some in (calls, unnamed))
