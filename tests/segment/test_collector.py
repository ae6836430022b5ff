from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import pytest

from c4trace.events import Event, Gap, Return
from c4trace.recording.reader import open_recording
from c4trace.segment.attach import attach, decode_lines
from c4trace.segment.collector import Collector
from c4trace.segment.folder import SegmentError
from tests.segment.conftest import Echo
from tests.tracing import URL, counted, talk, tallied, told

LIFECYCLE = {
    "open", "fromNative", "gotHTTPResponse", "gotPeerCertificate", "opened", "closeRequested", "close", "requestClose",
    "closed", "dispose",
}  # fmt: skip


class Notes:
    """A sink that keeps what it is told."""

    def __init__(self, wants: Literal["text", "lifecycle", "events"] = "text") -> None:
        self.wants = wants
        self.headers: list[Mapping[str, object]] = []
        self.lines: list[Event | Return | Gap] = []
        self.events = self.lost = self.idles = 0
        self.closed: list[int] = []
        self.begun: list[int] = []
        self.threads: set[str] = set()

    def start(self, header: Mapping[str, object]) -> None:
        self.headers.append(header)

    def text(self, text: memoryview, events: int, lost: int, begun: Sequence[int], unread: float) -> None:
        self.threads.add(threading.current_thread().name)
        assert bytes(text).endswith(b"\n")
        self.lines += decode_lines(text)
        self.events += events
        self.lost += lost
        self.begun += begun
        assert 0 <= unread <= 1

    def notices(self, batch: Sequence[Event | Return | Gap]) -> None:
        self.threads.add(threading.current_thread().name)
        self.lines += batch

    def idle(self) -> None:
        self.idles += 1

    def close(self, lost: int) -> None:
        self.closed.append(lost)

    def seen(self) -> list[Event]:
        return [line for line in self.lines if isinstance(line, Event)]


class Broken(Notes):
    """A sink that fails at one of its calls."""

    def __init__(self, wants: Literal["text", "lifecycle", "events"], at: str) -> None:
        super().__init__(wants)
        self.at = at

    def _fail(self, at: str) -> None:
        if at == self.at:
            raise RuntimeError("no room on the shelf")

    def start(self, header: Mapping[str, object]) -> None:
        self._fail("start")
        super().start(header)

    def text(self, text: memoryview, events: int, lost: int, begun: Sequence[int], unread: float) -> None:
        super().text(text, events, lost, begun, unread)
        self._fail("text")

    def notices(self, batch: Sequence[Event | Return | Gap]) -> None:
        super().notices(batch)
        self._fail("notices")

    def idle(self) -> None:
        self._fail("idle")

    def close(self, lost: int) -> None:
        super().close(lost)
        self._fail("close")


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_every_sink_hears_what_it_wants(echo: Echo) -> None:
    text, lifecycle, events = Notes("text"), Notes("lifecycle"), Notes("events")
    collector = Collector(echo.path, [text, lifecycle, events])
    collector.start()
    talk(echo.host, echo.traced, sockets=3, messages=20)
    assert collector.stop(timeout=30)
    assert tallied(text.seen()) == told(echo.host)
    assert events.lines == text.lines
    kept = {event.seq for event in text.seen() if event.ev in LIFECYCLE}
    assert lifecycle.lines == [line for line in text.lines if isinstance(line, Gap) or line.seq in kept]
    assert collector.events == text.events == len(text.seen())
    assert [event.seq for event in text.seen()] == list(range(1, collector.events + 1))
    assert text.begun == [event.sid for event in text.seen() if event.ev in {"open", "fromNative"}]
    assert text.closed == lifecycle.closed == events.closed == [0]
    assert text.headers == lifecycle.headers == events.headers
    assert text.threads == {"c4trace-collect"}
    assert collector.failures == []


