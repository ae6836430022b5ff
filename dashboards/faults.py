"""Socket factories that do one thing wrong each, and what a host does to notice it."""

from __future__ import annotations

import ctypes
from typing import Any, Final

from c4trace import Address, EmbeddedHost, Socket, SocketFactory
from c4trace.decode.errors import ErrorDomain
from c4trace.factories.bridged_socket import BridgedSocket

__all__ = ["FAULTS", "Drops", "Echo", "GivenUp", "NeverAcknowledges", "NeverCloses", "NeverOpens", "Refuses"]


class Echo(SocketFactory):
    """Does nothing wrong: it answers by what it was sent."""

    def open(self, socket: Socket, address: Address, options: dict[str, Any]) -> None:  # noqa: ARG002 - no network
        """Be open at once."""
        socket.got_http_response(101, {"Sec-Websocket-Protocol": str(options.get("WS-Protocols", ""))})
        socket.opened()

    def write(self, socket: Socket, data: bytes) -> None:
        """Send it back."""
        socket.completed_write(len(data))
        socket.received(data)

    def completed_receive(self, socket: Socket, n: int) -> None:
        """Take no note: what is sent back is in memory anyway."""

    def request_close(self, socket: Socket, status: int, message: str) -> None:
        """Close at once."""
        socket.closed(ErrorDomain.WEBSOCKET, status, message)


class NeverOpens(Echo):
    """Says nothing after open (C4S-012)."""

    def open(self, socket: Socket, address: Address, options: dict[str, Any]) -> None:
        """Forget it."""


class NeverCloses(Echo):
    """Says nothing after requestClose (C4S-051)."""

    def request_close(self, socket: Socket, status: int, message: str) -> None:
        """Forget it."""


class GivenUp(Echo):
    """Says nothing after requestClose, and lets go of the socket: `host` disposes of it when it gives up (C4S-071)."""

    def __init__(self, host: EmbeddedHost) -> None:
        self._release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(host.upcalls["c4socket_release"])

    def request_close(self, socket: Socket, status: int, message: str) -> None:  # noqa: ARG002 - no network
        """Forget it, as a factory in C does that has retained nothing."""
        if isinstance(socket, BridgedSocket):
            self._release(socket.address)


class NeverAcknowledges(Echo):
    """Drops what it is to write, without a word (C4S-037)."""

    def write(self, socket: Socket, data: bytes) -> None:
        """Forget it."""


class Drops(Echo):
    """Loses each connection as soon as it is made."""

    def open(self, socket: Socket, address: Address, options: dict[str, Any]) -> None:
        """Be open, and over."""
        super().open(socket, address, options)
        socket.closed(ErrorDomain.WEBSOCKET, 1006, "connection lost")


class Refuses(Echo):
    """Is refused by every server with HTTP status 500."""

    def open(self, socket: Socket, address: Address, options: dict[str, Any]) -> None:  # noqa: ARG002 - no network
        """Fail."""
        socket.got_http_response(500, {})
        socket.closed(ErrorDomain.WEBSOCKET, 500, "Internal Server Error")


FAULTS: Final[dict[str, type[SocketFactory]]] = {
    "never-opens": NeverOpens,
    "never-closes": NeverCloses,
    "never-acknowledges": NeverAcknowledges,
    "drops": Drops,
    "refuses": Refuses,
}
"""By the label under which each is traced; what needs no host of its own."""
