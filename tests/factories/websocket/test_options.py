"""What the options of `open` make of the request."""

from __future__ import annotations

import base64
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories.websocket.peers import CANARY, header, silent, url

if TYPE_CHECKING:
    from tests.factories.websocket.backstage import Backstage
    from tests.factories.websocket.conftest import SocketMaker


def asked(backstage: Backstage, new_socket: SocketMaker, options: dict[str, Any], **settings: Any) -> str:
    """The request that these options make."""
    port, requests = backstage.answer("HTTP/1.1 404 Not Found")
    socket = new_socket(**settings).open(url(port), options)
    assert socket.end == (6, 404)
    (request,) = requests
    return request


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
