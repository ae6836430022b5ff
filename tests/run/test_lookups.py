"""`c4trace run --dlsym`: what a program looks up in a LiteCore is traced, and nothing else is another than it was."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from c4trace.segment.attach import attach
from c4trace.segment.folder import list_segments
from c4trace.segment.snapshot import Flow, Slices
from tests.run.stand_in import EVENTS, Version, build, build_looking_up, build_lookups, build_plugin, run
from tests.tracing import recorded

KNOWN, OTHER, UNKNOWN = Version(30, "3.0.0"), Version(41, "4.1.0"), Version(99, "9.9.9")
MAKING = ["new", "with-socket", "from-native", "from-native2", "register"]


@pytest.fixture(autouse=True)
def _own_segments(segments: Path) -> None:
    assert segments.is_dir()


@pytest.fixture(scope="module", params=[KNOWN, Version(324, "3.2.4"), OTHER], ids=lambda version: version.text)
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Version, Path]:
    """A version c4trace knows, and a host that looks it up."""
    return request.param, build_looking_up(tmp_path_factory.mktemp("known"), request.param)


@pytest.fixture(scope="module")
def lookups(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build_lookups(tmp_path_factory.mktemp("lookups"))


def library(host: Path) -> str:
    return str(host.with_name("libLiteCore.so"))


@pytest.mark.parametrize("how", MAKING)
def test_what_is_looked_up_is_traced(known: tuple[Version, Path], how: str, tmp_path: Path, segments: Path) -> None:
    version, host = known
    record = tmp_path / "host.jsonl"
    done = run("--dlsym", "--record", record, "--", host, how, STAND_IN=library(host))
    assert (done.returncode, done.stdout) == (0, "factory replaced\n"), done.stderr
    made = {"fromNative": (1, 0)} if how.startswith("from-native") else {}
    attached = {"attached": (1, 0)} if made and version.generation == 41 else {}
    assert recorded(record) == EVENTS | made | attached
    (file,) = list_segments(segments)
    with attach(file.path) as segment:
        (factory,) = segment.snapshot().factories
    one = Flow(*EVENTS["write"])
    assert (factory.releases, factory.slices) == ("interposed", Slices(one, one, Flow(0, 0)))


def test_a_host_whose_sanitizer_looks_up_before_libc_is_ready_is_traced(tmp_path: Path) -> None:
    host = build_looking_up(tmp_path, KNOWN, "-fsanitize=address,undefined")
    done = run("--dlsym", "--", host, "new", STAND_IN=library(host))
    assert (done.returncode, done.stdout) == (0, "factory replaced\n"), done.stderr


def test_what_is_never_released_shows_also_where_nothing_is_linked_to_the_release(
    known: tuple[Version, Path], segments: Path
) -> None:
    done = run("--dlsym", "--", known[1], "leak", STAND_IN=library(known[1]))
    assert (done.returncode, done.stdout) == (0, "factory replaced\n"), done.stderr
    assert "1 slice of 10 B not released" in done.stderr
    assert len(list_segments(segments)) == 1


def test_the_option_can_be_given_by_the_environment(known: tuple[Version, Path]) -> None:
    done = run("--", known[1], "new", STAND_IN=library(known[1]), C4TRACE_DLSYM="1")
    assert (done.returncode, done.stdout) == (0, "factory replaced\n"), done.stderr


def test_without_the_option_it_is_named(known: tuple[Version, Path]) -> None:
    done = run("--", known[1], "new", STAND_IN=library(known[1]))
    assert (done.returncode, done.stdout) == (0, "factory as given\n"), done.stderr
    path = library(known[1])
    why = f"{path} was loaded, but nothing is linked to it: if it is looked up by dlsym, run with --dlsym"
    assert done.stderr == f"c4trace: nothing was traced: {why}\n"


def test_an_unknown_version_that_is_looked_up_is_left_alone(tmp_path: Path) -> None:
    host = build_looking_up(tmp_path, UNKNOWN)
    done = run("--dlsym", "--", host, "new", STAND_IN=library(host))
    assert (done.returncode, done.stdout) == (0, "factory as given\n"), done.stderr
    assert "LiteCore '9.9.9' is of a version c4trace does not know" in done.stderr


def test_a_linked_program_is_traced_the_same_with_the_option(tmp_path: Path) -> None:
    record = tmp_path / "host.jsonl"
    done = run("--dlsym", "--record", record, "--", build(tmp_path, KNOWN), "fork", "3")
    assert done.returncode == 0, done.stderr
    assert recorded(record) == EVENTS


def test_every_other_lookup_is_what_it_was(lookups: tuple[Path, Path]) -> None:
    program, behind = lookups
    plain = subprocess.run([program, behind], capture_output=True, text=True, check=True)
    done = run("--dlsym", "--", program, behind)
    assert (done.returncode, done.stdout) == (0, plain.stdout)
    assert "next, of a library: libc.so.6\n" in plain.stdout
    assert "default, of a library: libnext.so\n" in plain.stdout


def test_lookups_are_passed_on_before_any_library_is_ready(lookups: tuple[Path, Path]) -> None:
    program, behind = lookups
    done = run("--dlsym", "--", program, LD_PRELOAD=str(behind))
    plain = subprocess.run(
        [program], env={**os.environ, "LD_PRELOAD": str(behind)}, capture_output=True, text=True, check=True
    )
    assert done.returncode == 0
    assert "early libc.so.6\n" in done.stdout
    assert done.stdout.count("early") >= plain.stdout.count("early")
    assert plain.stdout in done.stdout


def test_of_litecores_functions_only_those_that_are_traced_are_others(
    lookups: tuple[Path, Path], tmp_path: Path
) -> None:
    build(tmp_path, KNOWN, "-Wl,--version-script=" + str(version_script(tmp_path)))
    core = tmp_path / "libLiteCore.so"
    plain = subprocess.run([lookups[0], core], capture_output=True, text=True, check=True).stdout.splitlines()
    done = run("--dlsym", "--", lookups[0], core)
    turned = {"LiteCore", "LiteCore, release", "LiteCore, version"}
    expected = []
    for line in plain:
        what, _, found = line.partition(": ")
        assert what not in turned or found == "libLiteCore.so"
        expected.append(f"{what}: libc4trace.so" if what in turned else line)
    assert done.stdout.splitlines() == expected
    assert turned <= {line.partition(": ")[0] for line in plain}


def version_script(folder: Path) -> Path:
    script = folder / "versions"
    script.write_text("CBL { global: *; };\n")
    return script


def test_a_second_litecore_that_is_looked_up_is_left_alone_and_that_is_said(
    lookups: tuple[Path, Path], tmp_path: Path
) -> None:
    for version, name in ((KNOWN, "libLiteCore.so"), (OTHER, "libcblite.so")):
        build_plugin(tmp_path, version, name)
    both = [str(tmp_path / name) for name in ("libLiteCore.so", "libcblite.so")]
    done = run("--dlsym", "--", lookups[0], *both)
    assert done.returncode == 0
    found = [line for line in done.stdout.splitlines() if line.startswith("LiteCore: ")]
    assert found == ["LiteCore: libc4trace.so", "LiteCore: libcblite.so"]
    assert done.stderr.count("a second LiteCore that is looked up in one process is not traced") == 1


def test_where_tracing_was_not_asked_for_lookups_are_what_they_were(lookups: tuple[Path, Path], tmp_path: Path) -> None:
    build(tmp_path, KNOWN)
    core = str(tmp_path / "libLiteCore.so")
    words = ["env", "-u", "C4TRACE_NAME", str(lookups[0]), core]
    plain = subprocess.run(words, capture_output=True, text=True, check=True)
    assert run("--dlsym", "--", *words).stdout == plain.stdout
