"""WebSocketFactory and the server's answer: refusals, redirections, challenges."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.factories.websocket.peers import CANARY, OFFER, header, silent, url

if TYPE_CHECKING:
    from tests.factories.websocket.backstage import Backstage
    from tests.factories.websocket.conftest import SocketMaker


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


def test_interim_answers_are_passed_over(backstage: Backstage, new_socket: SocketMaker) -> None:
    port, _ = backstage.answer("HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nLink: x\n\nHTTP/1.1 401 No\nX: y")
    socket = new_socket().open(url(port), OFFER)
    assert socket.end == (6, 401)
    assert socket.all_of("got_http_response") == [(401, {"X": "y"})]


@pytest.mark.parametrize("part", [b"X: " + bytes(1000), b"HTTP/1.1 102 Processing\r\n\r\n"])
def test_a_head_without_an_end_is_not_read_for_ever(backstage: Backstage, new_socket: SocketMaker, part: bytes) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while True:
            writer.write(part)
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
