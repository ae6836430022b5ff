"""How a tracer ends where nobody closes it: at exit, in a forked child, with threads of LiteCore that go on."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from c4trace import open_recording
from c4trace.collecting import Place
from c4trace.events import Event
from c4trace.segment.attach import attach
from tests.tracing import PATIENCE, recorded, until

pytestmark = pytest.mark.usefixtures("segments")

BEGIN = """
import os, signal, sys, threading, time
from c4trace import EmbeddedHost, Tracer, TraceError
from tests.factories.in_place import InPlace
from tests.tracing import URL, counted, exchange, hang_up, talk, told

host = EmbeddedHost(threads=8)
tracer = Tracer("t", litecore=host, record=sys.argv[1], log=sys.argv[2], metrics_port=0, collect_in=sys.argv[3])
traced = tracer.wrap(InPlace())
talk(host, traced, sockets=4, messages=25)
"""
TALKED = (100, 10_000)
BOTH = pytest.mark.parametrize("where", ["thread", "process"])


def run(program: str, folder: Path, where: Place) -> subprocess.CompletedProcess[str]:
    """Run a program that begins as above, with warnings as errors, to its end."""
    text = BEGIN + textwrap.dedent(program)
    files = [str(folder / "r.jsonl"), str(folder / "log")]
    arguments = [sys.executable, "-W", "error", "-c", text, *files, where]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=PATIENCE, check=False)


@BOTH
@pytest.mark.parametrize("end", ["", "sys.exit(3)", "1 / 0", "del tracer, traced"])
def test_a_tracer_that_is_never_closed_is_closed_at_exit(
    where: Place, end: str, tmp_path: Path, segments: Path
) -> None:
    ended = run(end, tmp_path, where)
    assert ended.returncode == {"": 0, "sys.exit(3)": 3, "1 / 0": 1, "del tracer, traced": 0}[end]
    assert re.sub(r"(?s)Traceback.*ZeroDivisionError: division by zero\n", "", ended.stderr) == ""
    assert recorded(tmp_path / "r.jsonl")["write"] == TALKED
    assert (tmp_path / "log").read_text().count('"summary"') == 4
    assert list(segments.iterdir()) == []


@BOTH
def test_the_interpreter_ends_while_litecores_threads_call_in(where: Place, tmp_path: Path, segments: Path) -> None:
    for _ in range(5):
        ended = run(
            """
            import atexit
            atexit.unregister(host.stop)  # its threads go on while the interpreter ends
            sockets = [host.connect(traced, URL) for _ in range(50)]
            for socket in sockets:
                socket.wait_opened(20)
                for _ in range(400):
                    socket.send(b"x" * 100)
            """,
            tmp_path,
            where,
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
        assert recorded(tmp_path / "r.jsonl")["write"] >= TALKED
        assert list(segments.iterdir()) == []


@BOTH
def test_a_host_that_just_ends_leaves_a_segment_that_can_be_read(where: Place, tmp_path: Path, segments: Path) -> None:
    ended = run("os._exit(7)", tmp_path, where)
    assert (ended.returncode, ended.stderr) == (7, "")
    [left] = segments.iterdir()
    with attach(left) as segment:
        snapshot = segment.snapshot()
    assert snapshot.process.state == "dead"
    assert snapshot.sessions_total == 4
    if where == "process":
        assert until(lambda: b'"footer"' in (tmp_path / "r.jsonl").read_bytes())
        assert recorded(tmp_path / "r.jsonl")["write"] == TALKED
    else:
        with open_recording(tmp_path / "r.jsonl") as recording:
            assert {event.sid for event in recording if isinstance(event, Event)} <= {1, 2, 3, 4}
            assert recording.torn


FORKING = """
child = os.fork()
if child == 0:
    talk(host_of_child(), traced, sockets=2, messages=5)  # passes on what it is called with
    for refused in (lambda: tracer.wrap(InPlace()), lambda: tracer.set_capture("full"), lambda: tracer.upcalls):
        try:
            refused()
        except TraceError as error:
            print(str(error).replace(str(os.getppid()), "N"), flush=True)
    tracer.close()
    assert counted(tracer.snapshot()) == counted(before)
    {end}
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), tracer.segment_path.exists())
talk(host, traced, sockets=4, messages=25)
assert counted(tracer.snapshot()) == told(host)
"""
IN_CHILD = """
before = tracer.snapshot()
def host_of_child():
    return EmbeddedHost()
"""


@BOTH
@pytest.mark.parametrize("end", ["sys.exit(5)", "os._exit(5)"])
def test_a_forked_child_passes_calls_and_takes_nothing_from_its_parent(
    where: Place, end: str, tmp_path: Path, segments: Path
) -> None:
    ended = run(IN_CHILD + FORKING.format(end=end), tmp_path, where)
    refusal = "tracer 't' is that of process N: open one in this process\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, refusal * 3 + "5 True\n", "")
    assert recorded(tmp_path / "r.jsonl")["write"] == (200, 20_000)
    assert (tmp_path / "log").read_text().count('"summary"') == 8
    assert list(segments.iterdir()) == []


def test_a_forked_child_opens_a_tracer_of_its_own(tmp_path: Path, segments: Path) -> None:
    ended = run(
        """
        child = os.fork()
        if child == 0:
            own = EmbeddedHost()
            with Tracer("t", litecore=own, record=sys.argv[1] + ".child", metrics_port=0) as mine:
                talk(own, mine.wrap(InPlace()), sockets=1, messages=7)
                assert counted(mine.snapshot()) == told(own)
            assert not mine.segment_path.exists()
            assert tracer.segment_path.exists()
            sys.exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
        """,
        tmp_path,
        "thread",
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert recorded(tmp_path / "r.jsonl")["write"] == TALKED
    assert recorded(tmp_path / "r.jsonl.child")["write"] == (7, 700)
    assert list(segments.iterdir()) == []


def test_a_host_may_fork_at_any_moment(tmp_path: Path) -> None:
    ended = run(
        """
        from c4trace.segment.folder import list_segments
        over = threading.Event()
        def scrape():
            while not over.is_set():
                tracer.snapshot()
                list(tracer.collector.collect())
        def hammer():
            while not over.is_set():
                talk(host, traced, sockets=2, messages=20)
        threads = [threading.Thread(target=work) for work in (scrape, hammer, hammer)]
        for thread in threads:
            thread.start()
        for _ in range(40):
            child = os.fork()
            if child == 0:
                signal.alarm(20)  # a lock that another thread held would be held for ever
                tracer.snapshot()
                tracer.close()
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        over.set()
        for thread in threads:
            thread.join()
        assert counted(tracer.snapshot()) == told(host)
        """,
        tmp_path,
        "thread",
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_sigterm_and_sigkill_leave_what_was_flushed(tmp_path: Path, segments: Path) -> None:
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        ended = run(f"time.sleep(0.3); os.kill(os.getpid(), {int(signal_number)})", tmp_path, "thread")
        assert ended.returncode == -signal_number
        with open_recording(tmp_path / "r.jsonl") as recording:
            assert sum(1 for event in recording if getattr(event, "ev", "") == "write") == TALKED[0]
            assert recording.torn
        for left in segments.iterdir():
            left.unlink()
