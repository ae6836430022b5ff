"""What a tracer refuses to wrap: one line that says what, why and what to do, and nothing is left behind."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import cffi
import pytest

from c4trace import EmbeddedHost, Framing, SocketFactory, TraceError, Tracer
from c4trace._native import ffi
from c4trace.factories.bridge import bridge
from tests.factories.in_place import InPlace
from tests.tracing import counted, leaving_nothing, talk, told

WORDS = {
    "framing": 0,
    "context": 1,
    "open": 2,
    "write": 3,
    "completedReceive": 4,
    "close": 5,
    "requestClose": 6,
    "dispose": 7,
    "attached": 8,
}
"""The words of a C4SocketFactory (C4S-002, facts of its layout: c4trace/native/litecore.h)."""


@pytest.fixture
def host() -> Iterator[EmbeddedHost]:
    with EmbeddedHost() as host:
        yield host


@pytest.fixture
def tracer(host: EmbeddedHost, segments: Path) -> Iterator[Tracer]:
    assert segments.is_dir()
    with Tracer("t", litecore=host) as tracer:
        yield tracer


def struct(tracer: Tracer, framing: Framing, **words: int) -> Any:
    """A copy of a good factory's struct with some of its words replaced."""
    good = ffi.cast("uintptr_t *", bridge(InPlace(framing), tracer.upcalls).address)
    copy = ffi.new("uintptr_t[9]", [good[i] for i in range(9)])
    for name, word in words.items():
        copy[WORDS[name]] = word
    return copy


def refused(tracer: Tracer, inner: object, **options: Any) -> str:
    """What `wrap` says, after a look at what it leaves behind."""
    before = tracer.snapshot().factories
    with leaving_nothing(tracer.segment_path.parent), pytest.raises(TraceError) as error:
        tracer.wrap(inner, **options)
    assert tracer.snapshot().factories == before
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("framing", "words", "said"),
    [
        (Framing.NONE, {"write": 0}, "write is NULL"),
        (Framing.NONE, {"completedReceive": 0}, "completedReceive is NULL"),
        (Framing.NONE, {"requestClose": 0}, "requestClose is NULL"),
        (Framing.NONE, {"close": 8}, "close must be NULL with this framing"),
        (Framing.CLIENT, {"write": 0}, "write is NULL"),
        (Framing.CLIENT, {"close": 0}, "close is NULL"),
        (Framing.CLIENT, {"requestClose": 8}, "requestClose must be NULL with this framing"),
        (Framing.SERVER, {"completedReceive": 0}, "completedReceive is NULL"),
        (Framing.SERVER, {"close": 0}, "close is NULL"),
        (Framing.SERVER, {"requestClose": 8}, "requestClose must be NULL with this framing"),
    ],
)
def test_a_factory_against_rule_c4s_002_is_refused(
    tracer: Tracer, framing: Framing, words: dict[str, int], said: str
) -> None:
    text = refused(tracer, struct(tracer, framing, **words))
    assert text.startswith(f"factory: {said}")
    assert "(rule C4S-002): set it" in text


def test_an_unknown_framing_is_refused(tracer: Tracer) -> None:
    unknown = struct(tracer, Framing.NONE)
    unknown[WORDS["framing"]] = 7
    said = refused(tracer, unknown)
    assert said == "factory: framing is 7; it is 0 (client), 1 (none) or 2 (server)"
    factory = InPlace()
    factory.framing = 7  # type: ignore[assignment]  # which is what is refused
    assert refused(tracer, factory) == "cannot wrap this InPlace: its framing is 7; set it to one of c4trace.Framing"


