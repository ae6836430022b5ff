"""A factory in Python that answers every write with a received of the same bytes, from a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from c4trace.decode.errors import ErrorDomain
from c4trace.factories.socket_factory import Address, Framing, Socket, SocketFactory

ANSWER: Mapping[str, str | list[str]] = {"Sec-Websocket-Protocol": "BLIP_3+CBMobile_3", "Set-Cookie": ["a=1", "b=2"]}


@dataclass
class Told:
    """What one socket was told, in order."""

    address: Address
    options: dict[str, Any]
    calls: list[str] = field(default_factory=list)
    written: list[bytes] = field(default_factory=list)
    completed: int = 0


class EchoFactory(SocketFactory):
    """Makes its up-calls on one thread, so those of one socket never overlap. Use it as a context manager."""

    def __init__(self, framing: Framing = Framing.NONE) -> None:
        self.framing = framing
        self.told: list[Told] = []
        self.sockets: list[Socket] = []
        self.errors: list[BaseException] = []
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._jobs.put(None)
        self._thread.join()
        assert self.errors == []

    def open(self, socket: Socket, address: Address, options: dict[str, Any]) -> None:
        socket.state = Told(address, options, ["open"])
        self.told.append(socket.state)
        self.sockets.append(socket)
        self._jobs.put(lambda: socket.got_http_response(101, ANSWER))
        self._jobs.put(socket.opened)

    def write(self, socket: Socket, data: bytes) -> None:
        socket.state.calls.append("write")
        socket.state.written.append(data)
        self._jobs.put(lambda: socket.completed_write(len(data)))
        self._jobs.put(lambda: socket.received(data))

    def completed_receive(self, socket: Socket, n: int) -> None:
        socket.state.completed += n

    def close(self, socket: Socket) -> None:
        socket.state.calls.append("close")
        self._jobs.put(socket.closed)

    def request_close(self, socket: Socket, status: int, message: str) -> None:
        socket.state.calls.append("request_close")
        self._jobs.put(lambda: socket.closed(ErrorDomain.WEBSOCKET, status, message))

    def dispose(self, socket: Socket) -> None:
        if socket.state:
            socket.state.calls.append("dispose")

    def _work(self) -> None:
        while job := self._jobs.get():
            try:
                job()
            except BaseException as error:  # noqa: BLE001  # kept for __exit__, which fails for it
                self.errors.append(error)
