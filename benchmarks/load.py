"""A host in C that makes calls at any rate, in a process of its own (load_host.c)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.host_program import built
from c4trace.segment.capture import capture_level

SOURCE: Final = Path(__file__).with_name("load_host.c")
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own in it


class Made(msgspec.Struct, frozen=True):
    """Calls that were made, in how many seconds, and how far a thread was behind its plan at the worst."""

    made: int
    seconds: float
    latest_ms: float


class _About(msgspec.Struct, frozen=True):
    pid: int
    segment: str
    warning: str


class Load:
    """The host, while it runs; `opens` events were made before the first call."""

    def __init__(self, process: subprocess.Popen[bytes], threads: int) -> None:
        self._process = process
        self.opens = threads
        about = msgspec.json.decode(self._line(), type=_About)
        if about.warning:
            raise OSError(about.warning)
        self.pid = about.pid
        self.segment = Path(about.segment)

    def begin(self, *, calls: int, message: int, capture: str, rate: int = 0) -> None:
        """Let all threads make `calls` writes of `message` bytes, so many a second (0: as fast as they can)."""
        level, count = capture_level(capture)
        assert not count
        assert self._process.stdin is not None
        self._process.stdin.write(f"{level} {message} {rate} {calls}\n".encode())
        self._process.stdin.flush()

    def wait(self) -> Made:
        """Wait until they are made."""
        return msgspec.json.decode(self._line(), type=Made)

    def cpu(self) -> float:
        """Seconds of the processor that it has taken, all its threads together, those that ended too."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def folder_in_memory(segment_mib: int) -> Iterator[Path]:
    """A folder for a segment and as much again; on disk where memory has less room, as a container's 64 MiB."""
    room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= 2 * segment_mib << 20
    with tempfile.TemporaryDirectory(prefix="c4trace-bench-", dir=MEMORY if room else None) as folder:
        yield Path(folder)


@contextmanager
def load(folder: Path, *, segment_mib: int, threads: int = 1) -> Iterator[Load]:
    """The host, built and started, with its segment in `folder`."""
    command = [str(built(SOURCE, folder)), str(segment_mib), str(threads)]
    environment = {**os.environ, "C4TRACE_DIR": str(folder / "segments")}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Load(process, threads)
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(60) == 0
        finally:
            process.kill()
