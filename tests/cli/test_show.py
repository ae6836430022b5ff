from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import zstandard

from c4trace.events import Event, Gap, Return
from tests.cli.test_main import C4TRACE, run
from tests.report.sample import HEADER, session, text_of, two_sessions, written


def lines_of(text: str) -> list[Event | Return | Gap]:
    return [msgspec.json.decode(line, type=Event | Return | Gap) for line in text.splitlines()]


def test_every_event_is_a_row_below_whose_recording_it_is(tmp_path: Path) -> None:
    result = run("show", written(tmp_path))
    assert (result.returncode, result.stderr) == (0, "")
    first, heading, *rows = result.stdout.splitlines()
    assert (
        first == "orders (pid 4711) recorded · LiteCore 3.0.0 · capture headers · began 2026-11-23 04:00:00.500+00:00"
    )
    assert heading.split() == ["time", "+dt", "sess", "thread", "call", "bytes"]
    assert len(rows) == len(two_sessions())
    assert rows[0].split()[:6] == ["0.000000", "+2.00µs", "#1", "101", "▼", "open"]
    assert rows[0].endswith("ws://db.example:4984/orders/_blipsync  WS-Protocols=BLIP_3")


def test_json_gives_the_lines_of_the_recording(tmp_path: Path) -> None:
    result = run("show", written(tmp_path), "--json")
    assert lines_of(result.stdout) == two_sessions()


def test_filters_leave_what_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path)
    by_call = run("show", path, "--json", "-c", "c4socket_closed", "--call", "write")
    assert {json.loads(line)["ev"] for line in by_call.stdout.splitlines()} == {"closed", "write"}
    by_session_and_time = run("show", path, "--json", "--session", "2", "--from", "25ms", "--to", "0.026")
    assert [line.seq for line in lines_of(by_session_and_time.stdout) if isinstance(line, Event)] == [17, 18]
    by_date = run("show", path, "--json", "--from", "2026-11-23T04:00:00.530Z")
    assert [line.seq for line in lines_of(by_date.stdout) if isinstance(line, Event)] == [22]
    errors = run("show", path, "--errors").stdout
    assert len(errors.splitlines()) == 4
    assert "Network/8 TLSCertUntrusted  “self-signed certificate”" in errors


def test_that_nothing_matches_is_said(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert run("show", path, "--session", "99").stdout.splitlines()[1:] == ["no event matches"]
    assert run("show", path, "--session", "99", "--json").stdout == ""


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--call", "sing"], "Invalid value for '-c' / '--call': 'sing' is no call or up-call; there are open, write"),
        (["--from", "soon"], "'soon' is no time: write seconds (1.5), a span (250ms, 2m, 1:02.5) or a date"),
        (["--session", "first"], "Invalid value for '-s' / '--session': 'first' is not a valid number."),
        (["--session", "-1"], "Invalid value for '-s' / '--session': -1 is not in the range x>=0"),
        (["--from", "2s", "--to", "30ms"], "--from 2s is after --to 30ms; give the earlier one to --from"),
    ],
)
def test_a_bad_filter_is_refused_in_one_line(tmp_path: Path, option: list[str], said: str) -> None:
    result = run("show", written(tmp_path), *option)
    assert result.returncode == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def newer() -> bytes:
    return text_of([]).replace(b'"format":1', b'"format":9').replace(b'"c4trace":"0.1.0"', b'"c4trace":"7.2"')


BAD = {
    "foreign.jsonl": (b'{"level":"info"}\n', "line 1: is no header of a recording"),
    "image.jsonl": (b"\x89PNG\r\n\x1a\n\x00\x00", "line 1: is no header of a recording"),
    "empty.jsonl": (b"", "is empty"),
    "newer.jsonl": (newer(), "is of format 9, and this c4trace reads formats up to 1; install c4trace 7.2 or later"),
    "gzip.jsonl": (b"\x1f\x8b\x08\x00\x00", "is compressed with gzip; unpack it first"),
    "named.jsonl.zst": (b'{"type":"header"}\n', "is named .zst but is not compressed with zstd"),
    "damaged.jsonl": (text_of(two_sessions()).replace(b'"seq":7,', b'"seq":,'), "line 8: is broken JSON"),
    "damaged.jsonl.zst": (
        zstandard.compress(text_of(two_sessions())) + zstandard.FRAME_HEADER + b"\xff" * 40,
        "its compressed data is damaged",
    ),
}


