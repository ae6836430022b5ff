"""Peers of many kinds, and what tests say to them."""

from __future__ import annotations

import asyncio
import re
import socket as sockets
import time
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from tests.factories.websocket.recorder import PATIENCE

if TYPE_CHECKING:
    from tests.factories.websocket.backstage import RawHandler

OFFER = {"WS-Protocols": "BLIP_3+CBMobile_3,BLIP_3+CBMobile_2"}
"""Options as LiteCore 3.0 gives them."""

CANARY = "canary-5up3r"
"""A secret that must be seen nowhere."""


def url(port: int, path: str = "/db/_blipsync") -> str:
    return f"ws://127.0.0.1:{port}{path}"


def unused_port() -> int:
    with sockets.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_until(holds: Any) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def silent(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def never_answers(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        pass


def upgraded(*then: bytes, hold: bool = True) -> RawHandler:
    """A server that says yes to the handshake, sends some bytes with it, and then reads without ever answering."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = ServerProtocol(subprotocols=None)
        protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
        (request,) = protocol.events_received()
        response = protocol.accept(request)  # type: ignore[arg-type]  # it is a request
        response.headers["Sec-WebSocket-Protocol"] = "BLIP_3+CBMobile_3"
        protocol.send_response(response)
        writer.write(b"".join(protocol.data_to_send()) + b"".join(then))
        await writer.drain()
        if hold:
            while await reader.read(65536):
                pass

    return handle


def frame(opcode: Opcode, data: bytes = b"") -> bytes:
    return Frame(opcode, data).serialize(mask=False)


def header(request: str, name: str) -> list[str]:
    return re.findall(rf"^{name}: (.*)\r$", request, re.MULTILINE | re.IGNORECASE)
