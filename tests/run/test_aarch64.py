"""The interposed functions on arm64: the same stand-ins, built for it and run by an emulator of its user mode."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from c4trace.segment.attach import attach
from c4trace.segment.folder import list_segments
from c4trace.segment.snapshot import Flow, Slices
from tests.examples.readme import need
from tests.run.stand_in import EVENTS, FLAGS, SOURCES, Version
from tests.tracing import counted

GCC, QEMU = "aarch64-linux-gnu-gcc", "qemu-aarch64"
ROOT = "/usr/aarch64-linux-gnu"  # where Debian has the libraries of that architecture
NATIVE = SOURCES.parents[2] / "c4trace" / "native"
KNOWN = [Version(28, "2.8.0"), Version(324, "3.2.4"), Version(41, "4.1.0")]
MAKING = ["new", "with-socket", "from-native", "from-native2", "register"]


def compile_(output: Path, *words: str | Path) -> Path:
    command = [GCC, *FLAGS, "-fPIC", "-fvisibility=hidden", "-ftls-model=initial-exec", "-o", output, *words]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="module")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What `c4trace run --dlsym` preloads, for arm64."""
    need(GCC, QEMU)
    folder = tmp_path_factory.mktemp("aarch64")
    options = ["-shared", "-Wl,-z,now", "-Wl,-z,defs", "-pthread"]
    sources = sorted(NATIVE.glob("*.c"))
    name = ['-DC4T_VERSION="0"', "-Wl,-soname,libc4trace.so"]
    library = compile_(folder / "libc4trace.so", *options, *name, *sources)
    return [
        library,
        compile_(folder / "libc4trace_dlsym.so", *options, NATIVE / "dlsym" / "dlsym.c", f"-L{folder}", "-lc4trace"),
    ]


def build(folder: Path, version: Version) -> tuple[Path, Path]:
    """A host that is linked to the stand-in, and one that looks it up."""
    macros = [f"-DGENERATION={version.generation}", f'-DVERSION="{version.text}"', "-fvisibility=default"]
    compile_(folder / "libLiteCore.so", "-shared", *macros, SOURCES / "stand_in.c")
    link = [f"-L{folder}", "-lLiteCore", f"-Wl,-rpath,{folder}"]
    linked = compile_(folder / "host", *macros, SOURCES / "host.c", *link)
    return linked, compile_(folder / "looks-up", *macros, "-DLOOKS_UP", SOURCES / "host.c")


@pytest.fixture(scope="module", params=KNOWN, ids=lambda version: version.text)
def hosts(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    preloaded: list[Path],  # noqa: ARG001 - which skips where there is no compiler
) -> tuple[Path, Path]:
    return build(tmp_path_factory.mktemp("known"), request.param)


def emulate(host: Path, how: str, preload: list[Path], reports: Path) -> tuple[str, list[str]]:
    """Run the host preloaded; what it said, and the words it reported."""
    variables = {
        "LD_PRELOAD": ":".join(map(str, preload)),
        "LD_LIBRARY_PATH": f"{ROOT}/lib:{preload[0].parent}",
        "STAND_IN": str(host.with_name("libLiteCore.so")),
        "C4TRACE_NAME": "arm",
        "C4TRACE_RUN": str(reports),
    }
    settings = [word for name, value in variables.items() for word in ("-E", f"{name}={value}")]
    reports.mkdir()
    done = subprocess.run(
        [QEMU, "-L", ROOT, *settings, host, how], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = reports.iterdir()
    return done.stdout, [line.split()[0] for line in file.read_text().splitlines()]


@pytest.mark.parametrize(("how", "looks_up"), [*((how, False) for how in MAKING), ("new", True)])
def test_the_factory_is_traced_and_all_else_arrives_as_given(
    hosts: tuple[Path, Path], how: str, preloaded: list[Path], tmp_path: Path, segments: Path, *, looks_up: bool
) -> None:
    said, words = emulate(hosts[looks_up], how, preloaded[: 1 + looks_up], tmp_path / "reports")
    assert (said, words) == ("factory replaced\n", ["met", "segment"])
    (file,) = list_segments(segments)
    with attach(file.path) as segment:
        snapshot = segment.snapshot()
    one = Flow(*EVENTS["write"])
    assert [factory.slices for factory in snapshot.factories] == [Slices(one, one, Flow(0, 0))]
    events = {name: numbers for name, numbers in counted(snapshot).items() if name not in {"fromNative", "attached"}}
    assert events == EVENTS


@pytest.mark.parametrize("how", MAKING)
def test_an_unknown_version_is_left_alone(how: str, preloaded: list[Path], tmp_path: Path, segments: Path) -> None:
    linked, looks_up = build(tmp_path, Version(99, "9.9.9"))
    assert emulate(linked, how, preloaded[:1], tmp_path / "1") == ("factory as given\n", ["unknown"])
    assert emulate(looks_up, how, preloaded, tmp_path / "2") == ("factory as given\n", ["unknown"])
    assert list_segments(segments) == []
