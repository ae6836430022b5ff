"""The Python API as a user has it: wrap, capture, snapshot, close, and what a tracer refuses."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path
from typing import Literal

import cffi
import pytest
from prometheus_client import CollectorRegistry, generate_latest

import c4trace
from c4trace import EmbeddedHost, Framing, TraceError, Tracer
from c4trace._native import ffi
from c4trace.factories.bridge import bridge
from c4trace.host import Leaks
from tests.factories.echo import EchoFactory
from tests.factories.in_place import InPlace
from tests.tracing import (
    URL,
    counted,
    events_of,
    exchange,
    hang_up,
    open_fds,
    recorded,
    resident,
    talk,
    told,
)

UPCALLS = {
    "c4socket_gotHTTPResponse",
    "c4socket_opened",
    "c4socket_received",
    "c4socket_completedWrite",
    "c4socket_closeRequested",
    "c4socket_closed",
    "c4socket_gotPeerCertificate",
    "c4socket_fromNative",
    "c4socket_fromNative2",
    "_FLBuf_Release",
}

pytestmark = pytest.mark.usefixtures("segments")


@pytest.mark.parametrize("framing", list(Framing))
@pytest.mark.parametrize("size", [64, 72])
def test_an_object_is_seen_in_both_directions(framing: Framing, size: Literal[64, 72]) -> None:
    with EmbeddedHost(factory_size=size) as host, Tracer("t", litecore=host) as tracer:
        traced = tracer.wrap(InPlace(framing))
        assert traced.upcalls == "table"
        assert traced.label == "InPlace"
        talk(host, traced)
        assert counted(tracer.snapshot()) == told(host)
        assert told(host)["write"] == told(host)["received"] == (60, 6000)
        assert [factory.framing for factory in tracer.snapshot().factories] == [framing]


@pytest.mark.parametrize("kind", ["int", "pointer of c4trace", "pointer of another cffi", "void pointer"])
def test_an_address_is_seen_in_both_directions_through_the_mapping(kind: str) -> None:
    with EmbeddedHost() as host, Tracer("t", litecore=host) as tracer:
        inner = bridge(InPlace(), tracer.upcalls)
        other = cffi.FFI()
        other.cdef("typedef struct C4SocketFactory C4SocketFactory;")
        given = {
            "int": inner.address,
            "pointer of c4trace": ffi.cast("c4t_socket_factory *", inner.address),
            "pointer of another cffi": other.cast("C4SocketFactory *", inner.address),
            "void pointer": other.cast("void *", inner.address),
        }[kind]
        traced = tracer.wrap(given, factory="mine")
        assert traced.upcalls == "not visible"
        tracer.uses_table(traced)
        assert traced.upcalls == "table"
        talk(host, traced)
        assert counted(tracer.snapshot()) == told(host)
        assert [factory.label for factory in tracer.snapshot().factories] == ["mine"]


def test_a_factory_that_makes_its_up_calls_elsewhere_is_half_seen_and_said_to_be() -> None:
    with EmbeddedHost() as host, Tracer("t", litecore=host) as tracer:
        traced = tracer.wrap(bridge(InPlace(), host.upcalls).address)
        talk(host, traced, sockets=1)
        assert traced.upcalls == "not visible"
        calls = {"open", "write", "completedReceive", "requestClose", "dispose"}
        assert counted(tracer.snapshot()) == {name: tally for name, tally in told(host).items() if name in calls}
        assert [session.upcalls_visible for session in tracer.snapshot().sessions] == [False]
    assert traced.upcalls == "not visible"


def test_labels_tell_factories_apart() -> None:
    long_named: type[InPlace] = type("Na\u00efv" + "e" * 60, (InPlace,), {})
    with EmbeddedHost() as host, Tracer("t", litecore=host) as tracer:
        address = bridge(InPlace(), tracer.upcalls).address
        traced = [
            tracer.wrap(InPlace()),
            tracer.wrap(InPlace()),
            tracer.wrap(InPlace(), factory="orders & more"),
            tracer.wrap(address),
            tracer.wrap(address + 0),
            tracer.wrap(long_named()),
        ]
        labels = [one.label for one in traced]
        assert labels[:5] == ["InPlace", "InPlace-2", "orders & more", "factory", "factory-2"]
        assert labels[5].startswith("Na\u00efveeee")
        for n, one in enumerate(traced, start=1):
            talk(host, one, sockets=n, messages=1)
        found = {factory.label: factory.sessions for factory in tracer.snapshot().factories}
        assert found == {label: n for n, label in enumerate(labels, start=1)}
        assert repr(traced[2]) == f"<traced factory 'orders & more' of tracer 't' at {traced[2].address:#x}>"


def test_the_struct_that_is_given_to_litecore_mirrors_the_inner_one() -> None:
    with EmbeddedHost() as host, Tracer("t", litecore=host) as tracer:
        for framing in Framing:
            inner = ffi.cast("uintptr_t *", bridge(InPlace(framing), tracer.upcalls).address)
            sizes: list[tuple[Literal[64, 72], int]] = [(64, 8), (72, 9)]
            for size, words in sizes:
                traced = tracer.wrap(ffi.cast("void *", inner), factory_size=size)
                outer = ffi.cast("uintptr_t *", traced.address)
                assert (outer[0] & 0xFF, outer[1]) == (inner[0] & 0xFF, inner[1])
                assert [bool(outer[i]) for i in range(2, words)] == [bool(inner[i]) for i in range(2, words)]
                assert all(outer[i] != inner[i] for i in range(2, words) if inner[i])
                assert size == 72 or outer[8] == 0


def test_every_up_call_has_an_address_and_what_is_not_traced_is_litecores_own() -> None:
    with EmbeddedHost() as host, Tracer("t", litecore=host) as tracer:
        upcalls = tracer.upcalls
        assert upcalls.keys() >= UPCALLS
        for name, address in upcalls.items():
            assert (address == host.upcalls[name]) is (name not in UPCALLS), name
        assert len(set(upcalls.values())) == len(upcalls)


def test_a_certificate_an_incoming_socket_and_an_error_text_are_traced() -> None:
    with EmbeddedHost() as host, Tracer("t", litecore=host) as tracer:
        traced = tracer.wrap(InPlace())
        socket = traced.from_native("ws", "peer", 1234, "/db/_blipsync")
        accepted = host.accept(socket.address)
        accepted.wait_opened(20)
        assert socket.got_peer_certificate(b"DER", "peer") is True
        socket.close_requested(1001, "going")
        assert accepted.wait_closed(20).code == 1001
        accepted.wait_disposed(20)
        assert counted(tracer.snapshot()) == told(host)
        names = {"fromNative", "attached", "open", "opened", "gotPeerCertificate", "closeRequested", "requestClose"}
        assert dict.fromkeys(names | {"closed", "dispose"}, (1, 0)) == told(host)
        assert [view.incoming for view in tracer.snapshot().sessions] == [True]
        with pytest.raises(TraceError, match="not of a SocketFactory object"):
            tracer.wrap(bridge(InPlace(), tracer.upcalls).address).from_native()


LEVELS = ("off", "events", "headers", "bytes:5", "full")


def test_the_capture_level_is_turned_at_run_time_and_numbers_stay_exact(tmp_path: Path) -> None:
    options = {"WS-Protocols": "BLIP_3+CBMobile_3", "unknown": "x"}
    record = tmp_path / "r.jsonl"
    with (
        EchoFactory() as echo,
        EmbeddedHost() as host,
        Tracer("t", litecore=host, record=record, capture="off") as tracer,
    ):
        traced = tracer.wrap(echo)
        for level in LEVELS:
            tracer.set_capture(level)
            assert tracer.snapshot().process.capture == level
            socket = host.connect(traced, URL, options)
            exchange([socket], messages=2)
            socket.close(1000, "done")
            socket.wait_disposed(20)
        assert counted(tracer.snapshot()) == told(host)
    sessions = {sid: [event for event in events_of(record) if event.sid == sid] for sid in range(1, 6)}
    assert sessions[1] == []
    for sid, level in enumerate(LEVELS[1:], start=2):
        [opening] = [event for event in sessions[sid] if event.ev == "open"]
        [response] = [event for event in sessions[sid] if event.ev == "gotHTTPResponse"]
        [closing] = [event for event in sessions[sid] if event.ev == "requestClose"]
        moved = [event for event in sessions[sid] if event.ev in {"write", "received"}]
        with_text = level != "events"
        assert opening.address == (URL if with_text else None)
        assert opening.options == (
            {"WS-Protocols": "BLIP_3+CBMobile_3", "unknown": "[redacted]"} if with_text else None
        )
        assert (response.status, bool(response.headers)) == (101, with_text)
        assert (closing.status, closing.message) == (1000, "done" if with_text else None)
        kept = {"bytes:5": 5, "full": 100}.get(level, 0)
        assert [(event.n, len(event.data or b"")) for event in moved] == [(100, kept)] * 4
        assert {event.cut for event in moved} == ({95} if level == "bytes:5" else {None})


def test_a_snapshot_is_live_until_the_tracer_closes_and_final_from_then_on() -> None:
    with EchoFactory() as echo, EmbeddedHost() as host:
        with Tracer("t", litecore=host) as tracer:
            traced = tracer.wrap(echo)
            assert tracer.snapshot().process.state == "live"
            assert tracer.snapshot().sessions == ()
            sockets = [host.connect(traced, URL) for _ in range(3)]
            exchange(sockets, messages=1)
            live = tracer.snapshot()
            assert [session.address for session in live.sessions] == [URL] * 3
            assert {state.name: n for state, n in live.factories[0].states.items() if n} == {"open": 3}
            hang_up(sockets)
            before = counted(tracer.snapshot())
        final = tracer.snapshot()
        assert final is tracer.snapshot()
        assert final.process.state == "closed"
        assert counted(final) == before == told(host)
        assert traced.upcalls == "table"
        assert 'state="closed"' in page_of(tracer)
        talk(host, traced, sockets=1)  # passes untraced
        assert counted(tracer.snapshot()) == before
        assert told(host)["open"] == (4, 0)


def page_of(tracer: Tracer) -> str:
    registry = CollectorRegistry()
    registry.register(tracer.collector)
    return generate_latest(registry).decode()


def test_sockets_that_were_open_when_the_tracer_closed_go_on_to_their_end(segments: Path) -> None:
    with EchoFactory() as echo, EmbeddedHost() as host:
        with Tracer("t", litecore=host) as tracer:
            sockets = [host.connect(tracer.wrap(echo), URL) for _ in range(5)]
            exchange(sockets, messages=2)
        assert list(segments.iterdir()) == []
        exchange(sockets, messages=50)
        hang_up(sockets)
        assert told(host)["closed"] == told(host)["dispose"] == (5, 0)
        assert told(host)["write"] == (260, 26000)
        assert host.counts().anomalies == {}
        assert host.stop().sockets == 0


def test_two_tracers_at_once_count_their_own(tmp_path: Path, segments: Path) -> None:
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    with EchoFactory() as first, EchoFactory() as second, EmbeddedHost() as host, EmbeddedHost() as other:
        with (
            Tracer("a", litecore=host, record=a, metrics_port=0) as one,
            Tracer("b", litecore=other, record=b, metrics_port=0) as two,
        ):
            assert len(list(segments.iterdir())) == 2
            assert one.metrics_url != two.metrics_url
            threads = [
                threading.Thread(target=talk, args=(host, one.wrap(first)), kwargs={"messages": 100}),
                threading.Thread(target=talk, args=(other, two.wrap(second)), kwargs={"sockets": 7}),
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert counted(one.snapshot()) == told(host) == recorded(a)
        assert counted(two.snapshot()) == told(other) == recorded(b)
        assert told(host) != told(other)


def mappings() -> int:
    return len(Path("/proc/self/maps").read_bytes().splitlines())


def test_a_tracer_is_opened_three_hundred_times_without_a_trace(tmp_path: Path, segments: Path) -> None:
    fds, maps, memory, threads = open_fds(), 0, 0, 0
    with EchoFactory() as echo, EmbeddedHost() as host:
        for n in range(300):
            log = tmp_path / "log" if n % 10 == 0 else None
            with Tracer("again", litecore=host, log=log, segment_bytes=2 << 20, sessions=64) as tracer:
                traced = tracer.wrap(echo)
                talk(host, traced, sockets=1, messages=1)
                assert counted(tracer.snapshot())["write"] == (1, 100)
            if n == 30:
                gc.collect()
                fds, maps, memory, threads = open_fds(), mappings(), resident(os.getpid()), threading.active_count()
        gc.collect()
        assert open_fds() == fds
        assert threading.active_count() == threads
        assert list(segments.iterdir()) == []
        assert mappings() - maps < 30
        assert resident(os.getpid()) - memory < 24 << 20
        assert told(host)["open"] == (300, 0)


def test_four_threads_hammer_while_the_tracer_closes(tmp_path: Path) -> None:
    for n in range(10):
        record = tmp_path / f"{n}.jsonl"
        over = threading.Event()
        with EmbeddedHost(threads=4) as host:
            tracer = Tracer("t", litecore=host, record=record)
            traced = tracer.wrap(InPlace())

            def hammer(
                host: EmbeddedHost = host, traced: c4trace.Traced = traced, over: threading.Event = over
            ) -> None:
                while not over.is_set():
                    talk(host, traced, sockets=2, messages=20)

            threads = [threading.Thread(target=hammer) for _ in range(4)]
            for thread in threads:
                thread.start()
            while counted(tracer.snapshot()).get("dispose", (0, 0))[0] < 20:
                pass
            tracer.close()
            over.set()
            for thread in threads:
                thread.join()
            assert host.counts().anomalies == {}
            assert host.stop() == Leaks(0, 0, 0)
        assert recorded(record) == counted(tracer.snapshot())
        assert tracer.snapshot().lost["ring_full"] == 0


def test_an_exception_inside_with_passes_and_closes(tmp_path: Path, segments: Path) -> None:
    record = tmp_path / "r.jsonl"

    def fail(host: EmbeddedHost, echo: EchoFactory) -> None:
        with Tracer("t", litecore=host, record=record) as tracer:
            talk(host, tracer.wrap(echo))
            _ = 1 / 0

    with EchoFactory() as echo, EmbeddedHost() as host:
        with pytest.raises(ZeroDivisionError):
            fail(host, echo)
        assert list(segments.iterdir()) == []
        assert recorded(record) == told(host)
        with Tracer("t", litecore=host):
            pass


def test_closing_again_and_from_many_threads_at_once_is_fine(segments: Path) -> None:
    with EchoFactory() as echo, EmbeddedHost() as host:
        tracer = Tracer("t", litecore=host, metrics_port=0)
        talk(host, tracer.wrap(echo))
        threads = [threading.Thread(target=tracer.close) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert list(segments.iterdir()) == []
        assert repr(tracer) == "<tracer 't', closed>"
        with Tracer("other", litecore=host) as other:  # has the closed one's place in the process
            tracer.close()
            talk(host, other.wrap(echo))
            assert other.segment_path.exists()
            assert counted(other.snapshot()) == counted(tracer.snapshot())
