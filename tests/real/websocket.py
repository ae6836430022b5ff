"""c4trace's own WebSocket client as the client's factory, with counts that are the test's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from c4trace.factories import Address, Socket, WebSocketFactory
from tests.real.counts import Counted, Counts
from tests.real.factory import Stage


class CountedSocket:
    """A socket whose up-calls are counted before they are made."""

    def __init__(self, socket: Socket, counts: Counts) -> None:
        self._socket = socket
        self._counts = counts
        self._ended = False

    @property
    def state(self) -> Any:
        return self._socket.state

    @state.setter
    def state(self, state: Any) -> None:
        self._socket.state = state

    def got_http_response(self, status: int, headers: Mapping[str, str | list[str]]) -> None:
        self._counts.add("gotHTTPResponse")
        self._socket.got_http_response(status, headers)

    def opened(self) -> None:
        self._counts.add("opened")
        self._socket.opened()

    def received(self, data: bytes) -> None:
        self._counts.add("received", len(data))
        self._socket.received(data)

    def completed_write(self, n: int) -> None:
        self._counts.add("completedWrite", n)
        self._socket.completed_write(n)

    def close_requested(self, status: int, message: str) -> None:
        self._counts.add("closeRequested")
        self._socket.close_requested(status, message)

    def closed(self, domain: int = 0, code: int = 0, message: str = "") -> None:
        self._counts.add_closed(domain, code)
        self._socket.closed(domain, code, message)

    def got_peer_certificate(self, der: bytes, hostname: str) -> bool:
        self._counts.add("gotPeerCertificate")
        return self._socket.got_peer_certificate(der, hostname)


class CountedWebSocketFactory(WebSocketFactory):
    """A WebSocketFactory that counts its calls and up-calls."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = Counts()

    def open(self, socket: Socket, address: Address, options: dict[str, Any]) -> None:
        self.counts.add("open")
        super().open(CountedSocket(socket, self.counts), address, options)

    def write(self, socket: Socket, data: bytes) -> None:
        self.counts.add("write", len(data))
        super().write(socket, data)

    def completed_receive(self, socket: Socket, n: int) -> None:
        self.counts.add("completedReceive", n)
        super().completed_receive(socket, n)

    def request_close(self, socket: Socket, status: int, message: str) -> None:
        self.counts.add("requestClose")
        super().request_close(socket, status, message)

    def dispose(self, socket: Socket) -> None:
        super().dispose(socket)
        self.counts.add("dispose")  # last: it is what a scenario waits for


class WebSocketClient:
    """The client's side of a way over WebSockets."""

    def __init__(self, stage: Stage) -> None:
        self._factory = CountedWebSocketFactory()
        self.address = stage.wrapping.wrap_object(self._factory, "websocket")

    @property
    def live_sockets(self) -> int:
        return self._factory.counts.live_sockets

    def report(self) -> Counted:
        return self._factory.counts.report()

    def close(self) -> None:
        """Ends the factory's thread."""
        self._factory.shutdown()
