"""The life of one socket: connecting, open, closing, closed. All of it happens on the factory's event loop.

Up-calls are made from the loop's thread only and calls come in through the loop, so that up-calls are serialised
(C4S-082), none is made from inside a call (C4S-052) and there is no lock to hold (C4S-081).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from c4trace.decode.errors import ErrorDomain, NetworkCode
from c4trace.factories.websocket.conversation import Conversation, wire_status
from c4trace.factories.websocket.dial import Upgraded, dial
from c4trace.factories.websocket.failure import Outcome, outcome_of
from c4trace.factories.websocket.handshake import Refused, Target
from c4trace.factories.websocket.options import parse_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from c4trace.factories.socket_factory import Address, Socket
    from c4trace.factories.websocket.options import Settings

__all__ = ["Connection"]

log = logging.getLogger(__name__)

TIMED_OUT_STATUS = 504
"""LiteCore's `request_close` when it has waited too long for `opened`."""


class Connection:
    """What a socket's `state` is: made in `open`, on any thread; all else on the loop's."""

    def __init__(
        self,
        socket: Socket,
        address: Address,
        options: Mapping[str, Any],
        settings: Settings,
        on_closed: Callable[[Connection], None],
    ) -> None:
        self._socket = socket
        self._address = address
        self._options = options
        self._settings = settings
        self._on_closed = on_closed
        self._task: asyncio.Task[Outcome] | None = None
        self._conversation: Conversation | None = None
        self._cancelled: Outcome | None = None
        self._disposed = False

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.get_running_loop().create_task(self._live())
        # Not a try in the task: one that is cancelled before its first step runs none of its code.
        self._task.add_done_callback(self._ended)

    def write(self, data: bytes) -> None:
        """Queue a message; ignored unless open (C4S-036)."""
        if self._conversation:
            self._conversation.write(data)

    def completed_receive(self, n: int) -> None:
        """Make room for `n` more bytes."""
        if self._conversation:
            self._conversation.completed_receive(n)

    def request_close(self, status: int, message: str) -> None:
        """Close in order, or stop connecting (C4S-013). Only the first one counts (C4S-057)."""
        if self._conversation:
            self._conversation.request_close(status, message)
        elif status == TIMED_OUT_STATUS:
            self.cancel(Outcome(ErrorDomain.NETWORK, NetworkCode.Timeout, "connecting took too long"))
        else:
            self.cancel(Outcome(ErrorDomain.WEBSOCKET, wire_status(status), message))

    def dispose(self) -> None:
        """End without a word: the socket is gone (C4S-072)."""
        self._disposed = True
        self.cancel(Outcome(ErrorDomain.WEBSOCKET, 1001, "disposed"))

    def cancel(self, outcome: Outcome) -> None:
        """End now, and in this way unless the end has begun."""
        if self._task and not self._cancelled:
            self._cancelled = outcome
            self._task.cancel()

    def go_away(self) -> None:
        """End because the factory does: the peer is told, but not waited for."""
        if self._conversation:
            self._conversation.go_away()
        self.cancel(Outcome(ErrorDomain.WEBSOCKET, 1001, "the socket factory was shut down"))

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        """Make the one `closed`; every way out leads here (C4S-060)."""
        self._conversation = None
        try:
            if not self._disposed:
                self._socket.closed(*self._outcome(task))
        except Exception as error:  # noqa: BLE001  # the other sockets go on
            log.error("closed failed: %s", type(error).__name__)  # noqa: TRY400  # a traceback may quote its arguments
        finally:
            self._on_closed(self)

    def _outcome(self, task: asyncio.Task[Outcome]) -> Outcome:
        if task.cancelled():
            return self._cancelled or Outcome(ErrorDomain.WEBSOCKET, 1001, "the event loop was stopped")
        error = task.exception()
        if error is None:
            return task.result()
        return outcome_of(error if isinstance(error, Exception) else RuntimeError())

    async def _live(self) -> Outcome:
        options = parse_options(self._options, self._settings)
        target = Target.of(self._address)
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                upgraded = await dial(target, options, self._settings, self._socket.got_peer_certificate)
        except Refused as refused:
            self._socket.got_http_response(refused.head.status, refused.head.headers)
            return refused.outcome
        try:
            return await self._talk(upgraded, options.heartbeat)
        finally:
            upgraded.stream.close()

    async def _talk(self, upgraded: Upgraded, heartbeat: float) -> Outcome:
        self._conversation = Conversation(self._socket, upgraded, self._settings, heartbeat)
        self._socket.got_http_response(upgraded.head.status, upgraded.head.headers)
        self._socket.opened()
        return await self._conversation.run()
