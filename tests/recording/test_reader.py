from __future__ import annotations

import gzip
import hashlib
import json
import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from c4trace.events import ErrorInfo, Event, Gap, Return
from c4trace.recording.reader import Recording, open_recording
from c4trace.recording.schema import Clock, Footer, LiteCore, RecordingError

HEADER: dict[str, Any] = {
    "type": "header",
    "format": 1,
    "c4trace": "0.1.0",
    "name": "orders",
    "pid": 4711,
    "argv": ["java", "-jar", "orders.jar"],
    "litecore": {"version": "3.0.0", "abi": 64},
    "clock": {"wall": "2026-11-23T04:07:00.123456789Z", "source": "tsc"},
    "capture": "full",
    "redaction": {"secrets": "masked"},
}
EVENTS: list[dict[str, Any]] = [
    {"type": "event", "seq": 1, "t": 0, "dt": 812, "sid": 1, "tid": 4711, "ev": "open", "address": "ws://h:4984/db"},
    {"type": "event", "seq": 2, "t": 90, "dt": 20, "sid": 1, "tid": 4713, "ev": "write", "n": 3, "data": "AQID"},
    {"type": "event", "seq": 3, "t": 95, "sid": 1, "tid": 4713, "ev": "received", "n": 9, "data": "AQID", "cut": 6},
    {"type": "return", "seq": 3, "dt": 5000},
    {"type": "gap", "sid": 1, "after": 3, "lost": 3},
    {"type": "event", "seq": 4, "t": 99, "sid": 1, "tid": 1, "ev": "closed", "error": {"domain": 6, "code": 1000}},
]


def line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def whole(lines: list[dict[str, Any]] = EVENTS, **footer: Any) -> bytes:
    """The text of a recording with a footer that fits, but for what `footer` says otherwise."""
    text = line(HEADER) + b"".join(line(fields) for fields in lines)
    fitting = {
        "type": "footer",
        "events": sum(fields["type"] == "event" for fields in lines),
        "lost": sum(fields.get("lost", 0) for fields in lines),
        "sessions": len({fields["sid"] for fields in lines if fields.get("ev") in {"open", "fromNative"}}),
        "sha256": hashlib.sha256(text).hexdigest(),
    }
    return text + line(fitting | footer)


def frames(*texts: bytes) -> bytes:
    return b"".join(zstandard.ZstdCompressor().compress(text) for text in texts)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    def save(data: bytes, name: str = "orders.jsonl") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return save


def read(path: Path) -> tuple[Recording, list[Event | Return | Gap]]:
    recording = open_recording(path)
    return recording, list(recording)


def error_of(path: Path) -> RecordingError:
    with pytest.raises(RecordingError) as caught:
        read(path)
    assert caught.value.path == str(path)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert str(path) in str(caught.value)
    return caught.value


def test_a_whole_recording_gives_its_header_its_lines_and_its_footer(saved: Callable[..., Path]) -> None:
    recording, lines = read(saved(whole()))
    assert recording.header.name == "orders"
    assert recording.header.litecore == LiteCore("3.0.0", 64)
    assert recording.header.clock == Clock(recording.header.clock.wall, "tsc")
    assert recording.header.clock.wall.isoformat() == "2026-11-23T04:07:00.123457+00:00"
    assert lines == [
        Event(1, 0, 1, 4711, "open", dt=812, address="ws://h:4984/db"),
        Event(2, 90, 1, 4713, "write", dt=20, n=3, data=b"\1\2\3"),
        Event(3, 95, 1, 4713, "received", n=9, data=b"\1\2\3", cut=6),
        Return(3, 5000),
        Gap(1, 3, 3),
        Event(4, 99, 1, 1, "closed", error=ErrorInfo(6, 1000)),
    ]
    assert isinstance(recording.footer, Footer)
    assert (recording.events, recording.lost, recording.sessions) == (4, 3, 1)
    assert (recording.torn, recording.mismatches) == (None, ())


