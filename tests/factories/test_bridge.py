"""A factory in Python, driven by an embedded host through its C4SocketFactory."""

from __future__ import annotations

import subprocess
import sys
from typing import Literal

import pytest

from c4trace._native import ffi
from c4trace.events import EventKind
from c4trace.factories.bridge import bridge
from c4trace.factories.socket_factory import Framing
from c4trace.host import EmbeddedHost, Leaks
from c4trace.host_socket import Closed, Tally
from tests.factories.echo import EchoFactory
from tests.factories.in_place import InPlace

URL = "ws://localhost:4984/db/_blipsync"
NOTHING_LEAKED = Leaks(0, 0, 0)
MOVES = [EventKind.write, EventKind.completedWrite, EventKind.received, EventKind.completedReceive]


@pytest.mark.parametrize(("framing", "closing"), [(Framing.NONE, "requestClose"), (Framing.SERVER, "close")])
@pytest.mark.parametrize("acknowledge", ["processed", "inside"])
def test_all_up_calls_may_be_made_inside_the_calls(
    framing: Framing, closing: str, acknowledge: Literal["processed", "inside"]
) -> None:
    factory = InPlace(framing)
    with EmbeddedHost(acknowledge=acknowledge) as host:
        socket = host.connect(bridge(factory, host.upcalls), URL)
        for n in range(1, 21):
            socket.send(b"x" * n)
            assert socket.receive(timeout=20) == b"x" * n
        socket.close(1000)
        socket.wait_disposed(timeout=20)
        counts = socket.counts()
        assert counts.anomalies == {}
        assert counts.n(EventKind[closing]) == 1
        assert {kind: counts.events[kind] for kind in MOVES} == dict.fromkeys(MOVES, Tally(20, 210))
        assert host.stop() == NOTHING_LEAKED
    assert factory.sockets == []


def test_a_thousand_sockets_at_once_count_exactly() -> None:
    with EchoFactory() as echo, EmbeddedHost(threads=8) as host:
        factory = bridge(echo, host.upcalls)
        sockets = [host.connect(factory, URL, {"n": n}) for n in range(1000)]
        for n, socket in enumerate(sockets):
            for i in range(3):
                socket.send(b"%d-%d" % (n, i))
        for n, socket in enumerate(sockets):
            assert [socket.receive(timeout=60) for _ in range(3)] == [b"%d-%d" % (n, i) for i in range(3)]
            socket.close(1000)
        for socket in sockets:
            assert socket.wait_closed(timeout=60) == Closed(6, 1000)
            socket.wait_disposed(timeout=60)
        counts = host.counts()
        written = sum(len(data) for told in echo.told for data in told.written)
        assert counts.anomalies == {}
        assert {kind: counts.events[kind] for kind in MOVES} == dict.fromkeys(MOVES, Tally(3000, written))
        assert sum(told.completed for told in echo.told) == written
        assert sorted(told.options["n"] for told in echo.told) == list(range(1000))
        assert {tuple(told.calls) for told in echo.told} == {
            ("open", "write", "write", "write", "request_close", "dispose")
        }
        assert host.stop() == NOTHING_LEAKED


class Failing(EchoFactory):
    """Fails in one method."""

    def __init__(self, method: str) -> None:
        super().__init__()
        setattr(self, method, self.fail)

    def fail(self, *_: object) -> None:
        raise RuntimeError("no luck")


