"""WebSocketFactory from `opened` to `closed`, against real WebSocket servers."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Opcode

from c4trace.factories.websocket import WebSocketFactory
from c4trace.factories.websocket.conversation import wire_status
from c4trace.factories.websocket.options import Settings
from tests.factories.websocket.peers import OFFER, echo, frame, never_answers, silent, upgraded, url, wait_until

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
    assert hashlib.sha256(received).digest() == hashlib.sha256(blob).digest()
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


# Closing


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


# Many at once


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
