"""Bytes to and from a peer: TCP, and TLS over any other stream, both honest about what has left the process."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Protocol

__all__ = ["READ_SIZE", "Stream", "TcpStream", "TlsStream"]

READ_SIZE = 64 * 1024


class Stream(Protocol):
    """What a connection needs of a transport; all of it on the event loop's thread."""

    async def read(self) -> bytes:
        """Some bytes, as soon as there are any; none at the end of the stream."""
        ...

    def write(self, data: bytes) -> None:
        """Send, or keep until there is room."""

    async def drain(self) -> None:
        """Wait until nothing that was written is kept any more: the kernel has it all."""

    def close(self) -> None:
        """End the stream. What is still kept is dropped: a peer that does not read must not hold us."""


class TcpStream(Stream):
    """A TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        # By default 64 KiB may be kept while drain() says that all is gone (C4S-038).
        writer.transport.set_write_buffer_limits(high=0)

    async def read(self) -> bytes:  # noqa: D102  # see Stream
        return await self._reader.read(READ_SIZE)

    def write(self, data: bytes) -> None:  # noqa: D102  # see Stream
        self._writer.write(data)

    async def drain(self) -> None:  # noqa: D102  # see Stream
        await self._writer.drain()

    def close(self) -> None:  # noqa: D102  # see Stream
        self._writer.transport.abort()


class TlsStream(Stream):
    """TLS over another stream.

    asyncio's own TLS keeps encrypted bytes in a buffer of its own that nobody can wait for; here `drain` is the lower
    stream's, so it means what it says.
    """

    def __init__(self, lower: Stream, context: ssl.SSLContext, hostname: str) -> None:
        self._lower = lower
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=hostname)

    async def handshake(self) -> None:
        """Agree with the server. Raises ssl.SSLError, or EOFError when the server hangs up."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                if not await self._feed():
                    raise EOFError from None
            except ssl.SSLError:
                self._flush()  # the alert, so that the server knows why
                raise
            else:
                self._flush()
                return

    @property
    def peer_certificate(self) -> bytes:
        """The server's certificate (DER)."""
        return self._tls.getpeercert(binary_form=True) or b""

    async def read(self) -> bytes:  # noqa: D102  # see Stream
        while True:
            try:
                data = self._tls.read(READ_SIZE)
            except ssl.SSLWantReadError:
                self._flush()  # TLS answers some messages by itself
                if not await self._feed():
                    return b""
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            else:
                self._flush()
                return data

    def write(self, data: bytes) -> None:  # noqa: D102  # see Stream
        self._tls.write(data)
        self._flush()

    async def drain(self) -> None:  # noqa: D102  # see Stream
        await self._lower.drain()

    def close(self) -> None:  # noqa: D102  # see Stream
        # The farewell is sent, not awaited: that the messages are complete is known from their own frames.
        with contextlib.suppress(ssl.SSLError, OSError):
            self._tls.unwrap()
        self._flush()
        self._lower.close()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._lower.write(self._outgoing.read())

    async def _feed(self) -> bool:
        """Pass on what the peer sent; False at the end of the stream."""
        data = await self._lower.read()
        self._incoming.write(data)
        return bool(data)
