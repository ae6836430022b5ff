"""Sockets of all fates at once: whatever either side does, and whenever, the contract holds."""

from __future__ import annotations

import asyncio
import gc
import random
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from c4trace.factories.websocket import WebSocketFactory
from tests.factories.websocket.peers import OFFER, echo, url, wait_until
from tests.factories.websocket.recorder import RecordingSocket

if TYPE_CHECKING:
    from tests.factories.websocket.backstage import Backstage, Handler
    from tests.factories.websocket.conftest import SocketMaker


def moody(pick: random.Random) -> Handler:
    """A server that ends each connection in another way."""

    async def handle(connection: ServerConnection) -> None:
        end = pick.choice([leave, close, abort, echo])
        with suppress(ConnectionClosed):
            for _ in range(pick.randrange(20)):
                await connection.send(pick.randbytes(pick.choice([1, 100, 20_000])))
                await asyncio.sleep(pick.choice([0, 0, 0.001]))
            await end(connection)

    async def leave(_: ServerConnection) -> None:
        pass

    async def close(connection: ServerConnection) -> None:
        await connection.close(pick.choice([1000, 1001, 1011, 4001]))

    async def abort(connection: ServerConnection) -> None:
        connection.transport.abort()

    return handle


@pytest.mark.parametrize("seed", range(3))
def test_every_socket_ends_once_whatever_happens(backstage: Backstage, new_socket: SocketMaker, seed: int) -> None:
    pick = random.Random(seed)  # noqa: S311  # the same each time

    port = backstage.websocket(moody(pick))
    with WebSocketFactory(close_timeout=2) as factory:
        sockets = [new_socket(factory).open(url(port), OFFER) for _ in range(150)]
        for _ in range(1500):
            socket = pick.choice(sockets)
            if pick.random() < 0.9:
                if socket.count("opened"):
                    socket.write(pick.randbytes(pick.choice([1, 1000, 30_000])))
            else:
                socket.request_close(pick.choice([1000, 1001, 504]))
            time.sleep(pick.choice([0, 0, 0.001]))
        for socket in sockets:
            socket.request_close()
        for socket in sockets:
            assert socket.end[0] in {2, 5, 6}
            socket.dispose()
        assert [socket.count("closed") for socket in sockets] == [1] * 150
        wait_until(lambda: not factory._connections)


def test_a_socket_that_is_over_leaves_nothing_behind(backstage: Backstage) -> None:
    port = backstage.websocket(echo)
    with WebSocketFactory() as factory:
        socket = RecordingSocket(factory).open(url(port), OFFER)
        socket.wait_for("opened")
        connection = weakref.ref(socket.state)
        socket.request_close()
        socket.wait_for("closed")
        socket.dispose()
        gone = weakref.ref(socket)
        del socket

        def collected() -> bool:
            gc.collect()
            return gone() is None and connection() is None

        wait_until(collected)
