"""WebSocketFactory from `open` to `opened`, or to the `closed` that takes its place."""

from __future__ import annotations

import asyncio
import base64
import errno
import logging
import re
import socket as sockets
import struct
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.server import ServerConnection

from c4trace.factories.websocket import WebSocketFactory
from tests.factories.websocket.peers import CANARY, OFFER, never_answers, silent, unused_port, url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.factories.websocket.backstage import Backstage
    from tests.factories.websocket.conftest import SocketMaker
    from tests.factories.websocket.recorder import RecordingSocket


def header(request: str, name: str) -> list[str]:
    return re.findall(rf"^{name}: (.*)\r$", request, re.MULTILINE | re.IGNORECASE)


def asked(backstage: Backstage, new_socket: SocketMaker, options: dict[str, Any], **settings: Any) -> str:
    """The request that these options make."""
    port, requests = backstage.answer("HTTP/1.1 404 Not Found")
    socket = new_socket(**settings).open(url(port), options)
    assert socket.end == (6, 404)
    (request,) = requests
    return request


# What is asked


def test_the_request_is_a_websocket_upgrade(backstage: Backstage, new_socket: SocketMaker) -> None:
    request = asked(backstage, new_socket, {})
    assert request.startswith("GET /db/_blipsync HTTP/1.1\r\n")
    assert header(request, "Upgrade") == ["websocket"]
    assert header(request, "Connection") == ["Upgrade"]
    assert header(request, "Sec-WebSocket-Version") == ["13"]
    assert len(base64.b64decode(header(request, "Sec-WebSocket-Key")[0])) == 16
    assert re.fullmatch(r"127\.0\.0\.1:\d+", header(request, "Host")[0])
    assert header(request, "User-Agent") == ["c4trace"]
    for absent in ("Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol", "Authorization", "Cookie"):
        assert header(request, absent) == []


@pytest.mark.parametrize("protocols", ["BLIP_3+CBMobile_3,BLIP_3+CBMobile_2", "BLIP_3+CBMobile_4", "a, b"])
def test_ws_protocols_go_out_as_they_came_in_one_header(
    backstage: Backstage, new_socket: SocketMaker, protocols: str
) -> None:
    request = asked(backstage, new_socket, {"WS-Protocols": protocols})
    assert header(request, "Sec-WebSocket-Protocol") == [protocols]


def test_headers_go_out_but_for_those_of_the_handshake(backstage: Backstage, new_socket: SocketMaker) -> None:
    headers = {
        "X-One": "1",
        "X-Many": ["2", "3"],
        "User-Agent": "Lite/3",
        "Connection": "close",
        "Sec-WebSocket-Key": "k",
    }
    request = asked(backstage, new_socket, {"headers": headers})
    assert header(request, "X-One") == ["1"]
    assert header(request, "X-Many") == ["2", "3"]
    assert header(request, "User-Agent") == ["Lite/3"]
    assert header(request, "Connection") == ["Upgrade"]
    assert header(request, "Sec-WebSocket-Key") != ["k"]


def test_headers_may_come_as_lines(backstage: Backstage, new_socket: SocketMaker) -> None:
    request = asked(backstage, new_socket, {"headers": ["X-One: 1", "X-Two:2: zwei"]})
    assert header(request, "X-One") == ["1"]
    assert header(request, "X-Two") == ["2: zwei"]


def test_the_user_agent_can_be_chosen(backstage: Backstage, new_socket: SocketMaker) -> None:
    assert header(asked(backstage, new_socket, {}, user_agent="mine/1"), "User-Agent") == ["mine/1"]


def test_basic_authentication_goes_out_unasked(backstage: Backstage, new_socket: SocketMaker) -> None:
    auth = {"type": "Basic", "username": "jürgen", "password": "pass:word"}
    (value,) = header(asked(backstage, new_socket, {"auth": auth}), "Authorization")
    assert base64.b64decode(value.removeprefix("Basic ")).decode() == "jürgen:pass:word"


def test_basic_is_the_authentication_that_needs_no_type(backstage: Backstage, new_socket: SocketMaker) -> None:
    (value,) = header(asked(backstage, new_socket, {"auth": {"username": "me"}}), "Authorization")
    assert base64.b64decode(value.removeprefix("Basic ")) == b"me:"


