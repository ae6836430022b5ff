"""Where a tracer's events go: recording, log and metrics page, in threads of the host or in a process of its own."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from c4trace import EmbeddedHost, Rotation, TraceError, Tracer
from c4trace.collecting import Place
from c4trace.collecting_apart import CollectionApart
from c4trace.recording.parts import parts_of
from tests.factories.echo import EchoFactory
from tests.tracing import (
    URL,
    Counted,
    child_processes,
    counted,
    events_of,
    exchange,
    hang_up,
    open_fds,
    page,
    recorded,
    scraped,
    talk,
    thread_count,
    told,
    until,
)

pytestmark = pytest.mark.usefixtures("segments")

BOTH = pytest.mark.parametrize("where", ["thread", "process"])


def logged(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def from_log(path: Path) -> Counted:
    """What the summaries of a log add up to."""
    summaries = [line for line in logged(path) if line["event"] == "summary"]
    return {
        name: (sum(line[field] for line in summaries), sum(line[f"{field}_bytes"] for line in summaries))
        for name, field in (("write", "written"), ("received", "received"))
    }


@BOTH
@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.zst"])
def test_every_destination_has_the_hosts_own_numbers(where: Place, name: str, tmp_path: Path) -> None:
    record, log = tmp_path / name, tmp_path / "log"
    with (
        EchoFactory() as echo,
        EmbeddedHost() as host,
        Tracer("t", litecore=host, record=record, metrics_port=0, log=log, collect_in=where) as tracer,
    ):
        talk(host, tracer.wrap(echo), sockets=20, messages=50)
        assert tracer.metrics_url is not None
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/metrics", tracer.metrics_url)
        assert scraped(tracer.metrics_url) == told(host)
        assert 'name="t"' in page(tracer.metrics_url, openmetrics=True)
    assert counted(tracer.snapshot()) == told(host)
    assert recorded(record) == told(host)
    moved = {name: tally for name, tally in told(host).items() if name in {"write", "received"}}
    assert from_log(log) == moved == {"write": (1000, 100_000), "received": (1000, 100_000)}
    assert {line["event"]: 0 for line in logged(log)}.keys() == {"open", "opened", "closed", "summary"}
    assert len(logged(log)) == 80


def comparable(line: dict[str, Any]) -> dict[str, Any]:
    """A line without what differs from run to run: times, threads, the process."""
    times = {"t", "dt", "tid", "seq", "wall", "pid", "timestamp", "time", "argv", "clock", "sha256"}
    return {key: value for key, value in line.items() if key not in times and not key.endswith("_s")}


def what_is_said(where: Place, folder: Path) -> dict[str, list[str]]:
    """All that one conversation leaves behind, made comparable, in order of its text."""
    folder.mkdir()
    with (
        EchoFactory() as echo,
        EmbeddedHost(threads=1) as host,
        Tracer(
            "t",
            litecore=host,
            record=folder / "r.jsonl",
            log=folder / "log",
            log_level="debug",
            metrics_port=0,
            capture="full",
            collect_in=where,
        ) as tracer,
    ):
        traced = tracer.wrap(echo)
        for _ in range(5):
            talk(host, traced, sockets=1, messages=20)
        assert tracer.metrics_url is not None
        metrics = [line for line in page(tracer.metrics_url).splitlines() if not re.search(r"^#|_seconds|pid=", line)]
        registry = CollectorRegistry()
        registry.register(tracer.collector)
        assert set(metrics) <= set(generate_latest(registry).decode().splitlines())
    lines = (folder / "r.jsonl").read_text().splitlines()
    of_recording = [comparable(json.loads(line)) for line in lines if '"type":"return"' not in line]
    of_log = [comparable(line) for line in logged(folder / "log") if line["event"] != "return"]
    said = {"recording": of_recording, "log": of_log}
    return {name: sorted(json.dumps(line) for line in found) for name, found in said.items()} | {"metrics": metrics}


def test_a_process_of_its_own_says_what_a_thread_says(tmp_path: Path) -> None:
    in_thread = what_is_said("thread", tmp_path / "thread")
    in_process = what_is_said("process", tmp_path / "process")
    assert in_thread.keys() == in_process.keys()
    for name, said in in_thread.items():
        assert said == in_process[name], name
        assert len(said) > 20


@BOTH
def test_a_recording_is_rotated_and_its_parts_add_up(where: Place, tmp_path: Path) -> None:
    record = tmp_path / "r.jsonl"
    with EchoFactory() as echo, EmbeddedHost() as host:
        with Tracer(
            "t", litecore=host, record=record, rotation=Rotation(part_bytes=40_000), capture="full", collect_in=where
        ) as tracer:
            traced = tracer.wrap(echo)
            for _ in range(10):
                talk(host, traced, sockets=2, messages=20)
                time.sleep(0.06)
        parts = list(parts_of(record).values())
        assert len(parts) > 3
        assert not record.exists()
        assert recorded(record) == told(host)
        assert [event.seq for event in events_of(record)] == list(range(1, sum(n for n, _ in told(host).values()) + 1))


@BOTH
def test_only_what_is_wanted_is_consumed(where: Place) -> None:
    with (
        EchoFactory() as echo,
        EmbeddedHost() as host,
        Tracer("t", litecore=host, metrics_port=0, collect_in=where) as tracer,
    ):
        talk(host, tracer.wrap(echo))
        assert not tracer.snapshot().process.recording  # the segment stays a flight recorder
        assert tracer.metrics_url is not None
        assert scraped(tracer.metrics_url) == told(host)


def test_without_destinations_nothing_is_started() -> None:
    with EmbeddedHost() as host:
        threads = threading.enumerate()
        with Tracer("t", litecore=host) as tracer:
            assert threading.enumerate() == threads
            assert tracer.metrics_url is None


@pytest.mark.parametrize("where", ["thread", "process"])
@pytest.mark.parametrize("style", ["json", "console"])
def test_a_log_goes_to_standard_error(where: Place, style: str, capfd: pytest.CaptureFixture[str]) -> None:
    with (
        EchoFactory() as echo,
        EmbeddedHost() as host,
        Tracer("t", litecore=host, log=style, collect_in=where) as tracer,
    ):
        talk(host, tracer.wrap(echo), sockets=1)
    out, err = capfd.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 4
    if style == "json":
        assert [json.loads(line)["event"] for line in lines] == ["open", "opened", "closed", "summary"]
    else:
        assert all("EchoFactory" in line for line in lines)


@BOTH
def test_collecting_leaves_nothing_open(where: Place, tmp_path: Path) -> None:
    fds, threads, children = open_fds(), 0, child_processes()
    with EchoFactory() as echo, EmbeddedHost() as host:
        for n in range(4):
            with Tracer(
                "t",
                litecore=host,
                record=tmp_path / f"{n}.jsonl",
                log=tmp_path / "log",
                metrics_port=0,
                collect_in=where,
            ) as tracer:
                talk(host, tracer.wrap(echo), sockets=1)
                assert tracer.metrics_url is not None
                page(tracer.metrics_url)
            if n == 0:
                fds, threads = open_fds(), thread_count()
        assert open_fds() == fds
        assert until(lambda: thread_count() == threads)  # one that was joined may still be on its way out
        assert child_processes() == children


def test_sessions_that_are_open_at_the_end_are_on_record_as_far_as_they_went(tmp_path: Path) -> None:
    record = tmp_path / "r.jsonl"
    with EchoFactory() as echo, EmbeddedHost() as host:
        with Tracer("t", litecore=host, record=record) as tracer:
            sockets = [host.connect(tracer.wrap(echo), URL) for _ in range(3)]
            exchange(sockets, messages=10)
            before = told(host)
        hang_up(sockets)
        assert recorded(record) == counted(tracer.snapshot()) == before
        assert "closed" not in before


@BOTH
def test_a_taken_port_is_refused_before_anything_is_written(where: Place, tmp_path: Path, segments: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, EmbeddedHost() as host:
        port = taken.getsockname()[1]
        with pytest.raises(TraceError) as refused:
            Tracer(
                "t", litecore=host, metrics_port=port, record=tmp_path / "r.jsonl", log=tmp_path / "l", collect_in=where
            )
        assert str(refused.value) == (
            f"metrics cannot be served at 127.0.0.1, port {port}: Address already in use; "
            "choose another port, or 0 for any that is free"
        )
        assert list(tmp_path.iterdir()) == list(segments.iterdir()) == []


def collecting_pid(tracer: Tracer) -> int:
    """The pid of the process that collects for `tracer`."""
    return tracer._collecting.pid if isinstance(tracer._collecting, CollectionApart) else os.getpid()


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@BOTH
def test_collecting_costs_next_to_nothing_while_the_host_is_idle(where: Place, tmp_path: Path) -> None:
    seconds = 2.0
    with (
        EchoFactory() as echo,
        EmbeddedHost() as host,
        Tracer(
            "t", litecore=host, record=tmp_path / "r.jsonl", log=tmp_path / "l", metrics_port=0, collect_in=where
        ) as tracer,
    ):
        sockets = [host.connect(tracer.wrap(echo), URL) for _ in range(3)]
        exchange(sockets, messages=10)
        time.sleep(1)
        pids = {os.getpid(), collecting_pid(tracer)}
        before = sum(cpu_seconds(pid) for pid in pids)
        time.sleep(seconds)
        assert sum(cpu_seconds(pid) for pid in pids) - before < 0.03 * seconds
        hang_up(sockets)
