from __future__ import annotations

import dataclasses

from c4trace.events import EventKind
from c4trace.report.process import InFlightLine, in_flight_lines, in_flight_spans, process_line, process_of, start_of
from c4trace.segment.snapshot import InFlight, Snapshot
from tests.report.sample import HEADER, WALL

PROCESS = process_of(HEADER, "orders.jsonl")


def snapshot(state: str, *flights: InFlight) -> Snapshot:
    process = dataclasses.replace(PROCESS, state=state)
    return Snapshot(process, 10.0, (), (), flights, {}, 0, 0, 0.0)


def text(snapshot: Snapshot) -> list[str]:
    return ["".join(part for part, _ in line) for line in in_flight_spans(snapshot)]


def test_a_header_tells_of_its_process() -> None:
    assert (PROCESS.name, PROCESS.pid, PROCESS.state, PROCESS.factory_size) == ("orders", 4711, "recorded", 64)
    assert start_of(PROCESS) == WALL


def test_names_of_others_move_no_cursor_and_damaged_times_break_nothing() -> None:
    hostile = dataclasses.replace(PROCESS, name="a\x1b[2Jb\n", started=1e300, reason="no room")
    line = process_line(hostile)
    assert r"a\x1b[2Jb" in line
    assert "\n" not in line
    assert line.endswith("began 1970-01-01 00:00:00.000+00:00 · no room")


def test_threads_in_a_call_are_listed_the_longest_in_it_first() -> None:
    flights = (
        InFlight(7, "reader", 3, EventKind.received, 0.5),
        InFlight(8, "", 0, EventKind.write, 4.0),
    )
    assert in_flight_lines(snapshot("live", *flights)) == [
        InFlightLine(8, "", 0, "write", 6_000_000_000),
        InFlightLine(7, "reader", 3, "received", 9_500_000_000),
    ]
    assert text(snapshot("live", *flights)) == [
        "in flight",
        "  thread 8  ▼ write  unknown session  since 6.000000, for 4.00s",
        "  thread reader (7)  ▲ received  session #3  since 9.500000, for 500ms",
    ]
    assert text(snapshot("dead", flights[0])) == [
        "in flight when it died",
        "  thread reader (7)  ▲ received  session #3  since 9.500000",
    ]


def test_nothing_is_said_where_no_thread_is_in_a_call() -> None:
    assert text(snapshot("live")) == []
