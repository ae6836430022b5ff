from __future__ import annotations

import json
import mmap
from pathlib import Path

from tests.cli.hosted import WRITTEN, hosted
from tests.cli.talking import talking, talking_all
from tests.cli.test_main import run


def test_every_traced_process_is_a_row(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with hosted(folder, "orders") as living, hosted(folder, "stock") as dying:
        dying.kill()
        dying.wait()
        table = run("ps", C4TRACE_DIR=str(folder))
        rows = [json.loads(line) for line in run("ps", "--json", C4TRACE_DIR=str(folder)).stdout.splitlines()]
    assert (table.returncode, table.stderr) == (0, "")
    heading, _, *lines = table.stdout.splitlines()
    assert heading.split() == "name pid state open sessions calls calls/s written received bytes/s lost age".split()
    assert [line.split()[:3] for line in lines] == [
        ["orders", str(living.pid), "live"],
        ["stock", str(dying.pid), "dead"],
    ]
    for row in rows:
        assert (row["sessions"], row["sessions_open"], row["lost"]) == (3, 1, {})
        assert (row["bytes_written"], row["bytes_received"]) == (WRITTEN, WRITTEN)
        assert row["calls"] == 3 + 3 + 3 + 2 + 2  # open, write, completedReceive, requestClose, dispose
    assert [row["state"] for row in rows] == ["live", "dead"]
    assert [(row["events_per_s"], row["bytes_per_s"]) for row in rows] == [(0, 0), (None, None)]
    assert rows[0]["over_for"] is None
    assert rows[1]["over_for"] >= 0


def test_rates_are_those_between_two_looks(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with talking(folder, "orders") as host:
        before = host.tell("talk")
        host.tell("busy")
        [row] = map(json.loads, run("ps", "--json", "--interval", "300ms", C4TRACE_DIR=str(folder)).stdout.splitlines())
        assert row["events_per_s"] > 0
        assert row["bytes_per_s"] > 0
        assert row["calls"] + row["up_calls"] > sum(n for n, _ in before.values())
        [row] = map(json.loads, run("ps", "--json", "--interval", "0", C4TRACE_DIR=str(folder)).stdout.splitlines())
        assert (row["events_per_s"], row["bytes_per_s"]) == (None, None)


def test_the_dead_are_pruned_and_never_the_living(tmp_path: Path) -> None:
    folder = tmp_path / "segments"

    def pruned(*words: str) -> list[str]:
        result = run("ps", "--prune", *words, C4TRACE_DIR=str(folder))
        assert result.returncode == 0
        return [line.split(",")[0] for line in result.stderr.splitlines()]

    with talking_all(folder, ["alive", "first", "second", "third"]) as (alive, first, second, third):
        for host in (first, second, third):
            host.tell("talk")
            host.kill()
        size = third.path.stat().st_blocks * 512
        assert pruned() == []
        assert pruned("--older-than", "1h") == []
        assert pruned("--keep-bytes", str(2 * size)) == [f"c4trace: removed first ({first.pid})"]
        assert pruned("--older-than", "0") == [
            f"c4trace: removed {name} ({host.pid})" for name, host in (("third", third), ("second", second))
        ]
        assert list(folder.iterdir()) == [alive.path]
        assert alive.tell("talk")["open"][0] == 3


def test_what_somebody_writes_to_is_not_pruned_though_its_pid_is_nobodys(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with talking(folder, "orders") as host:
        host.kill()
    with host.path.open("r+b") as file, mmap.mmap(file.fileno(), 0):  # as a host in another container does
        assert run("ps", "--prune", "--older-than", "0", C4TRACE_DIR=str(folder)).stderr == ""
        assert host.path.exists()
    assert "removed orders" in run("ps", "--prune", "--older-than", "0", C4TRACE_DIR=str(folder)).stderr
    assert not host.path.exists()


def test_limits_without_prune_are_a_usage_error(tmp_path: Path) -> None:
    result = run("ps", "--older-than", "1d", C4TRACE_DIR=str(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "c4trace: --older-than and --keep-bytes say what to prune: give --prune as well\n"


def test_nothing_traced_is_said_and_is_no_error(tmp_path: Path) -> None:
    result = run("ps", C4TRACE_DIR=str(tmp_path / "none"))
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == f"c4trace: no traced process: nothing in {tmp_path / 'none'}\n"


def test_a_damaged_segment_is_named_and_the_others_are_listed(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with hosted(folder, "orders"):
        (folder / "broken.1.seg").write_bytes(b"K4TCSEG1" + bytes(100))
        result = run("ps", C4TRACE_DIR=str(folder))
    assert result.returncode == 0
    assert "orders" in result.stdout
    assert result.stderr.startswith(f"c4trace: {folder}/broken.1.seg: ")
    assert result.stderr.count("\n") == 1


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    for words in (["ps"], ["metrics"], ["show", "orders"]):
        result = run(*words, C4TRACE_DIR=str(folder))
        assert result.returncode == 3
        assert "others may write to it" in result.stderr
