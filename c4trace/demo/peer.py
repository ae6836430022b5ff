"""A real WebSocket server, in a thread of its own, that plays the other end of a script on every connection."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from c4trace.demo.script import Script

__all__ = ["Peer"]

_BROKEN = 1002  # RFC 6455, 7.4.1: protocol error


class Peer:
    """Listens on a free port while it is entered; `mismatches` says what came that is not in the script."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="c4trace-demo-peer", daemon=True)
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._error: OSError | None = None
        self.port = 0
        self.mismatches: list[str] = []

    @property
    def url(self) -> str:
        """Where to connect to."""
        return f"ws://127.0.0.1:{self.port}{self._script.path}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        self._stop = asyncio.Event()
        offered = [Subprotocol(name) for name in self._script.subprotocols]
        try:
            async with serve(
                self._play, "127.0.0.1", 0, subprotocols=offered or None, compression=None, max_size=None
            ) as server:
                self.port = _port(server)
                self._ready.set()
                await self._stop.wait()
        except OSError as error:
            self._error = error
            self._ready.set()

    async def _play(self, connection: ServerConnection) -> None:
        for number, (from_host, data) in enumerate(self._script.turns, 1):
            if not from_host:
                await connection.send(data)
                continue
            try:
                message = await connection.recv()
            except ConnectionClosed as closed:
                self.mismatches.append(f"a socket ended before turn {number}: {closed}")
                return
            if message != data:
                self.mismatches.append(
                    f"turn {number}: the peer got {len(message)} bytes, not the {len(data)} recorded"
                )
                await connection.close(_BROKEN, "not in the script")
                return
        await connection.wait_closed()


def _port(server: Server) -> int:
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port
