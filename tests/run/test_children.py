"""Children of a traced process: by fork alone, many of them, and by exec."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from c4trace.segment.attach import attach
from c4trace.segment.folder import list_segments
from tests.run.stand_in import EVENTS, Version, build, run
from tests.tracing import counted, recorded

pytestmark = pytest.mark.usefixtures("segments")

SMALL = {"C4TRACE_SEGMENT_KIB": "2048"}
CHILDREN = 200


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host of the stand-in."""
    return build(tmp_path_factory.mktemp("host"), Version(30, "3.0.0"))


def test_children_that_leave_litecore_alone_are_not_traced(host: Path, tmp_path: Path, segments: Path) -> None:
    record = tmp_path / "host.jsonl"
    done = run("--record", record, "--", host, "idle-fork", str(CHILDREN))
    assert done.returncode == 0, done.stderr
    assert recorded(record) == EVENTS
    assert list(tmp_path.iterdir()) == [record]
    assert len(list_segments(segments)) == 1
    assert "c4trace: traced process " in done.stderr


def test_each_forked_child_that_uses_litecore_has_a_recording_of_its_own(
    host: Path, tmp_path: Path, segments: Path
) -> None:
    record = tmp_path / "host.jsonl"
    done = run("--record", record, "--", host, "fork", str(CHILDREN), **SMALL)
    assert done.returncode == 0, done.stderr
    assert recorded(record) == EVENTS
    others = set(tmp_path.iterdir()) - {record}
    assert len(others) == CHILDREN
    assert all(re.fullmatch(r"host\.\d+\.jsonl", other.name) for other in others)
    assert [other.name for other in others if recorded(other) != EVENTS] == []
    one, two = 5 * (CHILDREN + 1), f"recorded in {record} and {CHILDREN} beside it, named by process"
    amount = f"traced {CHILDREN + 1} processes: {CHILDREN + 1} sessions, {one:,} calls, {one:,} up-calls"
    assert done.stderr.startswith(f"c4trace: {amount}, ")
    assert done.stderr.endswith(f"nothing lost; {two}\n")
    assert len(list_segments(segments)) > 1


def test_a_child_that_is_another_program_is_traced_too(host: Path, tmp_path: Path) -> None:
    record = tmp_path / "host.jsonl"
    done = run("--record", record, "--", "sh", "-c", f"{host} new && {host} register; exit 4")
    assert done.returncode == 4
    (other,) = set(tmp_path.iterdir()) - {record}
    assert recorded(record) == recorded(other) == EVENTS


def test_a_process_that_replaces_itself_is_traced_again(host: Path, tmp_path: Path, segments: Path) -> None:
    record = tmp_path / "host.jsonl"
    script = f"{host} new; exec {host} register"
    done = run("--record", record, "--", "sh", "-c", script)
    assert done.returncode == 0
    (other,) = set(tmp_path.iterdir()) - {record}
    assert recorded(record) == recorded(other) == EVENTS
    for file in list_segments(segments):
        with attach(file.path) as segment:
            assert counted(segment.snapshot()) == EVENTS


def test_processes_are_called_by_the_name_that_was_asked_for(host: Path, segments: Path) -> None:
    assert run("--name", "orders-7", "--", host).returncode == 0
    assert run("--", host).returncode == 0
    assert sorted(file.name for file in list_segments(segments)) == ["host", "orders-7"]


def test_a_process_that_outlives_the_command_is_left_to_itself(host: Path, tmp_path: Path, segments: Path) -> None:
    record, output = tmp_path / "host.jsonl", tmp_path / "output"
    wait = f"until grep -q replaced {output}; do sleep 0.05; done; sleep 0.3; exit 6"
    done = run("--record", record, "--", "sh", "-c", f"{host} linger 1000 >{output} 2>&1 & echo $!; {wait}")
    lingering = int(done.stdout)
    try:
        assert done.returncode == 6
        assert done.stderr.endswith(f"recorded in {record}; still running, and collected no longer: {lingering}\n")
        assert recorded(record) == EVENTS
        (file,) = list_segments(segments)
        with attach(file.path) as segment:
            process = segment.snapshot().process
        assert (process.pid, process.state, process.recording) == (lingering, "live", False)
    finally:
        os.kill(lingering, signal.SIGKILL)


def test_a_segment_that_is_cut_short_changes_nothing_for_the_command(
    host: Path, tmp_path: Path, segments: Path
) -> None:
    """Its one process is quiet then: the next event would end it, as it ends whoever writes where no page is."""
    record = tmp_path / "host.jsonl"
    linger = f"{host} linger 1000 >/dev/null 2>&1 & host=$!; until grep -sq dispose {record}; do sleep 0.05; done"
    cut = f"truncate --size 4096 {segments}/*.seg; until grep -q footer {record}; do sleep 0.05; done"
    done = run("--record", record, "--", "sh", "-c", f"{linger}; {cut}; kill -9 $host; exit 6")
    assert done.returncode == 6
    note, amount = done.stderr.splitlines()
    assert note.endswith(".seg: was cut short while it was read; this recording ends here")
    assert "1 session, 5 calls, 5 up-calls" in amount
    assert recorded(record) == EVENTS


def test_a_size_that_is_no_number_is_named_and_the_usual_one_used(host: Path, segments: Path) -> None:
    done = run("--", host, "new", C4TRACE_SEGMENT_KIB="lots")
    assert done.returncode == 0, done.stderr
    seen, remark = done.stderr.splitlines()
    assert seen.startswith("c4trace: traced process ")
    said = "C4TRACE_SEGMENT_KIB is lots, which is no whole number that it can be: change or unset it"
    assert remark == f"c4trace: {said}"
    (segment,) = list_segments(segments)
    assert segment.path.stat().st_size >= 16384 << 10
