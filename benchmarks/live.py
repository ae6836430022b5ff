"""The live screen beside a host with many open sockets: what it takes of a processor, and sends to the terminal.

The host is a process of its own that opens its sockets before, and then either rests or lets 25 of them talk twenty
times a second. Screens of two sizes look at it, four times a second as they do by themselves, each in a terminal of its
own which takes everything at once. CPU time is that of c4trace live alone, after it has started.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.harness import Bench, interleave
from benchmarks.results import Results
from tests.tui.crowd import crowded

C4TRACE: Final = Path(sys.executable).with_name("c4trace")
SCREENS: Final = {"80 x 24": (80, 24), "250 x 60": (250, 60)}
HABITS: Final = ("refused", "denied", "dropped", "hoards", "floods", "hangs", "silent", "lingers")


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Open sockets, how long each screen is measured each time, and how often."""

    sockets: int
    seconds: float
    repetitions: int


FULL: Final = Sizes(sockets=10_000, seconds=5.0, repetitions=8)
TINY: Final = Sizes(sockets=20, seconds=0.5, repetitions=2)


def measure(sizes: Sizes) -> Results:
    """Every screen, of a host that rests and of one that talks."""
    bench = Bench("live")
    with (
        tempfile.TemporaryDirectory() as folder,
        crowded(segments := Path(folder) / "segments", "crowd", sizes.sockets, *HABITS) as host,
    ):
        sides = {name: partial(_watch, segments, size, sizes.seconds) for name, size in SCREENS.items()}
        for case in ("at rest", "talking"):
            if case == "talking":
                host.tell("busy")
            for side, values in interleave(sides, sizes.repetitions).items():
                bench.add(side, f"{case}, CPU", "% of a core", [share for share, _ in values])
                bench.add(side, f"{case}, to the terminal", "bytes/s", [sent for _, sent in values])
    return bench.results(sockets=sizes.sockets + len(HABITS), looks_per_s=4)


def _watch(segments: Path, size: tuple[int, int], seconds: float) -> tuple[float, float]:
    """Percent of a core, and bytes a second."""
    with _screen(segments, size) as (pid, sent):
        used, begun, before = _cpu_ns(pid), time.monotonic_ns(), sent[0]
        time.sleep(seconds)
        used, wall = _cpu_ns(pid) - used, time.monotonic_ns() - begun
        return 100 * used / wall, (sent[0] - before) * 1e9 / wall


@contextmanager
def _screen(segments: Path, size: tuple[int, int]) -> Iterator[tuple[int, list[int]]]:
    """The pid of a screen that has been drawn, and how many bytes it has sent, which goes on."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    environment = {**os.environ, "C4TRACE_DIR": str(segments), "TERM": "xterm-256color"}
    sent, drawn = [0], threading.Event()
    with subprocess.Popen([C4TRACE, "live"], env=environment, stdin=its, stdout=its, stderr=its) as screen:
        os.close(its)
        taking = threading.Thread(target=_take, args=(ours, sent, drawn))
        taking.start()
        try:
            assert drawn.wait(60), "no screen was drawn"
            time.sleep(1.0)  # rates, then, as well
            yield screen.pid, sent
        finally:
            os.write(ours, b"q")
            screen.wait(60)
            taking.join()
            os.close(ours)
    assert screen.returncode == 0, screen.returncode


def _take(file: int, sent: list[int], drawn: threading.Event) -> None:
    seen = b""
    while True:
        try:
            data = os.read(file, 1 << 16)
        except OSError:  # so a terminal says that nobody writes to it any more
            return
        sent[0] += len(data)
        if not drawn.is_set():
            seen += data
            if b"open sockets" in seen:
                drawn.set()


def _cpu_ns(pid: int) -> int:
    """CPU time of a process's threads (proc(5), schedstat)."""
    return sum(int(Path(task, "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())
