"""A host in a process of its own: two sessions that are over, one that is open and may hang inside a write.

Started as `python -m tests.cli.hosted NAME [hang]`; says "ready" and goes on until its standard input ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from c4trace.factories.socket_factory import Socket
from c4trace.host import EmbeddedHost
from c4trace.host_socket import HostSocket
from c4trace.tracer import Traced, Tracer
from tests.factories.echo import EchoFactory
from tests.tracing import told, until

ROOT = Path(__file__).parents[2]
URL = "ws://db.example:4984/orders/_blipsync"
WRITTEN = 3 * 100  # bytes of the two sessions that are over, and of the one that is open


class Hanging(EchoFactory):
    """Does not come back from a write of "hang"."""

    def write(self, socket: Socket, data: bytes) -> None:
        if data == b"hang":
            ENTERED.set()
            threading.Event().wait()
        super().write(socket, data)


ENTERED = threading.Event()


def talked(host: EmbeddedHost, traced: Traced) -> HostSocket:
    """A socket that has said and heard 100 bytes, all of which are acknowledged."""
    socket = host.connect(traced, URL)
    socket.send(b"x" * 100)
    socket.receive(timeout=60)
    socket.flush(timeout=60)
    assert until(lambda: told(host).get("completedReceive") == told(host)["received"])
    return socket


def main(name: str, *, hang: bool) -> None:
    host = EmbeddedHost()
    with Hanging() as factory, Tracer(name, litecore=host) as tracer:
        traced = tracer.wrap(factory)
        for _ in range(2):
            over = talked(host, traced)
            over.close()
            over.wait_disposed(timeout=60)
        socket = talked(host, traced)
        if hang:
            socket.send(b"hang")
            ENTERED.wait(60)
        print("ready", flush=True)
        sys.stdin.read()
        if hang:
            os._exit(0)
        host.stop()


@contextmanager
def hosted(folder: Path, name: str, *, hang: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Such a process, with its segment in `folder`, ready; killed at the end if it still lives."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cli.hosted", name, *(["hang"] if hang else [])],
        cwd=ROOT,
        env={**os.environ, "C4TRACE_DIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    main(sys.argv[1], hang="hang" in sys.argv[2:])
