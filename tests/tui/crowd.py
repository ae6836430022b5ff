"""A traced host with a crowd of sockets, each with the habits that its hostname tells of, in a process of its own.

    python -m tests.tui.crowd NAME SOCKETS [HABIT...]

First SOCKETS ordinary ones are opened, then one of each HABIT. "ready" is said; then it does what it is told, a line at
a time, and answers with "done": "talk": every ordinary socket sends and takes an echo; "busy": that goes on by itself;
"rest": no longer; "open": one more ordinary socket; "close": the last ordinary one closes. It ends with its input.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count as count_from
from itertools import islice
from pathlib import Path
from typing import Any

from c4trace.decode.errors import ErrorDomain
from c4trace.factories.socket_factory import Address, Socket, SocketFactory
from c4trace.host import EmbeddedHost
from c4trace.host_socket import HostSocket, SocketClosed
from c4trace.tracer import Tracer

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
HABITS = ("silent", "refused", "denied", "dropped", "hoards", "floods", "hangs", "lingers")


class Moody(SocketFactory):
    """Answers in place; what is out of the ordinary is told by the hostname's first word."""

    def open(self, socket: Socket, address: Address, _options: dict[str, Any]) -> None:
        socket.state = habit = address.hostname.partition(".")[0]
        match habit:
            case "silent":
                return
            case "refused":
                socket.closed(ErrorDomain.POSIX, 111, "nobody listens there")
            case "denied":
                socket.got_http_response(401, {})
                socket.closed(ErrorDomain.WEBSOCKET, 401, "who are you?")
            case _:
                socket.got_http_response(101, {})
                socket.opened()
                if habit == "floods":
                    for _ in range(20):
                        socket.received(b"x" * 4096)

    def write(self, socket: Socket, data: bytes) -> None:
        if socket.state == "hoards":
            return
        if socket.state == "hangs":
            HUNG.set()
            threading.Event().wait()
        socket.completed_write(len(data))
        if socket.state == "dropped":
            socket.closed(ErrorDomain.NETWORK, 17, "")
        else:
            socket.received(data)

    def completed_receive(self, socket: Socket, n: int) -> None:
        pass

    def request_close(self, socket: Socket, status: int, message: str) -> None:
        if socket.state != "lingers":
            socket.closed(ErrorDomain.WEBSOCKET, status, message)


HUNG = threading.Event()


class Crowd:
    """The sockets."""

    def __init__(self, host: EmbeddedHost, factory: int, count: int) -> None:
        self._host = host
        self._factory = factory
        self._sockets: list[HostSocket] = []
        self._lock = threading.Lock()
        self._rest = threading.Event()
        self._made = 0
        self._turns, self._sizes = count_from(0), count_from(0, 777)
        for _ in range(count):
            self.open()

    def open(self) -> None:
        """One more that is ordinary."""
        self._made += 1
        socket = self._host.connect(self._factory, f"ws://db{self._made:05}.example:4984/orders/_blipsync")
        socket.wait_opened(PATIENCE)
        with self._lock:
            self._sockets.append(socket)

    def close(self) -> None:
        """The last one goes."""
        with self._lock:
            socket = self._sockets.pop()
        socket.close()
        socket.wait_disposed(PATIENCE)

    def talk(self, at_most: int = 1 << 20) -> None:
        """Each, or so many of them in turn, sends and takes the echo."""
        with self._lock:
            count = min(at_most, len(self._sockets))
            for socket in [self._sockets[i % len(self._sockets)] for i in islice(self._turns, count)]:
                socket.send(bytes(100 + next(self._sizes) % 3000))
                socket.receive(PATIENCE)

    def habit(self, name: str) -> None:
        """One with a habit, up to where that shows."""
        socket = self._host.connect(self._factory, f"wss://{name}.example/stock/_blipsync")
        try:
            if name in {"hoards", "hangs", "dropped"}:
                socket.wait_opened(PATIENCE)
                for _ in range(12 if name == "hoards" else 1):
                    socket.send(bytes(6000))
                if name == "hangs":
                    HUNG.wait(PATIENCE)
                if name == "dropped":
                    socket.wait_disposed(PATIENCE)
            elif name == "lingers":
                socket.wait_opened(PATIENCE)
                socket.close()
            elif name in {"refused", "denied"}:
                socket.wait_disposed(PATIENCE)
            elif name == "floods":
                socket.wait_opened(PATIENCE)
        except SocketClosed:
            pass

    def busy(self) -> None:
        """Some talk, all the time."""

        def go_on() -> None:
            while not self._rest.wait(0.05):
                self.talk(25)

        threading.Thread(target=go_on, daemon=True).start()

    def rest(self) -> None:
        """No longer."""
        self._rest.set()


def main(name: str, count: str, *habits: str) -> None:
    """Be that host."""
    host = EmbeddedHost(threads=8, acknowledge="taken", connect_timeout=3600.0, close_timeout=3600.0)
    with Tracer(name, litecore=host) as tracer:
        crowd = Crowd(host, tracer.wrap(Moody()).address, int(count))
        for habit in habits:
            crowd.habit(habit)
        print("ready", flush=True)
        for line in sys.stdin:
            getattr(crowd, line.strip())()
            print("done", flush=True)
        os._exit(0)  # some of its sockets never end


class Crowded:
    """Such a process, seen from the test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def tell(self, word: str) -> None:
        """Have it do something, to its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def kill(self) -> None:
        """End it as the kernel does."""
        self.process.kill()
        self.process.wait()


@contextmanager
def crowded(folder: Path, name: str, count: int, *habits: str) -> Iterator[Crowded]:
    """Such a process, ready, with its segment in `folder`; killed at the end if it still lives."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.tui.crowd", name, str(count), *habits],
        cwd=ROOT,
        env={**os.environ, "C4TRACE_DIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield Crowded(process)
        finally:
            process.kill()


if __name__ == "__main__":
    main(*sys.argv[1:])
