from __future__ import annotations

import msgspec
import pytest

from c4trace.events import ErrorInfo, Event, Gap, Return
from c4trace.report.columns import Columns
from c4trace.report.show import Rows
from tests.report.sample import Line, two_sessions

OPEN = Event(
    seq=1,
    t=1_234_567_890,
    dt=812,
    sid=12,
    tid=4711,
    ev="open",
    address="wss://db.example/orders",
    options={"WS-Protocols": "BLIP_3", "auth": {"password": "***"}},
)


def laid(line: Line, width: int | None = None) -> str:
    return "".join(text for text, _ in Columns(width).spans(Rows().of(line))).rstrip()


def test_an_event_has_time_duration_session_thread_arrow_call_and_text() -> None:
    assert laid(OPEN).split() == [
        "1.234568",
        "+812ns",
        "#12",
        "4711",
        "▼",
        "open",
        "wss://db.example/orders",
        "WS-Protocols=BLIP_3",
        'auth={"password":"***"}',
    ]


@pytest.mark.parametrize("width", [60, 64, 80, 92, 100, 200])
def test_no_row_is_wider_than_the_screen_and_columns_stand_below_their_headings(width: int) -> None:
    columns = Columns(width)
    heading = "".join(text for text, _ in columns.heading)
    rows = Rows()
    arrows = set()
    for line in [OPEN, *two_sessions()]:
        spans = "".join(text for text, _ in columns.spans(rows.of(line)))
        assert len(spans) <= width
        arrows.add(next(spans.index(arrow) for arrow in "▼▲◂·" if arrow in spans))
    assert arrows == {heading.index("call") - 2}


def test_what_does_not_fit_goes_and_the_call_stays() -> None:
    assert "4711" not in laid(OPEN, 80)
    assert "+812ns" in laid(OPEN, 80)
    assert "+812ns" not in laid(OPEN, 60)
    assert laid(OPEN, 60).split()[:4] == ["1.234568", "#12", "▼", "open"]
    assert laid(OPEN, 80).endswith("…")


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (Event(seq=1, t=0, sid=0, tid=1, ev="received", n=1234567, dt=None), "+…"),
        (Event(seq=1, t=0, sid=0, tid=1, ev="received", n=1234567), "1,234,567"),
        (Event(seq=1, t=0, sid=0, tid=1, ev="received", n=0), "#?"),
        (Event(seq=1, t=0, sid=1, tid=1, ev="write", n=3, data=b"\x00a\x1b"), "|·a·|"),
        (Event(seq=1, t=0, sid=1, tid=1, ev="write", n=90, data=b"a" * 90), "a" * 64 + "…"),
        (Event(seq=1, t=0, sid=1, tid=1, ev="write", n=9, data=b"a", cut=8), "|a…"),
        (Event(seq=1, t=0, sid=1, tid=1, ev="requestClose", status=1000, message="bye"), "1000  “bye”"),
        (Event(seq=1, t=0, sid=1, tid=1, ev="closed", error=ErrorInfo(5, 8, "no \x1b[2J")), r"“no \x1b[2J”"),
        (Event(seq=1, t=0, sid=1, tid=1, ev="gotPeerCertificate", hostname="h", accepted=False), "h  rejected"),
        (Return(seq=7, dt=5_000_000, accepted=True), "of event 7, accepted"),
        (Gap(sid=3, after=1, lost=1), "1 event lost here"),
    ],
)
def test_a_row_tells_what_happened(line: Line, part: str) -> None:
    assert part in laid(line)


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ({"ev": "gotHTTPResponse", "status": 401}, True),
        ({"ev": "gotHTTPResponse", "status": 101}, False),
        ({"ev": "requestClose", "status": 504}, True),
        ({"ev": "requestClose", "status": 1001}, False),
        ({"ev": "closed", "error": ErrorInfo(6, 1006)}, True),
        ({"ev": "closed", "error": ErrorInfo(6, 1000)}, False),
        ({"ev": "closed", "error": ErrorInfo(0, 0)}, False),
        ({"ev": "gotPeerCertificate", "accepted": False}, True),
        ({"ev": "write", "n": 3}, False),
    ],
)
def test_trouble_is_what_went_wrong(change: dict[str, object], trouble: bool) -> None:  # noqa: FBT001 - a table
    plain_event = Event(seq=1, t=0, sid=1, tid=1, ev="open")
    assert Rows().of(msgspec.structs.replace(plain_event, **change)).trouble is trouble


def test_the_row_of_a_return_tells_which_call_it_ends() -> None:
    rows = Rows()
    rows.of(msgspec.structs.replace(OPEN, dt=None))
    row = rows.of(Return(seq=OPEN.seq, dt=1_000_000_000))
    assert (row.time, row.took, row.session, row.thread) == ("2.234568", "+1.00s", "#12", "4711")
    assert (row.arrow, row.call, row.text) == ("◂", "open", "returned")
