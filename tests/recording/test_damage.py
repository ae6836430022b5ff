"""Whatever a file holds, reading it gives lines or one RecordingError, and comes to an end."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from c4trace.events import Event, Gap, Return
from c4trace.recording.reader import open_recording
from c4trace.recording.schema import RecordingError
from tests.recording.test_reader import EVENTS, whole

TEXT = whole(EVENTS)
BEFORE_FOOTER = TEXT.rindex(b"\n", 0, -1) + 1
PACKED = b"".join(zstandard.ZstdCompressor(write_checksum=True).compress(part) for part in (TEXT[:400], TEXT[400:]))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "damaged.jsonl"


def read(path: Path, data: bytes) -> tuple[list[Event | Return | Gap], bool]:
    """The lines that could be read, and whether nothing was said to be wrong."""
    path.write_bytes(data)
    lines: list[Event | Return | Gap] = []
    try:
        recording = open_recording(path)
        lines.extend(recording)
    except RecordingError:
        return lines, False
    return lines, recording.torn is None and not recording.mismatches


@given(at=st.integers(0, BEFORE_FOOTER - 1), byte=st.integers(0, 255), drop=st.integers(0, 3))
def test_no_change_before_the_footer_goes_unnoticed(path: Path, at: int, byte: int, drop: int) -> None:
    damaged = TEXT[:at] + bytes([byte]) + TEXT[at + drop :]
    _, fine = read(path, damaged)
    assert fine is (damaged == TEXT)


@given(at=st.integers(0, len(PACKED) - 1), byte=st.integers(0, 255), drop=st.integers(0, 3))
def test_no_change_of_a_compressed_file_changes_its_lines_unnoticed(path: Path, at: int, byte: int, drop: int) -> None:
    lines, fine = read(path, PACKED[:at] + bytes([byte]) + PACKED[at + drop :])
    assert lines == read(path, TEXT)[0] if fine else len(lines) <= len(EVENTS)


@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(path: Path, data: bytes) -> None:
    for start in (b"", b"\x28\xb5\x2f\xfd", PACKED, TEXT):
        read(path, start + data)
        read(path.with_suffix(".zst"), start + data)
