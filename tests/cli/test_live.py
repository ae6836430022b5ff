from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from c4trace.events import Event, Gap, Return
from c4trace.tui.plain_table import SocketLine
from tests.cli.hosted import hosted
from tests.cli.test_main import C4TRACE, run
from tests.report.sample import written


def test_a_plain_table_is_printed_where_there_is_no_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with hosted(folder, "orders", hang=True) as host:
        result = run("live", C4TRACE_DIR=str(folder), FORCE_COLOR="1", TERM="xterm-256color")
    assert (result.returncode, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    assert re.fullmatch(rf"orders {host.pid} live · capture \w+ · up \S+   \d\d:\d\d:\d\d", lines[0])
    assert not re.search("[▁▂▃▄▅▆▇█]", result.stdout)
    assert any(line.startswith("1 open 0 opening 0 closing of 3   lost 0") for line in lines)
    at = lines.index("open sockets")
    assert lines[at + 1].split()[:4] == ["sock▾state", "age", "peer", "written"]
    assert lines[at + 2].split()[:2] == ["#3", "open"]
    assert "▼ write" in lines[at + 2]
    at = lines.index("closed sockets")
    assert {line.split()[0] for line in lines[at + 2 :]} == {"#1", "#2"}
    assert all(line.endswith("WebSocket/1000 normal closure") for line in lines[at + 2 :])


def test_json_has_a_line_for_each_open_socket(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with hosted(folder, "orders", hang=True) as host, hosted(folder, "stock"):
        result = run("live", "--json", C4TRACE_DIR=str(folder))
        filtered = run("live", "--json", "--filter", "stock", C4TRACE_DIR=str(folder))
        none = run("live", "orders", "--json", "--filter", "-open", C4TRACE_DIR=str(folder))
    orders, stock = (msgspec.json.decode(line, type=SocketLine) for line in result.stdout.splitlines())
    assert (orders.process, orders.pid, orders.sid, orders.state) == ("orders", host.pid, 3, "open")
    assert (orders.written, orders.received, orders.unacked, orders.unprocessed) == (104, 100, 4, 0)
    assert (orders.in_call, orders.last_event, orders.error, orders.http_status) == ("write", "write", None, 101)
    assert orders.in_call_for is not None
    assert orders.in_call_for > 0
    assert (stock.process, stock.in_call, stock.unacked) == ("stock", None, 0)
    assert [json.loads(line)["process"] for line in filtered.stdout.splitlines()] == ["stock"]
    assert (none.returncode, none.stdout) == (0, "")


def test_a_dead_process_can_be_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with hosted(folder, "orders", hang=True) as host:
        host.kill()
        host.wait()
        result = run("live", "orders", C4TRACE_DIR=str(folder))
        everybody = run("live", C4TRACE_DIR=str(folder))
    assert f"orders {host.pid} is dead" in result.stdout
    assert "in flight when it died: ▼ write of #3" in result.stdout
    assert (everybody.returncode, everybody.stdout) == (0, "")
    last = f"c4trace live {host.pid} has the last state of orders, which is dead"
    assert everybody.stderr == f"c4trace: no traced process runs: none in {folder}; {last}\n"


def test_a_recording_is_shown_as_it_ended(tmp_path: Path) -> None:
    result = run("live", written(tmp_path))
    assert result.returncode == 0
    assert "ENDED" in result.stdout
    assert "lost 3" in result.stdout
    assert "closed sockets" in result.stdout


def test_an_interval_prints_again_and_again(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with (
        hosted(folder, "orders"),
        subprocess.Popen(
            [C4TRACE, "live", "--interval", "100ms"],
            env={**os.environ, "C4TRACE_DIR": str(folder)},
            stdout=subprocess.PIPE,
            text=True,
        ) as printing,
    ):
        assert printing.stdout is not None
        seen = 0
        while seen < 3:
            seen += printing.stdout.readline().startswith("open sockets")
        printing.terminate()


def test_a_terminal_that_cannot_move_its_cursor_gets_the_table(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with hosted(folder, "orders"):
        result = subprocess.run(
            ["/usr/bin/script", "-qec", f"{C4TRACE} live orders", "/dev/null"],
            env={**os.environ, "C4TRACE_DIR": str(folder), "TERM": "dumb", "COLUMNS": "80"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
    assert "open sockets" in result.stdout
    assert "\x1b[?1049h" not in result.stdout


@pytest.mark.parametrize("words", [["replay", "FILE", "--live"], ["demo", "--live"]])
def test_a_screen_that_is_asked_for_needs_a_terminal(tmp_path: Path, words: list[str]) -> None:
    path = str(written(tmp_path))
    result = run(*[path if word == "FILE" else word for word in words])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("c4trace: --live draws on a terminal, and stdout is none")


def test_nobody_of_that_name_is_said(tmp_path: Path) -> None:
    result = run("live", "nobody", C4TRACE_DIR=str(tmp_path / "none"))
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith("c4trace: nobody: no such file, and no traced process of that pid or name")


def test_a_damaged_segment_hides_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with hosted(folder, "orders"):
        (folder / "broken.1.seg").write_bytes(b"K4TCSEG1" + bytes(100))
        result = run("live", C4TRACE_DIR=str(folder))
    assert "open sockets" in result.stdout
    assert result.stderr.startswith(f"c4trace: {folder}/broken.1.seg: ")


@pytest.mark.parametrize("year", ["0001-01-01", "9999-12-31"])
def test_times_that_no_clock_has_are_shown_as_far_as_can_be(tmp_path: Path, year: str) -> None:
    last = (1 << 63) - 1
    lines: list[Event | Return | Gap] = [
        Event(seq=1, t=0, sid=1, tid=1, ev="open", dt=1, address="ws://db.example/orders"),
        Gap(sid=1, after=1, lost=last),
        Gap(sid=1, after=1, lost=last),
        Gap(sid=1, after=1, lost=last),
        Event(seq=2, t=last, sid=1, tid=1, ev="write", dt=last, n=last),
        Event(seq=3, t=0, sid=1, tid=1, ev="received", n=last),
    ]
    path = written(tmp_path, lines)
    path.write_bytes(re.sub(rb'"wall":"[^T]*T', f'"wall":"{year}T'.encode(), path.read_bytes()))
    result = run("live", path)
    assert result.returncode in {0, 1}  # the footer's digest is that of another header
    assert "internal error" not in result.stderr
    assert "ws://db.example/orders" in result.stdout
