"""A recording whose file is removed or moved while it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from c4trace.events import Event
from c4trace.sinks.recorder import Recorder
from tests.sinks.test_recorder import HEADER, give, read, seqs, write


@pytest.mark.parametrize("name", ["orders.jsonl", "orders.jsonl.zst"])
@pytest.mark.parametrize("later", [[], [Event(3, 3000, 1, 7, "write", n=1)]])
def test_a_recording_that_is_removed_under_it_is_told_and_counted(
    tmp_path: Path, name: str, later: list[Event]
) -> None:
    told: list[str] = []
    recorder = Recorder(tmp_path / name, report=told.append)
    recorder.start(HEADER)
    give(recorder, write(1), write(2))
    (tmp_path / name).unlink()
    if later:
        give(recorder, *later)
    recorder.close(0)
    what = "was removed while it was written; leave a recording until it has ended"
    assert told == [f"recording stopped: {tmp_path / name}: {what} (after 0 events; the host goes on)"]
    assert recorder.unrecorded == 2 + len(later)
    assert list(tmp_path.iterdir()) == []


def test_a_recording_may_be_moved_while_it_is_written(tmp_path: Path) -> None:
    told: list[str] = []
    recorder = Recorder(tmp_path / "orders.jsonl", report=told.append)
    recorder.start(HEADER)
    give(recorder, write(1))
    (tmp_path / "orders.jsonl").rename(tmp_path / "elsewhere.jsonl")
    give(recorder, write(2))
    recorder.close(0)
    assert (told, recorder.unrecorded) == ([], 0)
    recording, lines = read(tmp_path / "elsewhere.jsonl")
    assert seqs(lines) == [1, 2]
    assert recording.torn is None