def test_callbacks_that_may_be_missing_are_missing_in_the_traced_factory_too(tracer: Tracer) -> None:
    traced = tracer.wrap(struct(tracer, Framing.NONE, open=0, dispose=0, attached=0))
    words = ffi.cast("uintptr_t *", traced.address)
    assert [bool(words[WORDS[name]]) for name in ("open", "write", "dispose", "attached")] == [
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("size", [0, 1, 48, 56, 63, 65, 80, -64, "64", 72.5])
def test_an_unknown_size_is_refused(tracer: Tracer, size: Any) -> None:
    good = struct(tracer, Framing.NONE)
    assert refused(tracer, good, factory_size=size) == (
        f"factory_size {size!r}: a C4SocketFactory has 64 (up to LiteCore 3.3, 4.0) or 72 (3.4, 4.1 and later); "
        "give one of them, or nothing"
    )


@pytest.mark.parametrize(
    ("framing", "missing"),
    [(Framing.NONE, "request_close"), (Framing.CLIENT, "close"), (Framing.SERVER, "close")],
)
def test_a_python_factory_without_what_litecore_calls_is_refused(
    tracer: Tracer, framing: Framing, missing: str
) -> None:
    class Empty(SocketFactory):
        pass

    factory = Empty()
    factory.framing = framing
    assert refused(tracer, factory) == (
        f"cannot wrap this Empty: it has no open, no write, no completed_receive, no {missing}, "
        "which LiteCore calls (rule C4S-002): write it"
    )


def test_a_python_factory_may_have_its_methods_by_itself(tracer: Tracer) -> None:
    factory = SocketFactory()
    for name in ("open", "write", "completed_receive", "request_close"):
        setattr(factory, name, lambda *_: None)
    assert tracer.wrap(factory).address


NOTHING = "there is no C4SocketFactory at this address; give that of the struct"
GIVE = "give an address, a cffi pointer to a C4SocketFactory, or a SocketFactory object"
OTHER = cffi.FFI()
OTHER.cdef("typedef struct { unsigned char framing; void *context; } C4SocketFactory;")


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (None, f"cannot wrap a NoneType: {GIVE}"),
        ("0x7f0000000000", f"cannot wrap a str: {GIVE}"),
        ("a", f"cannot wrap a str: {GIVE}"),
        (b"factory", f"cannot wrap a bytes: {GIVE}"),
        (1.5, f"cannot wrap a float: {GIVE}"),
        (True, f"cannot wrap a bool: {GIVE}"),
        (object(), f"cannot wrap a object: {GIVE}"),
        (InPlace, f"cannot wrap the class InPlace: {GIVE} (an object of it, not the class)"),
        (OTHER.new("C4SocketFactory *")[0], f"cannot wrap a C4SocketFactory of cffi: {GIVE}"),
        (OTHER.cast("int", 5), f"cannot wrap a int of cffi: {GIVE}"),
        (0, "cannot wrap the address 0: give that of a C4SocketFactory"),
        (OTHER.NULL, "cannot wrap the address 0: give that of a C4SocketFactory"),
        (64, f"cannot wrap 0x40: {NOTHING}"),
        (-8, f"cannot wrap -0x8: {NOTHING}"),
        (
            1 << 63,
            "cannot wrap 0x8000000000000000: there is no C4SocketFactory at this address; give that of the struct",
        ),
        (
            1 << 70,
            "cannot wrap 0x400000000000000000: there is no C4SocketFactory at this address; give that of the struct",
        ),
    ],
    ids=repr,
)
def test_what_is_no_factory_is_refused_without_being_read(tracer: Tracer, inner: object, said: str) -> None:
    assert refused(tracer, inner) == said


def test_an_address_inside_a_struct_is_refused(tracer: Tracer) -> None:
    address = bridge(InPlace(), tracer.upcalls).address
    assert "there is no C4SocketFactory at this address" in refused(tracer, address + 1)


def test_a_traced_factory_is_refused_by_any_tracer(host: EmbeddedHost, tracer: Tracer) -> None:
    traced = tracer.wrap(InPlace())
    already = "factory: it is a traced one already; wrap the inner one once"
    assert refused(tracer, traced) == f"cannot wrap {traced!r}: it is traced already; wrap the inner factory once"
    assert refused(tracer, traced.address) == already
    with Tracer("other", litecore=host) as other:
        assert refused(other, traced.address) == already
    talk(host, traced, sockets=1)
    assert counted(tracer.snapshot()) == told(host)


@pytest.mark.parametrize("label", ["", "x" * 48, "\u00e9" * 24])
def test_a_label_of_a_wrong_length_is_refused(tracer: Tracer, label: str) -> None:
    assert re.fullmatch(r"factory label '.*' is not 1 to 47 bytes long", refused(tracer, InPlace(), factory=label))


@pytest.mark.parametrize("label", ["a\0b", "two\nlines", "\x1b[31m"])
def test_a_label_that_cannot_be_shown_is_refused(tracer: Tracer, label: str) -> None:
    said = refused(tracer, InPlace(), factory=label)
    assert said == f"factory label {label!r} is not printable: give 1 to 47 bytes of text"


def test_a_label_that_is_taken_is_refused(tracer: Tracer) -> None:
    tracer.wrap(InPlace(), factory="mine")
    assert refused(tracer, InPlace(), factory="mine") == "factory label 'mine' is taken; give each factory its own"