def test_what_the_segment_holds_already_comes_first(echo: Echo) -> None:
    talk(echo.host, echo.traced, sockets=1, messages=3)
    notes = Notes()
    collector = Collector(echo.path, [notes])
    collector.start()
    assert collector.stop(timeout=30)
    assert tallied(notes.seen()) == told(echo.host)


def test_from_now_on_means_what_happens_after_the_start(echo: Echo) -> None:
    talk(echo.host, echo.traced, sockets=1, messages=3)
    before = sum(n for n, _ in told(echo.host).values())
    notes = Notes()
    collector = Collector(echo.path, [notes], from_now=True)
    collector.start()
    talk(echo.host, echo.traced, sockets=1, messages=2)
    assert collector.stop(timeout=30)
    events = notes.seen()
    assert len(events) == sum(n for n, _ in told(echo.host).values()) - before
    assert {event.sid for event in events} == {2}


def test_sinks_hear_promptly_and_are_idle_in_between(echo: Echo) -> None:
    notes, lifecycle = Notes(), Notes("lifecycle")
    collector = Collector(echo.path, [notes, lifecycle])
    collector.start()
    wait_for(lambda: notes.idles >= 3)
    socket = echo.host.connect(echo.traced, URL)
    wait_for(lambda: "opened" in {event.ev for event in lifecycle.seen()})
    wait_for(lambda: "opened" in {event.ev for event in notes.seen()})
    socket.close()
    collector.stop()


def test_a_host_that_records_is_one_that_says_so(echo: Echo) -> None:
    collector = Collector(echo.path, [Notes()])
    collector.start()
    with attach(echo.path) as segment:
        assert segment.snapshot().process.recording
        collector.stop()
        assert not segment.snapshot().process.recording


@pytest.mark.parametrize(
    ("wants", "at"),
    [("text", "text"), ("text", "idle"), ("lifecycle", "notices"), ("events", "notices"), ("text", "close")],
)
def test_a_sink_that_fails_is_left_out_and_the_others_go_on(
    echo: Echo, wants: Literal["text", "lifecycle", "events"], at: str
) -> None:
    said: list[str] = []
    broken, notes = Broken(wants, at), Notes()
    collector = Collector(echo.path, [broken, notes], report=said.append)
    collector.start()
    talk(echo.host, echo.traced, sockets=2, messages=10)
    wait_for(lambda: at == "close" or bool(said))
    talk(echo.host, echo.traced, sockets=1, messages=10)
    assert collector.stop(timeout=30)
    assert tallied(notes.seen()) == told(echo.host)
    assert said == collector.failures
    assert len(said) == 1
    assert "Broken failed and is left out" in said[0]
    assert "RuntimeError: no room on the shelf" in said[0]
    assert broken.closed  # it could still put away what it had open


def test_one_that_cannot_even_say_so_does_no_harm(echo: Echo) -> None:
    def deaf(text: str) -> None:
        raise OSError(text)

    notes = Notes()
    collector = Collector(echo.path, [Broken("text", "text"), notes], report=deaf)
    collector.start()
    talk(echo.host, echo.traced, sockets=1, messages=3)
    assert collector.stop(timeout=30)
    assert tallied(notes.seen()) == told(echo.host)
    assert len(collector.failures) == 1


def test_a_sink_that_cannot_start_stops_the_start_and_nothing_is_left(echo: Echo) -> None:
    notes = Notes()
    collector = Collector(echo.path, [notes, Broken("text", "start")])
    with pytest.raises(RuntimeError, match="no room"):
        collector.start()
    assert notes.closed == [0]
    assert not collector.running
    assert collector.stop()
    with attach(echo.path) as segment:
        assert not segment.snapshot().process.recording
    collector = Collector(echo.path, [Notes()])
    collector.start()
    assert collector.stop(timeout=30)


