"""A recording that finds no more room stops with one clear line; all else goes on, and what is missing is counted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from c4trace import open_recording
from c4trace.events import Event
from tests.tracing import PATIENCE, on_small_disk

HOST = """
import os, re, resource, sys
from prometheus_client import CollectorRegistry, generate_latest
from c4trace import EmbeddedHost, Tracer
from tests.factories.in_place import InPlace
from tests.tracing import counted, page, scraped, talk, told, until

record, where, room = sys.argv[1], sys.argv[2], int(sys.argv[3])

def not_recorded(text):
    return int(float(re.search(r'lost_total{reason="not_recorded"} ([0-9.]+)', text)[1]))

with EmbeddedHost() as host:
    tracer = Tracer("t", litecore=host, record=record, capture="full", metrics_port=0, collect_in=where)
    registry = CollectorRegistry()
    registry.register(tracer.collector)
    if room:  # no file gets any longer than that
        pid = os.getpid() if where == "thread" else tracer._collecting.pid
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    traced = tracer.wrap(InPlace())
    while not not_recorded(page(tracer.metrics_url)):
        talk(host, traced, sockets=3, messages=20, size=1000)
    talk(host, traced, sockets=3, messages=20, size=1000)
    happened = sum(n for n, _ in told(host).values())
    assert until(lambda: not_recorded(generate_latest(registry).decode()) + on_record(record) == happened)
    assert not_recorded(page(tracer.metrics_url)) == not_recorded(generate_latest(registry).decode())
    assert scraped(tracer.metrics_url) == counted(tracer.snapshot()) == told(host)
    tracer.close()
    assert counted(tracer.snapshot()) == told(host)
    print(happened, not_recorded(generate_latest(registry).decode()))
"""
ON_RECORD = """
from c4trace import open_recording
from c4trace.events import Event

def on_record(record):
    with open_recording(record) as recording:
        return sum(isinstance(line, Event) for line in recording)
"""
CAUSES = {
    "limit": "File too large; raise the file size limit (ulimit -f), or rotate",
    "disk": "No space left on device; make room, or choose another disk",
}


def run_with_little_room(record: Path, where: str, cause: str) -> subprocess.CompletedProcess[str]:
    """A host whose recording gets 256 KiB: by a limit of the process, or on a small disk."""
    room = 256 << 10
    command = [sys.executable, "-c", ON_RECORD + HOST, str(record), where, str(room if cause == "limit" else 0)]
    if cause == "disk":
        command = on_small_disk(record.parent, room, command)
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize("where", ["thread", "process"])
@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.zst"])
@pytest.mark.parametrize("cause", ["limit", "disk"])
def test_recording_stops_and_the_host_goes_on(
    cause: Literal["limit", "disk"], name: str, where: str, tmp_path: Path, segments: Path
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    ended = run_with_little_room(folder / name, where, cause)
    assert ended.returncode == 0, ended.stderr
    happened, unrecorded = map(int, ended.stdout.split())
    said = re.escape(f"c4trace: recording stopped: {folder / name}: cannot be written: {CAUSES[cause]}")
    told = re.fullmatch(said + r" \(after (\d+) events; the host goes on\)\n", ended.stderr)
    assert told, ended.stderr
    kept = int(told[1])
    assert kept + unrecorded == happened
    assert unrecorded > 126  # the last conversation, and more
    with open_recording(tmp_path / f"small{'.kept' if cause == 'disk' else ''}" / name) as recording:
        assert sum(isinstance(line, Event) for line in recording) == kept
        assert recording.torn
    assert list(segments.iterdir()) == []
