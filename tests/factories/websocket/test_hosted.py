"""WebSocketFactory as LiteCore has it: through its C4SocketFactory, driven by a host, against real servers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from c4trace.events import EventKind
from c4trace.factories.bridge import BridgedFactory, bridge
from c4trace.factories.websocket import WebSocketFactory
from c4trace.host import EmbeddedHost, Leaks
from c4trace.host_socket import Closed, SocketClosed, Tally
from tests.factories.websocket.backstage import Backstage
from tests.factories.websocket.peers import OFFER, echo, unused_port, upgraded, url

PATIENCE = 30


@pytest.fixture
def host() -> Iterator[EmbeddedHost]:
    """A host whose sockets must all come to their end, keep the contract and leave nothing behind."""
    with EmbeddedHost(acknowledge="taken") as host:
        yield host
        assert host.stop() == Leaks(0, 0, 0)
        counts = host.counts()
        assert counts.anomalies == {}
        assert counts.n(EventKind.open) == counts.n(EventKind.closed) == counts.n(EventKind.dispose)


@pytest.fixture
def factory(host: EmbeddedHost) -> Iterator[BridgedFactory]:
    with WebSocketFactory() as factory:
        yield bridge(factory, host.upcalls)
        host.stop()


def test_twenty_sockets_talk_at_once_and_count_exactly(
    host: EmbeddedHost, factory: BridgedFactory, backstage: Backstage
) -> None:
    port = backstage.websocket(echo)
    messages = [bytes([n]) * (1 + 997 * n % 16384) for n in range(40)]
    sockets = [host.connect(factory, url(port), OFFER) for _ in range(20)]
    for socket in sockets:
        for message in messages:
            socket.send(message)
    for socket in sockets:
        assert [socket.receive(PATIENCE) for _ in messages] == messages
        socket.flush(PATIENCE)
        assert socket.response
        assert socket.response.status == 101
        assert socket.response.headers
        assert socket.response.headers["Sec-WebSocket-Protocol"] == "BLIP_3+CBMobile_3"
        socket.close(1000, "done")
    for socket in sockets:
        assert socket.wait_closed(PATIENCE) == Closed(6, 1000, "done")
        socket.wait_disposed(PATIENCE)
        counts = socket.counts()
        sent = Tally(len(messages), sum(map(len, messages)))
        assert counts.events[EventKind.write] == counts.events[EventKind.received] == sent
        assert counts.bytes(EventKind.completedWrite) == counts.bytes(EventKind.completedReceive) == sent.bytes


def test_the_servers_close_is_echoed(host: EmbeddedHost, factory: BridgedFactory, backstage: Backstage) -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(1001, "restart")

    socket = host.connect(factory, url(backstage.websocket(leave)), OFFER)
    socket.send(b"hello")
    assert socket.wait_closed(PATIENCE).code == 1001
    assert socket.close_request == (1001, "restart")
    assert socket.counts().n(EventKind.requestClose) == 1


def test_a_lost_connection_is_no_normal_closure(
    host: EmbeddedHost, factory: BridgedFactory, backstage: Backstage
) -> None:
    async def drop(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.abort()

    socket = host.connect(factory, url(backstage.websocket(drop)), OFFER)
    socket.send(b"hello")
    closed = socket.wait_closed(PATIENCE)
    assert closed.domain in {2, 5, 6}
    assert closed.code not in {0, 1000, 1001}


def test_a_refused_connection_and_a_refused_upgrade_say_why(
    host: EmbeddedHost, factory: BridgedFactory, backstage: Backstage
) -> None:
    refused = host.connect(factory, url(unused_port()), OFFER)
    with pytest.raises(SocketClosed):
        refused.wait_opened(PATIENCE)
    assert refused.wait_closed(PATIENCE).domain in {2, 5}
    port, _ = backstage.answer("HTTP/1.1 503 Service Unavailable\nContent-Length: 0")
    unavailable = host.connect(factory, url(port), OFFER)
    assert unavailable.wait_closed(PATIENCE).code == 503
    assert unavailable.response
    assert unavailable.response.status == 503


def test_a_socket_that_is_closed_while_it_connects_ends(
    host: EmbeddedHost, factory: BridgedFactory, backstage: Backstage
) -> None:
    async def hold(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    socket = host.connect(factory, url(backstage.raw(hold)), OFFER)
    socket.close(1000)
    socket.wait_closed(PATIENCE)
    assert socket.counts().n(EventKind.opened) == 0


def test_a_server_that_never_answers_a_close_does_not_hold_the_socket(host: EmbeddedHost, backstage: Backstage) -> None:
    with WebSocketFactory(close_timeout=0.2) as factory:
        socket = host.connect(bridge(factory, host.upcalls), url(backstage.raw(upgraded())), OFFER)
        socket.wait_opened(PATIENCE)
        socket.close(1000)
        socket.wait_closed(PATIENCE)
        socket.wait_disposed(PATIENCE)


EXIT = """
import sys
from c4trace.factories.bridge import bridge
from c4trace.factories.websocket import WebSocketFactory
from c4trace.host import EmbeddedHost

host = EmbeddedHost()
factory = bridge(WebSocketFactory(), host.upcalls)
sockets = [host.connect(factory, sys.argv[1], {"WS-Protocols": "BLIP_3+CBMobile_3"}) for _ in range(10)]
for socket in sockets:
    socket.wait_opened(20)
    for _ in range(100):
        socket.send(b"x" * 1000)
sys.stdout.write("leaving")
"""


def test_a_program_may_end_with_open_sockets(backstage: Backstage) -> None:
    port = backstage.websocket(echo)
    command = [sys.executable, "-c", EXIT, url(port)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "leaving", "")
