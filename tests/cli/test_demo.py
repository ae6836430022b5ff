from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from c4trace.demo.run import LOG, PAGE, RECORDING
from c4trace.report.summary import Summary
from tests.cli.test_main import C4TRACE, run
from tests.report.sample import written
from tests.tracing import on_small_disk


def test_twenty_sockets_are_traced_and_all_that_is_promised_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("demo")
    assert (result.returncode, result.stderr) == (0, "")
    assert "sessions  20 in " in result.stdout
    assert "no event lost" in result.stdout
    assert "equal  recording, metrics page and host: every count, all bytes" in result.stdout
    folder = tmp_path / "c4trace-demo"
    assert {path.name for path in folder.iterdir()} == {RECORDING, PAGE, LOG}
    commands = [command.split() for command in re.findall(r"\S*c4trace (?:show|replay|metrics) .*", result.stdout)]
    assert [command[:2] for command in commands] == [[str(C4TRACE), verb] for verb in ("show", "replay", "metrics")]
    for command in commands:
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    summary = json.loads(run("replay", folder / RECORDING, "--speed", "max", "--log", "none", "--json").stdout)
    assert summary["sessions"] == 20
    assert set(summary) == set(Summary.__struct_fields__)


def test_the_command_is_named_as_the_shell_finds_it(tmp_path: Path) -> None:
    result = run("demo", "--folder", tmp_path, PATH=f"{C4TRACE.parent}:{os.environ['PATH']}")
    assert f"next   c4trace show {tmp_path}" in result.stdout


def test_the_next_demo_replaces_the_last_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / LOG).write_text("of the last demo\n")
    for _ in range(2):
        assert run("demo", "--folder", tmp_path).returncode == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert "of the last demo" not in (tmp_path / LOG).read_text()
    assert {path.name for path in tmp_path.iterdir()} == {RECORDING, PAGE, LOG, "mine.txt"}


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run("demo", "--folder", tmp_path / "file" / "x")
    assert result.returncode == 2
    assert result.stderr.endswith(": cannot be made: Not a directory; choose another with --folder\n")


def test_a_recording_without_data_cannot_be_played(tmp_path: Path) -> None:
    result = run("demo", "--folder", tmp_path, "--peer", written(tmp_path))
    assert result.returncode == 2
    assert "has not all its data; record with capture='full'" in result.stderr


def test_any_recording_in_full_can_be_played(tmp_path: Path) -> None:
    first = run("demo", "--folder", tmp_path / "first")
    again = run("demo", "--folder", tmp_path / "again", "--peer", tmp_path / "first" / RECORDING)
    assert (first.returncode, again.returncode) == (0, 0)


def test_a_disk_without_room_for_the_recording_is_bad_input(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    command = on_small_disk(folder, 600 << 10, [str(C4TRACE), "demo", "--folder", str(folder)])
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    stopped, ended = result.stderr.splitlines()
    assert (result.returncode, "No space left on device" in stopped) == (2, True)
    assert ended.startswith(f"c4trace: {folder / RECORDING}: is not whole, it ends ")
    assert ended.endswith("; make room, or choose another folder")
