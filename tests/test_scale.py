"""A thousand open sockets, steady traffic, a rotated recording: memory does not grow, and all numbers are equal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from c4trace.events import Event, Gap
from c4trace.recording.parts import parts_of
from tests.tracing import tallied, whole_parts

SOCKETS = 1000
MIB = 1 << 20


def samples_of(seconds: float, rate: float, folder: Path) -> tuple[list[dict[str, int]], dict[str, Any]]:
    """Run the host; its samples of memory, and what it counted."""
    program = "from tests.scale_host import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", program, str(folder), str(seconds), str(SOCKETS), str(rate)],
        capture_output=True,
        text=True,
        timeout=seconds + 300,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    *samples, counts = map(json.loads, ended.stdout.splitlines())
    return samples, counts


def recorded_in_parts(record: Path) -> dict[str, list[int]]:
    """What all parts together say, without having all of them in memory."""
    sums: dict[str, list[int]] = {}
    expected = 1
    for part in whole_parts(record):
        assert not [line for line in part if isinstance(line, Gap)]
        events = [line for line in part if isinstance(line, Event)]
        assert [event.seq for event in events] == list(range(expected, expected + len(events)))
        expected += len(events)
        for name, (n, size) in tallied(events).items():
            so_far = sums.setdefault(name, [0, 0])
            sums[name] = [so_far[0] + n, so_far[1] + size]
    return sums


def grown(samples: list[dict[str, int]], name: str) -> float:
    """By how much the last quarter of the samples is above the second one, when everything is in use."""
    quarter = len(samples) // 4
    values = [sample[name] for sample in samples]
    return median(values[-quarter:]) - median(values[quarter : 2 * quarter])


def summaries(log: Path) -> list[int]:
    """Sessions, and what they wrote and received, by the summaries of a log."""
    with log.open() as lines:
        found = [line for line in map(json.loads, lines) if line["event"] == "summary"]
    return [len(found), sum(line["written"] for line in found), sum(line["received"] for line in found)]


@pytest.mark.parametrize(
    ("seconds", "rate", "growth"),
    [
        # A busy machine is still beginning when the second of twelve seconds' quarters is there.
        pytest.param(12.0, 4.0, 6 * MIB, id="12 s"),
        pytest.param(600.0, 2.0, 2 * MIB, id="10 min", marks=[pytest.mark.slow, pytest.mark.timeout(1500)]),
    ],
)
@pytest.mark.usefixtures("segments")
def test_a_thousand_sockets_are_traced_in_steady_memory(
    seconds: float, rate: float, growth: int, tmp_path: Path
) -> None:
    samples, counts = samples_of(seconds, rate, tmp_path)
    assert len(samples) > seconds / 2
    assert grown(samples, "host") < growth
    assert grown(samples, "collector_own") < growth
    assert max(sample["segment"] for sample in samples) <= 64 * MIB
    assert max(sample["collector"] for sample in samples) < 100 * MIB
    assert (counts["lost"], counts["odd"]) == ({}, {})
    assert counts["host"]["write"][0] >= SOCKETS * seconds * rate / 4  # also where the machine is busy
    assert counts["host"] == counts["segment"] == counts["page"]
    record = tmp_path / "recording.jsonl.zst"
    assert len(parts_of(record)) > 1
    assert recorded_in_parts(record) == counts["host"]
    written, received = counts["host"]["write"][0], counts["host"]["received"][0]
    assert summaries(tmp_path / "log.jsonl") == [counts["host"]["open"][0], written, received]