@pytest.mark.parametrize("method", ["open", "write", "completed_receive", "request_close"])
def test_an_exception_is_reported_once_and_closes_the_socket(method: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Failing(method) as failing, EmbeddedHost() as host:
        socket = host.connect(bridge(failing, host.upcalls), URL)
        if method != "open":
            socket.wait_opened(timeout=20)
            if method == "request_close":
                socket.close()
            else:
                socket.send(b"hello")
        assert socket.wait_closed(timeout=20) == Closed(6, 1011, f"RuntimeError in the socket factory's {method}")
        socket.wait_disposed(timeout=20)
        assert socket.counts().n(EventKind.closed) == 1
        assert host.stop() == NOTHING_LEAKED
    report = capsys.readouterr().err
    assert report.startswith(f"c4trace: the socket factory's {method} failed:\nTraceback")
    assert report.endswith("\nRuntimeError: no luck\n")
    assert report.count("failed:") == 1


def test_an_exception_in_dispose_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with Failing("dispose") as failing, EmbeddedHost() as host:
        socket = host.connect(bridge(failing, host.upcalls), URL)
        socket.wait_opened(timeout=20)
        socket.close()
        socket.wait_disposed(timeout=20)
        assert socket.counts().n(EventKind.closed) == 1
    assert capsys.readouterr().err.count("c4trace: the socket factory's dispose failed:") == 1


def test_the_peers_close_is_answered_on_the_same_stack() -> None:
    factory = InPlace()
    with EmbeddedHost() as host:
        socket = host.connect(bridge(factory, host.upcalls), URL)
        socket.wait_opened(timeout=20)
        factory.sockets[0].close_requested(1001, "bye")
        assert socket.wait_closed(timeout=20) == Closed(6, 1001, "bye")
        assert socket.close_request == (1001, "bye")
        assert socket.counts().n(EventKind.requestClose) == 1


@pytest.mark.parametrize("factory_size", [64, 72])
def test_an_incoming_socket_is_attached_opened_and_closed(factory_size: Literal[64, 72]) -> None:
    factory = InPlace()
    with EmbeddedHost(factory_size=factory_size) as host:
        bridged = bridge(factory, host.upcalls, factory_size=factory_size)
        inner = bridged.from_native("ws", "peer", 1234, "/db/_blipsync")
        assert inner.state == ("attached" if factory_size == 72 else None)
        inner.state = "known"
        socket = host.accept(inner.address)
        socket.send(b"hello")
        assert socket.receive(timeout=20) == b"hello"
        assert inner in factory.sockets
        socket.close(1000)
        socket.wait_disposed(timeout=20)
        counts = socket.counts()
        assert counts.anomalies == {}
        assert counts.n(EventKind.attached) == (factory_size == 72)
        assert counts.n(EventKind.fromNative) == counts.n(EventKind.open) == counts.n(EventKind.dispose) == 1
        assert host.stop() == NOTHING_LEAKED


def test_an_incoming_socket_that_no_replicator_takes_can_be_closed() -> None:
    factory = InPlace()
    with EmbeddedHost() as host:
        inner = bridge(factory, host.upcalls).from_native()
        factory.sockets.append(inner)
        inner.closed()
        assert factory.sockets == []


def test_the_close_callback_that_the_framing_forbids_is_null() -> None:
    with EmbeddedHost() as host:
        for framing in Framing:
            words = ffi.cast("uintptr_t *", bridge(InPlace(framing), host.upcalls).address)
            assert words[0] & 0xFF == framing
            assert (words[5] == 0, words[6] == 0) == ((True, False) if framing == Framing.NONE else (False, True))
            assert all(words[i] for i in (1, 2, 3, 4, 7, 8))


def test_a_library_that_lacks_functions_is_served_without_them() -> None:
    factory = InPlace()
    with EmbeddedHost() as host:
        lacking = dict(host.upcalls)
        for name in ("c4error_make", "c4socket_gotPeerCertificate", "c4socket_fromNative"):
            del lacking[name]
        bridged = bridge(factory, lacking)
        socket = host.connect(bridged, URL)
        socket.wait_opened(timeout=20)
        assert factory.sockets[0].got_peer_certificate(b"DER", "peer") is True
        factory.sockets[0].closed(6, 1006, "a text that has no place")
        assert socket.wait_closed(timeout=20) == Closed(6, 1006, "")
        with pytest.raises(ValueError, match="no incoming sockets"):
            bridged.from_native()
        del lacking["c4socket_closed"]
        with pytest.raises(ValueError, match="no factory without the up-calls c4socket_closed: give their addresses"):
            bridge(factory, lacking)


EXIT = """
import atexit, sys, time
from c4trace.factories.bridge import bridge
from c4trace.host import EmbeddedHost
from tests.factories.in_place import InPlace

class Pounding(InPlace):
    def write(self, socket, data):
        {write}
        super().write(socket, data)

host = EmbeddedHost(threads=8)
atexit.unregister(host.stop)  # calls go on while the interpreter ends
factory = bridge(Pounding(), host.upcalls)
sockets = [host.connect(factory, "ws://localhost/db") for _ in range(50)]
for socket in sockets:
    socket.wait_opened(20)
    for _ in range(400):
        socket.send(b"x" * 100)
sys.stdout.write("leaving")
"""


@pytest.mark.parametrize("write", ["pass", "time.sleep(0.01)", "time.sleep(3600)"])
def test_the_interpreter_ends_while_litecores_threads_call(write: str) -> None:
    for _ in range(3 if write != "time.sleep(3600)" else 1):
        program = EXIT.format(write=write)
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "leaving", "")
