"""The host's end: sockets that all open at once, each of which plays the script and closes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from c4trace.demo.script import Script
from c4trace.host import EmbeddedHost
from c4trace.host_socket import HostSocket, SocketClosed
from c4trace.tracer import Traced

__all__ = ["drive"]

PATIENCE = 15.0  # seconds any one turn may take


def drive(
    host: EmbeddedHost,
    traced: Traced,
    url: str,
    script: Script,
    sockets: int,
    pause: Callable[[int], object] = lambda _number: None,
) -> list[str]:
    """Open `sockets` sockets, play the script on all of them at the same time, close them; what went wrong.

    `pause` is called before every turn of the host's, with the number of the socket.
    """
    opened = [host.connect(traced, url, script.options) for _ in range(sockets)]
    with ThreadPoolExecutor(sockets, "c4trace-demo") as pool:
        complaints = pool.map(lambda socket: _play(socket, script, lambda: pause(opened.index(socket))), opened)
        return [f"socket {number}: {complaint}" for number, complaint in enumerate(complaints, 1) if complaint]


def _play(socket: HostSocket, script: Script, pause: Callable[[], object]) -> str:
    try:
        socket.wait_opened(PATIENCE)
        for number, (from_host, data) in enumerate(script.turns, 1):
            if from_host:
                pause()
                socket.send(data)
            elif (message := socket.receive(PATIENCE)) != data:
                return f"turn {number}: the host got {len(message)} bytes, not the {len(data)} recorded"
        socket.flush(PATIENCE)
        socket.close()
        closed = socket.wait_closed(PATIENCE)
        socket.wait_disposed(PATIENCE)
    except (SocketClosed, TimeoutError) as error:
        return str(error)
    return f"closed with {SocketClosed(closed)}" if closed.code not in {0, 1000} else ""
