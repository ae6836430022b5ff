"""One socket of an embedded host, as its driver sees it."""

from __future__ import annotations

import enum
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from c4trace._native import ffi, lib
from c4trace.decode.errors import error_name
from c4trace.decode.fleece import FleeceError, decode
from c4trace.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Anomaly", "Closed", "Counts", "HostSocket", "Response", "SocketClosed", "Tally"]


class Anomaly(enum.IntEnum):
    """A breach of the contract that the host noticed (native/host.h, enum c4thost_anomaly)."""

    after_closed = 0
    after_dispose = 1
    closed_again = 2
    opened_out_of_turn = 3
    http_out_of_turn = 4
    http_missing = 5
    acked_too_much = 6
    received_early = 7
    received_empty = 8
    close_requested_framed = 9
    error_domain = 10
    not_opened = 11
    not_closed = 12


@dataclass(frozen=True)
class Tally:
    """How often something crossed the boundary, and its bytes (of writes, receives and their completions)."""

    n: int
    bytes: int


@dataclass(frozen=True)
class Counts:
    """All calls, counted before they are made, and all up-calls, ignored ones too; what never happened is absent."""

    events: dict[EventKind, Tally]
    anomalies: dict[Anomaly, int]

    def n(self, kind: EventKind) -> int:
        """How often `kind` happened."""
        return self.events[kind].n if kind in self.events else 0

    def bytes(self, kind: EventKind) -> int:
        """Bytes of all `kind`."""
        return self.events[kind].bytes if kind in self.events else 0


@dataclass(frozen=True)
class Response:
    """What gotHTTPResponse reported; `headers` is None where they were no dictionary in Fleece."""

    status: int
    headers: dict[str, Any] | None


@dataclass(frozen=True)
class Closed:
    """The C4Error of `closed`; Network/3 where the host gave up waiting. Code 0 is a normal closure."""

    domain: int
    code: int
    message: str = ""


class SocketClosed(Exception):  # noqa: N818  # it is no error that a socket closes
    """The socket closed before what was waited for came."""

    def __init__(self, closed: Closed) -> None:
        super().__init__(f"closed: {error_name(closed.domain, closed.code)} {closed.message}".rstrip())
        self.closed = closed


class Kind(enum.IntEnum):
    """native/host.h, enum c4thost_happening."""

    http_response = 0
    peer_certificate = 1
    opened = 2
    received = 3
    acked = 4
    close_requested = 5
    closed = 6
    disposed = 7


