"""WebSocketFactory before there is an answer: names, addresses, interfaces, timeouts, cancelling."""

from __future__ import annotations

import asyncio
import errno
import socket as sockets
import struct
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.server import ServerConnection

from c4trace.factories.websocket import WebSocketFactory
from tests.factories.websocket.peers import OFFER, never_answers, silent, unused_port, url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.factories.websocket.backstage import Backstage
    from tests.factories.websocket.conftest import SocketMaker
    from tests.factories.websocket.recorder import RecordingSocket


def test_a_refused_connection_is_econnrefused(new_socket: SocketMaker) -> None:
    socket = new_socket().open(url(unused_port()))
    assert socket.wait_for("closed") == (2, errno.ECONNREFUSED, "Connection refused")
    assert socket.names == ["closed"]


def test_a_refused_connection_by_name_is_econnrefused(new_socket: SocketMaker) -> None:
    assert new_socket().open(f"ws://localhost:{unused_port()}/db").end == (2, errno.ECONNREFUSED)


@pytest.mark.parametrize(
    ("error", "code"),
    [(sockets.EAI_NONAME, 2), (sockets.EAI_NODATA, 2), (sockets.EAI_AGAIN, 1), (sockets.EAI_FAIL, 1)],
)
def test_a_name_that_is_not_known_is_an_error_of_the_name_service(
    new_socket: SocketMaker, monkeypatch: pytest.MonkeyPatch, error: int, code: int
) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> None:
        raise sockets.gaierror(error, "as the resolver says")

    monkeypatch.setattr(sockets, "getaddrinfo", getaddrinfo)  # the machine of the tests may have no resolver
    assert new_socket().open("ws://no-such-host.invalid:80/db").end == (5, code)


@pytest.mark.parametrize("host", ["a..b", ".example", f"{'a' * 64}.example", "ä" * 64])
def test_a_name_that_no_host_can_have_is_unknown(new_socket: SocketMaker, host: str) -> None:
    proxy = {"proxy": {"type": "HTTP", "host": host, "port": 8080}}
    for socket in (new_socket().open(f"ws://{host}:80/db"), new_socket().open("ws://localhost:80/db", proxy)):
        assert socket.wait_for("closed") == (5, 2, "unknown host")


