"""WebSocketFactory through proxies: real ones, if small."""

from __future__ import annotations

import asyncio
import errno
import socket as sockets
import sys
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories.websocket.peers import CANARY, OFFER, echo, never_answers, unused_port

if TYPE_CHECKING:
    from tests.factories.websocket.backstage import Backstage, RawHandler
    from tests.factories.websocket.certificates import Certificates
    from tests.factories.websocket.conftest import SocketMaker


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    there, back = await asyncio.open_connection(host, port)
    try:
        await asyncio.gather(pump(reader, back), pump(there, writer))
    finally:
        back.transport.abort()


def http_proxy(requests: list[str], *, credentials: str | None = None, answer: bytes = b"") -> RawHandler:
    """A proxy for CONNECT, with basic authentication where credentials are set; or one that always gives one answer."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        requests.append(request)
        verb, target, _ = request.split("\r\n")[0].split(" ")
        headers = dict(line.split(": ", 1) for line in request.split("\r\n")[1:] if line)
        given = headers.get("Proxy-Authorization", "Basic ").removeprefix("Basic ")
        if answer:
            writer.write(answer)
            await reader.read()
        elif verb != "CONNECT":
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
        elif credentials is not None and b64decode(given).decode() != credentials:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n\r\n")
            await reader.read()
        else:
            host, _, port = target.rpartition(":")
            writer.write(b"HTTP/1.1 200 Connection established\r\nVia: us\r\n\r\n")
            await tunnel(reader, writer, host.strip("[]"), int(port))

    return handle


def through(port: int, kind: str = "HTTP", **auth: str) -> dict[str, Any]:
    proxy: dict[str, Any] = {"type": kind, "host": "localhost", "port": port}
    return OFFER | {"proxy": proxy | ({"auth": auth} if auth else {})}


def test_a_session_goes_through_an_http_proxy(backstage: Backstage, new_socket: SocketMaker) -> None:
    requests: list[str] = []
    proxy, server = backstage.raw(http_proxy(requests)), backstage.websocket(echo)
    socket = new_socket().open(f"ws://127.0.0.1:{server}/db", through(proxy))
    socket.wait_for("opened")
    socket.write(b"hello")
    assert socket.wait_for("received") == (b"hello",)
    socket.request_close()
    assert socket.end == (6, 1000)
    (request,) = requests
    assert request == f"CONNECT 127.0.0.1:{server} HTTP/1.1\r\nHost: 127.0.0.1:{server}\r\n\r\n"


def test_credentials_for_the_proxy_go_to_the_proxy_only(backstage: Backstage, new_socket: SocketMaker) -> None:
    requests: list[str] = []
    server, server_requests = backstage.answer("HTTP/1.1 404 Not Found")
    proxy = backstage.raw(http_proxy(requests, credentials=f"me:{CANARY}"))
    socket = new_socket().open(f"ws://127.0.0.1:{server}/db", through(proxy, username="me", password=CANARY))
    assert socket.end == (6, 404)
    assert "Proxy-Authorization" in requests[0]
    assert "Proxy-Authorization" not in server_requests[0]


def test_a_proxy_that_wants_credentials_is_a_407(backstage: Backstage, new_socket: SocketMaker) -> None:
    proxy = backstage.raw(http_proxy([], credentials="me:right"))
    socket = new_socket().open("ws://127.0.0.1:1/db", through(proxy, username="me", password=CANARY))
    assert socket.end == (6, 407)
    assert socket.all_of("got_http_response") == [(407, {"Proxy-Authenticate": "Basic realm=x"})]
    assert CANARY not in repr(socket.up_calls)


@pytest.mark.parametrize("status", [403, 502, 503, 504])
def test_what_the_proxy_answers_is_reported_by_its_status(
    backstage: Backstage, new_socket: SocketMaker, status: int
) -> None:
    proxy = backstage.raw(http_proxy([], answer=f"HTTP/1.1 {status} No\r\n\r\n".encode()))
    assert new_socket().open("ws://127.0.0.1:1/db", through(proxy)).end == (6, status)


def test_a_proxy_that_talks_into_the_tunnel_is_not_believed(backstage: Backstage, new_socket: SocketMaker) -> None:
    proxy = backstage.raw(http_proxy([], answer=b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Me too\r\n\r\n"))
    assert new_socket().open("ws://127.0.0.1:1/db", through(proxy)).end == (6, 1002)


def test_a_proxys_interim_answer_is_passed_over(backstage: Backstage, new_socket: SocketMaker) -> None:
    proxy = backstage.raw(http_proxy([], answer=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\n\r\n"))
    assert new_socket().open("ws://127.0.0.1:1/db", through(proxy)).end == (6, 403)


def test_a_proxy_that_is_not_there_is_econnrefused(new_socket: SocketMaker) -> None:
    assert new_socket().open("ws://127.0.0.1:1/db", through(unused_port())).end == (2, errno.ECONNREFUSED)


def test_a_proxy_that_never_answers_is_a_timeout(backstage: Backstage, new_socket: SocketMaker) -> None:
    socket = new_socket(connect_timeout=0.3).open("ws://127.0.0.1:1/db", through(backstage.raw(never_answers)))
    assert socket.end == (5, 3)


def test_type_none_is_no_proxy(backstage: Backstage, new_socket: SocketMaker) -> None:
    options = OFFER | {"proxy": {"type": "none", "host": "nowhere", "port": 1}}
    new_socket().open(f"ws://127.0.0.1:{backstage.websocket(echo)}/db", options).wait_for("opened")


def test_tls_goes_through_a_proxy_to_the_server(
    backstage: Backstage, new_socket: SocketMaker, certificates: Certificates
) -> None:
    proxy = backstage.raw(http_proxy([]))
    server = backstage.websocket(echo, tls=certificates.server.server_context())
    options = through(proxy) | {"rootCerts": certificates.root.der}
    socket = new_socket().open(f"wss://localhost:{server}/db", options)
    socket.wait_for("opened")
    assert socket.all_of("got_peer_certificate") == [(certificates.server.der, "localhost")]


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_the_way_to_the_proxy_may_be_tls_itself(
    backstage: Backstage, new_socket: SocketMaker, certificates: Certificates, scheme: str
) -> None:
    context = certificates.server.server_context()
    proxy = backstage.raw(http_proxy([]), tls=context)
    server = backstage.websocket(echo, tls=context if scheme == "wss" else None)
    options = through(proxy, "HTTPS") | {"rootCerts": certificates.root.der}
    socket = new_socket().open(f"{scheme}://localhost:{server}/db", options)
    socket.wait_for("opened")
    blob = bytes(range(256)) * 2000
    socket.write(blob)
    assert socket.wait_for("received") == (blob,)
    socket.request_close()
    assert socket.end == (6, 1000)


def test_a_proxy_is_not_trusted_for_the_servers_pin(
    backstage: Backstage, new_socket: SocketMaker, certificates: Certificates
) -> None:
    proxy = backstage.raw(http_proxy([]), tls=certificates.server.server_context())
    options = through(proxy, "HTTPS") | {"pinnedCert": certificates.server.der}
    assert new_socket().open("wss://localhost:1/db", options).end == (5, 11)


# SOCKS


def socks5_proxy(seen: list[str], *, credentials: str | None = None, reply: int = 0) -> RawHandler:
    """A proxy for CONNECT of RFC 1928, with the passwords of RFC 1929 where credentials are set."""

    async def greeted(read: Callable[[int], Awaitable[bytes]], write: Callable[[bytes], None]) -> bool:
        _, methods = await read(2)
        offered = await read(methods)
        method = 0 if credentials is None else 2
        if method not in offered:
            write(b"\x05\xff")
            return False
        write(bytes((5, method)))
        if credentials is None:
            return True
        await read(1)
        name = await read((await read(1))[0])
        password = await read((await read(1))[0])
        granted = f"{name.decode()}:{password.decode()}" == credentials
        write(b"\x01" + (b"\x00" if granted else b"\x01"))
        return granted

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await greeted(reader.readexactly, writer.write):
            await reader.read()
            return
        *_, kind = await reader.readexactly(4)
        host = await reader.readexactly((await reader.readexactly(1))[0] if kind == 3 else 4)
        name = host.decode() if kind == 3 else ".".join(map(str, host))
        port = int.from_bytes(await reader.readexactly(2), "big")
        seen.append(f"{name}:{port}")
        writer.write(bytes((5, reply, 0, 1, 0, 0, 0, 0, 0, 0)))
        if reply:
            await reader.read()
        else:
            await tunnel(reader, writer, name, port)

    return handle


def test_a_session_goes_through_a_socks_proxy_that_resolves_the_name(
    backstage: Backstage, new_socket: SocketMaker
) -> None:
    seen: list[str] = []
    proxy, server = backstage.raw(socks5_proxy(seen)), backstage.websocket(echo)
    socket = new_socket().open(f"ws://localhost:{server}/db", through(proxy, "SOCKS"))
    socket.wait_for("opened")
    socket.write(b"hello")
    assert socket.wait_for("received") == (b"hello",)
    socket.request_close()
    assert socket.end == (6, 1000)
    assert seen == [f"localhost:{server}"]


def test_tls_goes_through_a_socks_proxy_with_a_password(
    backstage: Backstage, new_socket: SocketMaker, certificates: Certificates
) -> None:
    proxy = backstage.raw(socks5_proxy([], credentials="me:p"))
    server = backstage.websocket(echo, tls=certificates.server.server_context())
    options = through(proxy, "SOCKS", username="me", password="p") | {"rootCerts": certificates.root.der}  # noqa: S106  # of a test
    new_socket().open(f"wss://localhost:{server}/db", options).wait_for("opened")


@pytest.mark.parametrize("auth", [{}, {"username": "me", "password": CANARY}])
def test_a_socks_proxy_that_refuses_the_credentials_is_a_407(
    backstage: Backstage, new_socket: SocketMaker, auth: dict[str, str]
) -> None:
    proxy = backstage.raw(socks5_proxy([], credentials="me:right"))
    socket = new_socket().open("ws://127.0.0.1:1/db", through(proxy, "SOCKS", **auth))
    assert socket.end == (6, 407)
    assert CANARY not in repr(socket.up_calls)


@pytest.mark.parametrize(
    ("reply", "end"),
    [
        (5, (2, errno.ECONNREFUSED)),
        (4, (2, errno.EHOSTUNREACH)),
        (3, (2, errno.ENETUNREACH)),
        (1, (6, 502)),
        (2, (6, 502)),
    ],
)
def test_what_a_socks_proxy_could_not_do_is_told(
    backstage: Backstage, new_socket: SocketMaker, reply: int, end: tuple[int, int]
) -> None:
    proxy = backstage.raw(socks5_proxy([], reply=reply))
    assert new_socket().open("ws://127.0.0.1:1/db", through(proxy, "SOCKS")).end == end


def test_a_socks_proxy_that_is_not_there_is_econnrefused(new_socket: SocketMaker) -> None:
    assert new_socket().open("ws://127.0.0.1:1/db", through(unused_port(), "SOCKS")).end == (2, errno.ECONNREFUSED)


@pytest.mark.parametrize("kind", ["SOCKS", "SOCKS4"])
def test_a_socks_proxy_whose_name_is_not_known_is_an_error_of_the_name_service(
    new_socket: SocketMaker, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> None:
        raise sockets.gaierror(sockets.EAI_NONAME, "as the resolver says")

    monkeypatch.setattr(sockets, "getaddrinfo", getaddrinfo)  # the machine of the tests may have no resolver
    socket = new_socket().open("ws://127.0.0.1:1/db", through(1, kind))
    assert socket.wait_for("closed") == (5, 2, "unknown host")


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 64}.example", "x." * 150 + "y"])
def test_a_name_that_no_host_can_have_is_unknown_to_a_socks_proxy(
    backstage: Backstage, new_socket: SocketMaker, host: str
) -> None:
    seen: list[str] = []
    proxy = backstage.raw(socks5_proxy(seen))
    assert new_socket().open(f"ws://{host}:80/db", through(proxy, "SOCKS")).wait_for("closed") == (5, 2, "unknown host")
    assert seen == []


@pytest.mark.parametrize("name", ["username", "password"])
@pytest.mark.parametrize("text", [f"{CANARY}é", CANARY + "x" * 255])
def test_credentials_that_socks_cannot_carry_are_a_bad_option(new_socket: SocketMaker, name: str, text: str) -> None:
    auth = {"username": "me", "password": "p"} | {name: text}
    domain, code, message = new_socket().open("ws://127.0.0.1:1/db", through(1, "SOCKS", **auth)).wait_for("closed")
    assert (domain, code) == (5, 13)
    assert f"option proxy.auth.{name} " in message
    assert CANARY not in message


def test_the_way_to_a_socks_proxy_has_all_its_addresses_and_the_interface(
    backstage: Backstage, new_socket: SocketMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = backstage.raw(socks5_proxy([])), backstage.websocket(echo)
    found = [(sockets.AF_INET, sockets.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in (unused_port(), proxy)]
    monkeypatch.setattr(sockets, "getaddrinfo", lambda *_, **__: found)
    options = through(proxy, "SOCKS")
    new_socket().open(f"ws://127.0.0.1:{server}/db", options).wait_for("opened")
    refused = new_socket().open(f"ws://127.0.0.1:{server}/db", options | {"networkInterface": "no-such-one"})
    assert refused.end == (5, 27)


def test_without_the_package_a_socks_proxy_is_a_bad_option(
    new_socket: SocketMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)
    domain, code, message = new_socket().open("ws://127.0.0.1:1/db", through(1, "SOCKS")).wait_for("closed")
    assert (domain, code) == (5, 13)
    assert "pip install c4trace[socks]" in message
