"""An embedded host: plays LiteCore's part for a socket factory, where there is no LiteCore."""

from __future__ import annotations

import atexit
import enum
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self
from urllib.parse import urlsplit

from c4trace._native import ffi, lib
from c4trace.decode.fleece_encode import encode
from c4trace.host_socket import Counts, HostSocket, Kind, read_counts

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EmbeddedHost", "Leaks"]


class HasAddress(Protocol):
    """What `bridge` and `Tracer.wrap` return: a C4SocketFactory in memory."""

    @property
    def address(self) -> int:
        """Of the C4SocketFactory."""
        ...


class Acknowledge(enum.IntEnum):
    """When the host calls completedReceive (native/host.h, enum c4thost_ack)."""

    processed = 0
    inside = 1
    taken = 2


DEFAULT_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443, "blip": 80, "blips": 443}


@dataclass(frozen=True)
class Leaks:
    """What a factory had not given back when the host stopped; all zero where it keeps to the contract.

    `sockets` were not disposed, because the factory kept a reference; `slices` of `write` were not released (C4S-030);
    `threads` of the host are still inside the factory.
    """

    sockets: int
    slices: int
    threads: int


class EmbeddedHost:
    """Opens sockets through a factory and talks through them, as a replicator in LiteCore does.

    Calls are made on `threads` native threads, in order for each socket. The factory makes its up-calls through
    `upcalls`; a factory in C can be given the whole table at `table` (struct c4t_upcalls of native/litecore.h).

        with c4trace.EmbeddedHost() as host, c4trace.Tracer("try", litecore=host) as tracer:
            socket = host.connect(tracer.wrap(MyFactory()), "ws://localhost:4984/db/_blipsync")
            socket.wait_opened(timeout=5)
            socket.send(b"hello")

    `factory_size` is 72, or 64 as up to LiteCore 3.3 and 4.0. The timeouts are LiteCore's, in seconds:
    `connect_timeout` from open to opened, `close_timeout` from close to closed and again for all sockets in `stop`.
    `acknowledge` says when completedReceive is called: "processed" on the socket's own thread, "inside" received, or
    once the message is "taken" by `HostSocket.receive`. All methods may be called from any thread.
    """

    def __init__(
        self,
        *,
        threads: int = 4,
        factory_size: Literal[64, 72] = 72,
        connect_timeout: float = 15.0,
        close_timeout: float = 5.0,
        acknowledge: Literal["processed", "inside", "taken"] = "processed",
    ) -> None:
        config = ffi.new("c4thost_config *")
        config.size = ffi.sizeof("c4thost_config")
        config.threads = threads
        config.factory_size = factory_size
        config.connect_timeout_ms = round(connect_timeout * 1000)
        config.close_timeout_ms = round(close_timeout * 1000)
        config.ack = Acknowledge[acknowledge]
        config.events = lib.C4THOST_ALL_EVENTS
        config.linger = 256
        self._native = lib.c4thost_new(config)
        if not self._native:
            raise ValueError(
                f"no host with {threads} threads, factory size {factory_size}, timeouts of {connect_timeout} and "
                f"{close_timeout} s: 1 to 256 threads, 64 or 72 bytes and positive timeouts are possible"
            )
        self.factory_size = factory_size
        self.table = int(ffi.cast("uintptr_t", lib.c4thost_upcalls(factory_size)))
        """Address of the table of up-calls."""
        self.upcalls: Mapping[str, int] = _functions(factory_size)
        """Address of each function by its name in LiteCore: c4socket_received, c4socket_retain, _FLBuf_Release …"""
        self._taken = acknowledge == "taken"
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._stopping = threading.Lock()
        self._sockets: dict[int, HostSocket] = {}
        self._leaks: Leaks | None = None
        self._final = Counts({}, {})
        self._listener = threading.Thread(target=self._listen, name="c4trace host", daemon=True)
        self._listener.start()
        atexit.register(self.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def connect(self, factory: HasAddress | int, url: str, options: Mapping[str, Any] | None = None) -> HostSocket:
        """Open a client socket to `url`; its port is the scheme's where it names none.

        `factory` is the address of a C4SocketFactory of `factory_size` bytes, or what has it as `address`; the struct
        is copied. `options` are what LiteCore would give to `open`, say {"WS-Protocols": "BLIP_3+CBMobile_3"}. Raises
        ValueError for a URL without scheme and hostname, for options that Fleece cannot hold, and for a factory that
        breaks rule C4S-002; RuntimeError once the host has stopped.
        """
        address = factory if isinstance(factory, int) else factory.address
        split = urlsplit(url)
        if not split.scheme or not split.hostname:
            raise ValueError(f"no URL with scheme and hostname: {url!r}")
        target = split.path + (f"?{split.query}" if split.query else "")
        texts = [ffi.from_buffer(text.encode()) for text in (split.scheme, split.hostname, target)]
        port = split.port or DEFAULT_PORTS.get(split.scheme, 0)
        c_address = ffi.new("c4t_address *", [_slice(texts[0]), _slice(texts[1]), port, _slice(texts[2])])
        encoded = ffi.from_buffer(encode(dict(options or {})))
        with self._lock:
            self._check_running()
            key = lib.c4thost_connect(self._native, ffi.cast("void *", address), c_address, _slice(encoded))
            if not key:
                raise ValueError(
                    "not a usable C4SocketFactory: open, write, completedReceive and, by its framing, exactly one of "
                    "close and requestClose are needed (C4S-002)"
                )
            return self._add(key)

    def accept(self, socket: int, options: Mapping[str, Any] | None = None) -> HostSocket:
        """Take over the incoming C4Socket at this address, which c4socket_fromNative returned, and open it.

        `options` are what LiteCore would give to `open`; None, as a listener does, are none at all. Raises ValueError
        if a host has it already or closed was called, RuntimeError once the host has stopped.
        """
        encoded = ffi.from_buffer(encode(dict(options))) if options is not None else None
        none = ffi.new("c4t_slice *")[0]
        with self._lock:
            self._check_running()
            pointer = ffi.cast("c4t_socket *", socket)
            key = lib.c4thost_accept(self._native, pointer, none if encoded is None else _slice(encoded))
            if not key:
                raise ValueError("not an incoming C4Socket that waits to be accepted")
            return self._add(key)

    def trust(self, *, verdict: bool) -> None:
        """Answer gotPeerCertificate with `verdict` from now on; True at first."""
        with self._lock:
            self._check_running()
            lib.c4thost_trust(self._native, verdict)

    def counts(self) -> Counts:
        """Everything that crossed the boundary so far, summed over all sockets."""
        with self._lock:
            return self._final if self._leaks else read_counts(self._native, 0)

    def stop(self) -> Leaks:
        """Close all sockets, wait until they are disposed, end the threads; what leaked. Again: the same answer.

        In a forked child, which has none of the threads, it does nothing.
        """
        if os.getpid() != self._pid:
            return Leaks(0, 0, 0)
        leaks = ffi.new("c4thost_leaks *")
        with self._stopping:
            if self._leaks:
                return self._leaks
            lib.c4thost_stop(self._native, leaks)
            self._listener.join()
            with self._lock:
                self._final = read_counts(self._native, 0)
                self._leaks = Leaks(leaks.sockets, leaks.slices, leaks.threads)
                for socket in self._sockets.values():
                    socket.detach()
                lib.c4thost_free(self._native)
        atexit.unregister(self.stop)
        return self._leaks

    def _add(self, key: int) -> HostSocket:
        socket = HostSocket(self._native, key, self._lock, taken=self._taken)
        self._sockets[key] = socket
        return socket

    def _check_running(self) -> None:
        if self._leaks:
            raise RuntimeError("the host has stopped")

    def _listen(self) -> None:
        event = ffi.new("c4thost_event *")
        while lib.c4thost_next(self._native, event, -1) == 1:
            with self._lock:
                socket = self._sockets[event.id]
            socket.take_event(event)
            if event.kind == Kind.disposed:
                with self._lock:
                    socket.detach()
                    del self._sockets[event.id]
                    lib.c4thost_forget(self._native, event.id)
            lib.c4thost_event_free(event)


def _slice(buffer: Any) -> Any:
    """A c4t_slice of a cffi buffer, which must outlive it."""
    return ffi.new("c4t_slice *", [buffer, len(buffer)])[0]


def _functions(factory_size: int) -> dict[str, int]:
    functions = {}
    index = 0
    while name := lib.c4thost_symbol_name(index):
        functions[ffi.string(name).decode()] = int(ffi.cast("uintptr_t", lib.c4thost_symbol(name, factory_size)))
        index += 1
    return functions
