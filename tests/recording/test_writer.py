from __future__ import annotations

import datetime as dt
import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from c4trace.events import ErrorInfo, Event, EventKind, Gap, Return
from c4trace.recording.reader import open_recording
from c4trace.recording.schema import Clock, Header, RecordingError
from c4trace.recording.writer import RecordingWriter

HEADER = Header(
    c4trace="0.1.0",
    name="orders",
    pid=4711,
    clock=Clock(dt.datetime(2026, 11, 23, 4, 7, tzinfo=dt.UTC), "tsc"),
    capture="full",
)
NAMES = ["orders.jsonl", "orders.jsonl.zst"]
OPEN = Event(1, 0, 1, 7, "open", address="ws://h:4984/db")


def texts() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def json_values() -> st.SearchStrategy[Any]:
    leaves = (
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts() | st.floats(allow_nan=False, width=32)
    )
    return st.recursive(
        leaves.filter(lambda value: value not in {float("inf"), float("-inf")}),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
        max_leaves=6,
    )


NUMBER = st.integers(0, 2**63 - 1)
OBJECT = st.dictionaries(texts() | st.sampled_from(["ev", "sid", "type"]), json_values() | st.just("open"), max_size=4)
LINES = st.lists(
    st.builds(
        Event,
        seq=NUMBER,
        t=NUMBER,
        sid=NUMBER,
        tid=NUMBER,
        ev=st.sampled_from([kind.name for kind in EventKind]),
        dt=st.none() | NUMBER,
        n=st.none() | NUMBER,
        factory=st.none() | texts(),
        address=st.none() | texts(),
        options=st.none() | OBJECT,
        status=st.none() | st.integers(-(2**31), 2**31 - 1),
        headers=st.none() | OBJECT,
        message=st.none() | texts(),
        error=st.none() | st.builds(ErrorInfo, st.integers(0, 255), st.integers(-(2**31), 2**31 - 1), texts()),
        hostname=st.none() | texts(),
        accepted=st.none() | st.booleans(),
        data=st.none() | st.binary(max_size=100),
        cut=st.none() | NUMBER,
    )
    | st.builds(Return, NUMBER, NUMBER, st.none() | st.booleans())
    | st.builds(Gap, NUMBER, NUMBER, st.integers(0, 1000)),
    max_size=20,
)


@pytest.mark.parametrize("name", NAMES)
@given(lines=LINES, flush_at=st.sets(st.integers(0, 20)), part=st.integers(0, 9))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    lines: list[Event | Return | Gap],
    flush_at: set[int],
    part: int,
) -> None:
    path = tmp_path_factory.mktemp("written") / name
    header = msgspec.structs.replace(HEADER, part=part)
    with RecordingWriter(path, header) as writer:
        for i, line in enumerate(lines):
            writer.line(line)
            if i in flush_at:
                writer.flush()
    recording = open_recording(path)
    assert list(recording) == lines
    assert recording.header == header
    assert (recording.torn, recording.mismatches) == (None, ())


@pytest.mark.parametrize("name", NAMES)
def test_text_and_lines_can_be_mixed_and_are_counted(tmp_path: Path, name: str) -> None:
    lines = [OPEN, Event(2, 1, 1, 7, "opened"), Gap(1, 2, 5), Event(3, 2, 2, 7, "fromNative")]
    text = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    writer = RecordingWriter(tmp_path / name, HEADER)
    writer.line(Return(1, 9))
    writer.text(text, events=3, lost=5, begun=[1, 2])
    writer.line(Event(4, 3, 2, 7, "open"))
    footer = writer.close()
    assert (footer.events, footer.lost, footer.sessions) == (4, 5, 2)
    recording = open_recording(tmp_path / name)
    assert list(recording) == [Return(1, 9), *lines, Event(4, 3, 2, 7, "open")]
    assert recording.footer == footer
    assert recording.mismatches == ()


def test_an_open_inside_options_or_headers_begins_no_session(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "a.jsonl", HEADER) as writer:
        writer.line(Event(1, 0, 5, 7, "gotHTTPResponse", headers={"ev": "open", "sid": 99}))
        writer.line(Event(2, 0, 6, 7, "open", options={"ev": "fromNative"}))
    recording = open_recording(tmp_path / "a.jsonl")
    list(recording)
    assert (recording.sessions, recording.mismatches) == (1, ())


