from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

import c4trace
from c4trace.segment import prune
from c4trace.segment.folder import list_segments
from c4trace.segment.prune import prune_as_asked, prune_segments


def die(name: str) -> Path:
    """A process with a tracer of this name that is gone; its segment."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, str(c4trace.Tracer(name, segment_bytes=2 << 20).segment_path).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        path = Path(told.read())
    os.waitpid(pid, 0)
    return path


@pytest.fixture
def dead(segments: Path) -> list[Path]:
    """Five segments of the dead, the oldest first."""
    paths = [die(f"dead-{number}") for number in range(5)]
    assert [file.path for file in list_segments(segments)] == paths
    return paths


def left(segments: Path) -> list[Path]:
    return [file.path for file in list_segments(segments)]


def test_what_is_young_and_small_is_kept(segments: Path, dead: list[Path]) -> None:
    assert prune_segments(segments, dead) == []
    assert left(segments) == dead


def test_the_oldest_go_when_there_is_too_much(
    segments: Path, dead: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "KEEP_BYTES", 5 << 20)
    assert prune_segments(segments, dead) == [dead[2], dead[1], dead[0]]
    assert left(segments) == dead[3:]


def test_the_newest_stays_however_large(segments: Path, dead: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "KEEP_BYTES", 0)
    prune_segments(segments, dead)
    assert left(segments) == dead[4:]


def test_what_died_a_moment_ago_is_spared_unless_it_is_done(
    segments: Path, dead: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "KEEP_BYTES", 0)
    assert prune_segments(segments) == []
    assert prune_segments(segments, [dead[2]]) == [dead[2]]
    monkeypatch.setattr(prune, "SPARE_S", -1.0)
    assert prune_segments(segments) == [dead[3], dead[1], dead[0]]


def test_what_is_too_old_goes(segments: Path, dead: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "KEEP_DAYS", -1.0)
    assert prune_segments(segments, dead) == dead[::-1]


def test_the_living_and_what_is_no_segment_are_left_alone(
    segments: Path, dead: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "KEEP_BYTES", 0)
    monkeypatch.setattr(prune, "KEEP_DAYS", -1.0)
    monkeypatch.setattr(prune, "SPARE_S", -1.0)
    (segments / "broken.1.seg").write_bytes(b"no segment")
    (segments / "notes").write_text("mine")
    with c4trace.Tracer("living") as tracer:
        assert len(prune_segments(segments)) == len(dead)
        assert {path.name for path in segments.iterdir()} == {"broken.1.seg", "notes", tracer.segment_path.name}


def of_another_layout(path: Path) -> Path:
    """The segment as an older or newer c4trace would have written it."""
    with path.open("r+b") as file:
        file.seek(8)  # segment.h: layout
        file.write((999).to_bytes(4, "little"))
    return path


def test_the_dead_of_another_version_go_as_others_do(segments: Path, dead: list[Path]) -> None:
    foreign = of_another_layout(dead[1])
    os.utime(foreign, (0, 0))
    assert prune_segments(segments) == [foreign]
    newer = of_another_layout(dead[3])
    assert prune_segments(segments) == []
    assert newer in {box.path for box in prune_as_asked(segments, older_than=0, keep_bytes=None)}
    assert left(segments) == []


def test_what_lives_of_another_version_is_left_alone(segments: Path) -> None:
    with c4trace.Tracer("living") as tracer:
        living = of_another_layout(tracer.segment_path)
        os.utime(living, (0, 0))
        assert prune_segments(segments, [living]) == []
        assert prune_as_asked(segments, older_than=0, keep_bytes=0) == []
        assert left(segments) == [living]


def test_where_nobody_can_tell_whether_it_lives_another_version_is_left_alone(
    segments: Path, dead: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_leases(*_: object) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr("c4trace.segment.prune.fcntl.fcntl", no_leases)
    foreign = of_another_layout(dead[0])
    os.utime(foreign, (0, 0))
    assert len(prune_as_asked(segments, older_than=0, keep_bytes=None)) == len(dead) - 1
    assert left(segments) == [foreign]


def test_a_folder_that_is_not_there_or_not_ours_is_left_alone(tmp_path: Path) -> None:
    assert prune_segments(tmp_path / "none") == []
    tmp_path.chmod(0o777)
    assert prune_segments(tmp_path) == []
