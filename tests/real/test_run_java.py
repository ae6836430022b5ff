"""`c4trace run` around Couchbase Lite for Java: its own OkHttp socket code, unchanged, against the peer's counts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from c4trace.events import Event
from c4trace.segment.attach import attach
from c4trace.segment.folder import list_segments
from c4trace.segment.snapshot import Flow, Slices
from tests.real import java_host
from tests.real.counts import Counted
from tests.real.expectations import acknowledged, lived_once, mirrored
from tests.real.recorded import Recorded, orderly, read_whole
from tests.real.serve import Served, Serving, serving
from tests.tracing import counted, page, scraped, tallied

C4TRACE = Path(sys.executable).with_name("c4trace")
BLOB_BYTES = 1_000_000
KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs the Java host."""
    return java_host.build(tmp_path_factory.mktemp("java"))


@contextmanager
def peer(folder: Path) -> Iterator[Serving]:
    """A passive LiteCore with its database in `folder`, beside a folder for the Java host's."""
    (folder / "peer").mkdir()
    (folder / "databases").mkdir()
    with serving(folder / "peer") as served:
        yield served


def words(java: Sequence[str], folder: Path, at: Serving, documents: int, end: str) -> list[str]:
    places = (str(folder / "databases"), at.places.push, at.places.pull)
    return [*java, *places, str(documents), str(BLOB_BYTES), end]


def replicate(
    java: Sequence[str], folder: Path, documents: int, end: str, before: Sequence[str | Path] = ()
) -> tuple[subprocess.CompletedProcess[str], Served]:
    """Run the host to its end, with `before` in front of its command; what came of it, and what the peer counted."""
    with peer(folder) as at:
        run = subprocess.run(
            [*before, *words(java, folder, at, documents, end)],
            env=java_host.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        return run, at.end()


def same_output(text: str) -> list[str]:
    """A host's output without what differs from run to run: its pid, and the time of Couchbase Lite's first line."""
    lines = [re.sub(r"^pid \d+$", "pid", line) for line in text.splitlines()]
    return [line for line in lines if "CBL-ANDROID Initialized" not in line]


def own_lines(text: str) -> tuple[list[str], list[str]]:
    """What a host said on stderr, and what c4trace said there."""
    lines = text.splitlines()
    ours = [line for line in lines if line.startswith("c4trace: ")]
    return [line for line in lines if line not in ours], ours


def halves(recorded: Recorded) -> tuple[Counted, Counted]:
    """What the session that pushed counted, and the one that pulled."""
    push, pull = (Recorded(session.events, [], [session]) for session in recorded.sessions)
    (push_counts,) = push.by_factory.values()
    (pull_counts,) = pull.by_factory.values()
    return push_counts, pull_counts


def segment(folder: Path) -> Path:
    (found,) = list_segments(folder)
    return found.path


@pytest.mark.timeout(600)
def test_what_is_pushed_and_pulled_back_is_on_record_to_the_byte(
    java: list[str], tmp_path: Path, segments: Path
) -> None:
    documents = 20_000
    record = tmp_path / "java.jsonl"
    run, served = replicate(java, tmp_path, documents, "return", [C4TRACE, "run", "--record", record, "--"])
    assert run.returncode == 0, run.stderr
    assert (served.problems, served.documents) == ([], documents + 1)
    recorded = read_whole(record)
    orderly(recorded)
    assert {session.factory for session in recorded.sessions} == {"libLiteCoreJNI.so"}
    for ours, theirs in zip(halves(recorded), (served.push, served.pull), strict=True):
        lived_once(ours, 1)
        lived_once(theirs, 1)
        acknowledged(ours, framed=False)
        mirrored(ours, theirs, framed=False)
        assert [code for _, code in ours["closed"]] == [0]
    assert served.push["bytes"]["received"] > BLOB_BYTES
    assert served.pull["bytes"]["write"] > BLOB_BYTES
    with attach(segment(segments)) as dead:
        snapshot = dead.snapshot()
    assert snapshot.process.litecore == "3.0.0 (b018a12d)"
    (factory,) = snapshot.factories
    assert (factory.upcalls, factory.releases) == ("interposed", "interposed")
    written = Flow(*counted(snapshot)["write"])
    assert factory.slices == Slices(written=written, released=written, not_followed=Flow(0, 0))
    assert (snapshot.sessions_total, snapshot.orphans) == (2, 0)
    # No event: of more than 64 messages that wait for LiteCore at once, not each one's wait is measured.
    assert {reason for reason, n in snapshot.lost.items() if n} <= {"latency"}
    assert counted(snapshot) == tallied(recorded.events)
    _, (line,) = own_lines(run.stderr)
    events = tallied(recorded.events)
    assert f"{sum(n for n, _ in events.values()):,}" == f"{sum(numbers(line, 'calls', 'up-calls')):,}"
    assert "2 sessions, " in line
    assert line.endswith(f"nothing lost; recorded in {record}")


def numbers(line: str, *nouns: str) -> list[int]:
    """The counts before some nouns in a line."""
    return [int(re.search(rf"([\d,]+) {noun}\b", line)[1].replace(",", "")) for noun in nouns]  # type: ignore[index]


@pytest.mark.parametrize(("end", "code"), [("return", 0), ("exit:3", 3), ("halt:4", 4)])
def test_output_and_exit_code_are_those_without_c4trace(
    java: list[str], tmp_path: Path, segments: Path, end: str, code: int
) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "traced").mkdir()
    record = tmp_path / "java.jsonl"
    plain, _ = replicate(java, tmp_path / "plain", 50, end)
    traced, _ = replicate(java, tmp_path / "traced", 50, end, [C4TRACE, "run", "--record", record, "--"])
    assert (plain.returncode, traced.returncode) == (code, code)
    assert same_output(traced.stdout) == same_output(plain.stdout)
    assert same_output(plain.stdout) == ["pid", "pushed 51", "pulled 51", "blob equal"]
    said, ours = own_lines(traced.stderr)
    assert said == plain.stderr.splitlines() == ["no error, done"]
    assert len(ours) == 1
    shown(record, segments)


