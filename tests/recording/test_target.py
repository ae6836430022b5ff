from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from c4trace.recording.reader import open_recording
from c4trace.recording.schema import RecordingError
from c4trace.recording.writer import RecordingWriter, check_writable
from tests.recording.test_writer import HEADER, NAMES, OPEN


@pytest.mark.parametrize("name", NAMES)
def test_an_older_recording_is_replaced(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with RecordingWriter(path, HEADER) as writer:
        writer.line(OPEN)
    reader = open_recording(path)
    RecordingWriter(path, HEADER).close()
    assert list(open_recording(path)) == []
    assert list(reader) == [OPEN], "who reads the old one still can"


def refusal(path: Path, *, replace: bool = True) -> RecordingError:
    with pytest.raises(RecordingError) as caught:
        RecordingWriter(path, HEADER, replace=replace)
    assert str(path) in str(caught.value)
    return caught.value


def test_a_file_that_is_no_recording_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "thesis.jsonl"
    path.write_text('{"chapter":1}\n')
    assert refusal(path).what == "is there already and is no recording that could be replaced"
    with pytest.raises(RecordingError):
        check_writable(path)
    assert path.read_text() == '{"chapter":1}\n'


def test_an_empty_file_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    RecordingWriter(tmp_path / "a.jsonl", HEADER).close()
    with open_recording(tmp_path / "a.jsonl") as recording:
        assert recording.header == HEADER


def test_links_devices_and_folders_are_refused(tmp_path: Path) -> None:
    real, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    RecordingWriter(real, HEADER).close()
    link.symlink_to(real)
    assert refusal(link).what == "is a symbolic link"
    link.unlink()
    link.symlink_to(tmp_path / "nowhere")
    assert refusal(link).what == "is a symbolic link"
    assert refusal(Path("/dev/null")).what == "is no file"
    assert refusal(tmp_path).what == "is a folder"
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("end", [".gz", ".bz2", ".xz", ".lz4"])
def test_a_name_of_another_compression_is_refused(tmp_path: Path, end: str) -> None:
    path = tmp_path / f"orders.jsonl{end}"
    with pytest.raises(RecordingError, match="is named for a compression that c4trace has not; end the name in"):
        check_writable(path)
    with pytest.raises(RecordingError):
        RecordingWriter(path, HEADER)
    assert list(tmp_path.iterdir()) == []


def test_with_replace_off_nothing_is_replaced(tmp_path: Path) -> None:
    RecordingWriter(tmp_path / "a.jsonl", HEADER).close()
    assert isinstance(refusal(tmp_path / "a.jsonl", replace=False).__cause__, FileExistsError)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_recording_has_one_writer_at_a_time(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.jsonl", HEADER)
    assert refusal(tmp_path / "a.jsonl").what == "is being written by another recorder"
    writer.close()
    RecordingWriter(tmp_path / "a.jsonl", HEADER).close()


def test_a_forked_child_does_not_keep_its_parents_recording_locked(tmp_path: Path) -> None:
    script = """
        import os, signal, sys, time
        from tests.recording.test_writer import HEADER, RecordingWriter
        writer = RecordingWriter(sys.argv[1], HEADER)
        if os.fork() == 0:
            print(os.getpid(), flush=True)
            time.sleep(60)
        time.sleep(60)
    """
    path = tmp_path / "a.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            assert refusal(path).what == "is being written by another recorder"
            parent.kill()
            parent.wait()
            RecordingWriter(path, HEADER).close()
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_closed_recording_is_not_locked_by_a_child_that_was_just_forked(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.jsonl", HEADER)
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    try:
        writer.close()
        RecordingWriter(tmp_path / "a.jsonl", HEADER).close()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_missing_folder_and_a_missing_package_are_told_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RecordingError, match="make the folder first"):
        check_writable(tmp_path / "absent" / "a.jsonl")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(RecordingError, match=r"pip install 'c4trace\[zstd\]'"):
        check_writable(tmp_path / "a.jsonl.zst")
    assert refusal(tmp_path / "a.jsonl.zst").hint.startswith("pip install")
    assert list(tmp_path.iterdir()) == []
