from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from c4trace.events import Event
from c4trace.recording import endings as endings_module
from c4trace.recording.endings import Endings
from c4trace.recording.reader import open_recording
from c4trace.recording.target import Target
from c4trace.recording.writer import RecordingWriter
from tests.recording.test_writer import HEADER

OPEN = Event(1, 0, 1, 7, "open")
CALM = threading.Event()
CALM.set()


@pytest.fixture(autouse=True)
def _little_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings_module, "_PIECE_BYTES", 1)


def failed(_events: int, error: Exception) -> None:
    raise AssertionError(error)


def writer_of(path: Path) -> RecordingWriter:
    writer = RecordingWriter(path, HEADER, calm=CALM)
    writer.line(OPEN)
    writer.flush()
    return writer


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.zst"])
@pytest.mark.parametrize("sync", [False, True])
def test_recordings_are_ended_whole_one_after_the_other(
    tmp_path: Path, suffix: str, threads: int, *, sync: bool
) -> None:
    endings = Endings(threads, sync=sync, failed=failed)
    for i in range(5):
        writer = writer_of(tmp_path / f"{i}{suffix}")
        endings.follow(writer)
        writer.line(Event(2, 1, 1, 7, "opened"))
        writer.flush()
        endings.follow(writer)
        endings.end(writer)
    endings.wait()
    for path in tmp_path.iterdir():
        recording = open_recording(path)
        assert len(list(recording)) == 2
        assert (recording.torn, recording.mismatches) == (None, ())
        assert recording.footer is not None


@pytest.mark.parametrize("missing", [0, 1])
def test_no_thread_is_woken_for_less_than_a_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: int
) -> None:
    followed: list[RecordingWriter] = []
    monkeypatch.setattr(RecordingWriter, "catch_up", lambda writer: followed.append(writer))  # noqa: PLW0108 - binds
    writer = writer_of(tmp_path / "a.jsonl")
    monkeypatch.setattr(endings_module, "_PIECE_BYTES", writer.size + missing)
    endings = Endings(1, sync=False, failed=failed)
    endings.follow(writer)
    endings.end(writer)
    endings.wait()
    assert followed == ([] if missing else [writer])


def test_with_sync_an_ended_recording_is_brought_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_ino))
    for sync in (False, True):
        endings = Endings(1, sync=sync, failed=failed)
        endings.end(writer_of(tmp_path / f"{sync}.jsonl"))
        endings.wait()
    assert synced == [(tmp_path / "True.jsonl").stat().st_ino]


def test_where_there_is_no_time_a_recording_ends_without_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_into = Target.read_into

    def slow(target: Target, room: memoryview, position: int) -> int:
        deadline = time.monotonic() + 60
        while target is first._target and not first._digest._is_given_up:  # type: ignore[attr-defined] # the one thing to wait for
            assert time.monotonic() < deadline
            time.sleep(0.001)
        return read_into(target, room, position)

    monkeypatch.setattr(Target, "read_into", slow)
    first, second = (writer_of(tmp_path / f"{name}.jsonl") for name in ("first", "second"))
    endings = Endings(1, sync=False, failed=failed)
    endings.end(first)
    endings.follow(second)
    while not endings._is_following[0]:  # the thread takes `first` in a moment, and has room then
        endings.follow(second)
    endings.end(second)
    endings.wait()
    digests = []
    for name in ("first", "second"):
        recording = open_recording(tmp_path / f"{name}.jsonl")
        assert list(recording) == [OPEN]
        assert (recording.torn, recording.mismatches) == (None, ())
        assert recording.footer is not None
        digests.append(recording.footer.sha256)
    assert digests[0] is None
    assert digests[1] is not None


def test_a_recording_that_cannot_be_ended_is_told_of_with_what_it_has_lost(tmp_path: Path) -> None:
    told: list[tuple[int, str]] = []
    endings = Endings(1, sync=False, failed=lambda events, error: told.append((events, str(error))))
    writer = writer_of(tmp_path / "a.jsonl.zst")
    writer.line(Event(2, 1, 1, 7, "opened"))
    writer._write_lines()
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, writer._target._fd)
    os.close(full)
    assert writer.events == 2
    endings.end(writer)
    endings.wait()
    assert [events for events, _ in told] == [1]
    assert "No space left on device" in told[0][1]


def test_following_one_recording_never_makes_another_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_into = Target.read_into
    is_free = threading.Event()

    def slow(target: Target, room: memoryview, position: int) -> int:
        if target is second._target:
            is_free.wait(60)
        return read_into(target, room, position)

    first, second, third = (writer_of(tmp_path / f"{name}.jsonl") for name in ("first", "second", "third"))
    monkeypatch.setattr(Target, "read_into", slow)
    endings = Endings(2, sync=False, failed=failed)
    endings.follow(first)
    endings.end(first)
    for _ in range(5):
        endings.follow(second)  # the first one takes long, the others would only fill the queue
        time.sleep(0.01)
    endings.end(second)
    assert not is_free.is_set()
    endings.follow(third)
    is_free.set()
    endings.end(third)
    endings.wait()
    for path in tmp_path.iterdir():
        recording = open_recording(path)
        assert list(recording) == [OPEN]
        assert recording.footer is not None
        assert (recording.footer.sha256 is None, recording.mismatches) == (False, ())