class HostSocket:
    """One C4Socket of an embedded host, made by its `connect` or `accept`.

    All methods may be called from any thread. A `timeout` is in seconds, None waits for ever; TimeoutError says that it
    has passed.
    """

    def __init__(self, native: Any, key: int, host_lock: threading.Lock, *, taken: bool) -> None:
        self._native: Any = native
        self._key = key
        self._host_lock = host_lock
        self._acknowledge_taken = taken
        self._changed = threading.Condition()
        self._opened = False
        self._disposed = False
        self._closed: Closed | None = None
        self._inbox: deque[bytes] = deque()
        self._sent = 0
        self._acked = 0
        self._final: Counts | None = None
        self.response: Response | None = None
        """The server's answer to the handshake, once it is known."""
        self.certificate: tuple[bytes, str] | None = None
        """DER and hostname of gotPeerCertificate."""
        self.close_request: tuple[int, str] | None = None
        """Status and message of closeRequested."""

    def wait_opened(self, timeout: float | None = None) -> None:
        """Wait until the factory called opened. Raises SocketClosed if it closed instead."""
        self._wait(lambda: self._opened, "opened", timeout)

    def send(self, data: bytes) -> None:
        """Queue `data`, one message (with framing: bytes), to be written once the socket is open and not behind.

        Raises SocketClosed after the end. Like LiteCore, the host drops what it has not written when the socket closes:
        `flush` first.
        """
        with self._changed:
            self._sent += len(data)
        with self._host_lock:
            refused = self._native is None or lib.c4thost_send(self._native, self._key, data, len(data))
        if refused:
            with self._changed:
                self._sent -= len(data)
                # The host knows of the end before its event has come to us.
                self._changed.wait_for(lambda: self._closed is not None or self._native is None)
                raise SocketClosed(self._closed or Closed(0, 0))

    def flush(self, timeout: float | None = None) -> None:
        """Wait until completedWrite has come for all that was sent. Raises SocketClosed if the socket closed before."""
        self._wait(lambda: self._acked >= self._sent, "acknowledged", timeout)

    def receive(self, timeout: float | None = None) -> bytes:
        """The next message, in order. Raises SocketClosed when there are no more."""
        with self._changed:
            self._wait(lambda: bool(self._inbox), "received", timeout)
            message = self._inbox.popleft()
        if self._acknowledge_taken:
            with self._host_lock:
                if self._native is not None:
                    lib.c4thost_completed_receive(self._native, self._key, len(message))
        return message

    def close(self, status: int = 1000, message: str = "") -> None:
        """Ask the factory to close: requestClose with `status` and `message`, or with framing close.

        After the end it does nothing.
        """
        encoded = ffi.from_buffer(message.encode())
        text = ffi.new("c4t_slice *", [encoded, len(encoded)])[0]
        with self._host_lock:
            if self._native is not None:
                lib.c4thost_close(self._native, self._key, status, text)

    def wait_closed(self, timeout: float | None = None) -> Closed:
        """Wait for the end, and say how it came: as the factory gave it, or Network/3 where the host gave up."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed is not None or self._native is None, timeout):
                raise TimeoutError(f"not closed within {timeout} s")
            return self._closed or Closed(0, 0)

    def wait_disposed(self, timeout: float | None = None) -> None:
        """Wait until the last reference was released and dispose has returned."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._disposed, timeout):
                raise TimeoutError(f"not disposed within {timeout} s")

    def counts(self) -> Counts:
        """Everything that crossed the boundary for this socket so far."""
        with self._host_lock:
            return self._final or read_counts(self._native, self._key)

    def detach(self) -> None:
        """Keep the last counts; the host is gone, or has nothing more to say. The host's lock is held."""
        if self._native is None:
            return
        self._final = read_counts(self._native, self._key)
        with self._changed:
            self._native = None
            self._changed.notify_all()

    def take_event(self, event: Any) -> None:
        """Note a c4thost_event, from the host's listener."""
        data = bytes(ffi.buffer(event.data, event.size)) if event.data else b""
        text = bytes(ffi.buffer(event.text, event.text_size)).decode("utf-8", "replace") if event.text_size else ""
        with self._changed:
            match Kind(event.kind):
                case Kind.http_response:
                    self.response = Response(event.code, _headers(data))
                case Kind.peer_certificate:
                    self.certificate = (data, text)
                case Kind.opened:
                    self._opened = True
                case Kind.received:
                    self._inbox.append(data)
                case Kind.acked:
                    self._acked += event.size
                case Kind.close_requested:
                    self.close_request = (event.code, text)
                case Kind.closed:
                    self._closed = Closed(event.domain, event.code, text)
                case Kind.disposed:
                    self._disposed = True
            self._changed.notify_all()

    def _wait(self, happened: Callable[[], bool], what: str, timeout: float | None) -> None:
        with self._changed:
            over = self._changed.wait_for(
                lambda: happened() or self._closed is not None or self._native is None, timeout
            )
            if not over:
                raise TimeoutError(f"not {what} within {timeout} s")
            if not happened():
                raise SocketClosed(self._closed or Closed(0, 0))


def _headers(data: bytes) -> dict[str, Any] | None:
    try:
        headers = decode(data)
    except FleeceError:
        return None
    return headers if isinstance(headers, dict) else None


def read_counts(native: Any, key: int) -> Counts:
    """The counts of one socket, or (key 0) of all of the host's."""
    counts = ffi.new("c4thost_counts *")
    lib.c4thost_count(native, key, counts)
    tallies = {kind: counts.events[kind] for kind in EventKind}
    return Counts(
        {kind: Tally(tally.n, tally.bytes) for kind, tally in tallies.items() if tally.n},
        {anomaly: n for anomaly in Anomaly if (n := counts.anomalies[anomaly])},
    )
