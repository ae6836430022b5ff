"""One conversation through a traced factory, and what each destination says of it, in one form.

That form is the number and the bytes of every event that happened, by its name; bytes of those only that pass some.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import c4trace
from c4trace.events import Event, Gap, Return
from c4trace.host import EmbeddedHost, HasAddress
from c4trace.host_socket import HostSocket
from c4trace.recording.parts import parts_of
from c4trace.segment.snapshot import Snapshot

URL = "ws://localhost:4984/db/_blipsync"
FLOWS = {"write", "completedWrite", "received", "completedReceive"}
PATIENCE = 60.0

Counted = dict[str, tuple[int, int]]


def talk(host: EmbeddedHost, factory: HasAddress, *, sockets: int = 3, messages: int = 20, size: int = 100) -> None:
    """Open sockets, send messages through each and take the echo, close them, wait for their end."""
    opened = [host.connect(factory, URL) for _ in range(sockets)]
    exchange(opened, messages=messages, size=size)
    hang_up(opened)


def exchange(sockets: Sequence[HostSocket], *, messages: int, size: int = 100) -> None:
    """Send through every socket, and take the echo."""
    for socket in sockets:
        for n in range(messages):
            socket.send(bytes([n % 256]) * size)
    for socket in sockets:
        for n in range(messages):
            assert socket.receive(PATIENCE) == bytes([n % 256]) * size
        socket.flush(PATIENCE)


def hang_up(sockets: Sequence[HostSocket]) -> None:
    """Close the sockets, and wait until they are disposed."""
    for socket in sockets:
        socket.close()
    for socket in sockets:
        socket.wait_disposed(PATIENCE)


def told(host: EmbeddedHost) -> Counted:
    """What the host itself has counted."""
    return {kind.name: (tally.n, tally.bytes) for kind, tally in host.counts().events.items()}


def counted(snapshot: Snapshot) -> Counted:
    """What the segment's cells say, all factories together."""
    sums: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for factory in snapshot.factories:
        for kind, cell in factory.events.items():
            sums[kind.name] += cell.n
            sizes[kind.name] += cell.bytes
    return {name: (n, sizes[name]) for name, n in sums.items() if n}


def recorded(path: Path) -> Counted:
    """What a whole recording, or all its parts together, says."""
    lines = [line for part in whole_parts(path) for line in part]
    assert not [line for line in lines if isinstance(line, Gap)]
    return tallied(line for line in lines if isinstance(line, Event))


def whole_parts(path: Path) -> Iterator[list[Event | Return | Gap]]:
    """The lines of a recording, part by part, each of which must be whole."""
    for part in [path] if path.exists() else parts_of(path).values():
        assert part.stat().st_mode & 0o777 == 0o600
        with c4trace.open_recording(part) as recording:
            yield list(recording)
            assert (recording.torn, recording.mismatches) == (None, ())


def events_of(path: Path) -> list[Event]:
    """The events of a whole recording, all parts together."""
    return [line for part in whole_parts(path) for line in part if isinstance(line, Event)]


def tallied(events: Iterable[Event]) -> Counted:
    """The events of a recording in the common form."""
    sums: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for event in events:
        sums[event.ev] += 1
        sizes[event.ev] += (event.n or 0) if event.ev in FLOWS else 0
    return {name: (n, sizes[name]) for name, n in sums.items()}


def page(url: str, *, openmetrics: bool = False) -> str:
    """The metrics page at `url`."""
    accept = "application/openmetrics-text; version=1.0.0" if openmetrics else "text/plain"
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
        text: str = answer.read().decode()
        return text


def scraped(url: str) -> Counted:
    """What a metrics page says."""
    samples = [sample for family in text_string_to_metric_families(page(url)) for sample in family.samples]
    sums: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for sample in samples:
        if sample.name == "c4trace_calls_total":
            sums[sample.labels["call"]] += int(sample.value)
        if sample.name == "c4trace_bytes_total":
            sizes[sample.labels["call"]] += int(sample.value)
    return {name: (n, sizes[name]) for name, n in sums.items() if n}


def open_fds() -> list[str]:
    """What the file descriptors of this process lead to."""
    found = []
    for fd in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists
            found.append(str(fd.readlink()))
    return sorted(re.sub(r"\d+", "N", target) for target in found)


def until(happened: Callable[[], bool]) -> bool:
    """Wait, with patience, for what other threads or processes bring about; whether it did happen."""
    end = time.monotonic() + PATIENCE
    while not (has := happened()) and time.monotonic() < end:
        time.sleep(0.005)
    return has


def on_small_disk(folder: Path, size: int, command: Sequence[str]) -> list[str]:
    """The command that runs another one with `size` bytes of disk at `folder`; what is left there is in FOLDER.kept.

    Only that command and its children see the disk. Skips the test where this user may not have one.
    """
    unshare = shutil.which("unshare")
    trial = ["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() or unshare is None or subprocess.run(trial, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk; the file size limit stands for it")
    kept = folder.with_name(folder.name + ".kept")
    kept.mkdir()
    script = (
        f'mount -t tmpfs -o size={size},mode=700 tmpfs "$0" && "$@"; status=$?; cp -r "$0"/. "$0".kept; exit $status'
    )
    return [unshare, "--mount", "sh", "-c", script, str(folder), *command]


def child_processes() -> set[int]:
    """The children of this process, whichever thread began them, those that nobody has waited for among them."""
    children: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that ended meanwhile
            children.update(map(int, (task / "children").read_text().split()))
    return children


def thread_count() -> int:
    """How many threads this process has, those of C among them."""
    return len(list(Path("/proc/self/task").iterdir()))


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def leaving_nothing(folder: Path) -> Iterator[None]:
    """Check that neither a file in `folder` nor a thread nor a descriptor nor a process is left."""

    def state() -> tuple[set[Path], set[threading.Thread], list[str], set[str]]:
        children = Path("/proc/thread-self/children").read_text().split()
        return set(folder.rglob("*")), set(threading.enumerate()), open_fds(), set(children)

    before = state()
    yield
    assert state() == before


def refused(segments: Path, name: Any = "t", **options: Any) -> str:
    """What Tracer says, after a look at what it leaves behind."""
    with leaving_nothing(segments), leaving_nothing(Path.cwd()), pytest.raises(c4trace.TraceError) as error:
        c4trace.Tracer(name, **options)
    text = str(error.value)
    assert "\n" not in text
    return text
