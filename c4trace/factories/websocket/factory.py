"""`WebSocketFactory`: calls from LiteCore's threads go to one event loop, which all sockets share."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any, Self

from c4trace.factories.socket_factory import Framing, SocketFactory
from c4trace.factories.websocket.connection import Connection
from c4trace.factories.websocket.options import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from c4trace.factories.socket_factory import Address, Socket

__all__ = ["WebSocketFactory"]


class WebSocketFactory(SocketFactory):
    """A complete WebSocket client: what LiteCore's replicators need to reach Sync Gateway or another peer.

    It does all that the options of `open` ask for: ws and wss (rootCerts, pinnedCert for the server's own certificate
    or public key, onlySelfSignedServer, acceptAllCerts, client certificates), WS-Protocols, headers, cookies, basic,
    session and token authentication, HTTP, HTTPS and SOCKS proxies, heartbeat, networkInterface. Up to 10 redirections
    are followed; another server than the one meant gets no credentials.

    `user_agent` is sent unless the options have one. Times are seconds: `connect_timeout` ends an attempt before
    LiteCore does at 15, `close_timeout` a closing handshake before LiteCore does at 5 (C4S-059), `heartbeat` is the
    time between PINGs where the options say nothing, and a server silent for `pong_timeout` after one is gone. Reading
    stops while `receive_limit` bytes or more wait for LiteCore (C4S-045). Messages over `max_message_size` bytes end a
    connection (1009). `session_cookie` is the name of the cookie for authentication of type Session.

    One thread, started at the first `open`, serves all sockets; up-calls are made from it. `shutdown`, or leaving a
    `with`, ends it.
    """

    framing = Framing.NONE

    def __init__(
        self,
        *,
        user_agent: str = "c4trace",
        connect_timeout: float = 14,
        close_timeout: float = 4,
        heartbeat: float = 300,
        pong_timeout: float = 20,
        receive_limit: int = 64 * 1024,
        max_message_size: int = 16 * 1024 * 1024,
        session_cookie: str = "SyncGatewaySession",
    ) -> None:
        self._settings = Settings(
            user_agent=user_agent,
            connect_timeout=connect_timeout,
            close_timeout=close_timeout,
            heartbeat=heartbeat,
            pong_timeout=pong_timeout,
            receive_limit=receive_limit,
            max_message_size=max_message_size,
            session_cookie=session_cookie,
        )
        self._lock = threading.Lock()  # of the start and the end of the loop, nothing else
        self._is_shut_down = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        # On the loop's thread:
        self._connections: set[Connection] = set()
        self._all_ended = asyncio.Event()

    # Calls

    def open(self, socket: Socket, address: Address, options: dict[str, Any]) -> None:
        """Begin to connect. Raises RuntimeError after `shutdown`."""
        connection = Connection(socket, address, options, self._settings, self._forget)
        socket.state = connection
        self._serving_loop().call_soon_threadsafe(self._start, connection)

    def write(self, socket: Socket, data: bytes) -> None:
        """Queue a message."""
        self._soon(socket, Connection.write, data)

    def completed_receive(self, socket: Socket, n: int) -> None:
        """Let reading go on when enough was processed."""
        self._soon(socket, Connection.completed_receive, n)

    def request_close(self, socket: Socket, status: int, message: str) -> None:
        """Begin, or answer, the closing handshake; stop connecting."""
        self._soon(socket, Connection.request_close, status, message)

    def dispose(self, socket: Socket) -> None:
        """Forget the connection."""
        self._soon(socket, Connection.dispose)
        socket.state = None

    # The loop

    def shutdown(self, timeout: float = 5) -> None:
        """End all connections, each with `closed` (WebSocket/1001), then the thread; wait up to `timeout` seconds.

        Called from within an up-call it does not wait. Doing it twice does no harm.
        """
        with self._lock:
            self._is_shut_down = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._shut_down)
        if thread is not threading.current_thread():
            thread.join(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    def _serving_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._is_shut_down:
                raise RuntimeError("this WebSocketFactory was shut down: make a new one")
            if self._loop is None:
                runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
                loop = runner.get_loop()
                self._thread = threading.Thread(
                    target=self._serve, args=(runner,), name="c4trace-websocket", daemon=True
                )
                self._thread.start()
                self._loop = loop
            return self._loop

    def _serve(self, runner: asyncio.Runner) -> None:
        with runner:
            runner.run(self._until_shut_down())

    async def _until_shut_down(self) -> None:
        await self._all_ended.wait()

    def _soon(self, socket: Socket, call: Callable[..., None], *arguments: Any) -> None:
        """Make a call to the socket's connection on the loop, in the order of all calls."""
        connection = socket.state
        if self._loop is not None and isinstance(connection, Connection):
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it every connection
                self._loop.call_soon_threadsafe(call, connection, *arguments)

    def _start(self, connection: Connection) -> None:
        self._connections.add(connection)
        connection.start()
        if self._is_shut_down:
            connection.go_away()

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if self._is_shut_down and not self._connections:
            self._all_ended.set()

    def _shut_down(self) -> None:
        if not self._connections:
            self._all_ended.set()
        for connection in tuple(self._connections):
            connection.go_away()