def test_a_recording_can_be_iterated_again_and_left_early(saved: Callable[..., Path]) -> None:
    recording = open_recording(saved(whole()))
    assert next(iter(recording)) == Event(1, 0, 1, 4711, "open", dt=812, address="ws://h:4984/db")
    assert recording.footer is None
    assert len(list(recording)) == len(list(recording)) == len(EVENTS)
    assert recording.events == 4
    assert recording.footer is not None


@pytest.mark.parametrize("name", ["orders.jsonl.zst", "orders.jsonl", "orders"])
def test_compression_is_told_by_what_is_in_the_file(saved: Callable[..., Path], name: str) -> None:
    text = whole()
    recording, lines = read(saved(frames(text[:100], text[100:]), name))
    assert len(lines) == len(EVENTS)
    assert (recording.torn, recording.mismatches) == (None, ())


def test_a_skippable_frame_before_the_text_is_skipped(saved: Callable[..., Path]) -> None:
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"
    recording, lines = read(saved(skippable + frames(whole()), "orders.jsonl.zst"))
    assert len(lines) == len(EVENTS)
    assert recording.torn is None


def test_unknown_fields_are_ignored_at_every_level(saved: Callable[..., Path]) -> None:
    text = line(HEADER | {"colour": "green", "clock": HEADER["clock"] | {"drift": 1}}) + line(EVENTS[1] | {"new": [{}]})
    recording, lines = read(saved(text))
    assert recording.header.pid == 4711
    assert lines == [Event(2, 90, 1, 4713, "write", dt=20, n=3, data=b"\1\2\3")]


def test_a_recording_cut_at_any_byte_after_its_header_is_read_up_to_there(saved: Callable[..., Path]) -> None:
    text = whole()
    ends = [i + 1 for i, byte in enumerate(text) if byte == ord("\n")]
    for cut in range(ends[0], len(text) - 1):
        recording, lines = read(saved(text[:cut]))
        complete = sum(end <= cut + 1 for end in ends[1:-1])
        assert len(lines) == complete, cut
        assert recording.footer is None
        inside = cut + 1 not in ends and cut not in ends
        assert recording.torn == (
            f"ends inside line {complete + 2}" if inside else f"ends without footer after line {complete + 1}"
        )


def test_a_compressed_recording_cut_at_any_byte_is_read_up_to_its_last_block(saved: Callable[..., Path]) -> None:
    text = whole()
    frame = zstandard.ZstdCompressor().compressobj()
    packed = b""
    flushed: dict[int, int] = {}
    for part in text.splitlines(keepends=True):
        packed += frame.compress(part) + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        flushed[len(packed)] = len(flushed)
    packed += frame.flush()
    for cut in range(min(flushed), max(flushed)):
        recording, lines = read(saved(packed[:cut], "orders.jsonl.zst"))
        # zstd may give text that came before a flush that is not all there, never less than what was flushed
        assert len(lines) >= max(n for size, n in flushed.items() if size <= cut)
        assert recording.torn is not None
        assert "compressed frame" in recording.torn or "inside line" in recording.torn


def test_a_footer_without_line_end_is_a_footer(saved: Callable[..., Path]) -> None:
    recording, _ = read(saved(whole()[:-1]))
    assert (recording.torn, recording.mismatches) == (None, ())
    assert recording.footer is not None


@pytest.mark.parametrize(
    ("footer", "mismatch"),
    [
        ({"events": 5}, "the footer says events 5, the file has 4"),
        ({"lost": 0}, "the footer says lost 0, the file has 3"),
        ({"sessions": 2}, "the footer says sessions 2, the file has 1"),
        ({"sha256": "00"}, "the footer says sha256 00, the file has "),
    ],
)
def test_a_footer_that_does_not_fit_is_reported(
    saved: Callable[..., Path], footer: dict[str, Any], mismatch: str
) -> None:
    recording, lines = read(saved(whole(**footer)))
    assert len(lines) == len(EVENTS)
    (found,) = recording.mismatches
    assert found.startswith(mismatch)


def test_a_changed_byte_is_reported(saved: Callable[..., Path]) -> None:
    recording, _ = read(saved(whole().replace(b'"dt": 812', b'"dt": 813')))
    assert [text.split()[3] for text in recording.mismatches] == ["sha256"]


