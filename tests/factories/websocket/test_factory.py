"""WebSocketFactory as a whole: many sockets, one thread, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.server import ServerConnection

from c4trace.factories.websocket import WebSocketFactory
from tests.factories.websocket.peers import OFFER, echo, never_answers, silent, url, wait_until

if TYPE_CHECKING:
    from tests.factories.websocket.backstage import Backstage
    from tests.factories.websocket.conftest import SocketMaker


def test_one_thread_serves_all_sockets(backstage: Backstage, new_socket: SocketMaker) -> None:
    port = backstage.websocket(echo)
    with WebSocketFactory() as factory:
        sockets = [new_socket(factory).open(url(port), OFFER) for _ in range(100)]
        for i, socket in enumerate(sockets):
            socket.wait_for("opened")
            socket.write(f"hello {i}".encode())
        for i, socket in enumerate(sockets):
            assert socket.wait_for("received") == (f"hello {i}".encode(),)
            socket.request_close()
        assert [socket.end for socket in sockets] == [(6, 1000)] * 100
        assert len(set.union(*(socket.threads for socket in sockets))) == 1


def test_shutdown_ends_every_connection_and_the_thread(backstage: Backstage, new_socket: SocketMaker) -> None:
    codes: list[int | None] = []

    async def watch(connection: ServerConnection) -> None:
        await connection.wait_closed()
        codes.append(connection.close_code)

    factory = WebSocketFactory()
    sockets = [new_socket(factory).open(url(backstage.websocket(watch)), OFFER) for _ in range(5)]
    for socket in sockets:
        socket.wait_for("opened")
    connecting = new_socket(factory).open(url(backstage.raw(never_answers)), OFFER)
    factory.shutdown()
    assert [socket.end for socket in [*sockets, connecting]] == [(6, 1001)] * 6
    assert factory._thread
    assert not factory._thread.is_alive()
    wait_until(lambda: codes == [1001] * 5)
    factory.shutdown()
    with pytest.raises(RuntimeError, match="was shut down"):
        new_socket(factory).open("ws://127.0.0.1:1/")


def test_shutdown_may_come_from_an_up_call(backstage: Backstage, new_socket: SocketMaker) -> None:
    factory = WebSocketFactory()
    socket = new_socket(factory)
    opened = socket.opened

    def opened_and_shut_down() -> None:
        opened()
        factory.shutdown()

    socket.opened = opened_and_shut_down  # type: ignore[method-assign]  # that is how LiteCore would do it
    socket.open(url(backstage.websocket(silent)), OFFER)
    assert socket.end == (6, 1001)


def test_a_factory_that_was_never_used_shuts_down() -> None:
    with WebSocketFactory():
        pass


@pytest.mark.parametrize("up_call", ["got_http_response", "opened", "received", "completed_write", "close_requested"])
def test_an_up_call_that_fails_ends_its_socket_and_no_other(
    backstage: Backstage, new_socket: SocketMaker, up_call: str
) -> None:
    async def greet(connection: ServerConnection) -> None:
        await connection.send(b"hello")
        await connection.recv()
        await connection.close()

    port = backstage.websocket(greet)
    with WebSocketFactory() as factory:
        broken, sound = new_socket(factory), new_socket(factory)

        def fail(*_: Any) -> None:
            raise ValueError("broken")

        setattr(broken, up_call, fail)
        for socket in (sound, broken):
            socket.open(url(port), OFFER)
            socket.write(b"ignored before opened")
        for socket in (sound, broken):
            wait_until(lambda socket=socket: socket.count("received") or socket.count("closed"))
            socket.write(b"hello")
        assert broken.end == (6, 1011)
        assert sound.end == (6, 1000)
