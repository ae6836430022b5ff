"""A real WebSocket server in front of a database: each connection feeds a passive replicator through fromNative.

It stands in for a Sync Gateway, which cannot be had here. `Behaviour` makes it misbehave.
"""

from __future__ import annotations

import base64
import contextlib
import queue
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.real.abi import CData
from tests.real.factory import Factory, Framing, Session, Stage
from tests.real.litecore import Domain, ErrorCode
from tests.real.peer import Peer

PATH: Final = "/db/_blipsync"
SUBPROTOCOLS: Final[Sequence[Subprotocol]] = [Subprotocol("BLIP_3+CBMobile_3"), Subprotocol("BLIP_3+CBMobile_2")]
ABNORMAL: Final = ErrorCode(Domain.WEBSOCKET, 1006)


@dataclass(frozen=True)
class Behaviour:
    """What the server does other than serving everyone."""

    credentials: tuple[str, str] | None = None
    """User name and password it asks for (HTTP basic), else it answers 401."""
    status: int | None = None
    """The HTTP status it refuses every handshake with."""
    drop_after: int | None = None
    """Cuts the first connection, without closing handshake, once this many messages have come in through it."""
    refusal_headers: dict[str, str] = field(default_factory=dict)
    """Headers a refusal has besides the usual ones."""


class Listener:
    """Serves `peer` on a free port of this machine until `close`."""

    def __init__(self, stage: Stage, peer: Peer, behaviour: Behaviour) -> None:
        self.passive = ListenerFactory(stage)
        self.refusals: list[int] = []
        """The HTTP statuses of the handshakes it has refused."""
        self._peer = peer
        self._behaviour = behaviour
        self._drop_after = self._behaviour.drop_after
        self._server = serve(
            self._connected,
            "127.0.0.1",
            0,
            compression=None,  # LiteCore has no permessage-deflate (W-04)
            ping_interval=None,
            subprotocols=SUBPROTOCOLS,
            process_request=self._handshake,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="listener")
        self._thread.start()
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/db"

    def close(self) -> None:
        """Stops listening and waits for the handlers of open connections."""
        self._server.shutdown()
        self._thread.join()

    def _handshake(self, connection: ServerConnection, request: Request) -> Response | None:
        status = self._refusal(request)
        if status is None:
            return None
        self.refusals.append(status)
        response = connection.respond(HTTPStatus(status), f"{status}\n")
        if status == HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Basic realm="c4trace tests"'
        for name, value in self._behaviour.refusal_headers.items():
            response.headers[name] = value
        return response

    def _refusal(self, request: Request) -> int | None:
        if request.path != PATH:
            return HTTPStatus.NOT_FOUND
        if self._behaviour.status is not None:
            return self._behaviour.status
        if self._behaviour.credentials is not None:
            token = base64.b64encode(":".join(self._behaviour.credentials).encode()).decode()
            if request.headers.get("Authorization") != f"Basic {token}":
                return HTTPStatus.UNAUTHORIZED
        return None

    def _connected(self, connection: ServerConnection) -> None:
        session = self.passive.accept(self.url)
        drop_after, self._drop_after = self._drop_after, None
        session.serve(connection, drop_after)
        self._peer.serve(session.socket)
        session.read()


class ListenerFactory(Factory["ListenerSession"]):
    """The serving end of the listener's WebSockets: whole messages, framed by the server."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage, "listener", Framing.NONE)

    def make_session(self, socket: CData) -> ListenerSession:
        return ListenerSession(self, socket)


class ListenerSession(Session):
    """One accepted WebSocket. Reads on the server's thread, writes on one of its own."""

    def serve(self, connection: ServerConnection, drop_after: int | None) -> None:
        """Gives the session its connection, before LiteCore opens it."""
        self._connection = connection
        self._drop_after = drop_after
        self._opened = threading.Event()
        self._asked_by_peer = False
        self._outgoing: queue.SimpleQueue[bytes | tuple[int, str] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_all, name="listener-writer", daemon=True)

    def start(self, url: str, options: dict[str, Any] | None) -> None:  # noqa: ARG002 - the connection is there
        self._writer.start()
        self.up.opened(self.socket)
        self._opened.set()

    def read(self) -> None:
        """Hands every message to LiteCore, until the connection ends."""
        self._opened.wait()
        count = 0
        with contextlib.suppress(ConnectionClosed):
            while True:
                message = self._connection.recv()
                if isinstance(message, str):
                    raise TypeError("LiteCore sent a text message")
                count += 1
                self.post(self.up.received, self.socket, message)
                if count == self._drop_after:
                    self._connection.socket.shutdown(socket.SHUT_RDWR)
                    break
        self._outgoing.put(None)
        self._writer.join()
        self.post(self._ended)

    def write(self, data: bytes) -> None:
        self._outgoing.put(data)

    def request_close(self, status: int, message: str) -> None:
        if not self._asked_by_peer:  # else the server has answered the peer's CLOSE already
            self._outgoing.put((status, message))

    def _write_all(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while (item := self._outgoing.get()) is not None:
                if isinstance(item, bytes):
                    self._connection.send(item)
                    self.post(self.up.completed_write, self.socket, len(item))
                else:
                    status, reason = item
                    self._connection.close(status if 1000 <= status <= 1011 else 1001, reason)

    def _ended(self) -> None:
        """The connection is gone, with a closing handshake or without."""
        protocol = self._connection.protocol
        if protocol.close_rcvd is None or protocol.close_sent is None:
            self.finish(ABNORMAL)
            return
        if protocol.close_rcvd_then_sent:
            self._asked_by_peer = True
            self.up.close_requested(self.socket, protocol.close_rcvd.code, protocol.close_rcvd.reason)
        self.finish(ErrorCode(Domain.WEBSOCKET, protocol.close_rcvd.code))


class SilentPort:
    """A TCP port that takes connections and never says a word."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._socket.getsockname()[1]}/db"

    def close(self) -> None:
        self._socket.close()


class ClosedPort:
    """A TCP port that nobody listens on and that nobody else gets meanwhile: connections are refused."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._socket.getsockname()[1]}/db"

    def close(self) -> None:
        self._socket.close()
