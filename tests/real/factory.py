"""C4SocketFactories written in Python: a struct of callbacks, and a session for each C4Socket.

A session makes its up-calls on a thread of its own, one after the other, holds a reference to its socket from open
(or fromNative) until closed has returned, and calls closed exactly once.
"""

from __future__ import annotations

import itertools
import queue
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

from tests.real.abi import CData, ffi
from tests.real.counts import Counted, Counts
from tests.real.litecore import ErrorCode, LiteCore, copied, text
from tests.real.upcalls import UpCalls
from tests.real.wrapping import Wrapping


class Framing(IntEnum):
    """Who frames the messages (C4SocketFraming)."""

    WEBSOCKET_CLIENT = 0
    NONE = 1
    WEBSOCKET_SERVER = 2


@dataclass(frozen=True)
class Stage:
    """What every factory of a scenario shares: LiteCore, the way of wrapping, and what went wrong so far."""

    litecore: LiteCore
    wrapping: Wrapping
    problems: list[str]


_immortal: Final[list[object]] = []  # LiteCore may call a factory as long as the process lives (C4S-005)
_handles: Final = itertools.count(0x1000)


S = TypeVar("S", bound="Session")


class Factory(ABC, Generic[S]):
    """A C4SocketFactory in Python, its sessions and its exact counts."""

    def __init__(self, stage: Stage, label: str, framing: Framing) -> None:
        """Builds the C struct and has it wrapped under `label`; `address` is what LiteCore gets."""
        _immortal.append(self)
        self.stage = stage
        self.framing = framing
        self.counts = Counts()
        self.upcalls = UpCalls(stage.wrapping.upcalls, self.counts)
        self._sessions: dict[int, S] = {}
        self._context = ffi.new_handle(self)
        self._callbacks = self._make_callbacks()
        self._struct = ffi.new("C4SocketFactory *", {"framing": framing, "context": self._context, **self._callbacks})
        self.address = stage.wrapping.wrap(int(ffi.cast("uintptr_t", self._struct)), label)

    @abstractmethod
    def make_session(self, socket: CData) -> S:
        """Makes the session of a new socket."""

    def accept(self, url: str) -> S:
        """Makes a socket and its session for an incoming connection; a passive replicator is to be given the socket."""
        handle = ffi.cast("void *", next(_handles))
        parts, whole = ffi.new("C4Address *"), text(url)
        self.stage.litecore.c.c4address_fromURL(whole.value, parts, ffi.NULL)
        socket = self.upcalls.from_native(self.address, handle, parts)
        session = self.make_session(socket)
        session.handle = handle
        self._sessions[_key(socket)] = session
        return session

    @property
    def live_sockets(self) -> int:
        """How many of its sockets have not been disposed of."""
        return self.counts.live_sockets

    def report(self) -> Counted:
        """What the factory has counted so far."""
        return self.counts.report()

    def _make_callbacks(self) -> dict[str, CData]:
        methods: dict[str, tuple[str, Callable[..., None]]] = {
            "open": ("void(C4Socket *, const C4Address *, C4Slice, void *)", self._open),
            "write": ("void(C4Socket *, C4SliceResult)", self._write),
            "completedReceive": ("void(C4Socket *, size_t)", self._completed_receive),
            "dispose": ("void(C4Socket *)", self._dispose),
        }
        # C4S-002: the closing callback that the framing does not use stays NULL.
        if self.framing is Framing.NONE:
            methods["requestClose"] = ("void(C4Socket *, int, C4Slice)", self._request_close)
        else:
            methods["close"] = ("void(C4Socket *)", self._close)
        return {
            name: ffi.callback(signature, method, onerror=self._failed) for name, (signature, method) in methods.items()
        }

    def _failed(self, kind: type[BaseException], error: BaseException, trace: TracebackType) -> None:
        self.stage.problems.append("".join(traceback.format_exception(kind, error, trace)))

    def _open(self, socket: CData, address: CData, options: CData, context: CData) -> None:
        self.counts.add("open")
        if context != self._context:
            self.stage.problems.append(f"open got context {context}, not {self._context}")
        session = self._sessions.get(_key(socket))
        if session is None:
            session = self._sessions[_key(socket)] = self.make_session(socket)
        if self.stage.litecore.c.c4Socket_getNativeHandle(socket) != session.handle:
            self.stage.problems.append("open got a socket with another native handle")
        session.post(session.start, _url(address), self.stage.litecore.from_fleece(copied(options)))

    def _write(self, socket: CData, data: CData) -> None:
        content = self.stage.litecore.take(data)
        self.counts.add("write", len(content))
        self._sessions[_key(socket)].write(content)

    def _completed_receive(self, _socket: CData, size: int) -> None:
        self.counts.add("completedReceive", size)

    def _close(self, socket: CData) -> None:
        self.counts.add("close")
        self._sessions[_key(socket)].close()

    def _request_close(self, socket: CData, status: int, message: CData) -> None:
        self.counts.add("requestClose")
        self._sessions[_key(socket)].request_close(status, copied(message).decode())

    def _dispose(self, socket: CData) -> None:
        del self._sessions[_key(socket)]
        self.counts.add("dispose")  # last: it is what a scenario waits for


class Session(ABC):
    """One C4Socket of a Python factory. Its thread makes the up-calls; the callbacks only leave word for it."""

    def __init__(self, factory: Factory[Any], socket: CData) -> None:
        """Takes a reference to the socket and starts the session's thread."""
        self.factory = factory
        self.socket = socket
        self.handle = ffi.NULL
        self.up = factory.upcalls
        factory.stage.litecore.c.c4socket_retain(socket)
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._finished = False
        self._thread = threading.Thread(target=self._work, name=f"session-{_key(socket):x}", daemon=True)
        self._thread.start()

    @abstractmethod
    def start(self, url: str, options: dict[str, Any] | None) -> None:
        """Connects to `url`, on the session's thread."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Sends `data`, on LiteCore's thread; must not wait."""

    def close(self) -> None:
        """Ends the byte stream, on LiteCore's thread; closed may not be called from inside (C4S-052)."""
        self.post(self.finish, ErrorCode(0, 0))

    @abstractmethod
    def request_close(self, status: int, message: str) -> None:
        """Starts or answers the closing handshake, on LiteCore's thread."""

    def post(self, job: Callable[..., None], *arguments: Any) -> None:
        """Leaves a job for the session's thread; jobs run in order and none runs after closed."""
        self._jobs.put(lambda: job(*arguments))

    def finish(self, error: ErrorCode) -> None:
        """Calls closed, once, and lets go of the socket; runs on the session's thread, which ends."""
        self._finished = True
        self.up.closed(self.socket, error)
        self.factory.stage.litecore.c.c4socket_release(self.socket)

    def _work(self) -> None:
        while not self._finished:
            try:
                self._jobs.get()()
            except Exception:  # noqa: BLE001 - whatever it is, the scenario has to hear of it
                self.factory.stage.problems.append(traceback.format_exc())


def _key(socket: CData) -> int:
    return int(ffi.cast("uintptr_t", socket))


def _url(address: CData) -> str:
    scheme, host, path = (copied(part).decode() for part in (address.scheme, address.hostname, address.path))
    return f"{scheme}://{host}:{address.port}{path}"
