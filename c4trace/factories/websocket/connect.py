"""TCP connections: every address of a host, the next one started while the last is still silent (RFC 8305)."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
from collections.abc import Sequence
from typing import Any

from c4trace.decode.errors import NetworkCode
from c4trace.factories.websocket.failure import network
from c4trace.factories.websocket.stream import TcpStream

__all__ = ["connect_tcp", "connected"]

STAGGER = 0.25
"""Seconds an address may be silent before the next one is tried as well."""

# What says more about this machine than about the server: other addresses' errors are reported rather.
NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})

_Found = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


async def connect_tcp(host: str, port: int, interface: str = "") -> TcpStream:
    """Connect, from one network interface (its name or address) if one is given. Raises what `connected` does."""
    connection = await connected(host, port, interface)
    try:
        return TcpStream(*await asyncio.open_connection(sock=connection))
    except BaseException:
        connection.close()
        raise


async def connected(host: str, port: int, interface: str = "") -> socket.socket:
    """Connect as connect_tcp does, and give the bare socket.

    Raises OSError (socket.gaierror among them), or Failure: Network/2 for what cannot be the name of a host, Network/27
    when there is no such interface.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # a label that is empty, or longer than 63 bytes (RFC 1035 section 2.3.4)
        raise network(NetworkCode.UnknownHost, "unknown host") from None
    return await _first_connected(found, interface)


async def _first_connected(found: Sequence[_Found], interface: str) -> socket.socket:
    waiting = list(found)
    attempts: set[asyncio.Task[socket.socket]] = set()
    errors: list[Exception] = []
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.create_task(_connected(waiting.pop(0), interface)))
            done, _ = await asyncio.wait(
                attempts, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                if error := attempt.exception():
                    attempts.remove(attempt)
                    errors.append(error if isinstance(error, Exception) else OSError(str(error)))
                    continue
                attempts.remove(attempt)
                return attempt.result()
    finally:
        await _given_up(attempts)
    raise min(errors, key=lambda error: isinstance(error, OSError) and error.errno in NO_ROUTE)


async def _given_up(attempts: set[asyncio.Task[socket.socket]]) -> None:
    for attempt in attempts:
        attempt.cancel()
    for result in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(result, socket.socket):
            result.close()


async def _connected(found: _Found, interface: str) -> socket.socket:
    family, kind, protocol, _, address = found
    connection = socket.socket(family, kind, protocol)
    try:
        connection.setblocking(False)
        if interface:
            _bind(connection, interface)
        await asyncio.get_running_loop().sock_connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection


def _bind(connection: socket.socket, interface: str) -> None:
    try:
        if not _is_address(interface):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        else:
            connection.bind((interface, 0))
    except socket.gaierror:  # an address of the other family
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT)) from None
    except OSError as error:
        if error.errno in {errno.ENODEV, errno.EADDRNOTAVAIL, errno.EINVAL}:
            raise network(NetworkCode.UnknownInterface, f"there is no network interface {interface}") from None
        raise


def _is_address(interface: str) -> bool:
    try:
        ipaddress.ip_address(interface)
    except ValueError:
        return False
    return True
