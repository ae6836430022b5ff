"""A segment's file that somebody cuts short while it is read: one line says so, and whoever reads it goes on."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from c4trace.segment.attach import attach
from c4trace.segment.folder import SegmentError
from tests.cli.talking import talking
from tests.cli.test_metrics_all import exporter, opened
from tests.cli.test_record import ended, recording
from tests.tracing import until

CUT = "was cut short while it was read"


def test_who_looks_is_told(tmp_path: Path) -> None:
    with talking(tmp_path / "s", "orders") as host:
        host.tell("talk")
        host.kill()
        with attach(host.path) as segment:
            assert segment.snapshot().process.state == "dead"
            events = segment.events()
            next(events)
            os.truncate(host.path, 4096)
            with pytest.raises(SegmentError, match=f"orders.*{CUT}"):
                segment.snapshot()
            with pytest.raises(SegmentError, match="torn"):
                list(segment.events())


def test_the_exporter_goes_on_with_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    with talking(folder, "orders") as one, talking(folder, "stock") as other, exporter(folder) as (serving, url):
        one.tell("talk")
        other.tell("talk")
        assert set(opened(url)) == {("orders", str(one.pid)), ("stock", str(other.pid))}
        os.truncate(one.path, 8192)
        for _ in range(3):
            assert opened(url) == {("stock", str(other.pid)): 3}
        serving.terminate()
        assert serving.wait(60) == 0
        assert serving.stderr is not None
        (line,) = serving.stderr.read().splitlines()
        assert line.startswith(f"c4trace: {one.path}: ")


def test_a_recording_ends_and_says_why(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    with talking(tmp_path / "s", "orders") as host, recording(host, "-o", file) as recorder:
        host.tell("talk")
        os.truncate(host.path, 0)
        code, said = ended(recorder)
        assert code == 1
        assert said.splitlines()[0] == f"c4trace: {host.path}: {CUT}; this recording ends here"
        assert said.splitlines()[1].startswith(f"c4trace: {file}: ")
        host.kill()


def test_an_exporter_that_reads_at_that_moment_is_not_harmed(tmp_path: Path) -> None:
    """The host is dead, so that only readers touch the file; its length changes all the time."""
    folder = tmp_path / "s"
    with talking(folder, "orders") as host, exporter(folder) as (serving, url):
        host.tell("talk")
        host.kill()
        whole = host.path.read_bytes()
        end = time.monotonic() + 1
        while time.monotonic() < end:
            for size in (0, 4096, 100_000, len(whole) // 2):
                os.truncate(host.path, size)
                host.path.write_bytes(whole)
                opened(url)
        assert until(lambda: opened(url) == {("orders", str(host.pid)): 3})
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(60) == 0
