"""WebSocketFactory at the end of a WebSocket, in order or not, against real servers."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Opcode

from c4trace.factories.websocket.conversation import wire_status
from c4trace.factories.websocket.options import Settings
from tests.factories.websocket.peers import OFFER, frame, silent, upgraded, url, wait_until

if TYPE_CHECKING:
    from tests.factories.websocket.backstage import Backstage
    from tests.factories.websocket.conftest import SocketMaker


LEGAL = [1000, 1001, 1011, 3000, 4999]
ILLEGAL = {0: 1000, -7: 1000, 1005: 1000, 504: 1001, 1004: 1011, 1006: 1011, 1015: 1011, 2999: 1011, 5000: 1011}


@pytest.mark.parametrize(("status", "on_the_wire"), [*zip(LEGAL, LEGAL, strict=True), *ILLEGAL.items()])
def test_a_status_that_may_not_be_sent_is_mapped_to_one_that_may(status: int, on_the_wire: int) -> None:
    assert wire_status(status) == on_the_wire


@pytest.mark.parametrize(("status", "on_the_wire"), [(1000, 1000), (504, 1001), (1006, 1011), (4001, 4001)])
def test_request_close_sends_close_and_waits_for_the_answer(
    backstage: Backstage, new_socket: SocketMaker, status: int, on_the_wire: int
) -> None:
    seen: list[tuple[int | None, str | None]] = []

    async def watch(connection: ServerConnection) -> None:
        await connection.wait_closed()
        seen.append((connection.close_code, connection.close_reason))

    socket = new_socket().open(url(backstage.websocket(watch)), OFFER)
    socket.wait_for("opened")
    socket.request_close(status, "ä" * 100)
    assert socket.end == (6, on_the_wire)
    wait_until(lambda: seen == [(on_the_wire, "ä" * 61)])


def test_what_was_written_before_the_close_goes_out_before_it(backstage: Backstage, new_socket: SocketMaker) -> None:
    seen: list[bytes | str] = []

    async def collect(connection: ServerConnection) -> None:
        seen.extend([message async for message in connection])

    socket = new_socket().open(url(backstage.websocket(collect)), OFFER)
    socket.wait_for("opened")
    for i in range(100):
        socket.write(i.to_bytes(2, "big"))
    socket.request_close()
    socket.write(b"too late")
    assert socket.end == (6, 1000)
    assert socket.written == 200
    wait_until(lambda: seen == [i.to_bytes(2, "big") for i in range(100)])


def test_messages_still_arrive_after_request_close(backstage: Backstage, new_socket: SocketMaker) -> None:
    async def last_words(connection: ServerConnection) -> None:
        await connection.recv()
        for _ in range(3):
            await connection.send(b"last words")
        await asyncio.sleep(0.3)

    port = backstage.raw(upgraded(frame(Opcode.BINARY, b"a") * 3))
    socket = new_socket(close_timeout=1).open(url(port), OFFER)
    socket.wait_for("opened")
    socket.request_close()
    socket.wait_for("closed")
    assert socket.messages == [b"a"] * 3


def test_a_second_request_close_changes_nothing(backstage: Backstage, new_socket: SocketMaker) -> None:
    socket = new_socket().open(url(backstage.websocket(silent)), OFFER)
    socket.wait_for("opened")
    socket.request_close(1000, "first")
    socket.request_close(1001, "second")
    assert socket.wait_for("closed") == (6, 1000, "first")
    socket.request_close(1002, "third")


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4001])
def test_the_peers_close_is_reported_answered_and_becomes_the_end(
    backstage: Backstage, new_socket: SocketMaker, code: int
) -> None:
    seen: list[int | None] = []

    async def hang_up(connection: ServerConnection) -> None:
        await connection.close(code, "that's all")
        assert connection.protocol.close_rcvd
        seen.append(connection.protocol.close_rcvd.code)

    socket = new_socket().open(url(backstage.websocket(hang_up)), OFFER)
    assert socket.wait_for("closed") == (6, code, "that's all")
    assert socket.all_of("close_requested") == [(code, "that's all")]
    assert socket.names[-2:] == ["close_requested", "closed"]
    wait_until(lambda: seen == [code])


def test_the_peers_close_without_a_code_is_1005(backstage: Backstage, new_socket: SocketMaker) -> None:
    socket = new_socket().open(url(backstage.raw(upgraded(frame(Opcode.CLOSE)))), OFFER)
    assert socket.end == (6, 1005)
    assert socket.all_of("close_requested") == [(1005, "")]


def test_the_peers_close_is_not_answered_before_litecore_says_so(backstage: Backstage, new_socket: SocketMaker) -> None:
    heard: list[bytes] = []

    async def close_and_listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgraded(frame(Opcode.CLOSE, b"\x03\xe9"), hold=False)(reader, writer)
        heard.append(await reader.read(100))

    socket = new_socket(answers_close=False).open(url(backstage.raw(close_and_listen)), OFFER)
    socket.wait_for("close_requested")
    time.sleep(0.2)
    assert heard == []
    assert socket.count("closed") == 0
    socket.request_close(1001, "")
    assert socket.end == (6, 1001)
    wait_until(lambda: len(heard) == 1)
    assert heard[0][0] == 0x88


def test_a_litecore_that_never_answers_the_peers_close_does_not_hold_the_socket(
    backstage: Backstage, new_socket: SocketMaker
) -> None:
    port = backstage.raw(upgraded(frame(Opcode.CLOSE, b"\x03\xe9")))
    socket = new_socket(answers_close=False, close_timeout=0.3).open(url(port), OFFER)
    assert socket.end == (6, 1001)


def test_a_peer_that_never_answers_close_does_not_hold_the_socket(
    backstage: Backstage, new_socket: SocketMaker
) -> None:
    assert Settings().close_timeout < 5  # LiteCore's own limit (C4S-059)
    socket = new_socket(close_timeout=0.3).open(url(backstage.raw(upgraded())), OFFER)
    socket.wait_for("opened")
    socket.request_close()
    assert socket.end == (6, 1000)


def test_a_peer_that_does_not_even_read_does_not_hold_the_socket(backstage: Backstage, new_socket: SocketMaker) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgraded(hold=False)(reader, writer)
        await asyncio.sleep(60)

    socket = new_socket(close_timeout=0.5).open(url(backstage.raw(deaf)), OFFER)
    socket.wait_for("opened")
    for _ in range(20):
        socket.write(bytes(1_000_000))
    socket.request_close()
    assert socket.end == (6, 1006)


def test_closes_that_cross_end_the_connection_once(backstage: Backstage, new_socket: SocketMaker) -> None:
    async def at_once(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(1001)

    for _ in range(30):
        socket = new_socket().open(url(backstage.websocket(at_once)), OFFER)
        socket.wait_for("opened")
        socket.write(b"x")
        socket.request_close()
        assert socket.end in {(6, 1000), (6, 1001)}


# Losing the connection


def test_a_server_that_hangs_up_without_close_is_an_abnormal_closure(
    backstage: Backstage, new_socket: SocketMaker
) -> None:
    socket = new_socket().open(url(backstage.raw(upgraded(hold=False))), OFFER)
    domain, code = socket.end
    assert (domain, code) in {(6, 1006), (2, 104)}


def test_a_reset_is_reported_as_such(backstage: Backstage, new_socket: SocketMaker) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgraded(hold=False)(reader, writer)
        await reader.readexactly(1)
        await asyncio.sleep(0.1)  # more comes in; hanging up on it resets the connection

    socket = new_socket().open(url(backstage.raw(reset)), OFFER)
    socket.wait_for("opened")
    for _ in range(100):
        socket.write(bytes(10_000))
    assert socket.end == (2, 104)
    assert socket.written < 1_000_000 or socket.count("completed_write") == 100


def test_calls_after_the_end_are_ignored(backstage: Backstage, new_socket: SocketMaker) -> None:
    socket = new_socket().open(url(backstage.raw(upgraded(hold=False))), OFFER)
    socket.wait_for("closed")
    socket.write(b"late")
    socket.completed_receive(10)
    socket.request_close()
    socket.dispose()
    socket.write(b"later")
    assert socket.names[-1] == "closed"
