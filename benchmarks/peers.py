"""What c4trace is compared with over the network: proxies in front of a port, and a WebSocket server that echoes."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec
from websockets.sync.server import ServerConnection, serve

ROOT: Final = Path(__file__).parents[1]
INSTALLED: Final = ROOT / "build/peers"
PATIENCE: Final = 60.0

Listening = tuple[int, Callable[[], float]]
"""The port to connect to, and the seconds of CPU time that what listens there has taken so far."""


class Running(Protocol):
    """Runs a proxy in front of a port of this machine for the length of a block; `folder` is for its files."""

    def __call__(self, port: int, folder: Path) -> AbstractContextManager[Listening]:
        """What listens in front of `port`."""
        ...


class Proxy(NamedTuple):
    """A proxy that `make bench-peers` installs."""

    program: Path
    running: Running


@contextmanager
def no_proxy(port: int, folder: Path) -> Iterator[Listening]:  # noqa: ARG001 - as those of proxies
    """Nothing in between."""
    yield port, float


@contextmanager
def toxiproxy(port: int, folder: Path) -> Iterator[Listening]:  # noqa: ARG001 - it writes nothing
    """Toxiproxy without toxics."""
    api, listens = _free_port(), _free_port()
    with _started([str(PROXIES["toxiproxy"].program), "-host", "127.0.0.1", "-port", str(api)]) as process:
        _wait_for(api, process)
        order = {"name": "peer", "listen": f"127.0.0.1:{listens}", "upstream": f"127.0.0.1:{port}"}
        request = urllib.request.Request(f"http://127.0.0.1:{api}/proxies", data=msgspec.json.encode(order))
        urllib.request.urlopen(request, timeout=PATIENCE).close()  # noqa: S310 - as above
        _wait_for(listens, process)
        yield listens, lambda: _cpu(process.pid)


@contextmanager
def mitmproxy(port: int, folder: Path) -> Iterator[Listening]:
    """Mitmproxy's mitmdump as a reverse proxy that writes its flow file."""
    listens = _free_port()
    command = [
        *(str(PROXIES["mitmproxy"].program), "--quiet", "--set", f"confdir={folder / 'mitmproxy'}"),
        *("--mode", f"reverse:http://127.0.0.1:{port}", "--listen-host", "127.0.0.1", "--listen-port", str(listens)),
        *("--save-stream-file", str(folder / "flows")),
    ]
    with _started(command) as process:
        _wait_for(listens, process)
        yield listens, lambda: _cpu(process.pid)


PROXIES: Final = {
    "toxiproxy": Proxy(INSTALLED / "toxiproxy", toxiproxy),
    "mitmproxy": Proxy(INSTALLED / "mitmproxy/bin/mitmdump", mitmproxy),
}


@contextmanager
def echo_server() -> Iterator[int]:
    """A WebSocket server that sends every message back; its port."""
    server = serve(_echo, "127.0.0.1", 0, compression=None, ping_interval=None)
    thread = threading.Thread(target=server.serve_forever, name="echo")
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        thread.join()


def port_of(url: str) -> int:
    """The port that a URL names."""
    port = urlsplit(url).port
    assert port is not None
    return port


def _echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


@contextmanager
def _started(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def _free_port() -> int:
    """One that was free a moment ago: neither proxy can be asked which it took."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"{process.args!r} does not listen on port {port}")


def _cpu(pid: int) -> float:
    """Seconds of a process, in user mode and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
