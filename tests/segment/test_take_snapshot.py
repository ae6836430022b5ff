from __future__ import annotations

import threading
import time
from pathlib import Path

from c4trace._native import lib
from c4trace.events import EventKind, Latency, SessionState
from c4trace.segment.attach import attach
from c4trace.segment.folder import list_segments
from c4trace.segment.snapshot import BUCKET_BOUNDS, Cell, Flow, Slices, Snapshot
from c4trace.segment.take_snapshot import LOSSES, UPCALLS
from tests.segment.conftest import Echo
from tests.tracing import URL, counted, exchange, hang_up, talk, told


def cells(snapshot: Snapshot) -> dict[str, Cell]:
    [factory] = snapshot.factories
    by_event = {kind.name: cell for kind, cell in factory.events.items()}
    return by_event | {f"latency {latency.name}": cell for latency, cell in factory.latencies.items()}


def test_every_loss_of_the_segment_has_a_name() -> None:
    assert len(LOSSES) == lib.C4T_LOSS_COUNT
    assert len(set(LOSSES)) == len(LOSSES)


def test_a_quiet_segment_is_exact(echo: Echo) -> None:
    talk(echo.host, echo.traced, sockets=3, messages=20, size=100)
    with attach(echo.path) as segment:
        snapshot = segment.snapshot()
    assert counted(snapshot) == told(echo.host)
    for name, cell in cells(snapshot).items():
        assert cell.n == cell.done == sum(cell.buckets), name
        assert len(cell.buckets) == len(BUCKET_BOUNDS) + 1
        assert (cell.seconds > 0) == (cell.n > 0), name
    [factory] = snapshot.factories
    assert (factory.label, factory.sessions, factory.upcalls) == ("orders", 3, "table")
    assert factory.upcalls in UPCALLS
    assert factory.unacked_write_bytes == factory.unprocessed_receive_bytes == 0
    assert (factory.releases, factory.slices) == ("table", Slices(Flow(60, 6000), Flow(60, 6000), Flow(0, 0)))
    measured = {latency: cell.n for latency, cell in factory.latencies.items()}
    assert [measured[latency] for latency in (Latency.open, Latency.close, Latency.session)] == [3, 3, 3]
    assert measured[Latency.write_ack] + measured[Latency.receive_ack] + snapshot.lost["latency"] == 120
    assert set(factory.states.values()) == {0}
    assert sum(factory.closed.values()) == 3
    assert (snapshot.sessions_total, snapshot.orphans) == (3, 0)
    assert {reason: n for reason, n in snapshot.lost.items() if n and reason != "latency"} == {}


def test_the_sum_of_durations_lies_where_the_buckets_say(echo: Echo) -> None:
    talk(echo.host, echo.traced, sockets=2, messages=50)
    with attach(echo.path) as segment:
        for name, cell in cells(segment.snapshot()).items():
            low = sum(n * bound for n, bound in zip(cell.buckets, (0.0, *BUCKET_BOUNDS), strict=True))
            high = sum(n * bound for n, bound in zip(cell.buckets, (*BUCKET_BOUNDS, float("inf")), strict=True) if n)
            # A bucket of the segment that spans a bound counts above it, so `low` may be too high by its width.
            assert low * 15 / 16 <= cell.seconds <= high, name


def test_sessions_are_told_from_open_to_dispose(echo: Echo) -> None:
    sockets = [echo.host.connect(echo.traced, URL) for _ in range(2)]
    exchange(sockets, messages=3, size=100)
    while told(echo.host)["completedReceive"] != (6, 600):
        time.sleep(0.001)
    with attach(echo.path) as segment:
        open_ones = segment.snapshot()
        assert [view.sid for view in open_ones.sessions] == [1, 2]
        for view in open_ones.sessions:
            assert (view.state, view.factory, view.address, view.incoming) == (SessionState.open, "orders", URL, False)
            assert (view.write.n, view.write.bytes) == (view.completed_write.n, view.completed_write.bytes) == (3, 300)
            assert (view.received.n, view.completed_receive.bytes) == (3, 300)
            assert view.unreleased == Flow(0, 0)
            assert view.connected_at is not None
            assert 0 < view.opened_at <= view.connected_at <= view.last <= open_ones.now
            assert view.closing_at is view.closed_at is view.disposed_at is None
            assert (view.http_status, view.lost, view.upcalls_visible) == (101, 0, True)
        assert open_ones.factories[0].states[SessionState.open] == 2
        hang_up(sockets)
        for view in segment.snapshot().sessions:
            assert view.state == SessionState.disposed
            assert view.last_event == EventKind.dispose
            assert view.closing_at is not None
            assert view.closed_at is not None
            assert view.disposed_at is not None
            assert view.closing_at <= view.closed_at <= view.disposed_at


def test_counts_never_go_down_while_threads_write(echo: Echo) -> None:
    """What waits in a thread's row must be neither counted twice nor, once said, missing."""
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            talk(echo.host, echo.traced, sockets=2, messages=30)

    threads = [threading.Thread(target=busy) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        with attach(echo.path) as segment:
            before = cells(segment.snapshot())
            for _ in range(150):
                now = cells(segment.snapshot())
                for name, cell in now.items():
                    assert sum(cell.buckets) == cell.done <= cell.n, name
                    assert all(a >= b for a, b in zip(cell.buckets, before[name].buckets, strict=True)), name
                    assert cell.n >= before[name].n, name
                    assert cell.seconds >= before[name].seconds, name
                before = now
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    with attach(echo.path) as segment:
        assert counted(segment.snapshot()) == told(echo.host)


def test_an_exemplar_names_the_slowest_session_until_it_is_taken(echo: Echo) -> None:
    talk(echo.host, echo.traced, sockets=2, messages=5)
    with attach(echo.path, control=True) as segment:
        first = cells(segment.snapshot())["write"].exemplar
        assert first is not None
        assert first.sid in {1, 2}
        again = cells(segment.snapshot(take_exemplars=True))["write"]
        assert again.exemplar == first
        assert first.seconds <= again.seconds
        assert segment.snapshot().process.started <= first.wall
        assert cells(segment.snapshot())["write"].exemplar is None


def test_the_process_is_described(echo: Echo, segments: Path) -> None:
    with attach(echo.path) as segment:
        process = segment.snapshot().process
    [listed] = list_segments(segments)
    assert (process.name, process.pid, Path(process.path)) == (listed.name, listed.pid, listed.path)
    assert (process.state, process.reason, process.recording) == ("live", "", False)
    assert process.clock in {"tsc", "cntvct", "monotonic"}
    assert process.factory_size == 72
