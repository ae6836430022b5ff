"""A factory in Python that makes its up-calls inside the calls."""

from __future__ import annotations

from typing import Any

from c4trace.factories.socket_factory import Address, Framing, Socket, SocketFactory


class InPlace(SocketFactory):
    """Answers everything inside the call, on LiteCore's own thread."""

    def __init__(self, framing: Framing = Framing.NONE) -> None:
        self.framing = framing
        self.sockets: list[Socket] = []

    def open(self, socket: Socket, _address: Address, _options: dict[str, Any]) -> None:
        self.sockets.append(socket)
        if socket.state is None:
            socket.got_http_response(101, {})
        socket.opened()

    def write(self, socket: Socket, data: bytes) -> None:
        socket.completed_write(len(data))
        socket.received(data)

    def completed_receive(self, socket: Socket, n: int) -> None:
        pass

    def close(self, socket: Socket) -> None:
        socket.closed()

    def request_close(self, socket: Socket, status: int, message: str) -> None:
        socket.closed(6, status, message)

    def dispose(self, socket: Socket) -> None:
        self.sockets.remove(socket)

    def attached(self, socket: Socket) -> None:
        socket.state = "attached"
