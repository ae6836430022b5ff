"""The peer: a WebSocket server, each of whose connections feeds a passive replicator through a factory of its own."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from c4trace.decode.errors import ErrorDomain
from c4trace.demo.litecore.database import Database
from c4trace.demo.litecore.replicator import Replicator
from c4trace.factories.bridge import bridge
from c4trace.factories.socket_factory import Address, Socket, SocketFactory

__all__ = ["DatabaseServer"]

_SUBPROTOCOLS = [Subprotocol("BLIP_3+CBMobile_3"), Subprotocol("BLIP_3+CBMobile_2")]
_ABNORMAL = 1006
_LEGAL = range(1000, 1012)  # close codes that may be sent (RFC 6455, 7.4)


class Served:
    """One accepted WebSocket, from LiteCore's side; its calls leave word for the loop."""

    def __init__(self, connection: ServerConnection, loop: asyncio.AbstractEventLoop) -> None:
        self.connection = connection
        self.opened = asyncio.Event()
        self.outgoing: asyncio.Queue[bytes | tuple[int, str]] = asyncio.Queue()
        self._loop = loop

    def open(self) -> None:
        """LiteCore is ready."""
        self._loop.call_soon_threadsafe(self.opened.set)

    def send(self, item: bytes | tuple[int, str]) -> None:
        """Queue a message, or status and reason of a CLOSE."""
        self._loop.call_soon_threadsafe(self.outgoing.put_nowait, item)


class ServingFactory(SocketFactory):
    """Takes LiteCore's calls for accepted sockets; their `state` is a Served."""

    def open(self, socket: Socket, address: Address, options: dict[str, Any]) -> None:  # noqa: ARG002 - it is connected
        """Begin to serve."""
        socket.state.open()

    def write(self, socket: Socket, data: bytes) -> None:
        """Send."""
        socket.state.send(data)

    def completed_receive(self, socket: Socket, n: int) -> None:
        """Do nothing: what the demo sends fits into memory."""

    def request_close(self, socket: Socket, status: int, message: str) -> None:
        """Begin the closing handshake, or answer it."""
        socket.state.send((status, message))

    def dispose(self, socket: Socket) -> None:
        """Forget the connection."""
        socket.state = None


class DatabaseServer:
    """Serves `database` on a free port while it is entered. `received` and `sent` count messages and their bytes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._factory = bridge(ServingFactory(), database.litecore.upcalls, factory_size=64)
        self._replicators: list[Replicator] = []
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="c4trace-demo-peer", daemon=True)
        self.port = 0
        self.received = [0, 0]
        self.sent = [0, 0]

    @property
    def url(self) -> str:
        """Where to replicate to."""
        return f"ws://127.0.0.1:{self.port}/db"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def end(self, timeout: float) -> list[str]:
        """Wait for all passive replicators, free them; what went wrong."""
        complaints = [said for replicator in self._replicators if (said := replicator.wait_stopped(timeout))]
        for replicator in self._replicators:
            replicator.free()
        self._replicators.clear()
        return complaints

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        async with serve(
            self._connected, "127.0.0.1", 0, subprotocols=_SUBPROTOCOLS, compression=None, ping_interval=None
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._ready.set()
            await self._stop.wait()

    async def _connected(self, connection: ServerConnection) -> None:
        socket = self._factory.from_native("ws", "127.0.0.1", self.port, "/db/_blipsync")
        served = socket.state = Served(connection, self._loop)
        replicator = Replicator.serving(self._database, socket.address)
        self._replicators.append(replicator)
        replicator.start()
        await served.opened.wait()
        socket.opened()
        writing = asyncio.create_task(self._write(served, socket))
        try:
            async for message in connection:
                data = message.encode() if isinstance(message, str) else message
                self.received = [self.received[0] + 1, self.received[1] + len(data)]
                socket.received(data)
        except ConnectionClosed:
            pass
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        _end(connection, socket)

    async def _write(self, served: Served, socket: Socket) -> None:
        while True:
            item = await served.outgoing.get()
            if isinstance(item, tuple):
                await served.connection.close(item[0] if item[0] in _LEGAL else 1001, item[1])
                continue
            await served.connection.send(item)
            self.sent = [self.sent[0] + 1, self.sent[1] + len(item)]
            socket.completed_write(len(item))


def _end(connection: ServerConnection, socket: Socket) -> None:
    protocol = connection.protocol
    if protocol.close_rcvd is None or protocol.close_sent is None:
        socket.closed(ErrorDomain.WEBSOCKET, _ABNORMAL)
        return
    if protocol.close_rcvd_then_sent:
        socket.close_requested(protocol.close_rcvd.code, protocol.close_rcvd.reason)
    socket.closed(ErrorDomain.WEBSOCKET, protocol.close_rcvd.code)