def test_a_name_with_several_addresses_is_tried_until_one_answers(
    backstage: Backstage, new_socket: SocketMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = backstage.websocket(silent)
    found = [
        (sockets.AF_INET6, sockets.SOCK_STREAM, 6, "", ("::1", unused_port(), 0, 0)),
        (sockets.AF_INET, sockets.SOCK_STREAM, 6, "", ("127.0.0.1", unused_port())),
        (sockets.AF_INET, sockets.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
    ]
    monkeypatch.setattr(sockets, "getaddrinfo", lambda *_, **__: found)
    new_socket().open("ws://several.test:80/db", OFFER).wait_for("opened")


def test_an_address_that_is_silent_does_not_hold_up_the_next_one(
    backstage: Backstage, new_socket: SocketMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = backstage.websocket(silent)
    with port_that_is_silent() as dead:
        found = [(sockets.AF_INET, sockets.SOCK_STREAM, 6, "", ("127.0.0.1", p)) for p in (dead, port)]
        monkeypatch.setattr(sockets, "getaddrinfo", lambda *_, **__: found)
        new_socket().open("ws://several.test:80/db", OFFER).wait_for("opened")


@contextmanager
def port_that_is_silent() -> Iterator[int]:
    """A port that answers no SYN: its queue of connections is full."""
    with ExitStack() as stack:
        server = stack.enter_context(sockets.create_server(("127.0.0.1", 0), backlog=0))
        address = server.getsockname()
        for _ in range(4):
            client = stack.enter_context(sockets.socket())
            client.setblocking(False)
            client.connect_ex(address)
        yield address[1]


def test_a_server_that_never_answers_is_a_timeout(backstage: Backstage, new_socket: SocketMaker) -> None:
    socket = new_socket(connect_timeout=0.3).open(url(backstage.raw(never_answers)))
    assert socket.end == (5, 3)
    with port_that_is_silent() as dead:
        assert new_socket(connect_timeout=0.3).open(url(dead)).end == (5, 3)


def test_a_server_that_hangs_up_instead_of_answering_is_an_abnormal_closure(
    backstage: Backstage, new_socket: SocketMaker
) -> None:
    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    assert new_socket().open(url(backstage.raw(hang_up))).end == (6, 1006)


def test_a_server_that_resets_instead_of_answering_is_econnreset(backstage: Backstage, new_socket: SocketMaker) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        at_once = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, at_once)

    assert new_socket().open(url(backstage.raw(reset))).end == (2, errno.ECONNRESET)


@pytest.mark.parametrize(
    ("status", "end"), [(1000, (6, 1000)), (1001, (6, 1001)), (504, (5, 3)), (0, (6, 1000)), (1006, (6, 1011))]
)
def test_request_close_before_opened_cancels_and_ends(
    backstage: Backstage, new_socket: SocketMaker, status: int, end: tuple[int, int]
) -> None:
    port = backstage.raw(never_answers)
    socket = new_socket().open(url(port))
    time.sleep(0.1)
    socket.request_close(status)
    assert socket.end == end
    assert socket.names == ["closed"]


def test_request_close_right_after_open_ends_every_time(backstage: Backstage, new_socket: SocketMaker) -> None:
    port = backstage.websocket(silent)
    with WebSocketFactory() as factory:
        opened: list[RecordingSocket] = []
        for i in range(200):
            socket = new_socket(factory).open(url(port), OFFER)
            time.sleep(i * 20e-6)  # at every stage of connecting
            socket.request_close()
            opened.append(socket)
        assert [socket.end for socket in opened] == [(6, 1000)] * 200


def test_dispose_while_connecting_ends_without_a_word(backstage: Backstage, new_socket: SocketMaker) -> None:
    closed = asyncio.Event()

    async def watch(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass
        closed.set()

    socket = new_socket().open(url(backstage.raw(watch)))
    time.sleep(0.1)
    socket.dispose()
    backstage.run(asyncio.wait_for(closed.wait(), 10))
    assert socket.names == []


# From where


def test_a_connection_can_be_bound_to_an_interface(backstage: Backstage, new_socket: SocketMaker) -> None:
    peers: list[str] = []

    async def note(connection: ServerConnection) -> None:
        peers.append(connection.remote_address[0])
        await connection.wait_closed()

    port = backstage.websocket(note)
    new_socket().open(url(port), OFFER | {"networkInterface": "127.0.0.9"}).wait_for("opened")
    assert peers == ["127.0.0.9"]
    new_socket().open(url(port), OFFER | {"networkInterface": "lo"}).wait_for("opened")


def test_an_interface_address_chooses_among_the_servers(
    backstage: Backstage, new_socket: SocketMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(port: int) -> list[Any]:
        return [
            (sockets.AF_INET6, sockets.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
            (sockets.AF_INET, sockets.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]

    options = OFFER | {"networkInterface": "127.0.0.9"}
    port, unused = backstage.websocket(silent), unused_port()
    monkeypatch.setattr(sockets, "getaddrinfo", lambda _, port, *__, **___: found(port))
    new_socket().open(f"ws://both.test:{port}/db", options).wait_for("opened")
    assert new_socket().open(f"ws://both.test:{unused}/db", options).end == (2, errno.ECONNREFUSED)


@pytest.mark.parametrize("interface", ["nosuch0", "203.0.113.7"])
def test_an_interface_that_is_not_there_is_unknown(
    backstage: Backstage, new_socket: SocketMaker, interface: str
) -> None:
    socket = new_socket().open(url(backstage.websocket(silent)), {"networkInterface": interface})
    assert socket.end == (5, 27)
