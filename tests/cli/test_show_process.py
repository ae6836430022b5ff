from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.hosted import URL, hosted
from tests.cli.test_main import run


def test_a_living_process_is_shown_by_pid_name_and_file(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with hosted(folder, "orders") as process:
        by_name = run("show", "orders", C4TRACE_DIR=str(folder))
        by_pid = run("show", str(process.pid), "--json", C4TRACE_DIR=str(folder))
        by_file = run("show", folder / f"orders.{process.pid}.seg", "--call", "open")
    assert (by_name.returncode, by_name.stderr) == (0, "")
    assert by_name.stdout.startswith(f"orders (pid {process.pid}) live · ")
    names = [json.loads(line)["ev"] for line in by_pid.stdout.splitlines() if '"type":"event"' in line]
    assert (names.count("open"), names.count("dispose"), names.count("write")) == (3, 2, 3)
    assert by_file.stdout.count(f"▼ open                         {URL}") == 3


def test_a_dead_process_says_which_call_each_thread_was_in(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with hosted(folder, "orders", hang=True) as process:
        alive = run("show", "orders", C4TRACE_DIR=str(folder))
        process.kill()
        process.wait()
        dead = run("show", "orders", C4TRACE_DIR=str(folder))
        lines = run("show", "orders", "--json", C4TRACE_DIR=str(folder)).stdout.splitlines()
    assert "\nin flight\n" in alive.stdout
    assert dead.stdout.startswith(f"orders (pid {process.pid}) dead · ")
    after = dead.stdout.partition("\nin flight when it died\n")[2]
    assert "▼ write  session #3  since " in after
    assert len(after.splitlines()) == 1
    flight = json.loads(lines[-1])
    assert (flight["type"], flight["ev"], flight["sid"]) == ("in_flight", "write", 3)
    hung = [json.loads(line) for line in lines if '"ev":"write"' in line and '"type":"event"' in line][-1]
    assert "dt" not in hung
    assert flight["tid"] == hung["tid"]
    assert flight["t"] == pytest.approx(hung["t"], abs=1_000_000)


def test_a_living_process_is_meant_before_a_dead_one_of_the_same_name(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with hosted(folder, "orders") as dead:
        dead.kill()
        dead.wait()
        with hosted(folder, "orders") as living:
            assert f"(pid {living.pid}) live" in run("show", "orders", C4TRACE_DIR=str(folder)).stdout
            assert f"(pid {dead.pid}) dead" in run("show", str(dead.pid), C4TRACE_DIR=str(folder)).stdout


def test_several_living_processes_of_one_name_are_told_apart_by_pid(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with hosted(folder, "orders") as one, hosted(folder, "orders") as other:
        result = run("show", "orders", C4TRACE_DIR=str(folder))
    assert result.returncode == 2
    pids = ", ".join(sorted([str(one.pid), str(other.pid)]))
    said = "several processes are traced under this name; say which by its pid"
    assert result.stderr == f"c4trace: orders: {said}: {pids}\n"


@pytest.mark.parametrize("verb", ["show", "metrics"])
def test_a_process_that_is_not_there_is_not_reached(tmp_path: Path, verb: str) -> None:
    for source in ("orders", "4711"):
        result = run(verb, source, C4TRACE_DIR=str(tmp_path / "none"))
        assert result.returncode == 3
        assert result.stderr.startswith(f"c4trace: {source}: no such file, and no traced process of that pid or name")


def test_a_file_that_is_a_damaged_segment_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "orders.1.seg"
    path.write_bytes(b"K4TCSEG1" + bytes(5000))
    path.chmod(0o600)
    for verb in ("show", "metrics"):
        result = run(verb, path)
        assert result.returncode == 2
        assert result.stderr.startswith(f"c4trace: {path}: ")
        assert result.stderr.count("\n") == 1
