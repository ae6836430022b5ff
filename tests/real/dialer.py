"""A client factory in Python over real TCP: it makes the HTTP handshake, and LiteCore frames the byte stream."""

from __future__ import annotations

import base64
import contextlib
import http.client
import queue
import secrets
import socket
import threading
from typing import Any, Final, cast
from urllib.parse import urlsplit

from tests.real.abi import CData
from tests.real.factory import Factory, Framing, Session, Stage
from tests.real.litecore import Domain, ErrorCode

HUNG_UP: Final = ErrorCode(0, 0)
"""LiteCore makes 1006 of an end of stream for which it has seen no CLOSE (C4S-055)."""


class Dialer(Factory["DialSession"]):
    """Connects to any WebSocket server, unencrypted."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage, "dialer", Framing.WEBSOCKET_CLIENT)

    def make_session(self, socket: CData) -> DialSession:
        return DialSession(self, socket)


class DialSession(Session):
    """One TCP connection. Reads and writes on threads of its own."""

    def __init__(self, factory: Dialer, socket_: CData) -> None:
        self._connection = socket.socket()
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._cancelled = False
        super().__init__(factory, socket_)

    def start(self, url: str, options: dict[str, Any] | None) -> None:
        try:
            self._connect(url, options or {})
        except OSError as error:
            self.finish(HUNG_UP if self._cancelled else ErrorCode(Domain.POSIX, error.errno or 0))

    def _connect(self, url: str, options: dict[str, Any]) -> None:
        parts = urlsplit(url)
        self._connection.connect((parts.hostname, parts.port))
        if self._cancelled:
            raise ConnectionAbortedError
        self._connection.sendall(_request(parts.netloc, parts.path, options))
        response = http.client.HTTPResponse(cast("socket.socket", _Unbuffered(self._connection)))
        try:
            response.begin()
        except http.client.HTTPException:  # it hung up instead of answering
            self.finish(HUNG_UP)
            return
        headers = self.factory.stage.litecore.fleece(dict(response.getheaders()))
        self.up.got_http_response(self.socket, response.status, headers)
        if response.status != http.client.SWITCHING_PROTOCOLS:
            self.finish(ErrorCode(Domain.WEBSOCKET, response.status))
            return
        self.up.opened(self.socket)
        for work in (self._read_all, self._write_all):
            threading.Thread(target=work, name="dialer", daemon=True).start()

    def write(self, data: bytes) -> None:
        self._outgoing.put(data)

    def close(self) -> None:
        """Ends the stream, or the attempt to connect; who works on it then says closed."""
        self._cancelled = True
        with contextlib.suppress(OSError):  # not connected yet, or no longer
            self._connection.shutdown(socket.SHUT_RDWR)

    def request_close(self, status: int, message: str) -> None:
        raise RuntimeError(f"a byte stream was asked for a closing handshake: {status} {message}")

    def finish(self, error: ErrorCode) -> None:
        super().finish(error)
        self._connection.close()

    def _read_all(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._connection.recv(32768):
                self.post(self.up.received, self.socket, data)
        self._outgoing.put(None)

    def _write_all(self) -> None:
        with contextlib.suppress(OSError):
            while (data := self._outgoing.get()) is not None:
                self._connection.sendall(data)
                self.post(self.up.completed_write, self.socket, len(data))
        self.post(self.finish, HUNG_UP)  # behind the last completedWrite


class _Unbuffered:
    """Lets http.client read a response's head byte by byte, so that the frames behind it stay in the socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def makefile(self, _mode: str) -> Any:
        return self._connection.makefile("rb", buffering=0)


def _request(host: str, path: str, options: dict[str, Any]) -> bytes:
    headers = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
        "Sec-WebSocket-Protocol": cast("str", options["WS-Protocols"]),
        **options.get("headers", {}),
    }
    if auth := options.get("auth"):
        token = base64.b64encode(f"{auth['username']}:{auth['password']}".encode()).decode()
        headers["Authorization"] = f"Basic {token}"
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()
