"""Two databases in one process: a client and a serving factory in Python that hand their bytes to each other.

With Framing.NONE the pair carries messages and plays the closing handshake of a WebSocket; with the two WebSocket
framings it carries a byte stream, cut into pieces of `chunk` bytes, and LiteCore plays the handshake itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.real.abi import CData
from tests.real.factory import Factory, Framing, Session, Stage
from tests.real.litecore import Domain, ErrorCode
from tests.real.peer import Peer

URL: Final = "ws://loopback.test:4984/db"
HANGING: Final = "hanging"


@dataclass(frozen=True)
class Manner:
    """How a loopback behaves where the contract leaves a choice."""

    framed: bool = False
    """True: byte streams which LiteCore frames; False: whole messages."""
    acknowledge_inside_write: bool = False
    """True: completedWrite is called from inside write, on LiteCore's thread, as the Java client does."""
    chunk: int = 1000
    """Byte streams arrive in pieces of at most this many bytes."""
    hangs_in_write: int = 0
    """The client's write of this number never returns; 0: all do. It says HANGING and its thread's id on stdout."""


class Loopback:
    """A client factory and the serving factory it connects to."""

    def __init__(self, stage: Stage, peer: Peer, manner: Manner) -> None:
        framings = (
            (Framing.WEBSOCKET_CLIENT, Framing.WEBSOCKET_SERVER) if manner.framed else (Framing.NONE, Framing.NONE)
        )
        self.passive = LoopbackFactory(stage, "passive", framings[1], manner, peer)
        self.client = LoopbackFactory(stage, "client", framings[0], manner, peer, self.passive)


class LoopbackFactory(Factory["LoopbackSession"]):
    """One end of a loopback: the serving one, or the client's, which knows the serving one."""

    def __init__(
        self,
        stage: Stage,
        label: str,
        framing: Framing,
        manner: Manner,
        peer: Peer,
        passive: LoopbackFactory | None = None,
    ) -> None:
        self.manner = manner
        self.peer = peer
        self.passive = passive
        super().__init__(stage, label, framing)

    def make_session(self, socket: CData) -> LoopbackSession:
        return LoopbackSession(self, socket)


class LoopbackSession(Session):
    """One end of a connection; `other` is the other one."""

    def __init__(self, factory: LoopbackFactory, socket: CData) -> None:
        self.manner = factory.manner
        self.peer = factory.peer
        self.passive = factory.passive
        self.other: LoopbackSession | None = None
        self._ending = False
        self._writes = 0
        super().__init__(factory, socket)

    def start(self, url: str, options: dict[str, Any] | None) -> None:
        """The client's end makes the serving end, which answers once LiteCore has opened it."""
        if self.passive:
            self.other = self.passive.accept(url)
            self.other.other = self
            self._protocols = (options or {}).get("WS-Protocols", "")
            self.peer.serve(self.other.socket)
        else:
            self.up.opened(self.socket)
            self._tell(LoopbackSession.answered)

    def answered(self) -> None:
        """The serving end is open: so is the client's."""
        headers = {"Sec-WebSocket-Protocol": self._protocols}
        self.up.got_http_response(self.socket, 101, self.factory.stage.litecore.fleece(headers))
        self.up.opened(self.socket)

    def write(self, data: bytes) -> None:
        self._writes += 1
        if self.passive and self._writes == self.manner.hangs_in_write:
            print(HANGING, threading.get_native_id(), flush=True)
            threading.Event().wait()
        self._tell(LoopbackSession.deliver, data)
        if self.manner.acknowledge_inside_write:
            self.up.completed_write(self.socket, len(data))
        else:
            self.post(self.up.completed_write, self.socket, len(data))

    def deliver(self, data: bytes) -> None:
        """Hands over what the other end has written: one message, or a piece of the stream at a time."""
        size = self.manner.chunk if self.manner.framed else len(data)
        for start in range(0, len(data), size):
            self.up.received(self.socket, data[start : start + size])

    def close(self) -> None:
        """Ends the byte stream in both directions."""
        self._tell(LoopbackSession.hung_up)
        super().close()

    def hung_up(self) -> None:
        """The other end's stream has ended: end of file without LiteCore's closing handshake is an abnormal end."""
        self.finish(ErrorCode(0, 0))

    def request_close(self, status: int, message: str) -> None:
        """Sends a closing handshake, or the answer to the other end's."""
        if self._ending:
            self._tell(LoopbackSession.close_confirmed, status)
            self.post(self.finish, ErrorCode(Domain.WEBSOCKET, status))
        elif self.other is None:
            self.post(self.finish, ErrorCode(Domain.WEBSOCKET, status))
        else:
            self._ending = True
            self._tell(LoopbackSession.close_asked, status, message)

    def close_asked(self, status: int, message: str) -> None:
        """The other end wants to close: LiteCore answers by requestClose, from inside this up-call."""
        if self._ending:  # both asked at once: each is the other's answer
            self.finish(ErrorCode(Domain.WEBSOCKET, status))
        else:
            self._ending = True
            self.up.close_requested(self.socket, status, message)

    def close_confirmed(self, status: int) -> None:
        self.finish(ErrorCode(Domain.WEBSOCKET, status))

    def _tell(self, job: Callable[..., None], *arguments: Any) -> None:
        if self.other is not None:
            self.other.post(job, self.other, *arguments)
