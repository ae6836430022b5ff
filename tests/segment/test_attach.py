from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from c4trace.events import Event, EventKind, Gap, SessionState
from c4trace.segment.attach import attach
from c4trace.segment.folder import SegmentError
from tests.segment.conftest import Echo
from tests.tracing import URL, counted, talk, tallied, told


def test_events_are_those_the_host_counted(echo: Echo) -> None:
    talk(echo.host, echo.traced, sockets=3, messages=20)
    with attach(echo.path) as segment:
        lines = list(segment.events())
        assert sum(1 for _ in segment.events()) == len(lines)  # nothing was taken out
        assert counted(segment.snapshot()) == told(echo.host)
    events = [line for line in lines if isinstance(line, Event)]
    assert tallied(events) == told(echo.host)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert not [line for line in lines if isinstance(line, Gap)]
    assert all(event.dt is not None for event in events)
    opens = [event for event in events if event.ev == "open"]
    # Sockets are opened on threads of their own: which of them comes first is nobody's promise.
    assert sorted((event.sid, event.factory, event.address) for event in opens) == [
        (n, "orders", URL) for n in (1, 2, 3)
    ]


def test_a_session_is_in_its_own_order(echo: Echo) -> None:
    talk(echo.host, echo.traced, sockets=4, messages=10)
    with attach(echo.path) as segment:
        events = [line for line in segment.events() if isinstance(line, Event)]
    for sid in range(1, 5):
        order = [event.ev for event in events if event.sid == sid]
        assert order[0] == "open"
        assert order[-1] == "dispose"
        assert order.index("opened") < order.index("write") < order.index("received") < order.index("closed")
        written = received = 0
        for event in (event for event in events if event.sid == sid):
            written += event.n or 0 if event.ev == "write" else 0
            received += event.n or 0 if event.ev == "received" else 0
            assert received <= written  # it is an echo


def test_data_are_the_bytes_that_were_sent(echo: Echo) -> None:
    talk(echo.host, echo.traced, sockets=1, messages=5, size=1000)
    with attach(echo.path) as segment:
        sent = [line.data for line in segment.events() if isinstance(line, Event) and line.ev == "write"]
    assert sent == [bytes([n]) * 1000 for n in range(5)]


def test_the_capture_level_is_turned_from_outside(echo: Echo) -> None:
    with attach(echo.path, control=True) as segment:
        segment.set_capture("bytes:10")
        assert segment.snapshot().process.capture == "bytes:10"
        talk(echo.host, echo.traced, sockets=1, messages=1, size=1000)
        cut = [
            (line.n, line.data, line.cut) for line in segment.events() if isinstance(line, Event) and line.ev == "write"
        ]
    assert cut == [(1000, bytes(10), 990)]


def test_one_who_only_looks_turns_nothing(echo: Echo) -> None:
    with attach(echo.path) as segment:
        with pytest.raises(SegmentError, match="control=True"):
            segment.set_capture("off")
        with pytest.raises(ValueError, match="unknown capture level"):
            segment.set_capture("some")
        assert segment.snapshot().process.capture == "full"


def test_a_closed_segment_says_so(echo: Echo) -> None:
    segment = attach(echo.path)
    segment.close()
    segment.close()
    with pytest.raises(SegmentError, match="was closed"):
        segment.snapshot()


@pytest.mark.parametrize(
    ("content", "because"),
    [(b"", "only 0 bytes"), (b"x" * 10_000, "not a segment of c4trace"), (bytes(10_000), "never finished")],
)
def test_what_is_no_segment_is_refused_in_one_line(segments: Path, content: bytes, because: str) -> None:
    path = segments / "x.1.seg"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SegmentError, match=because) as refused:
        attach(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(segments: Path) -> None:
    with pytest.raises(SegmentError, match="is not there; check the name"):
        attach(segments / "x.1.seg")


def test_a_segment_that_was_cut_short_is_refused(echo: Echo, segments: Path) -> None:
    torn = segments / "torn.1.seg"
    torn.write_bytes(echo.path.read_bytes()[:100_000])
    torn.chmod(0o600)
    with pytest.raises(SegmentError, match=r"torn: its header tells of \d+ bytes, it has 100000"):
        attach(torn)


HOST = """
import sys, time
from c4trace.host import EmbeddedHost
from c4trace.tracer import Tracer
from tests.factories.echo import EchoFactory

class Stuck(EchoFactory):
    def write(self, socket, data):
        if data == b"stop here":
            print("stuck", flush=True)
            time.sleep(600)
        super().write(socket, data)

with Stuck() as factory, EmbeddedHost() as host:
    tracer = Tracer("doomed", litecore=host, capture="full")
    print(tracer.segment_path, flush=True)
    socket = host.connect(tracer.wrap(factory, factory="orders"), "ws://localhost:4984/db/_blipsync")
    socket.wait_opened(10)
    for n in range(50):
        socket.send(b"%d" % n)
        socket.receive(10)
    socket.send(b"stop here")
    time.sleep(600)
"""


def test_a_killed_host_leaves_its_events_and_the_call_it_was_in(segments: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOST], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        path = Path(host.stdout.readline().strip())
        assert host.stdout.readline() == "stuck\n"
        time.sleep(0.05)
        with attach(path) as segment:
            assert segment.snapshot().process.state == "live"
        host.kill()
        host.wait()
    with attach(path) as segment:
        snapshot = segment.snapshot()
        lines = list(segment.events())
    assert (snapshot.process.name, snapshot.process.state, snapshot.process.pid) == ("doomed", "dead", host.pid)
    stuck = [flight for flight in snapshot.in_flight if flight.event == EventKind.write]
    assert [flight.sid for flight in stuck] == [1]
    assert [(view.sid, view.state, view.address) for view in snapshot.sessions] == [(1, SessionState.open, URL)]
    events = [line for line in lines if isinstance(line, Event)]
    assert counted(snapshot) == tallied(events)
    last = [event for event in events if event.ev == "write"][-1]
    assert (last.data, last.dt) == (b"stop here", None)
    assert snapshot.now - stuck[0].seconds == pytest.approx(last.t / 1e9, abs=1e-6)
    assert path.parent == segments


def test_the_last_moments_of_a_busy_host_can_be_read_while_it_goes_on(echo: Echo) -> None:
    """A flight recorder that goes round: every look is whole events, in order, up to the present."""
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            talk(echo.host, echo.traced, sockets=2, messages=100, size=5000)

    talk(echo.host, echo.traced, sockets=1, messages=1, size=5000)
    thread = threading.Thread(target=busy)
    thread.start()
    went_round = 0
    latest = 0
    try:
        with attach(echo.path) as segment:
            while went_round < 10:
                happened = sum(n for n, _ in counted(segment.snapshot()).values())
                events = [line for line in segment.events() if isinstance(line, Event)]
                assert [event.seq for event in events] == list(range(1, len(events) + 1))
                assert all(event.n == 5000 for event in events if event.ev in {"write", "received"})
                assert all(event.data == event.data[:1] * 5000 for event in events if event.data is not None)
                assert max(event.t for event in events) >= latest - 100_000  # each look weighs the clocks anew
                latest = max(event.t for event in events)
                went_round += happened > len(events)
    finally:
        stop.set()
        thread.join()


def test_looking_leaves_no_descriptor_behind(echo: Echo) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as many as there are
    for _ in range(5):
        with attach(echo.path) as segment:
            list(segment.events())
            iterator = segment.events()
            next(iterator, None)
            iterator.close()  # type: ignore[attr-defined] # a generator
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above
