"""Collecting a segment in a process of its own, for hosts whose Python is busy: the host's end of it.

What both ends say is here too. The process (collecting_process.py) is given a `Request`, then lines of a word: COUNT or
STOP. It answers every line by one with a `Report`, and ends after STOP, when there are no more lines, when the host is
gone, on SIGTERM or on SIGHUP; always drained.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from c4trace.destinations import Destinations
from c4trace.trace_error import TraceError

__all__ = ["COUNT", "STOP", "CollectionApart", "Report", "Request"]

COUNT, STOP = b"count\n", b"stop\n"

_START_S = 20.0
_COUNT_S = 1.0
_END_S = 30.0


class Request(msgspec.Struct, frozen=True):
    """What to collect, and where to."""

    segment: str
    to: Destinations


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to line number `line` (from 1 on): what is wrong, or how it goes."""

    line: int
    error: str = ""
    url: str | None = None
    events: int = 0
    unrecorded: int = 0


class CollectionApart:
    """Collects the segment at `segment` in a process that lives until it is stopped, or this process is gone.

    Raises TraceError for a destination that cannot be used, and where that process cannot be started.
    """

    def __init__(self, segment: Path, to: Destinations) -> None:
        self._lock = threading.Lock()
        self._asked = 0
        self._heard = bytearray()
        self._last = Report(0)
        self._process = _start()
        try:
            self.metrics_url = self._begin(Request(str(segment), to))
        except BaseException:
            self._kill()
            raise

    @property
    def pid(self) -> int:
        """Of the process that collects."""
        return self._process.pid

    def unrecorded(self) -> int:
        """As in `Collecting`; the number heard last where the process does not answer."""
        with self._lock:
            self._last = self._ask(COUNT, _COUNT_S) or self._last
            return self._last.unrecorded

    def stop(self) -> None:
        """As in `Collecting`; says so where the process had ended before."""
        with self._lock:
            if self._process.returncode is not None:
                return
            report = self._ask(STOP, _END_S)
            self._last = report or self._last
            try:
                self._process.communicate(timeout=_END_S if report else 0)
            except subprocess.TimeoutExpired:
                self._kill()
        if report is None and sys.stderr is not None:
            what = f"the process that collected ended before it was asked to (status {self._process.returncode})"
            print(f"c4trace: {what}: recording and log miss what came later", file=sys.stderr)

    def forget(self) -> None:
        """In a forked child: there is nothing to say, to wait for, or to warn of."""
        self._lock = threading.Lock()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.returncode = 0

    def _begin(self, request: Request) -> str | None:
        report = self._ask(msgspec.json.encode(request) + b"\n", _START_S)
        if report is None:
            raise TraceError("the process that should collect has ended or hangs: try collect_in='thread'")
        if report.error:
            raise TraceError(report.error)
        return report.url

    def _kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _ask(self, line: bytes, patience: float) -> Report | None:
        """Say one line; the answer to it, or None where there is none in time."""
        if self._process.returncode is not None:
            return None
        self._asked += 1
        deadline = time.monotonic() + patience
        with contextlib.suppress(BrokenPipeError):
            os.write(_fd(self._process.stdin), line)
        while (heard := self._hear(deadline)) is not None:
            report = msgspec.json.decode(heard, type=Report)
            if report.line == self._asked:  # else an answer that came too late for its question
                return report
        return None

    def _hear(self, deadline: float) -> bytes | None:
        """The next line; None at the end, or when none came until `deadline`."""
        stdout = _fd(self._process.stdout)
        poll = select.poll()
        poll.register(stdout, select.POLLIN)
        while b"\n" not in self._heard:
            ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
            some = os.read(stdout, 1 << 16) if ready else b""
            if not some:
                return None
            self._heard += some
        line, _, rest = bytes(self._heard).partition(b"\n")
        self._heard[:] = rest
        return line


def _start() -> subprocess.Popen[bytes]:
    """Our own interpreter with what it can import, but nothing from the current folder (-P)."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    command = [sys.executable or "python3", "-P", "-m", "c4trace.collecting_process"]
    try:
        return subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=environment
        )
    except OSError as error:
        what = f"{command[0]} cannot be started to collect: {error.strerror}"
        raise TraceError(f"{what}; try collect_in='thread'") from error


def _fd(pipe: object) -> int:
    assert hasattr(pipe, "fileno")  # noqa: S101 - both are pipes
    fd: int = pipe.fileno()
    return fd
