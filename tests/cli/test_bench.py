from __future__ import annotations

import json
from pathlib import Path

import msgspec

from c4trace.bench.measure import Measured
from tests.cli.test_main import run


def test_the_cost_of_each_mode_is_told_and_nothing_stays(segments: Path) -> None:
    result = run("bench", "--for", "0.2", "--json", TMPDIR=str(segments))
    assert (result.returncode, result.stderr) == (0, "")
    found = msgspec.convert(json.loads(result.stdout), Measured)
    assert found.clock in {"tsc", "cntvct", "monotonic"}
    assert set(found.calls) == {"metrics only", "events", "headers", "full"}
    assert min(found.untraced, found.time_stamps, *found.calls.values()) > 0
    assert found.recorder.events_per_second > found.recorder.steady_events_per_second > 0
    assert found.segment_bytes_per_call >= 64
    assert 50 < found.recorder.bytes_per_event < 500
    assert found.seconds > 0
    assert list(segments.iterdir()) == []


def test_the_clock_that_is_asked_for_is_measured(segments: Path) -> None:
    result = run("bench", "--for", "0.2", C4TRACE_CLOCK="monotonic", TMPDIR=str(segments))
    assert (result.returncode, result.stderr) == (0, "")
    lines = {line.partition("  ")[0]: line.split("  ")[-1].strip() for line in result.stdout.splitlines()}
    assert lines["clock"].startswith("monotonic, on ")
    assert lines["traced, metrics only"].endswith(" times two time stamps")
    assert " % of one processor" in lines["a host at work"]


def test_no_time_to_measure_is_refused() -> None:
    result = run("bench", "--for", "0.1")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("c4trace: Invalid value for --for: 0.1 s is too short: give 0.2 or more")
