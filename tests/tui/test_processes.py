from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from c4trace.events import SessionState
from c4trace.segment.watch import Order, Watch
from c4trace.tui.processes import Processes
from tests.cli.talking import talking, talking_all

ALL = tuple(SessionState)
PATIENCE = 30.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch() -> Iterator[Watch]:
    with Watch() as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "segments"
    monkeypatch.setenv("C4TRACE_DIR", str(made))
    return made


def until(happened: Callable[[], bool]) -> None:
    """Wait for what the kernel does in its own time."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def names(processes: Processes, clock: Clock) -> list[tuple[str, str]]:
    """Who is there, a second later, and how it fares."""
    clock.now += 1.0
    return sorted((look.process.name, look.process.state) for look in processes.look().values())


def test_processes_are_seen_to_come_and_those_that_end_stay(folder: Path, watch: Watch, clock: Clock) -> None:
    processes = Processes(watch, clock=clock)
    assert names(processes, clock) == []
    with talking(folder, "orders") as orders:
        assert names(processes, clock) == [("orders", "live")]
        with talking(folder, "stock") as stock:
            orders.tell("talk")
            assert names(processes, clock) == [("orders", "live"), ("stock", "live")]
            stock.kill()
            assert names(processes, clock) == [("orders", "live"), ("stock", "dead")]
        orders.end()
        assert names(processes, clock) == [("orders", "closed"), ("stock", "dead")]
        assert not orders.path.exists()
    assert watch.sort(ALL, Order.sid).total == 3
    processes.close()


def test_only_those_that_are_wanted_are_shown(folder: Path, watch: Watch, clock: Clock) -> None:
    with talking_all(folder, ["orders", "orders", "stock"]) as (first, second, stock):
        by_name = Processes(watch, "orders", clock=clock)
        assert names(by_name, clock) == [("orders", "live")] * 2
        by_pid = Processes(watch, str(stock.pid), clock=clock)
        assert names(by_pid, clock) == [("stock", "live")]
        by_path = Processes(watch, str(second.path), clock=clock)
        assert [look.process.pid for look in by_path.look().values()] == [second.pid]
        first.kill()
        assert names(by_name, clock) == [("orders", "dead"), ("orders", "live")]
        assert names(Processes(watch, "orders", clock=clock), clock) == [("orders", "live")]


def test_a_process_that_is_stopped_is_told_from_one_that_has_nothing_to_do(
    folder: Path, watch: Watch, clock: Clock
) -> None:
    with talking(folder, "orders") as orders:
        processes = Processes(watch, clock=clock)

        def stopped() -> bool:
            [look] = processes.look().values()
            assert look.process.state == "live"
            return look.stopped

        assert not stopped()
        os.kill(orders.pid, signal.SIGSTOP)
        try:
            until(stopped)
        finally:
            os.kill(orders.pid, signal.SIGCONT)
        until(lambda: not stopped())


def test_the_dead_are_shown_to_whoever_asks_for_them(folder: Path, watch: Watch, clock: Clock) -> None:
    with talking_all(folder, ["orders", "orders"]) as (first, second):
        first.kill()
        second.kill()
        everybody = Processes(watch, clock=clock)
        assert names(everybody, clock) == []
        last = [f"c4trace live {one.pid} has the last state of orders, which is dead" for one in (first, second)]
        assert everybody.none in {f"no traced process runs: none in {folder}; {said}" for said in last}
        asked = Processes(watch, "orders", clock=clock)
        assert names(asked, clock) == [("orders", "dead")]
        given = Processes(watch, lambda: [first.path, second.path, folder / "none.1.seg"], clock=clock)
        assert names(given, clock) == [("orders", "dead")] * 2
        first.path.unlink()
        second.path.unlink()
        assert names(everybody, clock) == []
        assert everybody.none == f"no traced process runs: none in {folder}"


def test_the_events_of_a_session_are_followed(folder: Path, watch: Watch, clock: Clock) -> None:
    with talking(folder, "orders") as orders:
        processes = Processes(watch, clock=clock)
        orders.tell("talk")
        [source] = processes.look()
        orders.end()  # its file is gone, its rings are not
        processes.look()
        lines = processes.lines((source, 2))
        assert {line.sid for line in lines if hasattr(line, "sid")} == {2}
        assert [line.ev for line in lines if hasattr(line, "ev")][:1] == ["open"]
        assert [line.ev for line in lines if hasattr(line, "ev")][-1:] == ["dispose"]
        assert len(processes.lines((source, 3))) == len(lines)
        assert list(processes.lines((source, 99))) == []
        assert processes.lines(None) == ()


def test_a_segment_that_is_cut_is_let_go(folder: Path, watch: Watch, clock: Clock) -> None:
    with talking(folder, "orders") as orders:
        processes = Processes(watch, clock=clock)
        orders.tell("talk")
        orders.kill()
        processes = Processes(watch, "orders", clock=clock)
        assert names(processes, clock) == [("orders", "dead")]
        with orders.path.open("r+b") as file:
            file.truncate(8192)
        assert names(processes, clock) == []
        assert str(orders.path) in " ".join(processes.troubles)


def test_a_folder_that_is_refused_is_told(folder: Path, watch: Watch, clock: Clock) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    processes = Processes(watch, clock=clock)
    assert names(processes, clock) == []
    assert "others may write to it" in processes.troubles[0]