def test_sessions_are_counted_where_they_begin(saved: Callable[..., Path]) -> None:
    begin = [(1, "open"), (2, "fromNative"), (2, "open"), (3000, "write"), (3000, "open"), (7, "received")]
    lines = [{"type": "event", "seq": i, "t": i, "sid": sid, "tid": 1, "ev": ev} for i, (sid, ev) in enumerate(begin)]
    recording, _ = read(saved(whole(lines)))
    assert recording.sessions == 3
    assert recording.mismatches == ()


@pytest.mark.parametrize(
    ("data", "name", "number", "what"),
    [
        (b"", "a.jsonl", 0, "is empty"),
        (b"", "a.jsonl.zst", 0, "is empty"),
        (whole(), "a.jsonl.zst", 0, "is named .zst but is not compressed with zstd"),
        (gzip.compress(whole()), "a.jsonl.gz", 0, "is compressed with gzip"),
        (gzip.compress(whole()), "a.jsonl.zst", 0, "is compressed with gzip"),
        (b"PK\x03\x04rest", "a.jsonl", 0, "is compressed with zip"),
        (b"\x7fELF\x02\x01\x01" + bytes(100), "a.jsonl", 1, "is no header of a recording"),
        (bytes(100), "a.jsonl", 1, "is no header of a recording"),
        (b"Dear diary,\n", "a.jsonl", 1, "is no header of a recording"),
        (b'{"log": {}}\n', "a.jsonl", 1, "is no header of a recording"),
        (b"[1, 2]\n", "a.jsonl", 1, "is no header of a recording"),
        (line(EVENTS[0]), "a.jsonl", 1, "is no header of a recording"),
        (frames(b"Dear diary,\n"), "a.jsonl.zst", 1, "is no header of a recording"),
        (b'{"type":"header","format":1,"c4tr', "a.jsonl", 1, "ends inside its header"),
        (b'{"type":"header","format":1}\n', "a.jsonl", 1, "is no valid header: has a wrong field: Object missing"),
        (line(HEADER | {"pid": "x"}), "a.jsonl", 1, "is no valid header: has a wrong field: Expected `int`"),
        (line(HEADER | {"clock": {"wall": "today", "source": "tsc"}}), "a.jsonl", 1, "is no valid header: has a wrong"),
        (line(HEADER) + b'{"type":"event","seq"\n' + line(EVENTS[0]), "a.jsonl", 2, "is broken JSON: "),
        (line(HEADER) + b"\n" + line(EVENTS[0]), "a.jsonl", 2, "is broken JSON: "),
        (line(HEADER) + bytes(10) + b"\n", "a.jsonl", 2, "is broken JSON: "),
        (line(HEADER) + line(EVENTS[0] | {"t": "0"}), "a.jsonl", 2, "has a wrong field: Expected `int`, got `str`"),
        (line(HEADER) + line(EVENTS[1] | {"data": "?"}), "a.jsonl", 2, "has a wrong field: Invalid base64"),
        (line(HEADER) + line({"type": "gap", "sid": 1}), "a.jsonl", 2, "has a wrong field: Object missing required"),
        (line(HEADER) + line({"type": "span"}), "a.jsonl", 2, "has a wrong field: Invalid value 'span'"),
        (line(HEADER) + line(EVENTS[0] | {"ev": "flush"}), "a.jsonl", 2, "names an event 'flush'"),
        (line(HEADER) + b'{"type":"event","ev":"\xff\xfe"}\n', "a.jsonl", 2, "is no valid text: "),
        (
            line(HEADER) + b'{"type":"event","options":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001 + b"\n",
            "a.jsonl",
            2,
            "is nested too deeply",
        ),
        (line(HEADER) + line(EVENTS[0]) + line(HEADER), "a.jsonl", 3, "is a second header"),
        (whole() + line(EVENTS[0]), "a.jsonl", 9, "follows the footer"),
        (whole() + whole(), "a.jsonl", 9, "follows the footer"),
        (line(HEADER) + b"x" * (17 << 20) + b"\n", "a.jsonl", 2, "is longer than 16 MiB"),
        (frames(line(HEADER), b"x" * (1 << 28)), "a.jsonl.zst", 2, "is longer than 16 MiB"),
        (frames(whole()) + b"junk", "a.jsonl.zst", 9, "cannot be read: its compressed data is damaged"),
    ],
)
def test_what_is_no_recording_is_refused_with_file_line_cause_and_hint(
    saved: Callable[..., Path], data: bytes, name: str, number: int, what: str
) -> None:
    error = error_of(saved(data, name))
    assert error.line == number
    assert error.what.startswith(what)


