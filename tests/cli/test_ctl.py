from __future__ import annotations

import json
from pathlib import Path

import pytest

from c4trace.events import Event
from c4trace.segment.attach import attach
from tests.cli.talking import talking
from tests.cli.test_main import run
from tests.tracing import URL


def test_the_level_is_turned_and_both_levels_are_said(tmp_path: Path) -> None:
    with talking(tmp_path / "s", "orders") as host:
        result = run("ctl", "orders", "--capture", "bytes:256", C4TRACE_DIR=str(tmp_path / "s"))
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == f"orders ({host.pid}): capture bytes:256 (was headers)\n"
        result = run("ctl", str(host.pid), "--capture", "full", "--json", C4TRACE_DIR=str(tmp_path / "s"))
        assert json.loads(result.stdout) == {
            "name": "orders",
            "pid": host.pid,
            "before": "bytes:256",
            "capture": "full",
        }
        assert run("ctl", "orders", C4TRACE_DIR=str(tmp_path / "s")).stdout == f"orders ({host.pid}): capture full\n"
        host.tell("talk")
        with attach(host.path) as segment:
            events = [line for line in segment.events() if isinstance(line, Event)]
    contents = [event.data for event in events if event.ev == "write"]
    assert len(contents) == 60
    assert None not in contents
    assert {event.address for event in events if event.ev == "open"} == {URL}


@pytest.mark.parametrize("level", ["loud", "bytes", "bytes:0", "full:3"])
def test_an_unknown_level_is_refused_with_those_there_are(tmp_path: Path, level: str) -> None:
    result = run("ctl", "orders", "--capture", level, C4TRACE_DIR=str(tmp_path / "none"))
    assert (result.returncode, result.stdout) == (2, "")
    assert "use off, events, headers, bytes:N (the first N bytes) or full" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_process_that_is_not_there_or_dead_or_damaged_is_not_reached(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    with talking(folder, "orders") as host:
        host.kill()
    (folder / "broken.1.seg").write_bytes(b"K4TCSEG1" + bytes(5000))
    (folder / "broken.1.seg").chmod(0o600)
    for source, said in (
        ("nobody", "no traced process of that pid or name"),
        ("orders", f"process {host.pid} is dead; c4trace show has its last events"),
        ("broken", "layout"),
    ):
        result = run("ctl", source, "--capture", "full", C4TRACE_DIR=str(folder))
        assert (result.returncode, result.stdout) == (3, "")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1
