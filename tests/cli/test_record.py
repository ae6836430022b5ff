from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from c4trace.events import Event
from c4trace.recording.reader import open_recording
from c4trace.segment.attach import attach
from tests.cli.talking import Talking, talking
from tests.cli.test_main import C4TRACE, run
from tests.tracing import Counted, events_of, recorded


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Talking]:
    with talking(tmp_path / "s", "orders") as talker:
        yield talker


@contextlib.contextmanager
def recording(host: Talking, *words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """`c4trace record`, once it records."""
    with subprocess.Popen(
        [C4TRACE, "record", "orders", *map(str, words)],
        env={**os.environ, "C4TRACE_DIR": str(host.path.parent)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith(f"c4trace: recording orders ({host.pid}) to ")
            yield process
        finally:
            process.kill()


def level(host: Talking) -> tuple[str, bool]:
    """The capture level now, and whether the host records."""
    with attach(host.path) as segment:
        process = segment.snapshot().process
    return process.capture, process.recording


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and last words."""
    return process.wait(60), process.stderr.read() if process.stderr else ""


def since(after: Counted, before: Counted) -> Counted:
    return {ev: (n - before[ev][0], size - before[ev][1]) for ev, (n, size) in after.items()}


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_happens_meanwhile_is_on_record_and_the_level_is_turned_back(
    host: Talking, tmp_path: Path, ending: signal.Signals
) -> None:
    before = host.tell("talk")
    file = tmp_path / "a.jsonl"
    with recording(host, "-o", file, "--capture", "full") as process:
        assert level(host) == ("full", True)
        after = host.tell("talk")
        process.send_signal(ending)
        code, said = ended(process)
    assert recorded(file) == since(after, before)
    events = sum(n for n, _ in since(after, before).values())
    assert code == 0
    assert re.fullmatch(rf"c4trace: {file}: {events} events, [0-9.]+ KiB, nothing lost\n", said)
    assert all(event.data is not None for event in events_of(file) if event.ev in {"write", "received"})
    with open_recording(file) as opened:
        assert opened.header.capture == "full"
    assert level(host) == ("headers", False)
    assert [path.name for path in host.path.parent.iterdir()] == [host.path.name]


def test_it_ends_with_its_time(host: Talking, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl.zst"
    with recording(host, "-o", file, "--for", "200ms", "--capture", "events") as process:
        code, said = ended(process)
    assert (code, recorded(file)) == (0, {})
    assert "0 events" in said
    assert level(host) == ("headers", False)


def test_history_is_what_the_flight_recorder_holds(host: Talking, tmp_path: Path) -> None:
    before = host.tell("talk")
    with recording(host, "-o", tmp_path / "a.jsonl", "--history", "--for", "1ms") as process:
        assert ended(process)[0] == 0
    assert recorded(tmp_path / "a.jsonl") == before


@pytest.mark.parametrize("way", ["end", "kill"])
def test_it_ends_with_its_process(host: Talking, tmp_path: Path, way: str) -> None:
    file = tmp_path / "a.jsonl"
    with recording(host, "-o", file, "--capture", "full") as process:
        counts = host.tell("talk")
        getattr(host, way)()
        code, said = ended(process)
    assert (code, recorded(file)) == (0, counts)
    assert said.endswith("nothing lost; the process has ended\n")
    assert not list(host.path.parent.glob("*.turned"))


def test_a_second_recorder_is_refused_and_changes_nothing(host: Talking, tmp_path: Path) -> None:
    with recording(host, "-o", tmp_path / "a.jsonl") as process:
        second = tmp_path / "b.jsonl"
        result = run("record", "orders", "-o", second, "--capture", "full", C4TRACE_DIR=str(host.path.parent))
        assert (result.returncode, result.stdout) == (3, "")
        assert result.stderr == (
            f"c4trace: {host.path}: process {process.pid} records this segment already; stop it first\n"
        )
        assert level(host) == ("headers", True)
        assert not second.exists()


def test_a_level_that_somebody_else_has_turned_is_left_alone(host: Talking, tmp_path: Path) -> None:
    with recording(host, "-o", tmp_path / "a.jsonl", "--capture", "full") as process:
        run("ctl", "orders", "--capture", "events", C4TRACE_DIR=str(host.path.parent))
        process.send_signal(signal.SIGINT)
        assert ended(process)[0] == 0
    assert level(host) == ("events", False)


@pytest.mark.parametrize("words", [["ctl", "orders"], ["ps"], ["metrics", "--all"]])
def test_whoever_looks_next_turns_back_what_a_killed_recorder_left(
    host: Talking, tmp_path: Path, words: list[str]
) -> None:
    with recording(host, "-o", tmp_path / "a.jsonl", "--capture", "full") as process:
        host.tell("talk")
        assert run(*words, C4TRACE_DIR=str(host.path.parent)).returncode == 0
        assert level(host)[0] == "full"  # it lives: nobody else's business
        process.kill()
        process.wait()
    assert level(host)[0] == "full"
    assert run(*words, C4TRACE_DIR=str(host.path.parent)).returncode == 0
    assert level(host)[0] == "headers"
    assert [path.name for path in host.path.parent.iterdir()] == [host.path.name]
    with open_recording(tmp_path / "a.jsonl") as torn:
        assert [line for line in torn if isinstance(line, Event)]
        assert torn.torn is not None


def test_what_cannot_be_recorded_is_refused_before_anything_is_turned(host: Talking, tmp_path: Path) -> None:
    folder = str(host.path.parent)
    refused: list[tuple[list[str | Path], int, str]] = [
        (["orders", "-o", tmp_path / "none" / "a.jsonl"], 2, "none"),
        (["orders", "-o", tmp_path / "a.jsonl", "--capture", "loud"], 2, "unknown capture level 'loud'"),
        (["orders", "-o", tmp_path / "a.jsonl", "--for", "soon"], 2, "'soon' is no length of time"),
        (["nobody", "-o", tmp_path / "a.jsonl"], 3, "no traced process of that pid or name"),
    ]
    for words, code, said in refused:
        result = run("record", *words, C4TRACE_DIR=folder)
        assert (result.returncode, result.stdout) == (code, "")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1
    assert not list(tmp_path.glob("a.jsonl*"))
    assert level(host) == ("headers", False)


def test_an_event_that_is_not_on_record_makes_the_exit_code_1(host: Talking, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    with recording(host, "-o", file) as process:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, 4096))  # as a disk that is full
        counts = host.tell("talk")
        process.send_signal(signal.SIGINT)
        code, said = ended(process)
    stopped, summary = said.splitlines()
    assert code == 1
    assert "recording stopped" in stopped
    with open_recording(file) as torn:
        kept = sum(isinstance(line, Event) for line in torn)
    happened = sum(n for n, _ in counts.values())
    assert f"{kept} events, " in summary
    assert summary.endswith(f"{happened - kept} events lost")


def test_a_recording_in_parts_is_named_with_what_is_there_of_it(host: Talking, tmp_path: Path) -> None:
    before = after = host.tell("talk")
    file = tmp_path / "a.jsonl"
    with recording(host, "-o", file, "--part-time", "50ms", "--keep-parts", "100") as process:
        for _ in range(4):
            after = host.tell("talk")
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        code, said = ended(process)
    parts = sorted(tmp_path.glob("a.*.jsonl"))
    events = sum(n for n, _ in since(after, before).values())
    assert len(parts) > 1
    assert sum(len(events_of(part)) for part in parts) == events
    assert code == 0
    assert re.fullmatch(
        rf"c4trace: {tmp_path}/a\.\*\.jsonl: {events:,} events, [0-9.]+ KiB in {len(parts)} parts, nothing lost\n", said
    )
