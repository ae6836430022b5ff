"""The socket that a factory in Python is given: its up-calls become calls of C functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from c4trace._native import ffi, lib
from c4trace.decode.errors import ErrorDomain
from c4trace.decode.fleece_encode import encode
from c4trace.factories.socket_factory import Framing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BridgedSocket"]

CANNOT_FULFIL = 1011


class BridgedSocket:
    """A `Socket` (see there) for one C4Socket.

    An up-call after `closed`, or after the C4Socket was disposed, does nothing: LiteCore may end a socket on its own
    (C4S-071). The C4Socket is kept alive until `closed` has returned and no up-call is under way (C4S-009). What would
    crash LiteCore raises ValueError instead.
    """

    state: Any = None

    def __init__(self, native: Any, framing: Framing) -> None:
        lib.c4tpy_keep(native)
        self._native = ffi.gc(native, lib.c4tpy_drop)
        self._framing = framing

    @property
    def address(self) -> int:
        """Of the C4Socket; it is another one's as soon as this socket is disposed."""
        return int(ffi.cast("uintptr_t", lib.c4tpy_address(self._native)))

    def got_http_response(self, status: int, headers: Mapping[str, str | list[str]]) -> None:
        """Report the server's answer to the handshake.

        Raises TypeError or ValueError for what is no header, ValueError for a negative status (C4S-018).
        """
        if status < 0:
            raise ValueError(f"the status of an HTTP response is never negative, but {status} was given (C4S-018)")
        encoded = encode(headers)
        lib.c4tpy_got_http_response(self._native, status, encoded, len(encoded))

    def opened(self) -> None:
        """Say that the connection is up."""
        lib.c4tpy_opened(self._native)

    def received(self, data: bytes) -> None:
        """Hand over what the peer sent. Raises ValueError for an empty message without framing (C4S-043)."""
        if not data and self._framing == Framing.NONE:
            raise ValueError("without framing there are no empty messages: pass on only what has bytes (C4S-043)")
        lib.c4tpy_received(self._native, ffi.from_buffer(data), len(data))

    def completed_write(self, n: int) -> None:
        """Say that `n` more bytes of earlier writes are gone. Raises OverflowError for a negative number."""
        lib.c4tpy_completed_write(self._native, n)

    def close_requested(self, status: int, message: str) -> None:
        """Report the peer's CLOSE. Raises ValueError with framing, where LiteCore sees it by itself (C4S-058)."""
        if self._framing != Framing.NONE:
            raise ValueError(
                "with framing LiteCore reads the peer's CLOSE itself: pass its bytes to received (C4S-058)"
            )
        encoded = message.encode("utf-8", "replace")
        lib.c4tpy_close_requested(self._native, status, encoded, len(encoded))

    def closed(self, domain: int = 0, code: int = 0, message: str = "") -> None:
        """End the connection."""
        encoded = message.encode("utf-8", "replace")
        lib.c4tpy_closed(self._native, domain, code, encoded, len(encoded))

    def got_peer_certificate(self, der: bytes, hostname: str) -> bool:
        """Show the server's certificate; True where this LiteCore does not ask for it, False after `closed`."""
        name = hostname.encode("utf-8", "replace")
        answer: int = lib.c4tpy_got_peer_certificate(self._native, der, len(der), name, len(name))
        return answer == 1

    def fail(self, message: str) -> None:
        """End the connection because the factory cannot go on."""
        self.closed(ErrorDomain.WEBSOCKET, CANNOT_FULFIL, message)