@contextmanager
def waiting(
    java: Sequence[str], folder: Path, documents: int, before: Sequence[str | Path]
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The host under c4trace, when all is replicated and its sessions are open; and the pid of the host itself."""
    with (
        peer(folder) as at,
        subprocess.Popen(
            [*before, *words(java, folder, at, documents, "wait")],
            env=java_host.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line == "waiting\n":
                break
        try:
            (pid,) = (int(line.removeprefix("pid ")) for line in said if line.startswith("pid "))
            yield process, pid
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize(
    ("number", "to", "code"),
    [
        (signal.SIGTERM, "c4trace", 128 + signal.SIGTERM),  # the JVM's own doing: it exits with that
        (signal.SIGTERM, "host", 128 + signal.SIGTERM),
        (signal.SIGKILL, "host", KILLED),
    ],
)
def test_after_a_signal_what_happened_until_then_can_be_shown(
    java: list[str], tmp_path: Path, segments: Path, number: signal.Signals, to: str, code: int
) -> None:
    record = tmp_path / "java.jsonl"
    with waiting(java, tmp_path, 200, [C4TRACE, "run", "--record", record, "--"]) as (process, pid):
        signal.pidfd_send_signal(os.pidfd_open(pid if to == "host" else process.pid), number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    _, ours = own_lines(errors)
    assert len(ours) == 1
    assert "nothing lost" in ours[0]
    recorded = shown(record, segments)
    assert tallied(recorded)["open"] == (2, 0)
    assert tallied(recorded)["write"][1] > BLOB_BYTES
    assert tallied(recorded)["received"][1] > BLOB_BYTES


def shown(record: Path, segments: Path) -> list[Event]:
    """What `c4trace show` shows of the recording, which is what the dead segment's rings hold, and its counters."""
    whole = read_whole(record)
    shown = subprocess.run([C4TRACE, "show", "--json", record], capture_output=True, check=True)
    lines = [msgspec.json.decode(line) for line in shown.stdout.splitlines()]
    assert [line["seq"] for line in lines if line["type"] == "event"] == [event.seq for event in whole.events]
    with attach(segment(segments)) as dead:
        assert dead.snapshot().process.state == "dead"
        assert counted(dead.snapshot()) == tallied(whole.events)
        in_rings = [event for event in dead.events() if isinstance(event, Event)]
    ours, theirs = (sorted(events, key=lambda event: (event.tid, event.t)) for events in (in_rings, whole.events))
    assert [_fingerprint(event) for event in ours] == [_fingerprint(event) for event in theirs]
    # Not to the nanosecond: whoever reads later knows the clock's rate a little better.
    assert [event.t for event in ours] == pytest.approx([event.t for event in theirs], rel=1e-4)
    return whole.events


def _fingerprint(event: Event) -> tuple[str, int, int, int]:
    return event.ev, event.sid, event.tid, event.n or 0


def test_without_a_recording_the_last_events_of_a_killed_host_can_be_shown(
    java: list[str], tmp_path: Path, segments: Path
) -> None:
    with waiting(java, tmp_path, 200, [C4TRACE, "run", "--name", "orders", "--"]) as (process, pid):
        signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == KILLED
    assert own_lines(errors)[1][0].endswith(f"nothing lost; its last events: c4trace show {pid}")
    shown = subprocess.run([C4TRACE, "show", "--json", str(pid)], capture_output=True, check=True)
    events = [line for line in map(msgspec.json.decode, shown.stdout.splitlines()) if line["type"] == "event"]
    with attach(segment(segments)) as dead:
        times = {name: n for name, (n, _) in counted(dead.snapshot()).items()}
    assert times == Counter(event["ev"] for event in events)


def test_metrics_are_served_while_it_runs_and_agree_with_the_segment(
    java: list[str], tmp_path: Path, segments: Path
) -> None:
    with waiting(java, tmp_path, 200, [C4TRACE, "run", "--metrics-port", "0", "--"]) as (process, pid):
        assert process.stderr is not None
        url = next(line for line in process.stderr if "serving" in line).split()[-1]
        with attach(segment(segments)) as live:
            assert scraped(url) == counted(live.snapshot())
        assert f'pid="{pid}"' in page(url)
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_jvm_that_never_loads_litecore_runs_as_ever(java: list[str], segments: Path) -> None:
    words = [java[0], "-version"]
    plain = subprocess.run(words, capture_output=True, text=True, check=False)
    traced = subprocess.run([C4TRACE, "run", "--", *words], capture_output=True, text=True, check=False)
    said, ours = own_lines(traced.stderr)
    assert (traced.returncode, traced.stdout, said) == (0, plain.stdout, plain.stderr.splitlines())
    assert ours == ["c4trace: nothing was traced: java never loaded LiteCore"]
    assert list_segments(segments) == []