def test_a_segment_is_recorded_by_one_at_a_time(echo: Echo) -> None:
    collector = Collector(echo.path, [Notes()])
    collector.start()
    with pytest.raises(SegmentError, match=f"process {os.getpid()} records this segment already; stop it first"):
        Collector(echo.path, [Notes()]).start()
    assert collector.running
    collector.stop()


def test_stopping_again_or_before_the_start_is_fine(echo: Echo) -> None:
    notes = Notes()
    collector = Collector(echo.path, [notes])
    assert collector.stop()
    collector.start()
    assert collector.stop()
    assert collector.stop()
    assert notes.closed == [0]


def test_it_ends_by_itself_when_the_tracer_closes(echo: Echo) -> None:
    notes = Notes()
    collector = Collector(echo.path, [notes])
    collector.start()
    talk(echo.host, echo.traced, sockets=1, messages=3)
    echo.tracer.close()
    assert collector.wait(timeout=30)
    assert notes.closed == [0]
    assert collector.stop()


def test_what_is_lost_is_told_and_counted(echo: Echo) -> None:
    """A sink that blocks makes the rings run full: the host goes on, and every loss is on record."""
    hold = threading.Event()

    class Slow(Notes):
        def text(self, text: memoryview, events: int, lost: int, begun: Sequence[int], unread: float) -> None:
            hold.wait(30)
            super().text(text, events, lost, begun, unread)

    slow = Slow()
    collector = Collector(echo.path, [slow])
    collector.start()
    talk(echo.host, echo.traced, sockets=4, messages=400, size=20_000)
    hold.set()
    assert collector.stop(timeout=30)
    with attach(echo.path) as segment:
        snapshot = segment.snapshot()
    gaps = [line for line in slow.lines if isinstance(line, Gap)]
    happened = sum(n for n, _ in told(echo.host).values())
    assert counted(snapshot) == told(echo.host)  # counters lose nothing
    assert collector.lost == slow.lost == sum(gap.lost for gap in gaps) == slow.closed[0]
    assert collector.lost == snapshot.lost["ring_full"] + snapshot.lost["overwritten"]
    assert collector.events + collector.lost == happened
    assert collector.lost > 0
    seen = 0
    for line in slow.lines:
        seen = line.seq if isinstance(line, Event) else seen
        assert not isinstance(line, Gap) or line.after <= seen


def test_a_forked_child_leaves_the_collector_alone(echo: Echo) -> None:
    notes = Notes()
    collector = Collector(echo.path, [notes])
    collector.start()
    pid = os.fork()
    if not pid:
        with contextlib.suppress(BaseException):
            os._exit(0 if collector.stop() and not collector.running else 1)
        os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    talk(echo.host, echo.traced, sockets=1, messages=3)
    assert collector.running
    with attach(echo.path) as segment:
        assert segment.snapshot().process.recording
    assert collector.stop(timeout=30)
    assert tallied(notes.seen()) == told(echo.host)


PROGRAM = """
import sys
from c4trace.host import EmbeddedHost
from c4trace.segment.collector import Collector
from c4trace.sinks.recorder import Recorder
from c4trace.tracer import Tracer
from tests.factories.echo import EchoFactory
from tests.tracing import talk

factory, host = EchoFactory().__enter__(), EmbeddedHost().__enter__()
tracer = Tracer("leaves", litecore=host)
Collector(tracer.segment_path, [Recorder(sys.argv[1])]).start()
talk(host, tracer.wrap(factory), sockets=2, messages=50)
print(sum(tally.n for tally in host.counts().events.values()))
"""


def test_a_program_that_just_ends_has_its_recording_whole(segments: Path, tmp_path: Path) -> None:
    recording = tmp_path / "a.jsonl"
    run = [sys.executable, "-c", PROGRAM, str(recording)]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stderr == ""
    with open_recording(recording) as whole:
        assert sum(isinstance(line, Event) for line in whole) == int(ended.stdout)
        assert (whole.torn, whole.mismatches, whole.lost) == (None, (), 0)
    assert not list(segments.iterdir())