@pytest.mark.parametrize("name", NAMES)
def test_only_the_owner_may_read_a_recording(tmp_path: Path, name: str) -> None:
    before = os.umask(0)
    try:
        RecordingWriter(tmp_path / name, HEADER).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_compressed_recording_is_plain_zstd_for_other_tools(tmp_path: Path) -> None:
    RecordingWriter(tmp_path / "a.jsonl", HEADER).close()
    RecordingWriter(tmp_path / "a.jsonl.zst", HEADER).close()
    with (tmp_path / "a.jsonl.zst").open("rb") as packed:
        unpacked = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read()
    assert unpacked == (tmp_path / "a.jsonl").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_everything_flushed_is_readable_while_the_writer_goes_on(tmp_path: Path, name: str) -> None:
    writer = RecordingWriter(tmp_path / name, HEADER)
    assert list(open_recording(tmp_path / name)) == []
    for i in range(1, 50):
        writer.line(Event(i, i, 1, 7, "write", n=i))
        writer.flush()
        assert len(list(open_recording(tmp_path / name))) == i
    writer.abandon()
    recording = open_recording(tmp_path / name)
    assert len(list(recording)) == 49
    assert recording.torn is not None


def test_long_compressed_recordings_are_made_of_frames_that_read_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.zst"
    line = msgspec.json.encode(Event(1, 0, 1, 7, "write", data=os.urandom(30_000))) + b"\n"
    with RecordingWriter(path, HEADER) as writer:
        for _ in range(1000):
            writer.text(line, 1, 0, [])
    packed = path.read_bytes()
    frames, rest = 0, packed
    while rest:
        frame = zstandard.ZstdDecompressor().decompressobj()
        frame.decompress(rest)
        assert frame.eof
        rest = frame.unused_data
        frames += 1
    assert frames >= 3


def test_an_exception_leaves_no_file(tmp_path: Path) -> None:
    def fail() -> None:
        with RecordingWriter(tmp_path / "a.jsonl", HEADER) as writer:
            writer.line(OPEN)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


def limited(limit: int, script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script in a process whose files may grow to `limit` bytes: to it, a full disk with another errno."""
    return subprocess.run(
        # -B: the limit would cut the files in which Python keeps compiled modules, too
        [sys.executable, "-B", "-c", textwrap.dedent(script), *map(str, arguments)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )


WRITE_TOO_MUCH = """
    import sys
    from tests.recording.test_writer import HEADER, Event, RecordingWriter
    import os
    writer = RecordingWriter(sys.argv[1], HEADER)
    try:
        for seq in range(1, 10**6):
            writer.line(Event(seq, 0, 1, 7, "write", data=os.urandom(500)))
            writer.flush()
            print(seq)
    finally:
        writer.abandon()
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_write_that_fails_half_way_leaves_whole_lines(tmp_path: Path, name: str) -> None:
    done = limited(20_001, WRITE_TOO_MUCH, tmp_path / name)
    assert "cannot be written: File too large; raise the file size limit" in done.stderr
    written = int(done.stdout.split()[-1])
    recording = open_recording(tmp_path / name)
    assert [line.seq for line in recording if isinstance(line, Event)] == list(range(1, written + 1))
    assert recording.torn is not None
    if name.endswith("jsonl"):
        assert recording.torn.startswith("ends without footer")


def test_a_header_that_does_not_fit_leaves_no_file(tmp_path: Path) -> None:
    assert limited(10, WRITE_TOO_MUCH, tmp_path / "a.jsonl").returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_a_full_device_is_named(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.jsonl", HEADER)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, writer._target._fd)
    os.close(full)
    writer.line(OPEN)
    with pytest.raises(RecordingError, match="No space left on device; make room") as caught:
        writer.close()
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_writer_leaves_everything_it_flushed(tmp_path: Path, name: str) -> None:
    script = """
        import sys
        from tests.recording.test_writer import HEADER, Event, RecordingWriter
        writer = RecordingWriter(sys.argv[1], HEADER)
        for seq in range(1, 10**9):
            writer.line(Event(seq, 0, 1, 7, "write", data=b"x" * 100))
            if seq % 50 == 0:
                writer.flush()
                print(seq, flush=True)
    """
    for delay in (0.0, 0.01, 0.05):
        host = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / name)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert host.stdout is not None
        host.stdout.readline()
        time.sleep(delay)
        host.send_signal(signal.SIGKILL)
        flushed = int((host.stdout.read().split("\n")[:-1] or ["50"])[-1])
        host.stdout.close()
        assert host.wait() == -signal.SIGKILL
        recording = open_recording(tmp_path / name)
        seqs = [line.seq for line in recording if isinstance(line, Event)]
        assert len(seqs) >= flushed
        assert seqs == list(range(1, len(seqs) + 1))
        assert recording.torn is not None
        (tmp_path / name).unlink()
