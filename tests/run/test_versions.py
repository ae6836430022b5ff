"""The interposed functions with every version's signatures: the factory is ours, all else arrives as it was given."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.run.stand_in import EVENTS, Version, build, run
from tests.tracing import recorded

KNOWN = [
    Version(28, "2.8.0"),
    Version(30, "3.0.0"),
    Version(31, "3.1.0"),
    Version(32, "3.2.0"),
    Version(324, "3.2.4"),
    Version(32, "3.3.0"),
    Version(41, "3.4.0"),
    Version(32, "4.0.0"),
    Version(41, "4.1.0"),
    # Official builds name a commit; then what they export tells them apart.
    Version(28, "0a1b2c3d"),
    Version(30, "0a1b2c3d"),
    Version(31, "0a1b2c3d"),
    Version(41, "0a1b2c3d"),
]
UNKNOWN = [Version(99, "9.9.9"), Version(99, "3.5.0"), Version(99, "4.2.0"), Version(28, "2.7.0"), Version(30, "1.4.0")]
MAKING = ["new", "with-socket", "from-native", "from-native2", "register"]


@pytest.fixture(scope="module", params=KNOWN, ids=lambda version: f"{version.text}-{version.generation}")
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Version, Path]:
    """A version c4trace knows, and a host of it."""
    return request.param, build(tmp_path_factory.mktemp("known"), request.param)


@pytest.fixture(scope="module", params=UNKNOWN, ids=lambda version: version.text)
def unknown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Version, Path]:
    """A version it does not know, and a host of it."""
    return request.param, build(tmp_path_factory.mktemp("unknown"), request.param)


@pytest.mark.parametrize("how", MAKING)
def test_the_factory_is_traced_and_all_else_arrives_as_given(
    known: tuple[Version, Path], how: str, tmp_path: Path, segments: Path
) -> None:
    version, host = known
    record = tmp_path / "host.jsonl"
    assert segments.is_dir()
    done = run("--record", record, "--", host, how)
    assert (done.returncode, done.stdout) == (0, "factory replaced\n"), done.stderr
    made = {"fromNative": (1, 0)} if how.startswith("from-native") else {}
    attached = {"attached": (1, 0)} if made and version.generation == 41 else {}
    assert recorded(record) == EVENTS | made | attached


def test_a_host_does_the_same_without_c4trace(known: tuple[Version, Path]) -> None:
    for how in MAKING:
        done = subprocess.run([known[1], how], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "factory as given\n", "")


@pytest.mark.parametrize("how", MAKING)
def test_an_unknown_version_is_left_alone_and_named(
    unknown: tuple[Version, Path], how: str, tmp_path: Path, segments: Path
) -> None:
    version, host = unknown
    done = run("--record", tmp_path / "host.jsonl", "--", host, how)
    assert (done.returncode, done.stdout) == (0, "factory as given\n"), done.stderr
    reason = f"LiteCore '{version.text}' is of a version c4trace does not know; it was left alone"
    assert done.stderr == f"c4trace: nothing was traced: {reason}\n"
    assert list(segments.iterdir()) == []
    assert not (tmp_path / "host.jsonl").exists()


def test_factories_past_what_a_segment_holds_are_left_alone_and_that_is_said_once(
    tmp_path: Path, segments: Path
) -> None:
    assert segments.is_dir()
    record = tmp_path / "host.jsonl"
    done = run("--record", record, "--", build(tmp_path, Version(30, "3.0.0")), "many")
    assert done.returncode == 0, done.stderr
    traced = int(done.stdout.removeprefix("replaced "))
    assert 0 < traced <= 16
    assert recorded(record) == {name: (traced * n, traced * size) for name, (n, size) in EVENTS.items()}
    seen, left_out = done.stderr.splitlines()
    assert f"{traced} sessions" in seen
    assert left_out.startswith("c4trace: a factory of host is not traced: factory: ")