def test_damage_inside_a_compressed_file_is_an_error_and_not_a_tear(saved: Callable[..., Path]) -> None:
    packed = bytearray(frames(line(HEADER), *[line(fields) for fields in EVENTS]))
    packed[len(frames(line(HEADER))) + 20] ^= 0xFF
    packed += frames(b"")
    recording = open_recording(saved(bytes(packed), "orders.jsonl.zst"))
    with pytest.raises(RecordingError):
        list(recording)
    assert recording.torn is None


def test_a_newer_format_is_refused_with_the_version_to_install(saved: Callable[..., Path]) -> None:
    newer = {"type": "header", "format": 3, "c4trace": "2.5.1", "clock": "another shape"}
    error = error_of(saved(line(newer)))
    assert error.line == 1
    assert error.what == "is of format 3, and this c4trace reads formats up to 1"
    assert error.hint == "install c4trace 2.5.1 or later, which wrote it"
    assert error_of(saved(line(newer | {"c4trace": "\x1b[2J; rm"}))).hint == "install a newer c4trace"
    assert "which never was" in error_of(saved(line(newer | {"format": 0}))).what


def test_a_compressed_file_that_ends_inside_its_header_is_told_from_one_that_has_none(
    saved: Callable[..., Path],
) -> None:
    packed = frames(whole())
    for size in (4, 10, 40):
        error = error_of(saved(packed[:size], "torn.jsonl.zst"))
        assert (error.line, error.what, error.hint) == (1, "ends inside its header", "nothing of it can be read")
    assert error_of(saved(frames(b"something else\n"), "other.jsonl.zst")).what == "is no header of a recording"


def test_paths_that_are_no_readable_file_are_named(tmp_path: Path) -> None:
    assert error_of(tmp_path / "absent.jsonl").what == "is not there"
    assert error_of(tmp_path).what == "is a folder"
    (tmp_path / "a\nb.jsonl").write_bytes(b"")
    with pytest.raises(RecordingError) as caught:
        open_recording(tmp_path / "a\nb.jsonl")
    assert "\n" not in str(caught.value)


def test_a_recording_without_zstandard_says_what_to_install(
    saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    assert error_of(saved(frames(whole()), "orders.jsonl.zst")).hint == "pip install 'c4trace[zstd]'"
    assert len(read(saved(whole()))[1]) == len(EVENTS)


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[whole()])
    writer.start()
    recording, lines = read(pipe)
    writer.join()
    assert len(lines) == len(EVENTS)
    with pytest.raises(RecordingError, match="read once only"):
        list(recording)


def test_a_recording_being_written_can_be_read_meanwhile(saved: Callable[..., Path]) -> None:
    path = saved(line(HEADER) + line(EVENTS[0]))
    recording, lines = read(path)
    assert (len(lines), recording.torn) == (1, "ends without footer after line 2")
    with path.open("ab") as file:
        file.write(line(EVENTS[1]))
    assert len(list(recording)) == 2


@pytest.mark.parametrize("name", ["big.jsonl", "big.jsonl.zst"])
def test_memory_does_not_grow_with_the_file(saved: Callable[..., Path], name: str) -> None:
    lines = [
        {"type": "event", "seq": i + 1, "t": i, "sid": i // 4 + 1, "tid": 1, "ev": "open", "address": "w" * 2000}
        for i in range(20_000)
    ]
    text = whole(lines)
    path = saved(frames(text) if name.endswith("zst") else text, name)
    tracemalloc.start()
    try:
        recording = open_recording(path)
        assert sum(1 for _ in recording) == len(lines)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (recording.mismatches, recording.sessions) == ((), 5000)
    assert peak < len(text) / 4
