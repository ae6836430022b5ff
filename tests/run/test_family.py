from __future__ import annotations

import os
from pathlib import Path

import pytest

import c4trace
from c4trace.destinations import Destinations
from c4trace.host import EmbeddedHost
from c4trace.run.family import Family
from c4trace.run.reports import Reports
from tests.factories.echo import EchoFactory
from tests.tracing import counted, recorded, talk, told


def family(folder: Path, record: Path | None = None) -> Family:
    return Family(Reports(folder), Destinations(record=None if record is None else str(record)))


def report(folder: Path, pid: int, line: str) -> None:
    with (folder / str(pid)).open("a") as file:
        file.write(line + "\n")


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    folder = tmp_path / "reports"
    folder.mkdir()
    return folder


def test_a_segment_that_is_reported_is_collected_to_its_end(reports: Path, tmp_path: Path, segments: Path) -> None:
    assert segments.is_dir()
    record = tmp_path / "orders.jsonl"
    run = family(reports, record)
    host = EmbeddedHost()
    with EchoFactory() as factory, c4trace.Tracer("orders", litecore=host) as tracer:
        report(reports, os.getpid(), f"segment {tracer.segment_path}")
        run.look()
        talk(host, tracer.wrap(factory))
        run.end()
    assert recorded(record) == told(host)
    (traced,) = run.traced
    assert counted(traced.snapshot()) == told(host)
    assert (traced.lost, traced.recording, traced.goes_on, run.problems) == (0, record, True, [])
    host.stop()


def test_a_second_process_has_its_pid_in_the_recording_s_name(reports: Path, tmp_path: Path, segments: Path) -> None:
    assert segments.is_dir()
    run = family(reports, tmp_path / "orders.v2.jsonl.zst")
    with c4trace.Tracer("one") as one, c4trace.Tracer("two") as two, c4trace.Tracer("three") as three:
        for tracer in (one, two, three):
            report(reports, 4711, f"segment {tracer.segment_path}")
            run.look()
        names = [traced.recording.name for traced in run.traced if traced.recording is not None]
        run.end()
    assert names == ["orders.v2.jsonl.zst", "orders.v2.4711.jsonl.zst", "orders.v2.4711-2.jsonl.zst"]


def test_a_recording_that_cannot_be_written_costs_that_recording_alone(
    reports: Path, tmp_path: Path, segments: Path
) -> None:
    assert segments.is_dir()
    (tmp_path / "orders.4711.jsonl").write_text("something else\n")
    run = family(reports, tmp_path / "orders.jsonl")
    with c4trace.Tracer("one") as one, c4trace.Tracer("two") as two:
        report(reports, 4710, f"segment {one.segment_path}")
        run.look()
        report(reports, 4711, f"segment {two.segment_path}")
        run.look()
        assert len(run.traced) == 2
        run.end()
    (problem,) = run.problems
    assert problem.startswith(f"{tmp_path}/orders.4711.jsonl")
    assert [traced.recording is None for traced in run.traced] == [False, True]
    assert (tmp_path / "orders.4711.jsonl").read_text() == "something else\n"


def test_a_segment_that_cannot_be_read_is_named(reports: Path, tmp_path: Path) -> None:
    run = family(reports)
    report(reports, 4711, f"segment {tmp_path}/gone.4711.seg")
    run.look()
    run.end()
    assert run.traced == []
    assert [problem.startswith(f"{tmp_path}/gone.4711.seg: ") for problem in run.problems] == [True]


def test_of_two_segments_in_one_place_the_newer_is_taken(reports: Path, segments: Path) -> None:
    assert segments.is_dir()
    run = family(reports)
    with c4trace.Tracer("one") as one:
        report(reports, 4711, f"segment {one.segment_path}\nsegment {one.segment_path}")
        run.look()
        assert len(run.traced) == 1
        run.end()


def test_a_process_that_is_gone_keeps_its_last_numbers(reports: Path, segments: Path) -> None:
    run = family(reports)
    pid = os.fork()
    if pid == 0:
        tracer = c4trace.Tracer("gone")
        report(reports, os.getpid(), f"segment {tracer.segment_path}")
        os._exit(0)
    os.waitpid(pid, 0)
    run.look()
    (path,) = segments.iterdir()
    path.unlink()
    assert [snapshot.process.state for snapshot in run.snapshots()] == ["dead"]
