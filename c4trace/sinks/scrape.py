"""The HTTP server that Prometheus scrapes: classic text or OpenMetrics, whichever is asked for."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import socketserver
import threading
import weakref
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from c4trace.serve_error import ServeError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["MetricsServer", "ServeError"]

_HINTS = {
    errno.EADDRINUSE: "choose another port, or 0 for any that is free",
    errno.EACCES: "choose a port above 1023",
    errno.EADDRNOTAVAIL: "choose an address of this machine",
}


class MetricsServer:
    """Serves what `collector` gives, and nothing else, at http://address:port/metrics, until it is closed.

    It runs in threads of its own. Port 0 takes any that is free; `port` is the one it has. ServeError where the port is
    taken or the address is none of this machine.
    """

    def __init__(self, collector: Collector, port: int, address: str = "127.0.0.1") -> None:
        registry = CollectorRegistry()
        registry.register(collector)
        try:
            self._server = _Server(address, port)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no such port"
            hint = _HINTS.get(error.errno or 0, "") if isinstance(error, OSError) else ""
            hint = hint or "choose another address and port"
            raise ServeError(f"metrics cannot be served at {address}, port {port}: {reason}; {hint}") from error
        self._server.set_app(_answering(make_wsgi_app(registry)))
        self.address: str = address
        self.port: int = self._server.server_port
        self._ending, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="c4trace-metrics", daemon=True)
        self._thread.start()
        _servers.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where the metrics are."""
        host = f"[{self.address}]" if ":" in self.address else self.address or "0.0.0.0"  # noqa: S104 - where it is, not where it is to be
        return f"http://{host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop serving and free the port; scrapes that have begun are answered. More than once is fine."""
        if self not in _servers:
            return
        _servers.discard(self)
        self._end.send(b".")
        self._thread.join()
        with contextlib.suppress(OSError):
            self._server.socket.shutdown(socket.SHUT_RDWR)  # a child that was just forked may hold it still
        self.forget()

    def forget(self) -> None:
        """In a forked child, which has no thread that serves: do not keep the parent's port."""
        for one in (self._server.socket, self._ending, self._end):
            one.close()

    def _serve(self) -> None:
        """Sleep until somebody asks, or all is to end: a server that polls costs an idle host more, and ends late."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._server, selectors.EVENT_READ)
            selector.register(self._ending, selectors.EVENT_READ)
            while self._ending not in {key.fileobj for key, _ in selector.select()}:
                self._server.handle_request()


_servers: weakref.WeakSet[MetricsServer] = weakref.WeakSet()


def _forget_all() -> None:
    for server in list(_servers):
        server.forget()
    _servers.clear()


os.register_at_fork(after_in_child=_forget_all)


class _Handler(WSGIRequestHandler):
    timeout = 10.0  # a client that says nothing does not hold a thread for ever

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's signature
        """Leave the host's stderr alone."""


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    timeout = 0  # whoever asks is there already, or gone again
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: str, port: int) -> None:
        if ":" in address:
            self.address_family = socket.AF_INET6
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking the name service for this machine's name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()[:2]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where a client goes away before it is answered."""


def _answering(metrics: WSGIApplication) -> WSGIApplication:
    """`metrics`, with one line of text for a scrape that fails, which Prometheus then shows as the target's error."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return metrics(environ, start_response)
        except Exception as error:  # noqa: BLE001 - the scrape fails, not the host
            start_response("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"c4trace has no metrics now: {error}\n".encode()]

    return application
