from __future__ import annotations

import os
from pathlib import Path

import pytest

from c4trace.segment.folder import SegmentError, SegmentFile, find_segments, list_segments, segment_folders


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"")


def test_the_environment_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("C4TRACE_DIR", str(tmp_path))
    assert segment_folders() == (tmp_path,)


def test_without_it_memory_comes_before_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("C4TRACE_DIR", raising=False)
    own = f"c4trace-{os.geteuid()}"
    assert segment_folders() == (Path("/dev/shm", own), Path("/tmp", own))  # noqa: S108 - where tracers put them


def test_segments_are_listed_by_name_and_pid_and_nothing_else_is(segments: Path) -> None:
    make(segments, "b.7.seg", "a.b-c_d.12.seg", "b.6.seg", "b.seg", "b.x.seg", ".7.seg", "notes.txt", "b.7.seg~")
    (segments / "d.1.seg").mkdir()
    (segments / "e.1.seg").symlink_to(segments / "b.7.seg")
    assert list_segments() == [
        SegmentFile("a.b-c_d", 12, segments / "a.b-c_d.12.seg"),
        SegmentFile("b", 6, segments / "b.6.seg"),
        SegmentFile("b", 7, segments / "b.7.seg"),
        SegmentFile("e", 1, segments / "e.1.seg"),  # which nobody can attach to, and is told so
    ]


def test_a_folder_that_is_not_there_has_no_segments(tmp_path: Path) -> None:
    assert list_segments(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("b", ["b.6.seg", "b.7.seg"]), ("7", ["7.1.seg", "b.7.seg"]), ("a", []), ("b.7", [])],
)
def test_a_segment_is_found_by_name_or_pid(segments: Path, wanted: str, found: list[str]) -> None:
    make(segments, "b.7.seg", "b.6.seg", "7.1.seg")
    assert [segment.path.name for segment in find_segments(wanted)] == found


def test_a_path_means_itself_wherever_it_is(tmp_path: Path) -> None:
    assert find_segments(f"{tmp_path}/x.9.seg") == [SegmentFile("x", 9, tmp_path / "x.9.seg")]
    assert find_segments("./odd") == [SegmentFile("odd", 0, Path("odd"))]


def test_a_folder_that_others_may_write_to_is_refused_with_what_to_do(segments: Path) -> None:
    segments.chmod(0o770)
    with pytest.raises(SegmentError, match=r"others may write to it \(mode 770\); chmod 700 it") as refused:
        list_segments()
    assert str(segments) in str(refused.value)


def test_a_folder_of_someone_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(SegmentError, match="belongs to user"):
        list_segments(tmp_path)


def test_a_link_or_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(SegmentError, match="not a folder"):
            list_segments(tmp_path / name)
