"""The embedded host in Python: what it says, what it refuses, and that it comes to an end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from c4trace.events import EventKind
from c4trace.factories.bridge import bridge
from c4trace.factories.socket_factory import Socket
from c4trace.host import EmbeddedHost, Leaks
from c4trace.host_socket import Anomaly, Closed, Counts, SocketClosed, Tally
from tests.factories.echo import EchoFactory

URL = "ws://localhost:4984/db/_blipsync"


def test_a_message_goes_out_and_comes_back() -> None:
    with EchoFactory() as echo, EmbeddedHost() as host:
        socket = host.connect(bridge(echo, host.upcalls), URL)
        socket.wait_opened(timeout=60)
        socket.send(b"hello")
        assert socket.receive(timeout=60) == b"hello"
        socket.flush(timeout=60)
        socket.close(1000, "done")
        assert socket.wait_closed(timeout=60) == Closed(6, 1000, "done")
        socket.wait_disposed(timeout=60)
        once = dict.fromkeys(("open", "opened", "gotHTTPResponse", "requestClose", "closed", "dispose"), Tally(1, 0))
        hello = dict.fromkeys(("write", "completedWrite", "received", "completedReceive"), Tally(1, 5))
        assert socket.counts() == Counts({EventKind[name]: tally for name, tally in (once | hello).items()}, {})
        assert host.counts() == socket.counts()
        assert host.stop() == Leaks(sockets=0, slices=0, threads=0)
    assert host.counts() == socket.counts()


def test_the_factory_sees_address_and_options_and_the_driver_the_response() -> None:
    options = {"WS-Protocols": "BLIP_3+CBMobile_3", "headers": {"User-Agent": "test"}, "pinnedCert": b"\0\1"}
    with EchoFactory() as echo, EmbeddedHost() as host:
        socket = host.connect(bridge(echo, host.upcalls), "wss://[::1]/db/_blipsync", options)
        socket.wait_opened(timeout=60)
        assert echo.told[0].options == options
        assert echo.told[0].address.url == "wss://[::1]:443/db/_blipsync"
        assert socket.response
        assert socket.response.status == 101
        assert socket.response.headers == {
            "Sec-Websocket-Protocol": "BLIP_3+CBMobile_3",
            "Set-Cookie": ["a=1", "b=2"],
        }


def test_more_than_the_send_buffer_is_sent_in_order_while_it_is_acknowledged() -> None:
    messages = [bytes([i % 256]) * 5000 for i in range(200)]
    with EchoFactory() as echo, EmbeddedHost() as host:
        socket = host.connect(bridge(echo, host.upcalls), URL)
        for message in messages:
            socket.send(message)
        assert [socket.receive(timeout=60) for _ in messages] == messages
        socket.flush(timeout=60)
        assert socket.counts().events[EventKind.completedWrite] == Tally(200, 1_000_000)


def test_a_message_taken_is_a_message_completed() -> None:
    with EchoFactory() as echo, EmbeddedHost(acknowledge="taken") as host:
        socket = host.connect(bridge(echo, host.upcalls), URL)
        socket.send(b"one")
        socket.send(b"three")
        socket.flush(timeout=60)
        assert socket.counts().bytes(EventKind.completedReceive) == 0
        socket.receive(timeout=60)
        deadline = time.monotonic() + 10
        while not socket.counts().n(EventKind.completedReceive) and time.monotonic() < deadline:
            time.sleep(0.001)
        assert socket.counts().events[EventKind.completedReceive] == Tally(1, 3)


def test_waiting_ends_when_the_socket_closes() -> None:
    with EchoFactory() as echo, EmbeddedHost() as host:
        socket = host.connect(bridge(echo, host.upcalls), URL)
        socket.wait_opened(timeout=60)
        with pytest.raises(TimeoutError, match=r"not received within 0\.01 s"):
            socket.receive(timeout=0.01)
        threading.Timer(0.05, socket.close, [1001]).start()
        with pytest.raises(SocketClosed, match="WebSocket/1001 going away") as closed:
            socket.receive(timeout=60)
        assert closed.value.closed == Closed(6, 1001)
        with pytest.raises(SocketClosed):
            socket.send(b"late")
        socket.close()
        assert socket.counts().n(EventKind.write) == 0


class Mute(EchoFactory):
    """Neither opens nor closes."""

    def open(self, socket: Socket, *_: object) -> None:
        self.socket = socket

    def request_close(self, _socket: Socket, status: int, message: str) -> None:
        self.asked = (status, message)

    def dispose(self, socket: Socket) -> None:
        self.disposed = socket


def test_what_neither_opens_nor_closes_is_ended_and_leaks() -> None:
    with Mute() as mute, EmbeddedHost(connect_timeout=0.1, close_timeout=0.1) as host:
        socket = host.connect(bridge(mute, host.upcalls), URL)
        with pytest.raises(SocketClosed):
            socket.wait_opened(timeout=60)
        assert mute.asked == (504, "Connection timed out")
        assert socket.wait_closed(timeout=60) == Closed(5, 3, "Connection timed out")
        assert socket.counts().anomalies == {Anomaly.not_opened: 1, Anomaly.not_closed: 1}
        assert host.stop() == Leaks(sockets=1, slices=0, threads=0)
        assert host.stop() == Leaks(sockets=1, slices=0, threads=0)
        assert socket.counts().n(EventKind.dispose) == 0
        mute.socket.closed()  # the late answer: ignored, but the last reference goes
        assert mute.disposed is mute.socket


def test_a_certificate_is_accepted_or_refused() -> None:
    answers = []
    with EchoFactory() as echo, EmbeddedHost() as host:
        factory = bridge(echo, host.upcalls)
        incoming = [factory.from_native(hostname="example.org") for _ in range(2)]
        accepted = [host.accept(socket.address) for socket in incoming]
        for verdict, socket in zip((True, False), incoming, strict=True):
            host.trust(verdict=verdict)
            answers.append(socket.got_peer_certificate(b"DER", "example.org"))
        incoming[1].closed()
        assert accepted[1].wait_closed(timeout=60) == Closed(0, 0)
        assert accepted[1].certificate == (b"DER", "example.org")
        assert incoming[1].got_peer_certificate(b"DER", "example.org") is False
    assert answers == [True, False]


def test_bad_input_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="1 to 256 threads"):
        EmbeddedHost(threads=0)
    with EchoFactory() as echo, EmbeddedHost() as host:
        factory = bridge(echo, host.upcalls)
        with pytest.raises(ValueError, match="no URL with scheme and hostname: 'localhost/db'"):
            host.connect(factory, "localhost/db")
        with pytest.raises(TypeError):
            host.connect(factory, URL, {"x": object()})
        with pytest.raises(ValueError, match="C4S-002"):
            host.connect(0, URL)
        with pytest.raises(ValueError, match="not an incoming C4Socket"):
            host.accept(0)
    with pytest.raises(RuntimeError, match="the host has stopped"):
        host.connect(factory, URL)


def test_a_forked_child_ends_while_its_parent_talks_on() -> None:
    program = (
        "import os, sys\n"
        "from c4trace.host import EmbeddedHost\n"
        "from c4trace.factories.bridge import bridge\n"
        "from tests.factories.echo import EchoFactory\n"
        "with EchoFactory() as echo, EmbeddedHost() as host:\n"
        f"    socket = host.connect(bridge(echo, host.upcalls), {URL!r})\n"
        "    for n in range(20):\n"
        "        for _ in range(20): socket.send(b'x')\n"
        "        if not (child := os.fork()): sys.exit(3)\n"
        "        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3\n"
        "    for _ in range(400): socket.receive(10)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_host_that_is_never_stopped_does_not_keep_the_program() -> None:
    program = (
        "from c4trace.host import EmbeddedHost\n"
        "from c4trace.factories.bridge import bridge\n"
        "from tests.factories.echo import EchoFactory\n"
        "host = EmbeddedHost()\n"
        f"socket = host.connect(bridge(EchoFactory().__enter__(), host.upcalls), {URL!r})\n"
        "socket.wait_opened(10)\n"
        "print('open', flush=True)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "open\n", "")
