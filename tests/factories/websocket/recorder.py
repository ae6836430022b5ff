"""A Socket that writes down every up-call and holds the factory to the contract."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from c4trace.factories import Address, SocketFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10.0
"""Seconds after which something that should have happened will not happen any more."""


class UpCall(NamedTuple):
    """One up-call and its arguments."""

    name: str
    arguments: tuple[Any, ...]


class RecordingSocket:
    """Plays LiteCore for one connection.

    It acknowledges what it receives and answers `close_requested`, unless told not to. Each breach of the contract
    becomes a line in `breaches`.
    """

    def __init__(self, factory: SocketFactory, *, acknowledges: bool = True, answers_close: bool = True) -> None:
        self.state: Any = None
        self.up_calls: list[UpCall] = []
        self.threads: set[int] = set()
        self.breaches: list[str] = []
        self.accepts_certificates = True
        self._factory = factory
        self._acknowledges = acknowledges
        self._answers_close = answers_close
        self._changed = threading.Condition()
        self._in_up_call = threading.Lock()
        self._in_call: set[int] = set()
        self._asked_to_close = False

    # What LiteCore does

    def open(self, url: str, options: Mapping[str, Any] | None = None) -> RecordingSocket:
        scheme, _, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        host, _, port = authority.rpartition(":")
        with self._calling():
            self._factory.open(self, Address(scheme, host.strip("[]"), int(port), slash + path), dict(options or {}))
        return self

    def write(self, data: bytes) -> None:
        with self._calling():
            self._factory.write(self, data)

    def completed_receive(self, n: int) -> None:
        with self._calling():
            self._factory.completed_receive(self, n)

    def request_close(self, status: int = 1000, message: str = "") -> None:
        self._asked_to_close = True
        with self._calling():
            self._factory.request_close(self, status, message)

    def dispose(self) -> None:
        with self._calling():
            self._factory.dispose(self)

    @contextmanager
    def _calling(self) -> Iterator[None]:
        thread = threading.get_ident()
        nested = thread in self._in_call
        self._in_call.add(thread)
        try:
            yield
        finally:
            if not nested:
                self._in_call.discard(thread)

    # What the factory does

    def got_http_response(self, status: int, headers: Mapping[str, str | list[str]]) -> None:
        with self._up_call("got_http_response", status, dict(headers)):
            self._expect("C4S-016", self.count("got_http_response") == 1 and not self.count("opened"))
            self._expect("C4S-017", status != 101 or "Sec-WebSocket-Protocol" in headers or not self.offers)
            self._expect("C4S-018", status >= 0)

    offers = True
    """Whether the options have WS-Protocols, to which the server must answer."""

    def opened(self) -> None:
        with self._up_call("opened"):
            self._expect("C4S-015", self.count("opened") == 1)
            self._expect("C4S-016", self.count("got_http_response") == 1)

    def received(self, data: bytes) -> None:
        with self._up_call("received", data):
            self._expect("C4S-040", self.count("opened") == 1)
            self._expect("C4S-043", len(data) > 0)
            if self._acknowledges:
                self.completed_receive(len(data))

    def completed_write(self, n: int) -> None:
        with self._up_call("completed_write", n):
            self._expect("C4S-032", n > 0)

    def close_requested(self, status: int, message: str) -> None:
        with self._up_call("close_requested", status, message):
            self._expect("C4S-058", self.count("close_requested") == 1 and self.count("opened") == 1)
            if self._answers_close:
                self.request_close(status, message)

    def closed(self, domain: int = 0, code: int = 0, message: str = "") -> None:
        with self._up_call("closed", int(domain), int(code), message):
            self._expect("C4S-050", self.count("closed") == 1)
            self._expect("C4S-053", code == 0 or domain in {2, 5, 6})
            self._expect("C4S-053", domain != 5 or 1 <= code <= 27)
            self._expect("C4S-054", (domain, code) != (6, 1000) or self._asked_to_close)

    def got_peer_certificate(self, der: bytes, hostname: str) -> bool:
        with self._up_call("got_peer_certificate", der, hostname):
            self._expect("C4S-020", not self.count("got_http_response"))
        return self.accepts_certificates

    @contextmanager
    def _up_call(self, name: str, *arguments: Any) -> Iterator[None]:
        self._expect("C4S-082", self._in_up_call.acquire(blocking=False))
        self._expect("C4S-052", threading.get_ident() not in self._in_call)
        self._expect(f"{name} after closed", self.count("closed") == 0)
        self.threads.add(threading.get_ident())
        with self._changed:
            self.up_calls.append(UpCall(name, arguments))
            self._changed.notify_all()
        try:
            yield
        finally:
            self._in_up_call.release()

    def _expect(self, rule: str, holds: bool) -> None:  # noqa: FBT001  # as assert has it
        if not holds:
            self.breaches.append(f"{rule} in {self.up_calls[-1:]}")

    # What tests ask

    def count(self, name: str) -> int:
        return sum(up_call.name == name for up_call in self.up_calls)

    def all_of(self, name: str) -> list[tuple[Any, ...]]:
        return [up_call.arguments for up_call in self.up_calls if up_call.name == name]

    def wait_for(self, name: str, times: int = 1) -> tuple[Any, ...]:
        """The arguments of the up-call of this name that makes it this many."""
        end = time.monotonic() + PATIENCE
        with self._changed:
            while self.count(name) < times:
                assert self._changed.wait(end - time.monotonic()), f"no {name} among {self.names}"
        return self.all_of(name)[times - 1]

    def wait_until_written(self, n: int) -> None:
        end = time.monotonic() + PATIENCE
        with self._changed:
            while self.written < n:
                assert self._changed.wait(end - time.monotonic()), f"{self.written} of {n} bytes written"

    @property
    def written(self) -> int:
        return sum(n for (n,) in self.all_of("completed_write"))

    @property
    def messages(self) -> list[bytes]:
        return [data for (data,) in self.all_of("received")]

    @property
    def names(self) -> list[str]:
        return [up_call.name for up_call in self.up_calls]

    @property
    def end(self) -> tuple[int, int]:
        """Domain and code of `closed`."""
        domain, code, _ = self.wait_for("closed")
        return domain, code
