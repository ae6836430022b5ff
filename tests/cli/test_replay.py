from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import msgspec
import pytest

from c4trace.demo.witnesses import page_witness
from c4trace.report.summary import Summary, summarize
from tests.cli.test_main import C4TRACE, run
from tests.report.sample import session, text_of, two_sessions, written
from tests.report.test_running_totals import totals_of


def test_the_summary_at_the_end_is_the_recordings(tmp_path: Path) -> None:
    result = run("replay", written(tmp_path), "--json")
    assert result.returncode == 0
    summary = msgspec.json.decode(result.stdout, type=Summary)
    assert summary == summarize(totals_of(two_sessions()))


def test_the_table_tells_sessions_events_bytes_and_losses(tmp_path: Path) -> None:
    text = run("replay", written(tmp_path), "--speed", "max").stdout
    assert "sessions  2 in 35.0ms, 0 still open" in text
    assert "12 calls ▼, 10 up-calls ▲, 3 events lost" in text
    assert "336 B written, 80 B received" in text


def test_original_speed_takes_the_time_it_took(tmp_path: Path) -> None:
    stretched = [msgspec.structs.replace(line, t=line.t * 100) for line in session(1, 1, 0)]  # type: ignore[union-attr]
    path = written(tmp_path, [*stretched])
    began = time.monotonic()
    assert run("replay", path).returncode == 0
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize("speed", ["0", "-1", "inf", "nan", "fast", ""])
def test_a_speed_that_is_none_is_refused(tmp_path: Path, speed: str) -> None:
    result = run("replay", written(tmp_path), "--speed", speed)
    assert result.returncode == 2
    assert "is no speed; write a factor such as 1, 2 or 0.5, or max" in result.stderr


def test_a_log_is_not_written_into_the_recording_that_is_played(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = path.read_bytes()
    (link := tmp_path / "other.jsonl").hardlink_to(path)
    for log in (path, link):
        result = run("replay", path, "--speed", "max", "--log", log)
        assert result.returncode == 2
        assert result.stderr == (
            f"c4trace: {log}: recording and log cannot be one file; name another file for the log\n"
        )
    assert path.read_bytes() == before


def test_to_hold_without_serving_is_a_usage_error(tmp_path: Path) -> None:
    result = run("replay", written(tmp_path), "--speed", "max", "--hold")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.endswith("nothing is served; give --metrics-port as well\n")


@pytest.mark.parametrize("speed", ["max", "1000", "500x", "0.9e3"])
def test_any_factor_is_a_speed(tmp_path: Path, speed: str) -> None:
    assert run("replay", written(tmp_path), "--speed", speed).returncode == 0


def test_a_torn_recording_plays_up_to_the_tear(tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl"
    text = text_of(two_sessions())
    path.write_bytes(text[: text.index(b'"seq":12')])
    result = run("replay", path, "--json")
    assert result.returncode == 0
    assert "torn: ends inside line 14; read up to there" in result.stderr
    assert msgspec.json.decode(result.stdout, type=Summary).sessions == 1


def step(path: Path, keys: str) -> list[str]:
    result = subprocess.run([C4TRACE, "replay", path, "--step"], input=keys, capture_output=True, text=True, check=True)
    return [line for line in result.stdout.splitlines() if " #" in line or "◂" in line]


def test_stepping_shows_one_event_a_line(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert len(step(path, "\n" * 4 + "q\n")) == 5
    assert len(step(path, "\n\n")) == 3
    assert len(step(path, "\nc\n")) == 2


def test_stepping_at_a_terminal_takes_single_keys(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [C4TRACE, "replay", written(tmp_path), "--step"], stdin=theirs, stdout=subprocess.PIPE, text=True
    ) as stepping:
        os.close(theirs)
        assert stepping.stdout is not None
        assert "open" in stepping.stdout.readline()
        os.write(ours, b"\r")
        assert "gotHTTPResponse" in stepping.stdout.readline()
        os.write(ours, b"q")
        assert "sessions  1" in stepping.stdout.read()
    os.close(ours)
    assert stepping.returncode == 0


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (b"\x1b[C\x1b[Bq", 3),
        pytest.param("ä€q".encode(), 3, id="beyond ASCII"),
        (b"\x1b[C\x1b", 2),
        (b" \x04", 2),
        (b"\x1bOBc", 2),
    ],
)
def test_a_key_of_several_bytes_is_one_step_and_esc_alone_is_the_end(tmp_path: Path, typed: bytes, shown: int) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [C4TRACE, "replay", written(tmp_path), "--step", "--speed", "max"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        text=True,
    ) as stepping:
        os.close(theirs)
        assert stepping.stdout is not None
        said = [stepping.stdout.readline()]  # the terminal is set: what is typed from now on is not a line
        os.write(ours, typed)
        said += stepping.stdout.readlines()
    os.close(ours)
    assert stepping.returncode == 0
    assert len([line for line in said if " #" in line or "◂" in line]) == shown


def test_the_log_of_a_replay_is_the_log_of_its_sessions(tmp_path: Path) -> None:
    path = written(tmp_path)
    result = run("replay", path, "--speed", "max", "--log", "json")
    assert [json.loads(line)["event"] for line in result.stderr.splitlines()] == [
        *("open", "opened", "closed", "summary"),
        *("gap", "open", "opened", "closed", "summary"),
    ]
    assert run("replay", path, "--speed", "max", "--log", tmp_path / "log.jsonl").stderr == ""
    assert (tmp_path / "log.jsonl").read_text() == result.stderr
    assert run("replay", path, "--speed", "max", "--log", "none").stderr == ""
    unwritable = run("replay", path, "--log", tmp_path / "no" / "log")
    assert unwritable.returncode == 2
    assert "the log cannot be written" in unwritable.stderr


def test_metrics_are_served_while_it_plays_and_held_until_ctrl_c(tmp_path: Path) -> None:
    words = ["replay", str(written(tmp_path)), "--speed", "max", "--log", "none", "--metrics-port", "0", "--hold"]
    with subprocess.Popen([C4TRACE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as held:
        assert held.stdout is not None
        assert held.stderr is not None
        url = held.stderr.readline().split()[2]
        while "open to closed" not in held.stdout.readline():
            pass
        with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 - our own server
            page = response.read().decode()
        held.send_signal(signal.SIGINT)
        assert held.wait(60) == 0
    assert 'c4trace_bytes_total{call="write",factory="default"} 336.0' in page
    assert page_witness(page).events["open"] == 2


def test_a_replay_that_is_not_held_ends_by_itself(tmp_path: Path) -> None:
    result = run("replay", written(tmp_path), "--speed", "max", "--log", "none", "--metrics-port", "0")
    assert result.returncode == 0
    assert result.stderr.startswith("c4trace: serving http://127.0.0.1:")


def test_a_terminal_that_cannot_show_the_screen_is_told_from_none(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        result = subprocess.run(
            [C4TRACE, "replay", written(tmp_path), "--live"],
            env={**os.environ, "TERM": "dumb"},
            stdout=theirs,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(theirs)
        os.close(ours)
    said = "--live draws on a terminal, and this one's cursor cannot be moved (TERM=dumb); leave it out"
    assert (result.returncode, said in result.stderr) == (2, True)
    assert "and stdout is none; leave it out" in run("replay", written(tmp_path), "--live").stderr