def test_a_token_is_a_bearers(backstage: Backstage, new_socket: SocketMaker) -> None:
    auth = {"type": "OpenID Connect", "token": "abc"}
    assert header(asked(backstage, new_socket, {"auth": auth}), "Authorization") == ["Bearer abc"]


def test_an_authorization_header_of_ones_own_wins(backstage: Backstage, new_socket: SocketMaker) -> None:
    options = {"headers": {"authorization": "Own x"}, "auth": {"username": "me", "password": "p"}}
    assert header(asked(backstage, new_socket, options), "Authorization") == ["Own x"]


def test_a_session_is_a_cookie(backstage: Backstage, new_socket: SocketMaker) -> None:
    options = {"auth": {"type": "Session", "token": "abc"}}
    assert header(asked(backstage, new_socket, options), "Cookie") == ["SyncGatewaySession=abc"]
    request = asked(backstage, new_socket, options, session_cookie="Other")
    assert header(request, "Cookie") == ["Other=abc"]


def test_all_cookies_go_out_in_one_header(backstage: Backstage, new_socket: SocketMaker) -> None:
    options = {"cookies": "a=1; b=2", "headers": {"Cookie": "c=3"}, "auth": {"type": "Session", "token": "x"}}
    assert header(asked(backstage, new_socket, options), "Cookie") == ["c=3; a=1; b=2; SyncGatewaySession=x"]


def test_a_path_cannot_add_to_the_request(backstage: Backstage, new_socket: SocketMaker) -> None:
    port, requests = backstage.answer("HTTP/1.1 404 Not Found")
    new_socket().open(url(port, "/a b\r\nX: y%20z/_blipsync"), {}).wait_for("closed")
    assert requests[0].startswith("GET /a%20b%0D%0AX:%20y%20z/_blipsync HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "options",
    [
        {"WS-Protocols": 7},
        {"WS-Protocols": "a\r\nX: y"},
        {"headers": {"X": CANARY + "\r\nY: z"}},
        {"headers": {"X Y": CANARY}},
        {"headers": {"X": {"deep": CANARY}}},
        {"headers": CANARY},
        {"headers": [CANARY]},
        {"cookies": CANARY + "\n"},
        {"auth": CANARY},
        {"auth": {"username": 7, "password": CANARY}},
        {"auth": {"type": "OpenID Connect", "token": CANARY + "\r\n"}},
        {"auth": {"type": "Session", "token": CANARY + "\r\n"}},
        {"proxy": {"type": "PIGEON", "host": CANARY}},
        {"proxy": {"type": "HTTP", "host": "h"}},
        {"proxy": {"type": "HTTP", "host": "h", "port": 70000}},
        {"heartbeat": "often"},
        {"pinnedCert": 7},
    ],
)
def test_bad_options_end_the_attempt_and_say_no_secret(
    backstage: Backstage, new_socket: SocketMaker, options: dict[str, Any]
) -> None:
    socket = new_socket().open(url(backstage.websocket(silent)), options)
    domain, code, message = socket.wait_for("closed")
    assert (domain, code) == (5, 13)
    assert "option " in message
    assert CANARY not in message
    assert socket.names == ["closed"]


@pytest.mark.parametrize("address", ["ftp://127.0.0.1:80/", "ws://:80/", "ws://a b:80/", "ws://u@h:80/", "://h:1/"])
def test_an_address_that_is_none_is_an_invalid_url(new_socket: SocketMaker, address: str) -> None:
    assert new_socket().open(address).end == (5, 4)


# What is answered


def test_the_headers_of_the_answer_are_title_case_and_repeated_ones_a_list(
    backstage: Backstage, new_socket: SocketMaker
) -> None:
    port, _ = backstage.answer(
        "HTTP/1.1 401 Unauthorized\nset-cookie: a=1\nSET-COOKIE: b=2\nwww-authenticate: Basic realm=x\n"
        "x-CORRELATION-id:7\ncontent-length: 1000\nX-Empty:"
    )
    socket = new_socket().open(url(port), OFFER)
    assert socket.wait_for("closed") == (6, 401, "HTTP 401 Unauthorized")
    assert socket.all_of("got_http_response") == [
        (
            401,
            {
                "Set-Cookie": ["a=1", "b=2"],
                "WWW-Authenticate": "Basic realm=x",
                "X-Correlation-Id": "7",
                "Content-Length": "1000",
                "X-Empty": "",
            },
        )
    ]
    assert socket.names == ["got_http_response", "closed"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 429, 500, 502, 503, 504, 599])
