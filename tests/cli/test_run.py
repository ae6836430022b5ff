from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest

from c4trace.segment.attach import attach
from c4trace.segment.folder import list_segments
from tests.cli.test_main import run
from tests.run.stand_in import EVENTS, Version, build
from tests.tracing import events_of, recorded


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host of the stand-in for LiteCore."""
    return build(tmp_path_factory.mktemp("host"), Version(30, "3.0.0"))


@pytest.fixture
def touched(tmp_path: Path) -> Path:
    """What a command that was run would have made."""
    return tmp_path / "touched"


def refused(done: subprocess.CompletedProcess[str], touched: Path) -> str:
    """The one line that says what is wrong; nothing was run."""
    assert (done.returncode, done.stdout) == (2, "")
    assert not touched.exists()
    (line,) = done.stderr.splitlines()
    return line


def test_a_path_that_cannot_be_recorded_to_is_refused_before_anything_runs(tmp_path: Path, touched: Path) -> None:
    line = refused(run("run", "--record", tmp_path / "none" / "r.jsonl", "--", "touch", touched), touched)
    assert line == (
        f"c4trace: {tmp_path}/none/r.jsonl: cannot be written: No such file or directory; make the folder first"
    )
    (tmp_path / "mine").write_text("no recording\n")
    assert "is no recording" in refused(run("run", "--record", tmp_path / "mine", "--", "touch", touched), touched)
    assert (tmp_path / "mine").read_text() == "no recording\n"


def test_a_port_that_is_taken_is_refused_before_anything_runs(touched: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(run("run", "--metrics-port", str(port), "--", "touch", touched), touched)
    assert line.startswith(f"c4trace: metrics cannot be served at 127.0.0.1, port {port}: ")


def test_a_log_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path, touched: Path) -> None:
    line = refused(run("run", "--log", tmp_path / "none" / "log", "--", "touch", touched), touched)
    assert line.startswith(f"c4trace: {tmp_path}/none/log: the log cannot be written: No such file or directory")


@pytest.mark.parametrize("name", ["", ".hidden", "a b", "a/b", "x" * 49])
def test_a_name_that_no_segment_can_have_is_refused(name: str, touched: Path) -> None:
    line = refused(run("run", "--name", name, "--", "touch", touched), touched)
    assert line.startswith(f"c4trace: --name {name!r} is not 1 to 48 letters, digits")


@pytest.mark.parametrize("level", ["", "all", "bytes", "bytes:0", "full:3"])
def test_an_unknown_capture_level_is_refused(level: str, touched: Path) -> None:
    line = refused(run("run", "--capture", level, "--", "touch", touched), touched)
    assert f"unknown capture level {level!r}: use off, events, headers, bytes:N" in line


def test_without_a_command_there_is_the_help() -> None:
    done = run("run")
    assert done.returncode == 2
    assert "c4trace run [OPTIONS] -- COMMAND..." in done.stdout
    assert run("run", "--").returncode == 2


def test_what_follows_the_command_is_its_own() -> None:
    words = ["sh", "-c", 'echo "$@"', "sh", "--name", "--help", "--"]
    assert run("run", *words).stdout == run("run", "--", *words).stdout == "--name --help --\n"


@pytest.mark.parametrize(
    ("level", "kept"), [("off", None), ("events", 0), ("headers", 0), ("bytes:3", 3), ("full", 10)]
)
def test_the_capture_level_is_the_host_s(
    host: Path, tmp_path: Path, segments: Path, level: str, kept: int | None
) -> None:
    record = tmp_path / "r.jsonl"
    assert run("run", "--record", record, "--capture", level, "--", host).returncode == 0
    (file,) = list_segments(segments)
    with attach(file.path) as segment:
        assert segment.snapshot().process.capture == level
    writes = [event for event in events_of(record) if event.ev == "write"]
    assert [len(event.data or b"") for event in writes] == ([] if kept is None else [kept])


def test_a_log_has_each_session_of_every_process(host: Path, tmp_path: Path, segments: Path) -> None:
    assert segments.is_dir()
    log = tmp_path / "log.jsonl"
    assert run("run", "--log", log, "--", "sh", "-c", f"{host}; {host}").returncode == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len({line["pid"] for line in lines}) == 2
    assert [line["event"] for line in lines].count("summary") == 2


def test_an_older_recording_is_replaced_only_when_something_is_recorded(
    host: Path, tmp_path: Path, segments: Path
) -> None:
    assert segments.is_dir()
    record = tmp_path / "r.jsonl"
    assert run("run", "--record", record, "--capture", "full", "--", host).returncode == 0
    first = record.read_bytes()
    assert run("run", "--record", record, "--", "true").returncode == 0
    assert record.read_bytes() == first
    assert run("run", "--record", record, "--", host).returncode == 0
    assert record.read_bytes() != first
    assert recorded(record) == EVENTS


def test_a_compressed_recording_is_whole_too(host: Path, tmp_path: Path, segments: Path) -> None:
    assert segments.is_dir()
    record = tmp_path / "r.jsonl.zst"
    assert run("run", "--record", record, "--", host, "from-native").returncode == 0
    assert recorded(record) == EVENTS | {"fromNative": (1, 0)}
