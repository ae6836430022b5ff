"""An open WebSocket: messages, flow control, heartbeat and the closing handshake (RFC 6455 sections 5 to 7)."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from websockets.frames import Frame, Opcode
from websockets.protocol import State

from c4trace.decode.errors import ErrorDomain, NetworkCode
from c4trace.factories.websocket.failure import Outcome, lost, outcome_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from c4trace.factories.socket_factory import Socket
    from c4trace.factories.websocket.dial import Upgraded
    from c4trace.factories.websocket.options import Settings

__all__ = ["Conversation", "wire_status"]

LINGER = 0.5
"""Seconds to wait for the server to hang up first once both have sent CLOSE (RFC 6455 section 7.1.1)."""

MAX_REASON = 123
"""Bytes of a CLOSE's reason: a control frame has room for 125, two of them for the code."""


def wire_status(status: int) -> int:
    """Map a status that `request_close` may bring to one that may be sent (C4S-056)."""
    if status in {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011} or 3000 <= status <= 4999:
        return status
    if status <= 0 or status == 1005:
        return 1000
    return 1001 if 300 <= status <= 599 else 1011


@dataclass(frozen=True)
class _Close:
    """A CLOSE that waits behind the messages written before it."""

    code: int
    reason: str


class Conversation:
    """What happens between `opened` and the end."""

    def __init__(self, socket: Socket, upgraded: Upgraded, settings: Settings, heartbeat: float) -> None:
        self._socket = socket
        self._stream = upgraded.stream
        self._protocol = upgraded.protocol
        self._rest = upgraded.rest
        self._settings = settings
        self._heartbeat = heartbeat
        self._to_send: asyncio.Queue[bytes | _Close] = asyncio.Queue()
        self._parts: list[bytes] = []
        self._is_text = False
        # Bytes LiteCore was given and is not done with; below the limit there is room.
        self._unprocessed = 0
        self._room = asyncio.Event()
        self._room.set()
        self._heard = False
        # The answer to the peer's CLOSE, until LiteCore has said that it may be sent (C4S-058).
        self._echo: bytes | None = None
        self._close_requested = False
        # How it ends, as soon as a CLOSE has gone out or come in: whatever goes wrong after that is no news.
        self._agreed: Outcome | None = None
        self._over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    # Calls

    def write(self, data: bytes) -> None:
        """Queue a message behind all others (C4S-031)."""
        if data and not self._close_requested:
            self._to_send.put_nowait(data)

    def completed_receive(self, n: int) -> None:
        """Make room for `n` more bytes (C4S-045); never too late, since it is the loop that reads (C4S-047)."""
        self._unprocessed = max(0, self._unprocessed - n)
        if self._unprocessed < self._settings.receive_limit:
            self._room.set()

    def request_close(self, status: int, message: str) -> None:
        """Send CLOSE behind what was written, and end within the time limit (C4S-059)."""
        if self._close_requested:
            return
        self._close_requested = True
        self._to_send.put_nowait(_Close(wire_status(status), _reason(message)))
        self._end_within(self._settings.close_timeout)

    def go_away(self) -> None:
        """Send CLOSE at once."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(1001)
            self._flush()

    # The loop's part

    async def run(self) -> Outcome:
        """Read, write and keep alive until one of them is at its end."""
        parts = (self._read, self._write, self._keep_alive)
        workers = [asyncio.create_task(self._work(part)) for part in parts]
        try:
            return await self._over
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.wait(workers)
            if self._echo:  # LiteCore never answered, but the peer shall not wait
                self._stream.write(self._echo)

    async def _work(self, part: Callable[[], Awaitable[Outcome]]) -> None:
        """Let the end of one part be the end of all."""
        try:
            outcome = await part()
        except (OSError, EOFError) as error:
            outcome = self._agreed or outcome_of(error)
        except Exception as error:  # noqa: BLE001  # every way out ends in `closed` (C4S-060)
            outcome = outcome_of(error)
        else:
            outcome = self._agreed or outcome
        self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        if not self._over.done():
            self._over.set_result(outcome)

    def _end_within(self, seconds: float) -> None:
        give_up = lost("the peer did not take part in closing")
        asyncio.get_running_loop().call_later(seconds, lambda: self._finish(self._agreed or give_up))

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:  # empty: half-close, which TLS and proxies cannot do
                self._stream.write(data)

    # Reading

    async def _read(self) -> Outcome:
        data = self._rest
        while True:
            if data:
                self._take(data)
            if self._is_broken:
                return await self._broken()
            if not self._room.is_set():
                await self._room.wait()
                self._heard = True  # nobody listened
            data = await self._stream.read()
            if not data:
                return lost("the server closed the connection without a CLOSE")
            self._heard = True

    def _take(self, data: bytes) -> None:
        """Interpret bytes of the stream; what they make the protocol say goes out, but for the echo of a CLOSE."""
        self._protocol.receive_data(data)
        frames = [event for event in self._protocol.events_received() if isinstance(event, Frame)]
        if any(frame.opcode is Opcode.CLOSE for frame in frames) and not self._agreed:
            self._echo = b"".join(self._protocol.data_to_send())
        self._flush()
        for frame in frames:
            if not self._is_text:
                self._take_frame(frame)

    def _take_frame(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.BINARY | Opcode.CONT:
                self._parts.append(bytes(frame.data))
                if frame.fin:
                    message, self._parts = b"".join(self._parts), []
                    self._receive(message)
            case Opcode.TEXT:
                self._is_text = True  # C4S-042
                self._protocol.fail(1003, "a text message, which BLIP has none of")
            case Opcode.CLOSE:
                self._peer_closes()
            case _:
                pass  # PING was answered by the protocol; PONG was heard

    def _receive(self, message: bytes) -> None:
        if not message:
            return  # C4S-043
        self._unprocessed += len(message)
        if self._unprocessed >= self._settings.receive_limit:
            self._room.clear()
        self._socket.received(message)

    @property
    def _is_broken(self) -> bool:
        return self._is_text or self._protocol.parser_exc is not None

    async def _broken(self) -> Outcome:
        """Tell the peer what it did wrong; what it says to that is of no interest (RFC 6455 section 7.1.7)."""
        self._flush()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                await self._stream.drain()
        sent = self._protocol.close_sent
        return Outcome(ErrorDomain.WEBSOCKET, sent.code, sent.reason) if sent else lost("the stream is broken")

    # Writing

    async def _write(self) -> Outcome:
        while True:
            item = await self._to_send.get()
            if isinstance(item, _Close):
                self._send_close(item)
                await self._stream.drain()
            elif self._protocol.state is State.OPEN:  # else it comes too late
                self._protocol.send_binary(item)
                self._flush()
                await self._stream.drain()
                self._socket.completed_write(len(item))

    async def _keep_alive(self) -> Outcome:
        """Send PING now and then; a server that says nothing at all for long after it is gone (C4S-083)."""
        while True:
            await asyncio.sleep(self._heartbeat)
            if self._protocol.state is not State.OPEN:
                continue
            self._heard = False
            self._protocol.send_ping(b"")
            self._flush()
            await asyncio.sleep(min(self._heartbeat, self._settings.pong_timeout))
            if not self._heard and self._room.is_set() and self._protocol.state is State.OPEN:
                return Outcome(ErrorDomain.NETWORK, NetworkCode.Timeout, "the server does not answer PING")

    # Closing

    def _send_close(self, close: _Close) -> None:
        if self._echo:
            self._stream.write(self._echo)
            self._echo = None
            self._end_within(LINGER)
        elif self._protocol.state is State.OPEN:
            self._protocol.send_close(close.code, close.reason)
            self._flush()
            self._agreed = Outcome(ErrorDomain.WEBSOCKET, close.code, close.reason)

    def _peer_closes(self) -> None:
        close = self._protocol.close_rcvd
        code, reason = (close.code, close.reason) if close else (1005, "")
        if self._agreed:  # the answer to ours
            if code != 1005:
                self._agreed = Outcome(ErrorDomain.WEBSOCKET, code, reason)
            self._end_within(LINGER)
            return
        self._agreed = Outcome(ErrorDomain.WEBSOCKET, code, reason)
        if not self._close_requested:  # else the two crossed, and ours becomes the answer
            self._end_within(self._settings.close_timeout)
            self._socket.close_requested(code, reason)


def _reason(message: str) -> str:
    """As much of a message as fits, whole characters."""
    return message.encode("utf-8", "replace")[:MAX_REASON].decode("utf-8", "ignore")
