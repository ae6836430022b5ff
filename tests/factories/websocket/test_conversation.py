"""WebSocketFactory while a WebSocket is open: messages, flow control, heartbeat; against real servers."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from websockets.asyncio.server import ServerConnection
from websockets.frames import Opcode

from tests.factories.websocket.peers import OFFER, echo, frame, upgraded, url, wait_until

if TYPE_CHECKING:
    from tests.factories.websocket.backstage import Backstage
    from tests.factories.websocket.conftest import SocketMaker


def test_a_whole_session_has_every_up_call_once_and_in_order(backstage: Backstage, new_socket: SocketMaker) -> None:
    socket = new_socket().open(url(backstage.websocket(echo)), OFFER)
    socket.wait_for("opened")
    socket.write(b"hello")
    assert socket.wait_for("received") == (b"hello",)
    socket.request_close(1000, "bye")
    assert socket.wait_for("closed") == (6, 1000, "bye")
    socket.dispose()
    assert socket.names == ["got_http_response", "opened", "completed_write", "received", "closed"]
    ((status, headers),) = socket.all_of("got_http_response")
    assert status == 101
    assert headers["Sec-WebSocket-Protocol"] == "BLIP_3+CBMobile_3"
    assert headers["Upgrade"] == "websocket"


def test_messages_keep_their_order_and_their_bounds(backstage: Backstage, new_socket: SocketMaker) -> None:
    pick = random.Random(7)  # noqa: S311  # the same each time
    messages = [pick.randbytes(pick.choice([1, 2, 125, 126, 1000, 16384, 70_000])) for _ in range(300)]
    socket = new_socket().open(url(backstage.websocket(echo)), OFFER)
    socket.wait_for("opened")
    for message in messages:
        socket.write(message)
    socket.wait_for("received", len(messages))
    assert socket.messages == messages
    assert [n for (n,) in socket.all_of("completed_write")] == [len(message) for message in messages]
    socket.request_close()
    assert socket.end == (6, 1000)


def test_a_message_in_fragments_arrives_whole(backstage: Backstage, new_socket: SocketMaker) -> None:
    async def fragments(connection: ServerConnection) -> None:
        await connection.send([b"one ", b"", b"message"])
        await connection.send(b"and another")
        await connection.wait_closed()

    socket = new_socket().open(url(backstage.websocket(fragments)), OFFER)
    socket.wait_for("received", 2)
    assert socket.messages == [b"one message", b"and another"]
    socket.request_close()
    assert socket.end == (6, 1000)


def test_a_message_of_several_megabytes_goes_both_ways(backstage: Backstage, new_socket: SocketMaker) -> None:
    blob = bytes(range(256)) * (5 * 4096)
    socket = new_socket().open(url(backstage.websocket(echo, max_size=None)), OFFER)
    socket.wait_for("opened")
    socket.write(blob)
    (received,) = socket.wait_for("received")
    assert received == blob
    assert socket.written == len(blob)
    socket.request_close()
    assert socket.end == (6, 1000)


def test_an_empty_message_is_not_passed_on(backstage: Backstage, new_socket: SocketMaker) -> None:
    async def empty(connection: ServerConnection) -> None:
        await connection.send(b"")
        await connection.send(b"x")
        await connection.wait_closed()

    socket = new_socket().open(url(backstage.websocket(empty)), OFFER)
    socket.wait_for("received")
    assert socket.messages == [b"x"]


def test_a_text_message_ends_the_connection_as_data_error(backstage: Backstage, new_socket: SocketMaker) -> None:
    seen: list[int | None] = []

    async def text(connection: ServerConnection) -> None:
        await connection.send("text")
        await connection.send(b"too late")
        await connection.wait_closed()
        seen.append(connection.close_code)

    socket = new_socket().open(url(backstage.websocket(text)), OFFER)
    assert socket.end == (6, 1003)
    assert socket.messages == []
    wait_until(lambda: seen == [1003])


def test_a_message_over_the_limit_ends_the_connection_as_too_big(backstage: Backstage, new_socket: SocketMaker) -> None:
    async def big(connection: ServerConnection) -> None:
        await connection.send(bytes(3_000_000))
        await connection.wait_closed()

    socket = new_socket(max_message_size=2_000_000).open(url(backstage.websocket(big)), OFFER)
    assert socket.end == (6, 1009)


def test_garbage_instead_of_frames_is_a_protocol_error(backstage: Backstage, new_socket: SocketMaker) -> None:
    port = backstage.raw(upgraded(b"\xff\xff\xff\xff\xff\xff"))
    assert new_socket().open(url(port), OFFER).end == (6, 1002)


def test_what_comes_with_the_handshake_is_not_lost(backstage: Backstage, new_socket: SocketMaker) -> None:
    socket = new_socket().open(url(backstage.raw(upgraded(frame(Opcode.BINARY, b"early")))), OFFER)
    assert socket.wait_for("received") == (b"early",)


# Flow control


def test_reading_stops_while_litecore_is_not_done_and_goes_on_after(
    backstage: Backstage, new_socket: SocketMaker
) -> None:
    sent: list[int] = []

    async def flood(connection: ServerConnection) -> None:
        for i in range(4000):
            await connection.send(i.to_bytes(4, "big") * 2500)
            sent.append(i)
        await connection.wait_closed()

    socket = new_socket(acknowledges=False).open(url(backstage.websocket(flood)), OFFER)
    socket.wait_for("received", 7)
    settled = -1
    while settled != len(sent):
        settled = len(sent)
        time.sleep(0.3)
    # 40 MB are on offer; of them come the limit, what one read brought, and nothing more.
    assert 65_536 <= sum(map(len, socket.messages)) < 65_536 + 65_536 + 10_000
    assert settled < 4000
    # LiteCore gets done with one message at a time, and every one comes.
    acknowledged = 0
    while acknowledged < 4000:
        socket.wait_for("received", acknowledged + 1)
        socket.completed_receive(10_000)
        acknowledged += 1
    assert socket.messages == [i.to_bytes(4, "big") * 2500 for i in range(4000)]


def test_completed_write_waits_for_a_peer_that_does_not_read(backstage: Backstage, new_socket: SocketMaker) -> None:
    may_read = asyncio.Event()

    async def hesitate(connection: ServerConnection) -> None:
        await may_read.wait()
        await echo(connection)

    port = backstage.websocket(hesitate, max_queue=1, max_size=None)
    socket = new_socket().open(url(port), OFFER)
    socket.wait_for("opened")
    piece = bytes(1_000_000)
    for _ in range(40):
        socket.write(piece)
    settled = -1
    while settled != socket.written:
        settled = socket.written
        time.sleep(0.3)
    assert settled < 40_000_000  # as much as both kernels and the peer's library hold
    backstage.run(set_event(may_read))
    socket.wait_until_written(40_000_000)
    assert socket.all_of("completed_write") == [(1_000_000,)] * 40


async def set_event(event: asyncio.Event) -> None:
    event.set()


# Heartbeat


def test_pings_go_out_at_the_heartbeat_of_the_options(backstage: Backstage, new_socket: SocketMaker) -> None:
    pings: list[float] = []

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgraded(hold=False)(reader, writer)
        while (await reader.readexactly(6))[0] == 0x89:
            pings.append(time.monotonic())
            writer.write(frame(Opcode.PONG))

    socket = new_socket(heartbeat=0.05).open(url(backstage.raw(count)), OFFER)
    wait_until(lambda: len(pings) >= 5)
    assert socket.count("closed") == 0
    slow = new_socket(heartbeat=0.05).open(url(backstage.raw(upgraded())), OFFER | {"heartbeat": 60})
    slow.wait_for("opened")
    time.sleep(0.5)
    assert slow.count("closed") == 0


def test_a_server_that_does_not_answer_ping_is_gone(backstage: Backstage, new_socket: SocketMaker) -> None:
    socket = new_socket(heartbeat=0.2, pong_timeout=0.1).open(url(backstage.raw(upgraded())), OFFER)
    assert socket.end == (5, 3)


def test_a_litecore_that_is_busy_is_no_reason_to_give_up_on_the_server(
    backstage: Backstage, new_socket: SocketMaker
) -> None:
    port = backstage.raw(upgraded(frame(Opcode.BINARY, bytes(70_000))))
    socket = new_socket(acknowledges=False, heartbeat=0.1, pong_timeout=0.1).open(url(port), OFFER)
    socket.wait_for("received")
    time.sleep(0.6)
    assert socket.count("closed") == 0
    socket.completed_receive(70_000)
    assert socket.end == (5, 3)


def test_the_peers_ping_is_answered(backstage: Backstage, new_socket: SocketMaker) -> None:
    async def ping(connection: ServerConnection) -> None:
        await asyncio.wait_for(await connection.ping(b"are you there"), 5)
        await connection.send(b"yes")
        await connection.wait_closed()

    socket = new_socket().open(url(backstage.websocket(ping)), OFFER)
    assert socket.wait_for("received") == (b"yes",)
