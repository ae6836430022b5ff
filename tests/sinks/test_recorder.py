from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from c4trace.events import Event, Gap, Return
from c4trace.recording.reader import Recording, open_recording
from c4trace.recording.rotation import Rotation
from c4trace.recording.schema import RecordingError
from c4trace.sinks.recorder import Recorder

HEADER: dict[str, Any] = {
    "c4trace": "0.1.0",
    "name": "orders",
    "pid": 4711,
    "argv": ["orders"],
    "litecore": {"version": "3.0.0", "abi": 64},
    "clock": {"wall": "2026-11-23T04:07:00.123456789Z", "source": "tsc"},
    "capture": "full",
    "redaction": {},
}


def text(lines: Iterable[Event | Return | Gap]) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def give(recorder: Recorder, *lines: Event | Return | Gap) -> None:
    events = [line for line in lines if isinstance(line, Event)]
    lost = sum(line.lost for line in lines if isinstance(line, Gap))
    recorder.text(memoryview(text(lines)), len(events), lost, [e.sid for e in events if e.ev in {"open", "fromNative"}])


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def write(seq: int, size: int = 100) -> Event:
    return Event(seq, seq * 1000, 1, 7, "write", dt=5, n=size, data=os.urandom(size))


def read(path: Path) -> tuple[Recording, list[Event | Return | Gap]]:
    recording = open_recording(path)
    lines = list(recording)
    assert recording.mismatches == ()
    return recording, lines


def seqs(lines: Iterable[Event | Return | Gap]) -> list[int]:
    return [line.seq for line in lines if isinstance(line, Event)]


@pytest.mark.parametrize("name", ["orders.jsonl", "orders.jsonl.zst"])
def test_what_it_is_given_is_on_record_with_a_footer(tmp_path: Path, name: str) -> None:
    recorder = Recorder(tmp_path / name)
    assert recorder.wants == "text"
    recorder.start(HEADER)
    lines: list[Event | Return | Gap] = [Event(1, 0, 1, 7, "open"), write(2), Return(1, 9), Gap(1, 2, 3)]
    give(recorder, *lines)
    recorder.notices(lines)
    recorder.idle()
    recorder.close(3)
    recording, found = read(tmp_path / name)
    assert found == lines
    assert recording.header.name == "orders"
    assert recording.header.part == 0
    assert recording.footer is not None
    assert (recording.footer.events, recording.footer.lost, recording.footer.sessions) == (2, 3, 1)
    assert (recorder.stopped, recorder.unrecorded) == (None, 0)


