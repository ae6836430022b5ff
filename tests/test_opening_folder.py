"""What a tracer makes of the folder and the room for its segment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from c4trace import EmbeddedHost, Tracer
from tests.tracing import on_small_disk, refused


@pytest.fixture
def host() -> Iterator[EmbeddedHost]:
    with EmbeddedHost() as host:
        yield host


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o770, 0o1777])
def test_a_folder_that_others_may_enter_is_refused(host: EmbeddedHost, segments: Path, mode: int) -> None:
    folder = Path("open").absolute()
    folder.mkdir()
    folder.chmod(mode)
    assert refused(segments, litecore=host, folder=folder) == (
        f"the segment folder {folder} is not a folder of this user alone (0700); remove it or set C4TRACE_DIR"
    )


def test_a_folder_that_is_a_link_or_a_file_is_refused(host: EmbeddedHost, segments: Path) -> None:
    real, link, file = Path("real"), Path("link"), Path("file")
    real.mkdir(mode=0o700)
    link.symlink_to(real)
    file.touch()
    for bad in (link, file):
        assert "is not a folder of this user alone" in refused(segments, litecore=host, folder=bad)
    assert list(real.iterdir()) == []


def test_a_folder_of_somebody_else_is_refused(host: EmbeddedHost, segments: Path) -> None:
    if os.geteuid():
        assert "is not a folder of this user alone" in refused(segments, litecore=host, folder="/")
        return
    folder = Path("other")
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)
    assert "is not a folder of this user alone" in refused(segments, litecore=host, folder=folder)


@pytest.mark.parametrize("folder", ["missing/below", "/proc/c4trace", "x" * 300])
def test_a_folder_that_cannot_be_made_is_refused(host: EmbeddedHost, segments: Path, folder: str) -> None:
    said = refused(segments, litecore=host, folder=folder)
    assert said.startswith(f"cannot make the segment folder {folder}: ")
    assert said.endswith("; set C4TRACE_DIR to a folder of yours")


def test_a_folder_whose_name_is_too_long_is_refused_and_not_cut(host: EmbeddedHost, segments: Path) -> None:
    folder = Path(*["y" * 100] * 5)
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    said = refused(segments, litecore=host, folder=folder.absolute())
    assert "too long" in said
    assert list(folder.iterdir()) == []


def test_the_folder_of_the_environment_is_refused_likewise(
    host: EmbeddedHost, segments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("open").mkdir(mode=0o755)
    monkeypatch.setenv("C4TRACE_DIR", "open")
    assert "the segment folder open is not a folder of this user alone" in refused(segments, litecore=host)


def test_a_host_that_changes_its_folder_leaves_no_segment(
    host: EmbeddedHost, segments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("C4TRACE_DIR", os.path.relpath(segments))
    with Tracer("t", litecore=host) as tracer:
        assert tracer.segment_path.parent == segments
        monkeypatch.chdir("/")
    assert list(segments.iterdir()) == []


NO_ROOM = """
import resource, sys
from pathlib import Path
from c4trace import EmbeddedHost, TraceError, Tracer
from tests.factories.in_place import InPlace
from tests.tracing import counted, talk, told

if int(sys.argv[1]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
with EmbeddedHost() as host:
    try:
        with Tracer("t", litecore=host) as tracer:
            talk(host, tracer.wrap(InPlace()))
            print("exact" if counted(tracer.snapshot()) == told(host) else "not exact")
    except TraceError as error:
        print(error)
"""


@pytest.mark.parametrize("cause", ["limit", "disk"])
@pytest.mark.parametrize(("room", "kib"), [(100 << 10, 0), (3 << 20, 2048), (5 << 20, 4096), (20 << 20, 5120)])
def test_less_room_means_smaller_rings_and_none_means_no_tracer(
    segments: Path, cause: str, room: int, kib: int
) -> None:
    command = [sys.executable, "-c", NO_ROOM, str(room if cause == "limit" else 0)]
    if cause == "disk":
        command = on_small_disk(segments, room, command)
        kib = 2048 if kib == 4096 else kib  # a quarter of the disk at most, but for the least there is
    elif kib == 5120:
        kib = 16384  # all that was wanted
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    if kib:
        assert ended.stdout == "exact\n"
        less = rf"room for {kib} KiB only, wanted 16384 KiB: smaller rings, events may be lost sooner"
        assert re.fullmatch(rf"c4trace: .*\.seg: {less}\n" if kib < 16384 else "", ended.stderr)
    else:
        none = r"no room for a segment of \d+ KiB in .*/t\.\d+\.seg; free some or set C4TRACE_DIR\n"
        assert re.fullmatch(none, ended.stdout)
        assert ended.stderr == ""
    assert list(segments.iterdir()) == []
    if cause == "disk":
        assert list(segments.with_name(segments.name + ".kept").iterdir()) == []
