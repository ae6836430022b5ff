"""The examples in C, built as their first lines say and run: what they do, c4trace has seen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import c4trace._native as native
from c4trace.events import EventKind
from c4trace.segment.attach import attach
from c4trace.segment.snapshot import FactoryTotals

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(native.__file__).parent
STAND_IN = Path(__file__).with_name("static_litecore.c")


def run(command: list[str | Path], folder: Path) -> str:
    """What a command says that must succeed, run with segments in `folder`."""
    environment = os.environ | {
        "C4TRACE_DIR": str(folder / "segments"),
        "PKG_CONFIG_PATH": str(PACKAGE / "share/pkgconfig"),
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def traced_by(program: Path, folder: Path) -> FactoryTotals:
    """Runs an example, which keeps its segment, and gives what that says of its one factory."""
    said = run([program], folder).splitlines()
    with attach(said[-1].removeprefix("segment ")) as segment:
        snapshot = segment.snapshot()
    assert not any(snapshot.lost.values())
    (factory,) = snapshot.factories
    return factory


def cmake() -> str:
    found = shutil.which("cmake", path=str(Path(sys.executable).parent)) or shutil.which("cmake")
    assert found is not None
    return found


def built_by_cmake(example: str, program: str, folder: Path, *definitions: str) -> Path:
    """The program of an example, by find_package(c4trace)."""
    build = folder / "build"
    where = f"-Dc4trace_DIR={PACKAGE}/share/cmake/c4trace"
    run([cmake(), "-S", ROOT / "examples" / example, "-B", build, where, *definitions], folder)
    run([cmake(), "--build", build], folder)
    return build / program


def flags(*asked: str, folder: Path) -> list[str | Path]:
    if shutil.which("pkg-config") is None:
        if os.environ.get("CI"):
            pytest.fail("pkg-config is missing: apt-get install pkgconf")
        pytest.skip("pkg-config is missing: apt-get install pkgconf")
    return list(run(["pkg-config", *asked, "c4trace"], folder).split())


def test_a_host_in_c_is_traced_through_the_functions_it_looks_up(tmp_path: Path) -> None:
    program = tmp_path / "traced_echo"
    source = ROOT / "examples/c/traced_echo.c"
    run(
        ["gcc", "-Wall", "-Wextra", "-Werror", source, *flags("--cflags", "--libs", folder=tmp_path), "-o", program],
        tmp_path,
    )
    factory = traced_by(program, tmp_path)
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


def test_a_static_litecore_is_traced_by_wrapping_its_symbols_at_link_time(tmp_path: Path) -> None:
    program = tmp_path / "traced_static"
    sources = [ROOT / "examples/c-static/main.c", STAND_IN, *flags("--variable=source", folder=tmp_path)]
    options = [
        *flags("--cflags", folder=tmp_path),
        *flags("--variable=wrap", folder=tmp_path),
        *flags("--libs", folder=tmp_path),
    ]
    run(
        ["gcc", "-Wall", "-Wextra", "-Werror", "-DC4TRACE_FACTORY_SIZE=72", *sources, *options, "-o", program], tmp_path
    )
    factory = traced_by(program, tmp_path)
    for kind in (EventKind.write, EventKind.completedWrite, EventKind.received, EventKind.completedReceive):
        assert (factory.events[kind].n, factory.events[kind].bytes) == (100, 500), kind
    for kind in (EventKind.open, EventKind.opened, EventKind.closed, EventKind.dispose):
        assert factory.events[kind].n == 1, kind


def test_cmake_finds_c4trace(tmp_path: Path) -> None:
    assert traced_by(built_by_cmake("c", "traced_echo", tmp_path), tmp_path).sessions == 1


def test_cmake_wraps_the_symbols_of_a_static_litecore(tmp_path: Path) -> None:
    program = built_by_cmake("c-static", "traced_static", tmp_path, f"-DLITECORE={STAND_IN}")
    assert traced_by(program, tmp_path).events[EventKind.received].n == 100
