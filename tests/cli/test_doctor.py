from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.cli.test_main import run


def checks(*words: str | Path, folder: Path) -> tuple[int, dict[str, dict[str, str]]]:
    result = run("doctor", "--json", *words, C4TRACE_DIR=str(folder))
    assert result.stderr == ""
    return result.returncode, {line["name"]: line for line in map(json.loads, result.stdout.splitlines())}


def test_each_line_says_how_it_stands() -> None:
    result = run("doctor")
    assert result.stderr == ""
    lines = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert {line.split()[0] for line in lines} <= {"ok", "warn", "fail"}
    names = ["python", "packages", "zstandard", "libc4trace", "segment folder", "room", "tracing", "clock", "litecore"]
    assert all(any(line[6:].startswith(f"{name}: ") for line in lines) for name in names)
    worse = [line for line in lines if not line.startswith("ok")]
    assert result.returncode == (1 if worse else 0)
    assert result.stdout.count("\n      do: ") == len(worse)


def test_a_real_tracer_was_opened_and_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    _, found = checks(folder=folder)
    assert found["tracing"]["verdict"] in {"ok", "warn"}
    assert found["clock"]["found"].split(";")[0] in {"tsc", "cntvct", "clock_gettime"}
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, found = checks(folder=tmp_path / "file")
    assert code == 1
    assert found["segment folder"]["verdict"] == found["tracing"]["verdict"] == "fail"
    assert found["segment folder"]["advice"] == "remove it or set C4TRACE_DIR"


def test_what_is_no_litecore_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "libLiteCore.so").write_text("no library")
    code, found = checks("--litecore", tmp_path / "libLiteCore.so", folder=tmp_path / "segments")
    assert code == 1
    assert found["litecore"]["verdict"] == "fail"
    assert "cannot load LiteCore" in found["litecore"]["found"]
    assert found["litecore"]["advice"] == "give the path of libLiteCore.so that the program uses"


def test_a_taken_port_is_a_finding(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, found = checks("--port", port, folder=tmp_path / "segments")
    assert (code, found["metrics port"]["verdict"]) == (1, "fail")
    assert checks("--port", "0", folder=tmp_path / "segments")[1]["metrics port"]["verdict"] == "ok"


@pytest.mark.parametrize("verb", ["doctor", "demo"])
def test_a_litecore_named_without_a_folder_is_that_of_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "libLiteCore.so").write_bytes(b"")
    result = run(verb, "--litecore", "libLiteCore.so")
    assert f"{tmp_path}/libLiteCore.so: file too short" in result.stdout + result.stderr
