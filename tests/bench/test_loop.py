from __future__ import annotations

from pathlib import Path

import pytest

from c4trace.bench.loop import INNER, MESSAGE_MAX, CallLoop, Rings, Stamps, copy_ns, look_at_rings
from c4trace.events import EventKind
from c4trace.host import EmbeddedHost
from c4trace.tracer import Tracer


@pytest.mark.usefixtures("segments")
def test_every_call_of_every_thread_is_made() -> None:
    with EmbeddedHost() as host, Tracer("loop", litecore=host) as tracer:
        loop = CallLoop(tracer.wrap(INNER).address, threads=4)
        assert loop.ns(calls=100, threads=4, message=10) > 0
        assert loop.ns(calls=50, threads=1) > 0
        events = tracer.snapshot().factories[0].events
    assert events[EventKind.open].n == 4
    assert (events[EventKind.write].n, events[EventKind.write].bytes) == (450, 4000)


@pytest.mark.usefixtures("segments")
def test_sockets_are_called_in_turn() -> None:
    with EmbeddedHost() as host, Tracer("loop", litecore=host) as tracer:
        loop = CallLoop(tracer.wrap(INNER).address, threads=2, each=5)
        assert loop.ns(calls=50, threads=2) > 0
        sessions = tracer.snapshot().sessions
        assert [session.write.n for session in sessions] == [10] * 10
        loop.dispose()
        assert tracer.snapshot().factories[0].events[EventKind.dispose].n == 10


@pytest.mark.usefixtures("segments")
def test_sessions_come_and_go() -> None:
    with EmbeddedHost() as host, Tracer("loop", litecore=host) as tracer:
        loop = CallLoop(tracer.wrap(INNER).address, threads=1, each=20, opened=False)
        assert loop.session_ns(rounds=3) > 0
        events = tracer.snapshot().factories[0].events
    assert {kind.name: cell.n for kind, cell in events.items() if cell.n} == {
        "open": 60,
        "requestClose": 60,
        "dispose": 60,
    }


@pytest.mark.parametrize("stamps", Stamps)
def test_what_is_not_traced_can_be_measured_too(stamps: Stamps) -> None:
    assert CallLoop(INNER, stamps=stamps, threads=2).ns(calls=1000, threads=2) > 0


@pytest.mark.parametrize(
    ("calls", "threads", "message"), [(0, 1, 0), (1, 0, 0), (1, 3, 0), (1, 1, MESSAGE_MAX + 1), (1, 1, -1)]
)
def test_what_cannot_be_called_is_refused(calls: int, threads: int, message: int) -> None:
    with pytest.raises(ValueError, match="calls of"):
        CallLoop(INNER, threads=2).ns(calls=calls, threads=threads, message=message)


def test_the_rings_of_a_segment_are_known(segments: Path) -> None:
    with EmbeddedHost() as host, Tracer("loop", litecore=host, capture="events") as tracer:
        before = look_at_rings(tracer.segment_path)
        CallLoop(tracer.wrap(INNER).address, threads=1).ns(calls=100)
        after = look_at_rings(tracer.segment_path)
    assert 64 << 10 <= before.each == after.each <= 64 << 20
    assert before.each.bit_count() == 1
    assert after.written - before.written >= 101 * 64
    (segments / "other").write_bytes(bytes(8192))
    assert look_at_rings(segments / "other") == look_at_rings(segments / "none") == Rings(0, 0)


def test_copies_need_a_ring_they_fit_into() -> None:
    assert copy_ns(1000, 1 << 16, 1000) > 0
    with pytest.raises(ValueError, match="into a ring of 64"):
        copy_ns(1000, 64, 1)


@pytest.mark.usefixtures("segments")
def test_sessions_are_renewed_and_what_warms_up_is_called_too() -> None:
    with EmbeddedHost() as host, Tracer("loop", litecore=host) as tracer:
        loop = CallLoop(tracer.wrap(INNER).address, threads=2)
        loop.renew()
        assert loop.ns(calls=20, warm=30, threads=2) > 0
        events = tracer.snapshot().factories[0].events
    assert [events[kind].n for kind in (EventKind.open, EventKind.dispose, EventKind.write)] == [4, 2, 100]


@pytest.mark.usefixtures("segments")
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_take_turns_on_one_session(threads: int) -> None:
    with EmbeddedHost() as host, Tracer("turns", litecore=host) as tracer:
        loop = CallLoop(tracer.wrap(INNER).address, threads=1)
        assert loop.turns_ns(threads=threads, run=7, turns=10, message=3) > 0
        assert loop.turns_ns(threads=threads, run=5, turns=4, message=3, completes=True) > 0
        snapshot = tracer.snapshot()
    [session] = snapshot.sessions
    assert (session.write.n, session.write.bytes) == (80, 240)
    assert (session.completed_write.n, session.completed_write.bytes) == (10, 30)
    assert snapshot.factories[0].events[EventKind.completedWrite].n == 10


@pytest.mark.parametrize(("threads", "run", "turns"), [(0, 1, 1), (1, 0, 1), (1, 1, 0), (17, 1, 1)])
def test_turns_that_cannot_be_taken_are_refused(threads: int, run: int, turns: int) -> None:
    with pytest.raises(ValueError, match="turns of"):
        CallLoop(INNER, threads=1).turns_ns(threads=threads, run=run, turns=turns, message=0)
