"""A host that is killed leaves a recording that reads up to its last flush."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from c4trace.events import Event, Gap
from c4trace.recording.reader import open_recording

HOST = """
    import sys, itertools
    from pathlib import Path
    from c4trace.host import EmbeddedHost
    from c4trace.tracer import Tracer
    from tests.factories.echo import EchoFactory
    path = Path(sys.argv[1])
    with EchoFactory() as echo, EmbeddedHost() as host, Tracer(
        "killed", litecore=host, record=path, capture="full", folder=path.parent / "segments"
    ) as tracer:
        socket = host.connect(tracer.wrap(echo), "ws://localhost:4984/db/_blipsync")
        socket.wait_opened(timeout=60)
        print("open", flush=True)
        for i in itertools.count():
            socket.send(bytes(1 + i % 5000))
            socket.receive(timeout=60)
"""


@pytest.mark.parametrize("name", ["orders.jsonl", "orders.jsonl.zst"])
def test_a_host_killed_at_any_moment_leaves_a_readable_recording(tmp_path: Path, name: str) -> None:
    dice = random.Random(3)  # noqa: S311 - moments for a test
    for attempt in range(6):
        path = tmp_path / str(attempt) / name
        path.parent.mkdir()
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(HOST), str(path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as host:
            assert host.stdout is not None
            assert host.stdout.readline() == b"open\n"
            until = time.monotonic() + 60
            while path.stat().st_size < 2000 and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(dice.random() * 0.5)
            host.kill()
        recording = open_recording(path)
        lines = list(recording)
        seqs = [line.seq for line in lines if isinstance(line, Event)]
        assert recording.torn is not None
        assert recording.footer is None
        assert seqs == list(range(1, len(seqs) + 1))
        assert len(seqs) > 10, "more than the session's beginning was flushed"
        assert not any(isinstance(line, Gap) for line in lines)
