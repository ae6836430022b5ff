"""What somebody has put in the place of a segment or of its folder is refused in one line, and by everybody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import c4trace
from tests.cli.talking import Talking, talking
from tests.cli.test_main import run

SOMEBODY = 12_345
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
WAYS = ["link", "writable", pytest.param("foreign", marks=AS_ROOT)]


def plant(where: Path, what: Path, way: str) -> None:
    """Put in the place of `where` a link to `what`, or `what` itself, which is another's or anybody's."""
    if way == "link":
        where.symlink_to(what)
        return
    what.rename(where)
    if way == "foreign":
        os.chown(where, SOMEBODY, SOMEBODY)
    else:
        where.chmod(where.stat().st_mode | 0o022)


def verbs(source: str, output: Path) -> list[list[str]]:
    return [["ctl", source, "--capture", "full"], ["record", source, "-o", str(output)], ["show", source]]


@pytest.mark.parametrize("way", WAYS)
def test_a_folder(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "planted"
    with talking(tmp_path / "s", "orders"):
        plant(folder, tmp_path / "s", way)
        for words in (["ps"], ["metrics", "--all"], *verbs("orders", tmp_path / "a.jsonl")):
            result = run(*words, C4TRACE_DIR=str(folder))
            assert (result.returncode, result.stdout) == (3, "")
            assert result.stderr.startswith(f"c4trace: {folder}: ")
            assert result.stderr.count("\n") == 1
        assert not (tmp_path / "a.jsonl").exists()
    monkeypatch.setenv("C4TRACE_DIR", str(folder))
    with pytest.raises(c4trace.TraceError, match=str(folder)):
        c4trace.Tracer("stock")


@pytest.mark.parametrize("way", WAYS)
def test_a_segment(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "s"
    planted = folder / "planted.1.seg"
    with talking(folder, "orders") as living, talking(folder, "stock") as other:
        plant(planted, other.path, way)
        for words in (["ps"], ["metrics", "--all"]):
            result = run(*words, C4TRACE_DIR=str(folder))
            assert result.returncode == 0
            assert str(living.pid) in result.stdout
            assert result.stderr.startswith(f"c4trace: {planted}: ")
            assert result.stderr.count("\n") == 1
        for words in verbs("planted", tmp_path / "a.jsonl"):
            result = run(*words, C4TRACE_DIR=str(folder))
            assert (result.returncode, result.stdout) == (3, "")
            assert result.stderr.startswith(f"c4trace: {planted}: ")
            assert result.stderr.count("\n") == 1
        assert not (tmp_path / "a.jsonl").exists()
        run("ps", "--prune", "--older-than", "0", C4TRACE_DIR=str(folder))
        assert os.path.lexists(planted)


def test_a_note_of_a_recorder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    with talking(tmp_path / "s", "orders") as host:
        mine = tmp_path / "mine"
        mine.write_text("mine")
        (host.path.with_name(f"{host.path.name}.turned")).symlink_to(mine)
        assert _recorded(host, tmp_path / "a.jsonl") == 0
    assert mine.read_text() == "mine"


def _recorded(host: Talking, file: Path) -> int:
    words = ("record", "orders", "-o", file, "--capture", "full", "--for", "50ms")
    return run(*words, C4TRACE_DIR=str(host.path.parent)).returncode
