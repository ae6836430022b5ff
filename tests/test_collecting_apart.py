"""The process that collects: how it ends, and what is left when somebody else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from c4trace import EmbeddedHost, Tracer, open_recording
from c4trace.collecting_apart import CollectionApart
from tests.factories.echo import EchoFactory
from tests.tracing import counted, recorded, talk, told, until

pytestmark = pytest.mark.usefixtures("segments")


def process_of(tracer: Tracer) -> int:
    """The pid of the process that collects for `tracer`."""
    apart = tracer._collecting
    assert isinstance(apart, CollectionApart)
    return apart.pid


def test_a_process_that_is_killed_is_told_of_and_the_host_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "r.jsonl"
    with EchoFactory() as echo, EmbeddedHost() as host:
        with Tracer("t", litecore=host, record=record, collect_in="process") as tracer:
            traced = tracer.wrap(echo)
            talk(host, traced)
            time.sleep(0.3)
            os.kill(process_of(tracer), signal.SIGKILL)
            talk(host, traced)
            assert tracer._unrecorded() == 0
        assert counted(tracer.snapshot()) == told(host)
    err = capfd.readouterr().err
    assert err == (
        "c4trace: the process that collected ended before it was asked to (status -9): "
        "recording and log miss what came later\n"
    )
    with open_recording(record) as recording:
        assert len(list(recording)) == sum(n for n, _ in told(host).values()) // 2
        assert recording.torn


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_asked_to_end_by_a_signal_ends_its_recording(number: int, tmp_path: Path) -> None:
    record = tmp_path / "r.jsonl"
    with (
        EchoFactory() as echo,
        EmbeddedHost() as host,
        Tracer("t", litecore=host, record=record, collect_in="process") as tracer,
    ):
        talk(host, tracer.wrap(echo))
        before = told(host)
        pid = process_of(tracer)
        os.kill(pid, signal.SIGINT)  # as Ctrl-C does, which is for the host
        os.kill(pid, number)
        assert until(lambda: '"footer"' in record.read_text())
        assert recorded(record) == before


HOST_THAT_DIES = """
import os, signal, sys, time
from c4trace import EmbeddedHost, Tracer
from tests.factories.in_place import InPlace
from tests.tracing import exchange, URL

host = EmbeddedHost()
tracer = Tracer("t", litecore=host, record=sys.argv[1], metrics_port=0, collect_in="process")
traced = tracer.wrap(InPlace())
exchange([host.connect(traced, URL) for _ in range(4)], messages=100)
if os.fork() == 0:
    time.sleep(3600)  # has its end of the pipe, and outlives its parent
print(tracer._collecting.pid, os.getpid(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_host_that_is_killed_leaves_a_whole_recording_and_no_process(tmp_path: Path) -> None:
    record = tmp_path / "r.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", HOST_THAT_DIES, record], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as host:
        assert host.stdout is not None
        collector = int(host.stdout.readline().split()[0])
        assert host.wait() == -signal.SIGKILL
        assert until(lambda: not Path(f"/proc/{collector}").exists())
        os.killpg(host.pid, signal.SIGKILL)
    assert recorded(record)["write"] == (400, 40_000)