def test_more_factories_than_a_tracer_wraps_are_refused(tracer: Tracer, host: EmbeddedHost) -> None:
    traced = [tracer.wrap(InPlace()) for _ in range(16)]
    assert refused(tracer, InPlace()) == "factory: a tracer wraps at most 16, a process 256"
    talk(host, traced[15], sockets=1)
    assert counted(tracer.snapshot()) == told(host)


def test_a_closed_tracer_refuses_everything_but_to_tell(host: EmbeddedHost, segments: Path) -> None:
    with Tracer("t", litecore=host) as tracer:
        traced = tracer.wrap(InPlace())
    asked: list[Callable[[], object]] = [
        lambda: tracer.wrap(InPlace()),
        lambda: tracer.upcalls,
        lambda: tracer.uses_table(traced),
        lambda: tracer.set_capture("full"),
    ]
    for ask in asked:
        with pytest.raises(TraceError, match=r"^tracer 't' is closed: open another one$"):
            ask()
    with Tracer("other", litecore=host) as other:  # in the same place of the process: nothing of it may be turned
        for ask in asked:
            with pytest.raises(TraceError, match="is closed"):
                ask()
        assert other.snapshot().process.capture == "headers"
        assert other.snapshot().factories == ()
    assert tracer.snapshot().process.name == "t"
    assert list(segments.iterdir()) == []


NO_LITECORE = """
from c4trace import TraceError, Tracer
from tests.factories.in_place import InPlace
with Tracer("t") as tracer:
    for ask in (lambda: tracer.upcalls, lambda: tracer.wrap(InPlace())):
        try:
            ask()
        except TraceError as error:
            print(error)
"""


def test_without_a_litecore_there_are_no_up_calls(segments: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", NO_LITECORE], capture_output=True, text=True, timeout=60, check=False)
    said = "no LiteCore is known yet, so there are no up-calls: give Tracer its path as litecore=\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, said * 2, "")
    assert list(segments.iterdir()) == []


LITECORE = """
#include <stddef.h>
typedef struct { const void *buf; size_t size; } slice;
slice c4_getVersion(void) { return (slice){VERSION, sizeof VERSION - 1}; }
void c4socket_opened(void *s) {}
void c4socket_received(void *s, slice d) {}
void c4socket_closed(void *s, slice e) {}
void c4socket_completedWrite(void *s, size_t n) {}
void c4socket_gotHTTPResponse(void *s, int c, slice h) {}
void c4socket_closeRequested(void *s, int c, slice m) {}
void _FLBuf_Release(const void *b) {}
"""


@pytest.fixture(params=["9.9.0 (1234)", "3.1.0", "4.1.2"])
def litecore(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A library that looks like a LiteCore of that version."""
    source, library = tmp_path / "litecore.c", tmp_path / "libLiteCore.so"
    source.write_text(f'#define VERSION "{request.param}"\n{LITECORE}')
    compiler = shutil.which("cc")
    assert compiler is not None
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", library, source], check=True)
    return request.param, library


def test_a_litecore_of_an_unknown_version_is_served_once_the_size_is_said(
    litecore: tuple[str, Path], segments: Path
) -> None:
    version, library = litecore
    sizes: dict[str, Literal[64, 72] | None] = {"9.9.0 (1234)": None, "3.1.0": 64, "4.1.2": 72}
    program = f"""
from c4trace import EmbeddedHost, TraceError, Tracer
from c4trace.factories.bridge import bridge
from tests.factories.in_place import InPlace
host = EmbeddedHost()
with Tracer("t", litecore={str(library)!r}) as tracer:
    process = tracer.snapshot().process
    print(process.litecore, process.factory_size)
    for inner in (InPlace(), bridge(InPlace(), host.upcalls).address):
        try:
            print(tracer.wrap(inner).upcalls)
        except TraceError as error:
            print(error)
        print(tracer.wrap(inner, factory_size=64, factory=f"said {{inner}}"[:47]).upcalls)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    said = (
        f"factory: LiteCore '{version}' is of no version c4trace knows, so the size of its C4SocketFactory is unknown; "
        "say 64 or 72"
    )
    known = sizes[version]
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == [
        f"{version} {known or 0}",
        "table" if known else said,
        "table",
        "not visible" if known else said,
        "not visible",
    ]
    assert list(segments.iterdir()) == []
