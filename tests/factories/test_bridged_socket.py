"""The socket a factory in Python is given: what it passes on, what it drops, what it refuses, how long it lives."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from c4trace.events import EventKind
from c4trace.factories.bridge import bridge
from c4trace.factories.bridged_socket import BridgedSocket
from c4trace.factories.socket_factory import Framing, Socket
from c4trace.host import EmbeddedHost, Leaks
from c4trace.host_socket import Anomaly, Closed, HostSocket, SocketClosed
from tests.factories.echo import EchoFactory
from tests.factories.in_place import InPlace

URL = "ws://localhost:4984/db/_blipsync"
NOTHING_LEAKED = Leaks(0, 0, 0)


def test_what_follows_closed_is_dropped() -> None:
    with EchoFactory() as echo, EmbeddedHost() as host:
        socket = host.connect(bridge(echo, host.upcalls), URL)
        socket.wait_opened(timeout=20)
        inner = echo.sockets[0]
        inner.closed(6, 1006, "lost")
        inner.closed(6, 1000)
        inner.opened()
        inner.received(b"late")
        inner.completed_write(1)
        inner.close_requested(1001, "late")
        inner.got_http_response(200, {})
        assert inner.got_peer_certificate(b"", "") is False
        assert socket.wait_closed(timeout=20) == Closed(6, 1006, "lost")
        socket.wait_disposed(timeout=20)
        inner.received(b"later still")
        counts = socket.counts()
        assert counts.anomalies == {}
        assert (counts.n(EventKind.closed), counts.n(EventKind.received)) == (1, 0)


def test_without_retain_a_socket_disposed_early_is_left_alone() -> None:
    class Mute(InPlace):
        def open(self, socket: Socket, *_: object) -> None:
            self.sockets.append(socket)

        def request_close(self, *_: object) -> None:
            pass

        def dispose(self, socket: Socket) -> None:
            pass

    factory = Mute()
    with EmbeddedHost(connect_timeout=0.05, close_timeout=0.05) as host:
        old = {
            name: address
            for name, address in host.upcalls.items()
            if name not in {"c4socket_retain", "c4socket_release"}
        }
        socket = host.connect(bridge(factory, old), URL)
        socket.wait_disposed(timeout=20)
        factory.sockets[0].opened()
        factory.sockets[0].closed()
        assert socket.counts().anomalies == {Anomaly.not_opened: 1, Anomaly.not_closed: 1}


@pytest.mark.parametrize(
    ("up_call", "why"),
    [
        (lambda socket: socket.received(b""), "C4S-043"),
        (lambda socket: socket.got_http_response(-1, {}), "C4S-018"),
        (lambda socket: socket.got_http_response(101, {1: "x"}), "a key of type int"),
    ],
)
def test_what_would_crash_litecore_is_refused(up_call: Callable[[Socket], None], why: str) -> None:
    factory = InPlace()
    with EmbeddedHost() as host:
        host.connect(bridge(factory, host.upcalls), URL).wait_opened(timeout=20)
        with pytest.raises((ValueError, TypeError), match=why):
            up_call(factory.sockets[0])


def test_close_requested_is_refused_with_framing() -> None:
    factory = InPlace(Framing.CLIENT)
    with EmbeddedHost() as host:
        host.connect(bridge(factory, host.upcalls), URL).wait_opened(timeout=20)
        with pytest.raises(ValueError, match="C4S-058"):
            factory.sockets[0].close_requested(1000, "")


def test_a_disposed_socket_is_forgotten() -> None:
    factory = InPlace()
    with EmbeddedHost() as host:
        socket = host.connect(bridge(factory, host.upcalls), URL)
        socket.wait_opened(timeout=20)
        inner = weakref.ref(factory.sockets[0])
        assert isinstance(inner(), BridgedSocket)
        socket.close()
        socket.wait_disposed(timeout=20)
        gc.collect()
        assert inner() is None


def close_while_others_are_inside(host: EmbeddedHost, factory: InPlace, bridged: Any) -> None:
    socket: HostSocket = host.connect(bridged, URL)
    socket.wait_opened(timeout=20)
    inner = factory.sockets[0]
    ready = threading.Barrier(4)

    def pound() -> None:
        ready.wait()
        for _ in range(30):
            inner.received(b"x")

    threads = [threading.Thread(target=pound) for _ in range(3)]
    for thread in threads:
        thread.start()
    ready.wait()
    inner.closed(6, 1006)
    for thread in threads:
        thread.join()
    socket.wait_disposed(timeout=20)
    with pytest.raises(SocketClosed):  # noqa: PT012  # after all that was received
        while socket.receive(timeout=20):
            pass


def test_the_socket_lives_while_another_thread_is_inside_an_up_call() -> None:
    factory = InPlace()
    with EmbeddedHost() as host:
        bridged = bridge(factory, host.upcalls)
        for _ in range(50):
            close_while_others_are_inside(host, factory, bridged)
        assert host.counts().n(EventKind.dispose) == 50
        assert host.stop() == NOTHING_LEAKED
