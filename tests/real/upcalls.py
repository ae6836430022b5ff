"""The c4socket_* functions as a factory reaches them: through a table of addresses, counted.

Whether the addresses are LiteCore's own or c4trace's tracing ones makes no difference to the factory: that is the
seam by which the same factory runs raw and traced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tests.real.abi import CData, ffi
from tests.real.counts import Counts
from tests.real.litecore import ErrorCode, LiteCore, slice_of, text

SIGNATURES: Final = {
    "c4socket_gotHTTPResponse": "void (*)(C4Socket *, int, C4Slice)",
    "c4socket_opened": "void (*)(C4Socket *)",
    "c4socket_closed": "void (*)(C4Socket *, C4Error)",
    "c4socket_closeRequested": "void (*)(C4Socket *, int, C4Slice)",
    "c4socket_completedWrite": "void (*)(C4Socket *, size_t)",
    "c4socket_received": "void (*)(C4Socket *, C4Slice)",
    "c4socket_fromNative": "C4Socket *(*)(C4SocketFactory, void *, const C4Address *)",
}
"""Every up-call LiteCore 3.0.0 has, and its type."""


EVERYTHING: Final = (*SIGNATURES, "c4socket_retain", "c4socket_release", "_FLBuf_Release")
"""The up-calls, and what else a factory calls."""


def litecores_own(litecore: LiteCore, names: Iterable[str] = SIGNATURES) -> dict[str, int]:
    """The addresses of LiteCore's own functions, by name."""
    return {name: int(ffi.cast("uintptr_t", getattr(litecore.c, name))) for name in names}


class UpCalls:
    """The up-calls of one factory. Each is counted before it is made."""

    def __init__(self, addresses: Mapping[str, int], counts: Counts) -> None:
        self._functions: dict[str, CData] = {
            name: ffi.cast(signature, addresses[name]) for name, signature in SIGNATURES.items()
        }
        self._counts = counts

    def got_http_response(self, socket: CData, status: int, headers: bytes) -> None:
        """Tells the answer to the handshake; `headers` is a Fleece dictionary."""
        self._counts.add("gotHTTPResponse", len(headers))
        self._functions["c4socket_gotHTTPResponse"](socket, status, slice_of(headers).value)

    def opened(self, socket: CData) -> None:
        self._counts.add("opened")
        self._functions["c4socket_opened"](socket)

    def closed(self, socket: CData, error: ErrorCode) -> None:
        self._counts.add_closed(error.domain, error.code)
        value = ffi.new("C4Error *", [error.domain, error.code, 0])
        self._functions["c4socket_closed"](socket, value[0])

    def close_requested(self, socket: CData, status: int, message: str) -> None:
        self._counts.add("closeRequested")
        self._functions["c4socket_closeRequested"](socket, status, text(message).value)

    def completed_write(self, socket: CData, size: int) -> None:
        self._counts.add("completedWrite", size)
        self._functions["c4socket_completedWrite"](socket, size)

    def received(self, socket: CData, data: bytes) -> None:
        """Hands bytes over, in writable memory: LiteCore's server framing unmasks in place (C4S-044)."""
        self._counts.add("received", len(data))
        owner = ffi.new("char[]", len(data))
        ffi.memmove(owner, data, len(data))
        self._functions["c4socket_received"](socket, ffi.new("C4Slice *", [owner, len(data)])[0])

    def from_native(self, factory: int, handle: CData, url_parts: CData) -> CData:
        """Makes the socket of an incoming connection, refcount 0 (C4S-074), of the C4SocketFactory at `factory`."""
        self._counts.add("fromNative")
        struct = ffi.cast("C4SocketFactory *", factory)[0]
        return self._functions["c4socket_fromNative"](struct, handle, url_parts)
