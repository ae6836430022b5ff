"""A reader that is stopped or killed: the host goes on as if there were none."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from c4trace.segment.attach import attach
from tests.cli.talking import Talking, talking
from tests.cli.test_metrics_all import exporter, opened
from tests.cli.test_record import ended, level, recording
from tests.tracing import counted, events_of


def happened(host: Talking) -> int:
    return sum(n for n, _ in host.tell("counts").values())


def goes_on(host: Talking) -> None:
    """Wait until the host has done more than it had."""
    before = happened(host)
    deadline = time.monotonic() + 60
    while happened(host) <= before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_stopped_recorder_loses_its_lease_and_not_the_count_of_what_it_missed(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    with talking(tmp_path / "s", "orders") as host, recording(host, "-o", file, "--capture", "full") as recorder:
        host.tell("busy")
        recorder.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + 120
        while level(host)[1]:  # until a full ring finds the lease of 3 s run out
            assert time.monotonic() < deadline
            goes_on(host)
        for _ in range(3):
            goes_on(host)
        own = host.tell("rest")
        total = sum(n for n, _ in own.values())
        with attach(host.path) as segment:
            assert counted(segment.snapshot()) == own
        recorder.send_signal(signal.SIGCONT)
        recorder.send_signal(signal.SIGINT)
        code, said = ended(recorder)
        kept = len(events_of(file))
        lost = re.search(r"([0-9,]+) events lost", said)
        assert lost is not None
        assert kept + int(lost[1].replace(",", "")) == total
        assert code == 1
        assert level(host) == ("headers", False)


@pytest.mark.parametrize("moment", [0.0, 0.01, 0.05, 0.2])
def test_a_recorder_may_be_killed_at_any_moment_and_another_one_take_over(tmp_path: Path, moment: float) -> None:
    with talking(tmp_path / "s", "orders") as host:
        host.tell("busy")
        with recording(host, "-o", tmp_path / "a.jsonl", "--capture", "full") as recorder:
            time.sleep(moment)
            recorder.kill()
            recorder.wait()
        goes_on(host)
        with recording(host, "-o", tmp_path / "b.jsonl", "--capture", "events") as recorder:
            goes_on(host)
            recorder.send_signal(signal.SIGINT)
            assert "events" in ended(recorder)[1]
        assert level(host) == ("headers", False)
        own = host.tell("rest")
        with attach(host.path) as segment:
            assert counted(segment.snapshot()) == own


def test_an_exporter_that_is_stopped_or_killed_is_not_noticed(tmp_path: Path) -> None:
    with talking(tmp_path / "s", "orders") as host:
        host.tell("busy")
        for ending in (signal.SIGSTOP, signal.SIGKILL):
            with exporter(tmp_path / "s") as (serving, url):
                assert opened(url)["orders", str(host.pid)] >= 0
                serving.send_signal(ending)
                for _ in range(3):
                    goes_on(host)
        own = host.tell("rest")
        with attach(host.path) as segment:
            assert counted(segment.snapshot()) == own
