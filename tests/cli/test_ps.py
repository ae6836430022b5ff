from __future__ import annotations

import json
from pathlib import Path

from tests.cli.hosted import WRITTEN, hosted
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
    assert heading.split() == "name pid state open sessions calls written received lost age".split()
    assert [line.split()[:3] for line in lines] == [
        ["orders", str(living.pid), "live"],
        ["stock", str(dying.pid), "dead"],
    ]
    for row in rows:
        assert (row["sessions"], row["sessions_open"], row["lost"]) == (3, 1, {})
        assert (row["bytes_written"], row["bytes_received"]) == (WRITTEN, WRITTEN)
        assert row["calls"] == 3 + 3 + 3 + 2 + 2  # open, write, completedReceive, requestClose, dispose
    assert [row["state"] for row in rows] == ["live", "dead"]


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
