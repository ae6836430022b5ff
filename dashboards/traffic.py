"""Something to look at: traced sockets without end, python -m dashboards.traffic orders|trouble FOLDER.

`orders` plays real WebSocket sessions, in which nothing is wrong. `trouble` has a factory for each fault, and `lossy`
in the same process a recording that is written faster than it can be read. It says "ready", and ends at SIGTERM.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Final

from c4trace import EmbeddedHost, Rotation, Traced, Tracer
from c4trace.demo.drive import drive
from c4trace.demo.peer import Peer
from c4trace.demo.script import own_script
from c4trace.factories import WebSocketFactory
from c4trace.host_socket import HostSocket, SocketClosed
from dashboards.faults import FAULTS, Echo, GivenUp

__all__ = ["READY", "main"]

READY: Final = "ready"
URL: Final = "ws://db.example:4984/orders/_blipsync"
SOCKETS: Final = 4
KIB: Final = 1024
FOR_EVER: Final = 1e6
PATIENCE: Final = 10.0
BURST: Final = 200
PACE: Final = {"drops": 0.05, "refuses": 2.0, "given-up": 2.0}
"""Seconds from one session to the next, of the faults that end it."""


def orders(stop: threading.Event) -> None:
    """Play whole sessions, some at a time."""
    script = own_script()
    host = EmbeddedHost()
    try:
        with Peer(script) as peer, WebSocketFactory() as factory, Tracer("orders", litecore=host) as tracer:
            traced = tracer.wrap(factory)
            print(READY, flush=True)
            while not stop.wait(0.3):
                for complaint in drive(host, traced, peer.url, script, SOCKETS):
                    print(f"orders: {complaint}", file=sys.stderr, flush=True)
    finally:
        host.stop()


def trouble(stop: threading.Event, folder: Path) -> None:
    """Do everything that is wrong, each at its own pace."""
    patient = EmbeddedHost(connect_timeout=FOR_EVER, close_timeout=FOR_EVER)
    impatient = EmbeddedHost(close_timeout=1)  # as LiteCore is from 3.1 on: a session is disposed of without closed
    tracer = Tracer("trouble", litecore=patient)
    unwell = [(label, patient, factory()) for label, factory in FAULTS.items()]
    for label, host, factory in [*unwell, ("given-up", impatient, GivenUp(impatient))]:
        traced = tracer.wrap(factory, factory=label)
        threading.Thread(target=_suffer, args=(host, traced, label, stop), name=label, daemon=True).start()
    threading.Thread(target=_lose, args=(folder, stop), name="lossy", daemon=True).start()
    print(READY, flush=True)
    stop.wait()
    os._exit(0)  # its sockets never close


def _suffer(host: EmbeddedHost, traced: Traced, label: str, stop: threading.Event) -> None:
    if label not in PACE:
        _begin(host.connect(traced, URL), label)
        return
    while not stop.wait(PACE[label]):
        socket = host.connect(traced, URL)
        _begin(socket, label)
        socket.wait_closed(PATIENCE)


def _begin(socket: HostSocket, label: str) -> None:
    """Do what brings the fault out."""
    if label in {"never-closes", "given-up"}:
        socket.wait_opened(PATIENCE)
        socket.close()
    if label == "never-acknowledges":
        for _ in range(4):
            socket.send(bytes(32 * KIB))


def _lose(folder: Path, stop: threading.Event) -> None:
    """Write in bursts to the smallest segment there can be."""
    rotation = Rotation(part_bytes=4 * KIB * KIB, keep_parts=2)
    with (
        EmbeddedHost() as host,
        Tracer(
            "lossy",
            litecore=host,
            record=folder / "lossy.jsonl",
            rotation=rotation,
            capture="full",
            segment_bytes=4 * KIB * KIB,
            sessions=64,
        ) as tracer,
    ):
        socket = host.connect(tracer.wrap(Echo()), URL)
        while not stop.wait(0.5):
            _burst(socket)


def _burst(socket: HostSocket) -> None:
    with contextlib.suppress(SocketClosed):
        for _ in range(BURST):
            socket.send(bytes(32 * KIB))
        for _ in range(BURST):
            socket.receive(PATIENCE)


def main(kind: str, folder: Path) -> None:
    """Go on until SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if kind == "orders":
        orders(stop)
    else:
        trouble(stop, folder)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