def test_losses_that_no_gap_has_told_are_told_by_a_last_gap(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.jsonl")
    recorder.start(HEADER)
    give(recorder, write(1), Gap(1, 1, 3), write(2))
    recorder.close(10)
    recording, lines = read(tmp_path / "a.jsonl")
    assert lines[-1] == Gap(0, 2, 7)
    assert recording.footer is not None
    assert recording.footer.lost == 10


def test_idle_makes_readable_what_was_written(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.jsonl.zst")
    recorder.start(HEADER)
    give(recorder, write(1), write(2))
    recorder.idle()
    wait_for(lambda: seqs(read(tmp_path / "a.jsonl.zst")[1]) == [1, 2])
    assert read(tmp_path / "a.jsonl.zst")[0].torn is not None
    recorder.close(0)


def test_a_path_that_cannot_be_written_is_refused_before_anything_is_traced(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for path in [tmp_path / "absent" / "a.jsonl", tmp_path / "notes.txt", tmp_path]:
        with pytest.raises(RecordingError) as caught:
            Recorder(path)
        assert str(path) in str(caught.value)


def test_parts_are_whole_recordings_that_follow_each_other(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "orders.jsonl", rotation=Rotation(part_bytes=20_000))
    recorder.start(HEADER)
    for seq in range(1, 201):
        give(recorder, Event(seq, seq, seq, 7, "open"), Gap(0, seq, 1), write(seq, 500))
    recorder.close(200)
    parts = sorted(tmp_path.iterdir())
    assert [part.name for part in parts] == [f"orders.{n:04}.jsonl" for n in range(1, len(parts) + 1)]
    assert len(parts) > 5
    found: list[int] = []
    lost = 0
    for number, part in enumerate(parts, 1):
        recording, lines = read(part)
        assert part.stat().st_size < 20_000 + 500
        assert recording.torn is None
        assert recording.header.part == number
        assert recording.sessions == len(lines) / 3
        found += seqs(lines)[::2]
        lost += recording.lost
    assert found == list(range(1, 201))
    assert lost == 200


def test_a_part_ends_after_its_time_but_never_without_events(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.jsonl.zst", rotation=Rotation(part_seconds=0.02))
    recorder.start(HEADER)
    time.sleep(0.03)
    recorder.idle()
    give(recorder, write(1))
    time.sleep(0.03)
    recorder.idle()
    give(recorder, write(2))
    recorder.close(0)
    assert [seqs(read(part)[1]) for part in sorted(tmp_path.iterdir())] == [[1], [2]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.0001.jsonl.zst", "a.0002.jsonl.zst"]


def record(path: Path, rotation: Rotation, count: int) -> None:
    recorder = Recorder(path, rotation=rotation)
    recorder.start(HEADER)
    for seq in range(1, count + 1):
        give(recorder, write(seq, 700))
    recorder.close(0)


def test_the_oldest_parts_are_removed_by_number(tmp_path: Path) -> None:
    record(tmp_path / "a.jsonl", Rotation(part_bytes=5_000, keep_parts=3), 100)
    parts = sorted(tmp_path.iterdir())
    assert len(parts) == 3
    assert seqs(read(parts[-1])[1])[-1] == 100


def test_the_oldest_parts_are_removed_by_size(tmp_path: Path) -> None:
    record(tmp_path / "a.jsonl", Rotation(part_bytes=5_000, keep_bytes=20_000), 100)
    parts = sorted(tmp_path.iterdir())
    assert sum(part.stat().st_size for part in parts) <= 20_000
    assert len(parts) >= 3
    assert seqs(read(parts[-1])[1])[-1] == 100


def test_numbers_go_on_after_a_restart_and_nothing_else_is_removed(tmp_path: Path) -> None:
    (tmp_path / "a.b.jsonl").write_text("mine")
    (tmp_path / "a.0000").write_text("mine")
    record(tmp_path / "a.jsonl", Rotation(part_seconds=60), 1)
    record(tmp_path / "a.jsonl", Rotation(part_seconds=60, keep_parts=2), 1)
    record(tmp_path / "a.jsonl", Rotation(part_seconds=60, keep_parts=2), 1)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["a.0000", "a.0002.jsonl", "a.0003.jsonl", "a.b.jsonl"]


def test_two_recorders_of_one_name_never_share_or_remove_a_part(tmp_path: Path) -> None:
    one, two = (
        Recorder(tmp_path / "a.jsonl", rotation=Rotation(part_bytes=3_000, keep_parts=1, keep_bytes=3_000))
        for _ in range(2)
    )
    one.start(HEADER)
    two.start(HEADER)
    for seq in range(1, 50):
        give(two, write(seq))
    two.close(0)
    give(one, write(100))
    one.close(0)
    assert (one.stopped, two.stopped) == (None, None)
    assert seqs(read(tmp_path / "a.0001.jsonl")[1]) == [100]


def test_a_rotated_recording_is_found_by_the_name_it_was_given(tmp_path: Path) -> None:
    record(tmp_path / "a.jsonl", Rotation(part_bytes=5_000), 20)
    with pytest.raises(RecordingError, match=r"it was rotated: name a part, a\.0001\.jsonl to a\.000\d\.jsonl"):
        open_recording(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    ("rotation", "what"),
    [
        (Rotation(), "is never rotated"),
        (Rotation(part_bytes=0), "part_bytes=0"),
        (Rotation(part_bytes=100, keep_parts=-1), "keep_parts=-1"),
        (Rotation(part_bytes=100, keep_bytes=99), "is to keep less than one part"),
    ],
)
def test_limits_that_make_no_sense_are_refused(tmp_path: Path, rotation: Rotation, what: str) -> None:
    with pytest.raises(RecordingError, match=what):
        Recorder(tmp_path / "a.jsonl", rotation=rotation)


HOST = """
    import sys
    from pathlib import Path
    from tests.sinks.test_recorder import HEADER, Recorder, Rotation, give, write
    rotation = Rotation(part_bytes=8_000) if sys.argv[2] == "rotated" else None
    recorder = Recorder(sys.argv[1], rotation=rotation)
    recorder.start(HEADER)
    for seq in range(1, 201):
        give(recorder, write(seq, 500))
        if seq % 3 == 0:
            recorder.idle()
    recorder.close(0)
    print("the host went on", recorder.unrecorded, recorder.stopped)
"""


@pytest.mark.parametrize("kind", ["whole", "rotated"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.zst"])
def test_where_no_more_can_be_written_recording_stops_with_one_line_and_the_host_goes_on(
    tmp_path: Path, name: str, kind: str
) -> None:
    limit = 7_500 if kind == "rotated" else 20_000
    host = subprocess.run(
        # -B: the limit would cut the files in which Python keeps compiled modules, too
        [sys.executable, "-B", "-c", textwrap.dedent(HOST), str(tmp_path / name), kind],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    said = re.fullmatch(
        r"c4trace: recording stopped: (?P<why>.*: cannot be written: File too large; .*)"
        r" \(after (?P<kept>\d+) events; the host goes on\)\n",
        host.stderr,
    )
    assert said is not None, host.stderr
    unrecorded = re.fullmatch(r"the host went on (\d+) (.*)\n", host.stdout)
    assert unrecorded is not None
    assert unrecorded[2] == said["why"]
    kept = [seq for part in sorted(tmp_path.iterdir()) for seq in seqs(read(part)[1])]
    assert kept == list(range(1, int(said["kept"]) + 1))
    assert int(unrecorded[1]) == 200 - len(kept)
    assert open_recording_torn(tmp_path)


def open_recording_torn(folder: Path) -> str | None:
    recording, _ = read(max(folder.iterdir()))
    return recording.torn


def test_a_full_disk_is_told_once_to_whom_it_may_concern(tmp_path: Path) -> None:
    said: list[str] = []
    recorder = Recorder(tmp_path / "a.jsonl", report=said.append)
    recorder.start(HEADER)
    give(recorder, write(1))
    wait_for(lambda: seqs(read(tmp_path / "a.jsonl")[1]) == [1])
    assert recorder._writer is not None
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, recorder._writer._target._fd)
    os.close(full)
    for seq in range(2, 10):
        give(recorder, write(seq))
        recorder.idle()
    recorder.close(0)
    assert len(said) == 1
    assert "No space left on device; make room, or choose another disk (after 1 events; the host goes on)" in said[0]
    assert recorder.unrecorded == 8
    assert seqs(read(tmp_path / "a.jsonl")[1]) == [1]


def test_a_folder_that_goes_away_stops_recording_only(tmp_path: Path) -> None:
    said: list[str] = []
    folder = tmp_path / "f"
    folder.mkdir()
    recorder = Recorder(folder / "a.jsonl", rotation=Rotation(part_bytes=100), report=said.append)
    recorder.start(HEADER)
    give(recorder, write(1))
    part = folder / "a.0001.jsonl"
    wait_for(lambda: b'"seq":1,' in part.read_bytes())
    part.unlink()
    folder.rmdir()
    give(recorder, write(2))
    give(recorder, write(3))
    recorder.close(0)
    assert len(said) == 1
    assert "No such file or directory; make the folder first (after 1 events" in said[0]
    assert recorder.unrecorded == 3  # what was in the part that is gone is not on record either


def test_a_reporter_that_fails_harms_nobody(tmp_path: Path) -> None:
    def fail(_: str) -> None:
        raise KeyError

    folder = tmp_path / "f"
    folder.mkdir()
    recorder = Recorder(folder / "a.jsonl", rotation=Rotation(part_bytes=100), report=fail)
    recorder.start(HEADER)
    give(recorder, write(1))
    part = folder / "a.0001.jsonl"
    wait_for(lambda: b'"seq":1,' in part.read_bytes())
    part.unlink()
    folder.rmdir()
    give(recorder, write(2))
    recorder.close(0)
    assert recorder.stopped is not None
    assert recorder.unrecorded == 2


def test_nothing_is_digested_while_the_collector_is_behind(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.jsonl")
    recorder.start(HEADER)
    for behind, is_calm in ((0.1, True), (0.9, False), (0.1, True), (0.9, False)):
        recorder.text(text([write(1)]), 1, 0, [], behind)
        assert recorder._calm.is_set() is is_calm
    recorder.idle()
    assert recorder._calm.is_set()
    recorder.text(text([write(1)]), 1, 0, [], 0.9)
    recorder.close(0)
    recording, lines = read(tmp_path / "a.jsonl")
    assert len(lines) == 5
    assert recording.footer is not None
    assert recording.footer.sha256 is not None
