"""From an address to a WebSocket: proxy, TCP, TLS, handshake, redirections and the answer to a challenge."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from c4trace.decode.errors import NetworkCode
from c4trace.factories.websocket.connect import connect_tcp
from c4trace.factories.websocket.cookies import Cookies
from c4trace.factories.websocket.failure import network
from c4trace.factories.websocket.handshake import Refused, handshake_request, upgrade
from c4trace.factories.websocket.proxy import connect_through, read_head
from c4trace.factories.websocket.stream import TlsStream
from c4trace.factories.websocket.tls import check_certificate, tls_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.client import ClientProtocol

    from c4trace.factories.websocket.handshake import ResponseHead, Target
    from c4trace.factories.websocket.options import ConnectOptions, Settings
    from c4trace.factories.websocket.stream import Stream

__all__ = ["MAX_REDIRECTS", "Upgraded", "dial"]

MAX_REDIRECTS = 10
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Upgraded:
    """An open WebSocket: `rest` is what the server sent right behind its answer."""

    stream: Stream
    protocol: ClientProtocol
    head: ResponseHead
    rest: bytes


async def dial(
    target: Target, options: ConnectOptions, settings: Settings, approve: Callable[[bytes, str], bool]
) -> Upgraded:
    """Connect, and stay until the server has agreed to speak WebSocket.

    `approve` is shown each server's certificate (DER) and name before it is sent anything (C4S-020). Raises Refused for
    a final answer that is no upgrade, else Failure, OSError (ssl.SSLError among them) or EOFError.
    """
    cookies = Cookies(accept_parent_domain=options.parent_domain_cookies)
    authorize = not options.challenge
    redirects = 0
    while True:
        upgraded = await _attempt(target, options, settings, approve, cookies.header(target), authorize=authorize)
        head = upgraded.head
        if head.status == 101:
            return upgraded
        upgraded.stream.close()
        cookies.store(target, head)
        if head.status in REDIRECTS:
            redirects += 1
            if redirects > MAX_REDIRECTS:
                raise network(NetworkCode.TooManyRedirects, f"more than {MAX_REDIRECTS} redirections")
            next_target = target.redirected(next(iter(head.get_all("Location")), None))
            if not next_target.is_same_server(target):
                options = options.for_a_stranger()
            target = next_target
        elif head.status == 401 and options.authorization and not authorize and _asks_for(head, options.authorization):
            authorize = True
        else:
            raise Refused(head)


def _asks_for(head: ResponseHead, authorization: str) -> bool:
    """Whether one of the challenges is for the scheme we have credentials for."""
    scheme = authorization.partition(" ")[0].lower()
    return any(challenge.lower().startswith(scheme) for challenge in head.get_all("WWW-Authenticate"))


async def _attempt(
    target: Target,
    options: ConnectOptions,
    settings: Settings,
    approve: Callable[[bytes, str], bool],
    cookies: str,
    *,
    authorize: bool,
) -> Upgraded:
    """One request and its answer. The stream is closed unless there is an answer."""
    stream: Stream
    if options.proxy:
        stream = await connect_through(options.proxy, target, options)
    else:
        stream = await connect_tcp(target.host, target.port, options.interface)
    try:
        if target.secure:
            stream = await _secured(stream, target, options, approve)
        protocol, request = handshake_request(target, options, settings, cookies=cookies, authorize=authorize)
        stream.write(request)
        response, head, rest = await read_head(stream)
        if response.status == 101:
            upgrade(protocol, head)
    except BaseException:
        stream.close()
        raise
    return Upgraded(stream, protocol, response, rest)


async def _secured(
    stream: Stream, target: Target, options: ConnectOptions, approve: Callable[[bytes, str], bool]
) -> Stream:
    context = await asyncio.to_thread(tls_context, options.tls)
    secured = TlsStream(stream, context, target.host)
    await secured.handshake()
    certificate = secured.peer_certificate
    check_certificate(certificate, options.tls)
    if not approve(certificate, target.host):
        raise network(NetworkCode.TLSCertUntrusted, "the application refuses the server's certificate")
    return secured
