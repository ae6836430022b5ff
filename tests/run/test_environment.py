from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from c4trace.run.environment import library, preloading
from c4trace.run.program import look_at
from c4trace.run.reports import Reports
from c4trace.segment.attach import attach
from c4trace.segment.collector import Collector
from c4trace.segment.folder import SegmentError, list_segments
from c4trace.sinks.recorder import Recorder
from c4trace.trace_error import TraceError
from tests.run.stand_in import EVENTS, Version, build
from tests.tracing import counted, recorded


def asked(folder: Path, collector: int, before: dict[str, str] | None = None, size: int = 2 << 20) -> dict[str, str]:
    environment = dict(os.environ) if before is None else before
    return preloading(
        environment, name="orders", reports=folder, capture=(2, 0), segment_bytes=size, collector=collector
    )


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("host"), Version(30, "3.0.0"))


def play(host: Path, environment: dict[str, str]) -> str:
    """One session; what is on stderr."""
    done = subprocess.run([host], env=environment, capture_output=True, text=True, check=True)
    return done.stderr


def test_a_library_is_preloaded_before_those_that_were() -> None:
    assert look_at(library()) is not None
    environment = asked(Path("/reports"), 7, {"LD_PRELOAD": "/a.so /b.so", "HOME": "/h"})
    assert environment["LD_PRELOAD"] == f"{library()}:/a.so /b.so"
    assert environment["HOME"] == "/h"
    assert asked(Path("/reports"), 7, {})["LD_PRELOAD"] == str(library())


def test_a_program_of_another_c_library_can_start_with_the_library() -> None:
    words = ["/usr/bin/nm", "-D", "--undefined-only", str(library())]
    needed = subprocess.run(words, capture_output=True, text=True, check=True)
    atfork = [line.split() for line in needed.stdout.splitlines() if "__register_atfork" in line]
    assert [weak for weak, _ in atfork] == ["w"]  # all else that is needed musl has too


def test_a_host_built_with_a_sanitizer_runs_and_is_traced(tmp_path: Path, segments: Path) -> None:
    host = build(tmp_path, Version(41, "4.1.0"), "-fsanitize=address,undefined")
    before = dict(os.environ) | {"ASAN_OPTIONS": "exitcode=9"}
    assert play(host, asked(tmp_path, 0, before)) == ""
    (file,) = list_segments(segments)
    with attach(file.path) as segment:
        assert counted(segment.snapshot()) == EVENTS


def test_a_segment_size_of_the_users_own_holds() -> None:
    assert asked(Path("/reports"), 7, {"C4TRACE_SEGMENT_KIB": "4096"})["C4TRACE_SEGMENT_KIB"] == "4096"
    assert asked(Path("/reports"), 7, {})["C4TRACE_SEGMENT_KIB"] == "2048"
    assert "C4TRACE_SEGMENT_KIB" not in asked(Path("/reports"), 7, {}, 0)


def test_a_path_that_the_loader_would_split_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("c4trace._native.__file__", str(tmp_path / "a folder" / "_native.abi3.so"))
    with pytest.raises(TraceError, match="LD_PRELOAD takes no blank and no colon"):
        library()


def test_a_host_reports_what_it_met_and_where_it_traces(host: Path, tmp_path: Path, segments: Path) -> None:
    assert play(host, asked(tmp_path, 0)) == ""
    met, segment = Reports(tmp_path).new()
    (file,) = list_segments(segments)
    assert (met.word, met.text) == ("met", "3.0.0")
    assert (segment.word, segment.text, segment.pid) == ("segment", str(file.path), file.pid)


def test_where_it_can_tell_nobody_only_what_is_wrong_is_on_stderr(host: Path, tmp_path: Path, segments: Path) -> None:
    assert segments.is_dir()
    assert play(host, asked(tmp_path / "gone", 0)) == ""
    refused = play(host, asked(tmp_path / "gone", 0) | {"C4TRACE_DIR": "/proc/nowhere"})
    assert refused.startswith("c4trace: cannot make the segment folder /proc/nowhere: ")


def test_without_a_name_it_is_inert(host: Path, tmp_path: Path, segments: Path) -> None:
    environment = asked(tmp_path, 0)
    del environment["C4TRACE_NAME"]
    assert play(host, environment | {"C4TRACE_DIR": "/proc/nowhere"}) == ""
    assert play(host, environment) == ""
    assert list(tmp_path.iterdir()) == list(segments.iterdir()) == []


def test_a_segment_that_waits_for_its_collector_is_that_one_s(host: Path, tmp_path: Path, segments: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "1000"]) as other:
        play(host, asked(tmp_path, other.pid))
        (file,) = list_segments(segments)
        with pytest.raises(SegmentError, match=f"process {other.pid} records this segment already"):
            Collector(file.path, []).start()
        other.kill()
    # It is gone, so the segment is free.
    collect(file.path, tmp_path / "other.jsonl")
    assert recorded(tmp_path / "other.jsonl") == EVENTS


def test_a_segment_that_waits_for_us_is_ours(host: Path, tmp_path: Path, segments: Path) -> None:
    play(host, asked(tmp_path, os.getpid()))
    (file,) = list_segments(segments)
    collect(file.path, tmp_path / "ours.jsonl")
    assert recorded(tmp_path / "ours.jsonl") == EVENTS


def test_a_collector_that_never_comes_is_not_waited_for(host: Path, tmp_path: Path, segments: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "1000"]) as other:
        play(host, asked(tmp_path, other.pid))
        (file,) = list_segments(segments)
        time.sleep(3.2)  # the lease is three seconds
        collect(file.path, tmp_path / "late.jsonl")
        other.kill()
    assert recorded(tmp_path / "late.jsonl") == EVENTS


def collect(segment: Path, record: Path) -> None:
    collector = Collector(segment, [Recorder(record)])
    collector.start()
    assert collector.wait(60)