def test_a_refusal_is_reported_by_its_status(backstage: Backstage, new_socket: SocketMaker, status: int) -> None:
    port, _ = backstage.answer(f"HTTP/1.1 {status} {CANARY}")
    socket = new_socket().open(url(port), OFFER)
    assert socket.end == (6, status)
    assert socket.all_of("got_http_response") == [(status, {})]
    assert CANARY not in str(socket.all_of("closed"))


@pytest.mark.parametrize("status", [200, 204, 600, 999])
def test_a_status_that_is_no_error_is_one_of_the_protocol(
    backstage: Backstage, new_socket: SocketMaker, status: int
) -> None:
    port, _ = backstage.answer(f"HTTP/1.1 {status} Fine")
    socket = new_socket().open(url(port), OFFER)
    assert socket.end == (6, 1002)
    assert socket.all_of("got_http_response") == [(status, {})]


@pytest.mark.parametrize(
    "answer",
    [
        "SSH-2.0-OpenSSH_9.2",
        "HTTP/1.1 abc",
        "HTTP/1.1 101 Switching Protocols",
        f"HTTP/1.1 101 Yes\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: {CANARY}",
        "HTTP/1.1 404 Not Found\nno header",
        "HTTP/2 101 Yes",
        "",
    ],
)
def test_an_answer_that_is_none_is_a_protocol_error(backstage: Backstage, new_socket: SocketMaker, answer: str) -> None:
    port, _ = backstage.answer(answer)
    socket = new_socket().open(url(port), OFFER)
    assert socket.end == (6, 1002)
    assert socket.names == ["closed"]
    assert CANARY not in str(socket.up_calls)


def test_a_head_without_an_end_is_not_read_for_ever(backstage: Backstage, new_socket: SocketMaker) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while True:
            writer.write(b"X: " + bytes(1000))
            await writer.drain()

    assert new_socket().open(url(backstage.raw(babble)), OFFER).end == (6, 1002)


def test_a_subprotocol_nobody_offered_is_a_protocol_error(backstage: Backstage, new_socket: SocketMaker) -> None:
    port = backstage.websocket(silent, subprotocols=["other"], select_subprotocol=lambda *_: "other")
    socket = new_socket().open(url(port), OFFER)
    assert socket.end == (6, 1002)


def test_an_answer_without_subprotocol_is_for_litecore_to_judge(backstage: Backstage, new_socket: SocketMaker) -> None:
    port = backstage.websocket(silent, subprotocols=None)
    socket = new_socket()
    socket.offers = False  # the check of C4S-017 is LiteCore's: it closes with 1002
    socket.open(url(port), OFFER).wait_for("opened")
    socket.request_close()
    assert socket.end == (6, 1000)


# Redirections and challenges


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirections_are_followed(backstage: Backstage, new_socket: SocketMaker, status: int) -> None:
    end = backstage.websocket(silent)
    port, requests = backstage.answer(
        f"HTTP/1.1 {status} Elsewhere\nLocation: /other/_blipsync?a=b#c",
        f"HTTP/1.1 {status} Elsewhere\nLocation: http://127.0.0.1:{end}/db/_blipsync",
    )
    socket = new_socket().open(url(port), OFFER)
    socket.wait_for("opened")
    assert [request.partition(" HTTP")[0] for request in requests] == [
        "GET /db/_blipsync",
        "GET /other/_blipsync?a=b",
    ]
    assert socket.names == ["got_http_response", "opened"]
    assert socket.all_of("got_http_response")[0][0] == 101


