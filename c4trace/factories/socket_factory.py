"""The base class of inner factories written in Python, and what LiteCore looks like from inside one.

Rule ids (C4S-nnn) are those `c4trace check` reports.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from c4trace.decode.errors import ErrorDomain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Address", "ErrorDomain", "Framing", "Socket", "SocketFactory"]


class Framing(enum.IntEnum):
    """What one `write` and one `received` carry (C4SocketFraming, c4SocketTypes.h).

    With NONE it is one whole message: the factory does WebSocket itself. With CLIENT and SERVER LiteCore does WebSocket
    and the factory moves plain bytes in chunks of any size; LiteCore takes both to mean "not NONE" (C4S-007).
    """

    CLIENT = 0
    NONE = 1
    SERVER = 2


@dataclass(frozen=True)
class Address:
    """Where `open` is to connect (C4Address); without user, password or query.

    `scheme` is "ws" or "wss" ("http", "https", "blip" and "blips" from old callers), `hostname` has neither port nor
    brackets, `port` is 0 when the caller gave none, `path` ends in "/_blipsync".
    """

    scheme: str
    hostname: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The address as one URL, an IPv6 hostname in brackets."""
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        port = f":{self.port}" if self.port else ""
        path = self.path if not self.path or self.path.startswith("/") else f"/{self.path}"
        return f"{self.scheme}://{host}{port}{path}"


class Socket(Protocol):
    """One C4Socket, LiteCore's end of a connection: the up-calls a factory makes.

    Up-calls may be made from any thread, one at a time for a socket (C4S-082), with none of the factory's locks held:
    LiteCore calls back into the factory on the same stack (C4S-081). The socket is kept alive from `open` until
    `closed` has returned (C4S-009); nothing may be called after that (C4S-019, C4S-040, C4S-050).
    """

    state: Any
    """The factory's own: whatever it wants to find again in the next call for this socket. None until set."""

    def got_http_response(self, status: int, headers: Mapping[str, str | list[str]]) -> None:
        """Report the server's answer to the handshake, once, before `opened` or a `closed` for its status (C4S-016).

        Names of `headers` are Title-Case; a header that came more than once is a list. With status 101,
        Sec-WebSocket-Protocol must be among them (C4S-017); `status` is never negative (C4S-018).
        """

    def opened(self) -> None:
        """Say that the connection is up: once, and only after `open` (C4S-012, C4S-015)."""

    def received(self, data: bytes) -> None:
        """Hand over `data` that the peer sent, in its order, one at a time (C4S-041).

        Framing NONE: exactly one whole binary message, never an empty one (C4S-042, C4S-043); else any number of bytes,
        and empty data for the end of the stream. `completed_receive` may be called before this returns (C4S-046).
        """

    def completed_write(self, n: int) -> None:
        """Say that `n` more bytes of earlier `write` calls have left the factory's memory (C4S-032, C4S-038)."""

    def close_requested(self, status: int, message: str) -> None:
        """Report the `status` and `message` of the peer's CLOSE, framing NONE only (C4S-058).

        LiteCore answers by `request_close`, mostly before this returns.
        """

    def closed(self, domain: int = 0, code: int = 0, message: str = "") -> None:
        """End the connection: exactly once, and always (C4S-050, C4S-060).

        `domain` is one of NETWORK, WEBSOCKET and POSIX, or `code` is 0 (C4S-053); `message` is for people. A lost
        connection is no normal closure: report it as WEBSOCKET/1006 or by its own error, or a continuous replicator
        stops for good (C4S-054).
        """

    def got_peer_certificate(self, der: bytes, hostname: str) -> bool:
        """Show the certificate of `hostname`, as `der`, once it is verified and before `got_http_response` (C4S-020).

        False: the application refuses it, and the factory answers closed(NETWORK, 8).
        """
        ...


class SocketFactory:
    """Base class of inner factories in Python: subclass it and hand an instance to `Tracer.wrap`.

    `open`, `write`, `completed_receive` and, as `framing` has it, `close` or `request_close` are to be written: a
    factory without one of them is refused (C4S-002, C4S-003).

    LiteCore calls from many threads, and calls for one socket can overlap (C4S-035). Every method must return quickly:
    some run on the one thread that drives all timers of the process (C4S-080). None may hold a lock while it makes an
    up-call (C4S-081).

    An exception that leaves a method is caught, reported once, and turned into `closed` with an error.
    """

    framing: Framing = Framing.NONE
    """Decides which of `close` and `request_close` LiteCore is given; the other one is never called (C4S-002)."""

    def open(self, socket: Socket, address: Address, options: dict[str, Any]) -> None:
        """Begin to connect to `address`; then either `opened` and later `closed`, or `closed` alone, follow (C4S-012).

        Return at once. Store what later calls need in `socket.state` before any other thread can see the socket
        (C4S-073). `options` is LiteCore's dictionary, decoded: "WS-Protocols" goes out verbatim as
        Sec-WebSocket-Protocol, and "headers", "auth", "cookies", "proxy" and the TLS options are to be honoured
        (C4S-021), with framing NONE "heartbeat" too (C4S-083). An incoming socket gets `open` as well, its state
        already set, and answers `opened` (C4S-077).
        """
        raise NotImplementedError

    def write(self, socket: Socket, data: bytes) -> None:
        """Queue `data`; it goes out in the order of the calls (C4S-031).

        Every byte is answered by `completed_write` once, no sooner than it is gone (C4S-032, C4S-038); calling it from
        in here is allowed (C4S-033). A write that fails ends in `closed` with an error (C4S-037). Calls may still come
        after `closed`: ignore them (C4S-036). `data` is a copy and the factory's to keep (C4S-030).
        """
        raise NotImplementedError

    def completed_receive(self, socket: Socket, n: int) -> None:
        """Take note that LiteCore is done with `n` bytes of `received`: the flow control of reading.

        Count received minus completed; stop reading above a limit, resume below it and lose no wake-up (C4S-045,
        C4S-047). May come re-entrantly inside `received`, from any thread, and after `closed` (C4S-046).
        """
        raise NotImplementedError

    def close(self, socket: Socket) -> None:
        """Close the byte stream, then call `closed`; framing CLIENT and SERVER only (C4S-051).

        It may come before `opened`: cancel the attempt (C4S-013). LiteCore may hold its own lock here: call `closed`
        later, from another stack (C4S-052).
        """
        raise NotImplementedError

    def request_close(self, socket: Socket, status: int, message: str) -> None:
        """Send a CLOSE of `status` and `message`, wait for the peer's, call `closed`; framing NONE only (C4S-051).

        It may come before `opened`: cancel the attempt (C4S-013). It is also LiteCore's answer to `close_requested`:
        echo the CLOSE (C4S-058). `status` may be illegal on the wire (504, 1005, 1006, 0): map it (C4S-056). Up to 3.0
        it may come twice (C4S-057). Wait less than 5 s for the peer (C4S-059). What still arrives is wanted (C4S-061).
        """
        raise NotImplementedError

    def dispose(self, socket: Socket) -> None:
        """Forget the socket: the last call for it, on any thread (C4S-070). Make no up-call in here (C4S-072)."""

    def attached(self, socket: Socket) -> None:
        """Take note of an incoming socket that LiteCore now knows (3.4, 4.1 on); no `opened` in here (C4S-076)."""
