"""The examples in C, built as their READMEs say and by CMake, and run: what they do, c4trace has seen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import c4trace._native as native
from c4trace.events import EventKind
from c4trace.segment.snapshot import Flow, Slices
from tests.examples.readme import EXAMPLES, follow, need, traced

PACKAGE = Path(native.__file__).parent
STAND_IN = Path(__file__).with_name("static_litecore.c")


def run(*command: str | Path, folder: Path) -> None:
    environment = os.environ | {"C4TRACE_DIR": str(folder / "segments")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def cmake() -> str:
    found = shutil.which("cmake", path=str(Path(sys.executable).parent)) or shutil.which("cmake")
    assert found is not None
    return found


def build(example: str, folder: Path, *definitions: str) -> Path:
    """Where CMake puts the programs of an example, with find_package(c4trace)."""
    there = folder / "build"
    where = f"-Dc4trace_DIR={PACKAGE}/share/cmake/c4trace"
    run(cmake(), "-S", EXAMPLES / example, "-B", there, where, *definitions, folder=folder)
    run(cmake(), "--build", there, folder=folder)
    return there


def test_a_host_in_c_is_traced_through_the_functions_it_looks_up(tmp_path: Path) -> None:
    need("pkg-config")
    follow("c", tmp_path)
    factory = traced(tmp_path)
    assert (factory.label, factory.upcalls, factory.sessions) == ("echo", "table", 1)
    assert {kind.name: cell.n for kind, cell in factory.events.items() if cell.n} == {
        "open": 1,
        "gotHTTPResponse": 1,
        "opened": 1,
        "write": 1,
        "completedWrite": 1,
        "received": 1,
        "completedReceive": 1,
        "requestClose": 1,
        "closed": 1,
    }
    hello = Flow(1, len("hello"))
    assert factory.slices == Slices(written=hello, released=hello, not_followed=Flow(0, 0))


def test_a_static_litecore_is_traced_by_wrapping_its_symbols_at_link_time(tmp_path: Path) -> None:
    need("pkg-config")
    follow("c-static", tmp_path, LITECORE=str(STAND_IN))
    factory = traced(tmp_path)
    for kind in (EventKind.write, EventKind.completedWrite, EventKind.received, EventKind.completedReceive):
        assert (factory.events[kind].n, factory.events[kind].bytes) == (100, 500), kind
    for kind in (EventKind.open, EventKind.opened, EventKind.closed, EventKind.dispose):
        assert factory.events[kind].n == 1, kind


def test_cmake_finds_c4trace(tmp_path: Path) -> None:
    run(build("c", tmp_path) / "traced_echo", folder=tmp_path)
    assert traced(tmp_path).sessions == 1


def test_cmake_wraps_the_symbols_of_a_static_litecore(tmp_path: Path) -> None:
    run(build("c-static", tmp_path, f"-DLITECORE={STAND_IN}") / "traced_static", folder=tmp_path)
    assert traced(tmp_path).events[EventKind.received].n == 100
