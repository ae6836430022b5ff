"""A factory in Python becomes a C4SocketFactory: calls come in through C, up-calls go out to any table of functions."""

from __future__ import annotations

import atexit
import sys
import traceback
from typing import TYPE_CHECKING, Any, Literal

from c4trace._native import ffi, lib
from c4trace.decode.fleece import decode
from c4trace.factories.bridged_socket import BridgedSocket
from c4trace.factories.socket_factory import Address, Framing, SocketFactory
from c4trace.redact import redact_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["BridgedFactory", "bridge"]

REQUIRED = {
    "got_http_response": "c4socket_gotHTTPResponse",
    "opened": "c4socket_opened",
    "received": "c4socket_received",
    "completed_write": "c4socket_completedWrite",
    "close_requested": "c4socket_closeRequested",
    "closed": "c4socket_closed",
    "release_buffer": "_FLBuf_Release",
}
OPTIONAL = {
    "got_peer_certificate": "c4socket_gotPeerCertificate",  # from 3.3 and 4.0 on
    "from_native": "c4socket_fromNative",  # incoming sockets
    "retain": "c4socket_retain",  # from 2.8.9 on
    "release": "c4socket_release",
    "error_make": "c4error_make",  # else the texts of errors are lost
}
WAIT_AT_EXIT_MS = 2000
"""For threads of LiteCore to leave Python when the interpreter ends."""


def bridge(factory: SocketFactory, upcalls: Mapping[str, int], *, factory_size: Literal[64, 72] = 72) -> BridgedFactory:
    """Make a C4SocketFactory of a factory in Python.

    `upcalls` has the address of each function by its C name: the c4socket_ functions, _FLBuf_Release and, where the
    LiteCore has them, c4socket_retain, c4socket_release, c4socket_fromNative and c4error_make. They may be LiteCore's,
    an `EmbeddedHost`'s or the tracing ones. `factory_size` says how fromNative takes the struct: 72 bytes from LiteCore
    3.4 and 4.1 on, before that 64. Raises ValueError for a function or a method that is missing (C4S-002, C4S-003) and
    for an unknown framing.

    The struct lives as long as the process, since LiteCore may call it at any time (C4S-004, C4S-005).
    """
    return BridgedFactory(factory, upcalls, factory_size)


def _unwritten(factory: SocketFactory) -> list[str]:
    """Methods that LiteCore will call and that are still those of the base class, which can only fail."""
    closing = "request_close" if factory.framing == Framing.NONE else "close"
    needed = ("open", "write", "completed_receive", closing)
    return [
        name for name in needed if getattr(getattr(factory, name), "__func__", None) is getattr(SocketFactory, name)
    ]


class BridgedFactory:
    """A C4SocketFactory, at `address`, whose calls are made to a `SocketFactory` in Python."""

    def __init__(self, factory: SocketFactory, upcalls: Mapping[str, int], factory_size: int) -> None:
        missing = [name for name in REQUIRED.values() if not upcalls.get(name)]
        if missing:
            raise ValueError(f"no factory without the up-calls {', '.join(missing)}: give their addresses")
        if unwritten := _unwritten(factory):
            raise ValueError(f"it has no {', no '.join(unwritten)}, which LiteCore calls (rule C4S-002): write it")
        self.factory = factory
        functions = ffi.new("c4tpy_upcalls *")
        functions.factory_size = factory_size
        for field, name in (REQUIRED | OPTIONAL).items():
            setattr(functions, field, ffi.cast("void *", upcalls.get(name, 0)))
        self._framing = Framing(factory.framing)
        self._native = lib.c4tpy_factory_new(self._framing, functions, _callbacks)
        self.address = int(ffi.cast("uintptr_t", lib.c4tpy_factory_struct(self._native)))
        """Of the C4SocketFactory."""
        self._sockets: dict[int, BridgedSocket] = {}
        _factories[lib.c4tpy_factory_key(self._native)] = self

    def from_native(self, scheme: str = "ws", hostname: str = "", port: int = 0, path: str = "/") -> BridgedSocket:
        """Make an incoming C4Socket (c4socket_fromNative); its `address` is for c4repl_newWithSocket.

        It is retained until its `closed` has returned: call that also if it never comes to a replicator (C4S-074). Set
        `state` before the replicator starts, for that calls `open`. Raises ValueError where LiteCore has no fromNative.
        """
        texts = [ffi.from_buffer(text.encode()) for text in (scheme, hostname, path)]
        slices = [ffi.new("c4t_slice *", [text, len(text)])[0] for text in texts]
        native = lib.c4tpy_from_native(self._native, ffi.new("c4t_address *", [*slices[:2], port, slices[2]]))
        if not native:
            raise ValueError("no incoming sockets: the up-calls have no c4socket_fromNative")
        try:
            return self.socket(native)
        finally:
            lib.c4tpy_drop(native)

    def socket(self, native: Any) -> BridgedSocket:
        """The socket that stands for a c4tpy_socket, from its open, attached or fromNative to its dispose."""
        key = lib.c4tpy_key(native)
        return self._sockets.get(key) or self._sockets.setdefault(key, BridgedSocket(native, self._framing))

    def forget(self, native: Any) -> BridgedSocket:
        """The same, for the last time."""
        return self._sockets.pop(lib.c4tpy_key(native), None) or BridgedSocket(native, self._framing)