def test_another_server_gets_nothing_that_was_meant_for_this_one(backstage: Backstage, new_socket: SocketMaker) -> None:
    stranger, strange_requests = backstage.answer("HTTP/1.1 404 Not Found")
    port, requests = backstage.answer(
        "HTTP/1.1 302 Found\nLocation: /again",
        f"HTTP/1.1 302 Found\nLocation: ws://127.0.0.1:{stranger}/there",
    )
    options = OFFER | {
        "headers": {"X-Token": CANARY, "User-Agent": "Lite", "Cookie": f"c={CANARY}"},
        "cookies": f"a={CANARY}",
        "auth": {"username": CANARY, "password": CANARY},
    }
    assert new_socket().open(url(port), options).end == (6, 404)
    assert all(request.count(CANARY) == 3 and header(request, "Authorization") for request in requests)
    assert len(requests) == 2
    (request,) = strange_requests
    assert CANARY not in request
    assert header(request, "Authorization") == header(request, "Cookie") == []
    assert header(request, "User-Agent") == ["Lite"]
    assert header(request, "Sec-WebSocket-Protocol") == [OFFER["WS-Protocols"]]


def test_ten_redirections_are_followed_and_no_more(backstage: Backstage, new_socket: SocketMaker) -> None:
    port, requests = backstage.answer("HTTP/1.1 302 Found\nLocation: /again")
    assert new_socket().open(url(port), OFFER).end == (5, 5)
    assert len(requests) == 11


@pytest.mark.parametrize(
    "location", ["", "Location:", "Location: ftp://x/", "Location: http://[x", "Location: http://x:99999999/"]
)
def test_a_redirection_to_nowhere_is_an_invalid_one(
    backstage: Backstage, new_socket: SocketMaker, location: str
) -> None:
    port, _ = backstage.answer(f"HTTP/1.1 302 Found\nX: y\n{location}".rstrip())
    assert new_socket().open(url(port), OFFER).end == (5, 12)


def test_cookies_set_on_the_way_are_sent_further_on(backstage: Backstage, new_socket: SocketMaker) -> None:
    port, requests = backstage.answer(
        "HTTP/1.1 302 Found\nSet-Cookie: s=1; Path=/\nSet-Cookie: other=2; Path=/elsewhere\n"
        "Set-Cookie: foreign=3; Domain=example.com\nSet-Cookie: secure=4; Secure\nLocation: /again",
        "HTTP/1.1 404 Not Found",
    )
    new_socket().open(url(port), {"cookies": "own=0"}).wait_for("closed")
    assert header(requests[1], "Cookie") == ["s=1; own=0"]


def test_with_challenge_auth_credentials_wait_for_the_challenge(backstage: Backstage, new_socket: SocketMaker) -> None:
    port, requests = backstage.answer(
        'HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Basic realm="x"', "HTTP/1.1 403 Forbidden"
    )
    auth = {"username": "me", "password": "p", "challengeAuth": True}
    assert new_socket().open(url(port), {"auth": auth}).end == (6, 403)
    assert [bool(header(request, "Authorization")) for request in requests] == [False, True]


@pytest.mark.parametrize("challenge", ["Digest realm=x", "", "Basic realm=x"])
def test_a_challenge_that_cannot_be_met_is_a_401(backstage: Backstage, new_socket: SocketMaker, challenge: str) -> None:
    port, requests = backstage.answer(f"HTTP/1.1 401 Unauthorized\nWWW-Authenticate: {challenge}")
    auth = {"username": "me", "password": "p", "challengeAuth": True}
    assert new_socket().open(url(port), {"auth": auth}).end == (6, 401)
    assert len(requests) == (2 if challenge.startswith("Basic") else 1)


# What goes wrong before there is an answer


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


# Secrets


def test_no_secret_is_logged_at_any_level(
    backstage: Backstage, new_socket: SocketMaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    port, requests = backstage.answer(f"HTTP/1.1 401 Unauthorized\nSet-Cookie: s={CANARY}")
    options = {
        "headers": {"X-Token": CANARY},
        "cookies": f"a={CANARY}",
        "auth": {"type": "OpenID Connect", "token": CANARY},
    }
    socket = new_socket().open(url(port), options)
    assert socket.end == (6, 401)
    assert requests[0].count(CANARY) == 3
    assert CANARY not in caplog.text
    assert CANARY not in repr(socket.all_of("closed"))
