"""Through a proxy: HTTP and HTTPS by CONNECT (RFC 9110 section 9.3.6), SOCKS by the optional package python-socks."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING, cast

from c4trace.decode.errors import ErrorDomain, NetworkCode
from c4trace.factories.websocket.connect import connect_tcp, connected
from c4trace.factories.websocket.failure import Failure, Outcome, network
from c4trace.factories.websocket.handshake import MAX_HEAD, Refused, ResponseHead
from c4trace.factories.websocket.options import TlsOptions
from c4trace.factories.websocket.stream import TcpStream, TlsStream
from c4trace.factories.websocket.tls import tls_context

if TYPE_CHECKING:
    import socket

    from c4trace.factories.websocket.handshake import Target
    from c4trace.factories.websocket.options import ConnectOptions, ProxyOptions
    from c4trace.factories.websocket.stream import Stream

__all__ = ["connect_through", "read_head"]


async def connect_through(proxy: ProxyOptions, target: Target, options: ConnectOptions) -> Stream:
    """Open a tunnel to the target. Raises Refused for the proxy's own HTTP errors, 407 among them."""
    if proxy.kind.startswith("SOCKS"):
        return await _socks(proxy, target, options.interface)
    stream: Stream = await connect_tcp(proxy.host, proxy.port, options.interface)
    try:
        if proxy.kind == "HTTPS":
            # A pin is about the server, not about the proxy.
            trust = TlsOptions(roots=options.tls.roots, accept_all=options.tls.accept_all)
            stream = secured = TlsStream(stream, await asyncio.to_thread(tls_context, trust), proxy.host)
            await secured.handshake()
        await _connect(stream, proxy, target)
    except BaseException:
        stream.close()
        raise
    return stream


async def read_head(stream: Stream) -> tuple[ResponseHead, bytes, bytes]:
    """Read the head of an HTTP response: what it says, its bytes with the empty line, and what came behind it.

    Interim responses are passed over (RFC 9110 section 15.2). Raises EOFError, or Failure (WebSocket/1002) for what is
    no HTTP response, or a head without an end.
    """
    received, passed_over = b"", 0
    while passed_over + len(received) <= MAX_HEAD:
        head, end, rest = received.partition(b"\r\n\r\n")
        if not end:
            data = await stream.read()
            if not data:
                raise EOFError
            received += data
            continue
        response = ResponseHead.parse(head + end)
        if response.status == 101 or response.status >= 200:
            return response, head + end, rest
        received, passed_over = rest, passed_over + len(head)
    raise Failure(Outcome(ErrorDomain.WEBSOCKET, 1002, "the answer is no HTTP response"))


async def _connect(stream: Stream, proxy: ProxyOptions, target: Target) -> None:
    lines = [f"CONNECT {target.name} HTTP/1.1", f"Host: {target.name}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    stream.write("\r\n".join([*lines, "", ""]).encode())
    response, _, rest = await read_head(stream)
    if not 200 <= response.status < 300:
        raise Refused(response)
    if rest:
        raise Failure(Outcome(ErrorDomain.WEBSOCKET, 1002, "the proxy sent data of its own into the tunnel"))


# Replies of a SOCKS5 proxy (RFC 1928 section 6) that are errors of the connection it tried.
SOCKS_REPLIES = {3: errno.ENETUNREACH, 4: errno.EHOSTUNREACH, 5: errno.ECONNREFUSED, 6: errno.ETIMEDOUT}


class _Ours:
    """How python-socks gets to its proxy: by itself it would try one address only, and from any interface."""

    def __init__(self, interface: str) -> None:
        self._interface = interface

    async def connect(self, dest_host: str, dest_port: int, timeout: float | None) -> socket.socket:  # noqa: ASYNC109, ARG002  # as python-socks calls it
        return await connected(dest_host, dest_port, self._interface)


async def _socks(proxy: ProxyOptions, target: Target, interface: str) -> Stream:
    try:
        from python_socks import ProxyError, ProxyType  # noqa: PLC0415  # the package is optional
        from python_socks.async_.asyncio import Proxy  # noqa: PLC0415
    except ImportError:
        needed = "a SOCKS proxy needs the package python-socks: pip install c4trace[socks]"
        raise network(NetworkCode.Unknown, needed) from None
    for name, text in (("username", proxy.username or ""), ("password", proxy.password)):
        if not text.isascii() or len(text) > 255:  # RFC 1929 section 2
            raise network(
                NetworkCode.Unknown, f"option proxy.auth.{name} must be ASCII of at most 255 bytes for a SOCKS proxy"
            )
    tunnel = Proxy(
        ProxyType[proxy.kind],
        proxy.host,
        proxy.port,
        proxy.username,
        proxy.password,
        rdns=proxy.kind == "SOCKS5",
        forward=cast("Proxy", _Ours(interface)),
    )
    try:
        # Its own time limit would be shorter than ours.
        connection = await tunnel.connect(target.host, target.port, timeout=3600)
    except ProxyError as error:
        raise Failure(_socks_outcome(error)) from None
    except ValueError:  # a name that is too long, or that no host can have
        raise network(NetworkCode.UnknownHost, "unknown host") from None
    try:
        return TcpStream(*await asyncio.open_connection(sock=connection))
    except BaseException:
        connection.close()
        raise


def _socks_outcome(error: Exception) -> Outcome:
    number = SOCKS_REPLIES.get(getattr(error, "error_code", None) or 0)
    if number:
        return Outcome(ErrorDomain.POSIX, number, f"SOCKS proxy: {os.strerror(number)}")
    if "auth" in str(error).lower():
        return Outcome(ErrorDomain.WEBSOCKET, 407, "the SOCKS proxy refuses the credentials")
    return Outcome(ErrorDomain.WEBSOCKET, 502, "the SOCKS proxy could not connect")