_factories: dict[int, BridgedFactory] = {}


def _call(key: int, native: Any, method: str, *arguments: Callable[[], Any]) -> None:
    """Call one method; what leaves it as an exception is reported, and ends the socket with WebSocket/1011."""
    socket = None
    try:
        bridged = _factories[key]
        socket = bridged.forget(native) if method == "dispose" else bridged.socket(native)
        getattr(bridged.factory, method)(socket, *[argument() for argument in arguments])
    except BaseException as error:  # noqa: BLE001  # nothing may leave a callback: LiteCore's thread knows no exceptions
        _report(method, error)
        if socket is not None:
            socket.fail(f"{type(error).__name__} in the socket factory's {method}")


def _report(method: str, error: BaseException) -> None:
    lines = redact_text("".join(traceback.format_exception(error)))
    print(f"c4trace: the socket factory's {method} failed:", lines, sep="\n", end="", file=sys.stderr)


def _bytes(piece: Any) -> bytes:
    return bytes(ffi.buffer(piece.buf, piece.size)) if piece.size else b""


def _text(piece: Any) -> str:
    return _bytes(piece).decode("utf-8", "replace")


def _address(address: Any) -> Address:
    return Address(_text(address.scheme), _text(address.hostname), address.port, _text(address.path))


def _options(options: Any) -> Any:
    """LiteCore gives none at all to incoming sockets."""
    return decode(_bytes(options)) if options.size else {}


@ffi.def_extern()  # type: ignore[untyped-decorator]  # cffi has no types here
def c4tpy_on_open(factory: int, socket: Any, address: Any, options: Any) -> None:
    _call(factory, socket, "open", lambda: _address(address), lambda: _options(options))


@ffi.def_extern()  # type: ignore[untyped-decorator]  # cffi has no types here
def c4tpy_on_write(factory: int, socket: Any, data: Any) -> None:
    _call(factory, socket, "write", lambda: _bytes(data))


@ffi.def_extern()  # type: ignore[untyped-decorator]  # cffi has no types here
def c4tpy_on_completed_receive(factory: int, socket: Any, n: int) -> None:
    _call(factory, socket, "completed_receive", lambda: n)


@ffi.def_extern()  # type: ignore[untyped-decorator]  # cffi has no types here
def c4tpy_on_close(factory: int, socket: Any) -> None:
    _call(factory, socket, "close")


@ffi.def_extern()  # type: ignore[untyped-decorator]  # cffi has no types here
def c4tpy_on_request_close(factory: int, socket: Any, status: int, message: Any) -> None:
    _call(factory, socket, "request_close", lambda: status, lambda: _text(message))


@ffi.def_extern()  # type: ignore[untyped-decorator]  # cffi has no types here
def c4tpy_on_dispose(factory: int, socket: Any) -> None:
    _call(factory, socket, "dispose")


@ffi.def_extern()  # type: ignore[untyped-decorator]  # cffi has no types here
def c4tpy_on_attached(factory: int, socket: Any) -> None:
    _call(factory, socket, "attached")


_callbacks = ffi.new(
    "c4tpy_callbacks *",
    [
        lib.c4tpy_on_open,
        lib.c4tpy_on_write,
        lib.c4tpy_on_completed_receive,
        lib.c4tpy_on_close,
        lib.c4tpy_on_request_close,
        lib.c4tpy_on_dispose,
        lib.c4tpy_on_attached,
    ],
)
atexit.register(lib.c4tpy_shut, WAIT_AT_EXIT_MS)
