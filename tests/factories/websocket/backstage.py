"""The other side of the tests: real servers on loopback, on an event loop of their own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from websockets.asyncio.server import ServerConnection, serve

T = TypeVar("T")
RawHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Handler = Callable[[ServerConnection], Awaitable[None]]

PROTOCOLS = ["BLIP_3+CBMobile_3", "BLIP_3+CBMobile_2"]


class Backstage:
    """Runs servers until `close`; each listens on a port of 127.0.0.1 that it returns."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="backstage", daemon=True)
        self._thread.start()
        self._servers: list[Any] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(10)

    def websocket(self, handler: Handler, *, tls: ssl.SSLContext | None = None, **settings: Any) -> int:
        """A WebSocket server that speaks BLIP's subprotocols."""

        async def start() -> int:
            settings.setdefault("subprotocols", PROTOCOLS)
            settings.setdefault("compression", None)
            settings.setdefault("close_timeout", 1)
            server = await serve(handler, "127.0.0.1", 0, ssl=tls, **settings)
            self._servers.append(server)
            return int(next(iter(server.sockets)).getsockname()[1])

        return self.run(start())

    def raw(self, handler: RawHandler, *, tls: ssl.SSLContext | None = None) -> int:
        """A server of bare TCP (or TLS); the connection is closed when the handler returns."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            self._tasks.add(task)
            try:
                await handler(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
                pass
            finally:
                writer.transport.abort()
                self._tasks.discard(task)

        async def start() -> int:
            server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
            self._servers.append(server)
            return int(server.sockets[0].getsockname()[1])

        return self.run(start())

    def answer(self, *responses: str) -> tuple[int, list[str]]:
        """A server that gives one answer a connection, the last one again and again; and the requests it gets."""
        requests: list[str] = []

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            response = responses[min(len(requests), len(responses)) - 1]
            writer.write((response.replace("\n", "\r\n") + "\r\n\r\n").encode())
            await writer.drain()
            await reader.read()  # no body, no end: a client that waits for either waits for ever

        return self.raw(handle), requests

    def close(self) -> None:
        async def stop() -> None:
            for server in self._servers:
                server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for server in self._servers:
                await server.wait_closed()

        self.run(stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
