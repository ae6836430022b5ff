from __future__ import annotations

import json
from pathlib import Path

import pytest

from c4trace.demo.litecore.run import DOCUMENTS
from c4trace.demo.run import LOG, PAGE, RECORDING
from tests.cli.test_main import run
from tests.real.litecore import PATH


@pytest.mark.real
def test_a_real_litecore_replicates_documents_and_all_numbers_agree(tmp_path: Path) -> None:
    result = run("demo", "--litecore", PATH, "--folder", tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "equal  recording, metrics page and peer: every count, all bytes" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {RECORDING, PAGE, LOG}
    summary = json.loads(run("replay", tmp_path / RECORDING, "--speed", "max", "--log", "none", "--json").stdout)
    assert (summary["sessions"], summary["still_open"], summary["lost"]) == (1, 0, 0)
    assert summary["closed"] == {"WebSocket/1000 normal closure": 1}
    assert sum(row["n"] for row in summary["events"] if row["ev"] == "write") > DOCUMENTS


def test_what_is_no_litecore_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "libLiteCore.so").write_text("no library")
    result = run("demo", "--litecore", tmp_path / "libLiteCore.so", "--folder", tmp_path / "left")
    assert result.returncode == 2
    assert result.stderr.startswith("c4trace: cannot load LiteCore: ")
    assert result.stderr.count("\n") == 1
    assert list((tmp_path / "left").iterdir()) == []


def test_a_litecore_brings_its_own_peer(tmp_path: Path) -> None:
    result = run("demo", "--litecore", "x", "--peer", "y", "--folder", tmp_path)
    assert (result.returncode, result.stderr) == (2, "c4trace: --litecore brings its own peer; leave out --peer\n")