@pytest.mark.parametrize("verb", ["show", "replay"])
@pytest.mark.parametrize("name", BAD)
def test_what_is_no_recording_is_refused_in_one_line_that_names_it(tmp_path: Path, verb: str, name: str) -> None:
    data, said = BAD[name]
    path = tmp_path / name
    path.write_bytes(data)
    result = run(verb, path, *(["--log", "none"] if verb == "replay" else []))
    assert result.returncode == 2
    assert result.stderr.startswith(f"c4trace: {path}")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    assert f"c4trace: {tmp_path}: is a folder" in run("show", tmp_path).stderr
    missing = run("replay", tmp_path / "missing.jsonl")
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)


def packed_in_blocks(text: bytes) -> bytes:
    """Compressed as a recorder does: what was written can be read, whatever becomes of the rest."""
    packer = zstandard.ZstdCompressor().compressobj()
    blocks = [packer.compress(line) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for line in text.splitlines(True)]
    return b"".join(blocks) + packer.flush()


@pytest.mark.parametrize("packed", [False, True])
def test_a_torn_recording_is_shown_up_to_the_tear_and_named(tmp_path: Path, packed: bool) -> None:  # noqa: FBT001
    text = text_of(two_sessions())
    data = packed_in_blocks(text)[:-30] if packed else text[: text.index(b'"seq":20') + 4]
    path = tmp_path / ("torn.jsonl.zst" if packed else "torn.jsonl")
    path.write_bytes(data)
    result = run("show", path)
    assert result.returncode == 0
    assert result.stderr.startswith(f"c4trace: {path}: torn: ends ")
    assert result.stderr.count("\n") == 1
    if not packed:
        assert len(result.stdout.splitlines()) == 2 + 20


def test_a_recording_that_was_changed_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "changed.jsonl"
    path.write_bytes(text_of(two_sessions()).replace(b'"n":68', b'"n":69'))
    result = run("show", path)
    assert result.returncode == 1
    assert "the footer says sha256" in result.stderr


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    lines = [line for sid in range(1, 1500) for line in session(sid, sid * 11, sid * 1_000_000)]
    for option in ([], ["--json"]):
        shown = subprocess.Popen(
            [C4TRACE, "show", written(tmp_path, lines), *option], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert shown.stdout is not None
        assert shown.stderr is not None
        assert shown.stdout.readline()
        shown.stdout.close()
        assert (shown.wait(30), shown.stderr.read()) == (0, b"")
        shown.stderr.close()


def test_the_first_line_comes_while_the_recording_is_still_read(tmp_path: Path) -> None:
    pipe = tmp_path / "live.jsonl"
    os.mkfifo(pipe)
    with subprocess.Popen([C4TRACE, "show", pipe], stdout=subprocess.PIPE, text=True) as shown:
        assert shown.stdout is not None
        with pipe.open("wb", buffering=0) as live:
            live.write(b"".join(msgspec.json.encode(line) + b"\n" for line in (HEADER, *session(1, 1, 0))))
            early = [shown.stdout.readline() for _ in range(3)]
        assert "▼ open" in early[2]
        assert len(shown.stdout.readlines()) == 10


PEAK = """
import resource, sys
from c4trace.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def test_a_large_recording_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    few, many = ([line for sid in range(1, n) for line in session(sid, sid * 11, sid * 1000)] for n in (20, 6000))

    def peak(lines: list[Event | Return | Gap], name: str) -> int:
        result = subprocess.run(
            [sys.executable, "-c", PEAK, "show", written(tmp_path, lines, name)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=True,
        )
        return int(result.stderr)

    assert peak(many, "many.jsonl") < peak(few, "few.jsonl") + 6 * 1024


def test_output_that_cannot_be_encoded_is_still_written(tmp_path: Path) -> None:
    result = run("show", written(tmp_path), PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.isascii()
    assert "v open" in result.stdout


def test_control_characters_of_a_recording_never_reach_the_terminal(tmp_path: Path) -> None:
    hostile = Event(seq=1, t=0, sid=1, tid=1, ev="open", address="ws://\x1b]0;owned\x07\n/")
    result = run("show", written(tmp_path, [hostile]))
    assert "\x1b" not in result.stdout
    assert r"ws://\x1b]0;owned\x07 /" in result.stdout
