"""Lines as C writes them, beside the events that msgspec reads out of them."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from c4trace._native import ffi, lib
from c4trace.events import FRAMINGS, ErrorInfo, Event, EventKind, Gap, Return
from c4trace.segment.attach import decode_lines

Line = Event | Return | Gap

NUMBER = st.integers(0, 2**63 - 1) | st.integers(0, 1000)
TID = st.integers(0, 2**32 - 1) | st.integers(0, 5)
TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
CODE = st.integers(-(2**31), 2**31 - 1)
DATA = st.none() | st.binary(min_size=1, max_size=300)
CUT = st.none() | st.integers(1, 2**62)
OBJECT = st.none() | st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3)

WITH_SIZE = {"write", "received", "completedWrite", "completedReceive", "gotPeerCertificate"}
WITH_DATA = {"write", "received", "gotPeerCertificate"}
BEGINNINGS = {"open", "fromNative"}
WITH_STATUS = {"gotHTTPResponse", "requestClose", "closeRequested"}


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any event with the fields that one of its kind may have."""
    ev = draw(st.sampled_from(EventKind)).name
    begins, closing = ev in BEGINNINGS, ev in {"requestClose", "closeRequested"}
    label = draw(TEXT) if begins else None
    error = draw(st.none() | st.builds(ErrorInfo, st.integers(1, 255), CODE, TEXT.map(lambda text: text or "")))
    return Event(
        seq=draw(NUMBER),
        t=draw(NUMBER),
        sid=draw(NUMBER | st.just(7)),
        tid=draw(TID),
        ev=ev,
        dt=draw(st.none() | NUMBER),
        n=draw(NUMBER) if ev in WITH_SIZE else None,
        factory=label,
        framing=draw(st.sampled_from(FRAMINGS)) if label else None,
        address=draw(TEXT) if begins else None,
        options=draw(OBJECT) if begins else None,
        status=draw(CODE) if ev in WITH_STATUS else None,
        headers=draw(OBJECT) if ev == "gotHTTPResponse" else None,
        message=draw(TEXT) if closing else None,
        error=error if ev == "closed" else None,
        hostname=draw(TEXT) if ev == "gotPeerCertificate" else None,
        accepted=draw(st.none() | st.booleans()) if ev == "gotPeerCertificate" else None,
        data=draw(DATA) if ev in WITH_DATA else None,
        cut=draw(CUT) if ev in WITH_DATA else None,
    )


RETURNS = st.builds(Return, NUMBER, NUMBER, st.none() | st.booleans())
GAPS = st.builds(Gap, NUMBER, NUMBER, NUMBER)


class Writer:
    """Writes lines one after the other, as the collector does."""

    def __init__(self) -> None:
        self._head = ffi.new("struct c4t_line_head *")

    def line(self, line: Line) -> bytes:
        kept: list[object] = []
        view = ffi.new("struct c4t_event_view *", {"dt_ns": -1, "accepted": -1})

        def point(name: str, data: bytes) -> None:
            kept.append(ffi.from_buffer(data))
            setattr(view, name, ffi.cast("void *", kept[-1]))
            setattr(view, f"{name}_size", len(data))

        match line:
            case Event():
                text = line.address or line.message or line.hostname or (line.error.message if line.error else "")
                fields = line.options if line.options is not None else line.headers
                view.event, view.seq, view.t_ns, view.sid, view.tid = (
                    EventKind[line.ev],
                    line.seq,
                    line.t,
                    line.sid,
                    line.tid,
                )
                view.dt_ns = -1 if line.dt is None else line.dt
                view.n, view.cut = line.n or 0, line.cut or 0
                view.code = line.status or (line.error.code if line.error else 0)
                view.domain = line.error.domain if line.error else 0
                view.accepted = -1 if line.accepted is None else line.accepted
                view.framing = FRAMINGS.index(line.framing) if line.framing else 99
                point("label", (line.factory or "").encode())
                point("text1", text.encode())
                point("text2", b"" if fields is None else msgspec.json.encode(fields))
                point("data", line.data or b"")
            case Return():
                view.kind, view.seq, view.dt_ns = 1, line.seq, line.dt
                view.accepted = -1 if line.accepted is None else line.accepted
            case Gap():
                view.kind, view.sid, view.seq, view.n = 2, line.sid, line.after, line.lost
        most = lib.c4t_line_max(view)
        room = ffi.new("char[]", b"#" * most + b"behind")
        size = lib.c4t_line(self._head, view, room)
        assert bytes(ffi.buffer(room))[most:] == b"behind\0"
        return bytes(ffi.buffer(room, size))


@given(st.lists(events() | RETURNS | GAPS, max_size=20))
def test_any_lines_are_read_as_what_they_were_written_from(lines: list[Line]) -> None:
    writer = Writer()
    assert decode_lines(b"".join(writer.line(line) for line in lines)) == lines


@given(st.integers(1, 2**63 - 300), st.integers(0, 10**10), st.integers(1, 10**9), st.integers(0, 3))
def test_lines_that_follow_each_other_have_their_own_numbers(seq: int, t: int, step: int, threads: int) -> None:
    writer = Writer()
    lines = [Event(seq + i, t + i * step, i % 3, i % (threads + 1), "opened", dt=i) for i in range(250)]
    assert decode_lines(b"".join(writer.line(line) for line in lines)) == lines


def test_keys_come_in_the_order_that_the_format_has() -> None:
    event = Event(1, 2, 3, 4, "write", dt=5, n=6, data=b"abc", cut=3)
    expected = b'{"type":"event","seq":1,"t":2,"dt":5,"sid":3,"tid":4,"ev":"write","n":6,"data":"YWJj","cut":3}\n'
    assert Writer().line(event) == expected
