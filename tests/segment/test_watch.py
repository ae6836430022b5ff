"""Sessions watched: rates, orders and filters, against rows made here and against a real segment."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from c4trace import EmbeddedHost, Tracer
from c4trace._native import ffi
from c4trace.events import EventKind, SessionState
from c4trace.segment.look import look_at
from c4trace.segment.native_reader import NativeReader
from c4trace.segment.snapshot import InFlight
from c4trace.segment.watch import FLOW_LINE, Order, Watch, Watched, Word
from tests.factories.in_place import InPlace
from tests.tracing import URL, exchange, hang_up

S = 10**9
NEVER = -(1 << 63)
OPEN = (SessionState.opening, SessionState.open, SessionState.closing)


def rows_of(*sessions: dict[str, Any]) -> Any:
    """A c4t_session_copy array; what is not said of a session is as in one that has just been opened at 0."""
    rows = ffi.new("struct c4t_session_copy[]", len(sessions))
    for row, session in zip(rows, sessions, strict=True):
        row.t_opened = row.t_closing = row.t_closed = row.t_disposed = NEVER
        row.state, row.last_event = SessionState.open, EventKind.opened
        for name, value in session.items():
            setattr(row, name, value)
    return rows


def seen(watch: Watch, *, count: int = 100, begin: int = 0) -> list[Watched]:
    return watch.rows(begin, count, lambda source, index: f"{source}/{index}")


@pytest.fixture
def watch() -> Iterator[Watch]:
    with Watch() as made:
        yield made


def test_rates_are_bytes_over_the_last_second(watch: Watch) -> None:
    rates = []
    for tick in range(9):  # two seconds, a look each quarter of one
        flows = [1, 1000 * tick, 0, 0, 1, 400 * tick, 0, 0]
        watch.take(0, 10 * S + tick * S // 4, rows_of({"sid": 1, "flows": flows}), ())
        watch.sort(OPEN, Order.sid)
        rates += seen(watch)
    assert (rates[0].written_rate, rates[0].received_rate) == (None, None)
    assert [row.written_rate for row in rates[1:]] == pytest.approx([4000] * 8)
    assert [row.received_rate for row in rates[1:]] == pytest.approx([1600] * 8)
    assert rates[-1].written_rates == pytest.approx([4000] * 4)
    assert rates[-1].received_rates == pytest.approx([1600] * 4)


def test_what_opens_while_it_is_watched_has_written_nothing_before(watch: Watch) -> None:
    watch.take(0, 10 * S, rows_of({"sid": 0}), ())
    watch.take(0, 11 * S, rows_of({"sid": 5, "t_open": 21 * S // 2, "flows": [1, 3000, 0, 0, 0, 0, 0, 0]}), ())
    watch.sort(OPEN, Order.sid)
    assert seen(watch)[0].written_rate == pytest.approx(3000)
    watch.take(0, 12 * S, rows_of({"sid": 6, "t_open": 1 * S, "flows": [1, 3000, 0, 0, 0, 0, 0, 0]}), ())
    watch.sort(OPEN, Order.sid)
    assert seen(watch)[0].written_rate is None  # it was there before, in some other row


def test_a_row_that_is_reused_has_no_history_of_the_session_before(watch: Watch) -> None:
    for tick in range(4):
        watch.take(0, (10 + tick) * S, rows_of({"sid": 1, "flows": [1, 10**6 * tick, 0, 0, 0, 0, 0, 0]}), ())
    watch.take(0, 14 * S, rows_of({"sid": 2, "t_open": 27 * S // 2, "flows": [1, 10, 0, 0, 0, 0, 0, 0]}), ())
    watch.sort(OPEN, Order.sid)
    [row] = seen(watch)
    assert row.written_rate == pytest.approx(10)
    assert row.written_rates == pytest.approx([0, 0, 0, 10])


def test_time_that_stands_still_or_runs_back_is_no_harm(watch: Watch) -> None:
    for now in (10 * S, 10 * S, 5 * S, NEVER, (1 << 63) - 1, -1):
        watch.take(0, now, rows_of({"sid": 1, "t_last": NEVER, "flows": [0, (1 << 64) - 1, 0, 0, 0, 0, 0, 0]}), ())
        for order in Order:
            watch.sort(tuple(SessionState), order)
            assert len(seen(watch)) == 1


CROWD = (
    {"sid": 1, "address": b"ws://a.example/db", "t_open": 3 * S, "flows": [1, 10, 1, 10, 1, 70, 0, 0], "t_last": 8 * S},
    {"sid": 2, "address": b"ws://B.example/db", "t_open": 1 * S, "flows": [1, 30, 0, 0, 1, 20, 1, 20], "t_last": 9 * S},
    {"sid": 0},
    {"sid": 3, "address": b"ws://c.example/db", "t_open": 2 * S, "flows": [1, 20, 1, 15, 0, 0, 0, 0], "state": 1},
    {"sid": 4, "state": 4, "t_closed": 7 * S, "error_domain": 2, "error_code": 111, "address": b"ws://d.example/db"},
    {"sid": 5, "state": 5, "t_closed": 9 * S, "error_domain": 6, "error_code": 1000, "factory": 1},
)
FLIGHTS = (
    InFlight(11, "short", 1, EventKind.write, 0.5),
    InFlight(12, "long", 1, EventKind.received, 2.5),
    InFlight(13, "", 3, EventKind.open, 1.0),
    InFlight(14, "", 99, EventKind.open, 9.0),
)


def order_of(watch: Watch, by: Order, *words: Word, states: Any = OPEN, reverse: bool = False) -> list[int]:
    sorting = watch.sort(states, by, words, reverse=reverse)
    found = seen(watch)
    assert len(found) == sorting.matching
    return [row.session.sid for row in found]


@pytest.mark.parametrize(
    ("by", "sids"),
    [
        (Order.sid, [1, 2, 3]),
        (Order.state, [1, 2, 3]),
        (Order.age, [2, 3, 1]),
        (Order.peer, [2, 1, 3]),
        (Order.written, [2, 3, 1]),
        (Order.received, [1, 2, 3]),
        (Order.unacked, [2, 3, 1]),
        (Order.unprocessed, [1, 2, 3]),
        (Order.last, [2, 1, 3]),
        (Order.in_call, [1, 3, 2]),
    ],
)
def test_every_order_puts_first_what_is_looked_for(watch: Watch, by: Order, sids: list[int]) -> None:
    watch.take(0, 10 * S, rows_of(*CROWD), FLIGHTS)
    assert order_of(watch, by) == sids
    if by not in {Order.state, Order.unprocessed}:  # where some are equal, they stay in the order of their numbers
        assert order_of(watch, by, reverse=True) == sids[::-1]


def test_the_closed_come_with_the_last_first(watch: Watch) -> None:
    watch.take(0, 10 * S, rows_of(*CROWD), ())
    assert order_of(watch, Order.closed, states=(SessionState.closed, SessionState.disposed)) == [5, 4]


@pytest.mark.parametrize(
    ("words", "sids"),
    [
        ([Word(peer="b.EX")], [2]),
        ([Word(peer="example", is_not=True)], [5]),
        ([Word(peer="example"), Word(sid=3, is_not=True)], [1, 2, 4]),
        ([Word(sid=3)], [3]),
        ([Word(states=[SessionState.opening])], [3]),
        ([Word(events=[EventKind.received])], [1]),
        ([Word(errors=[(2, 111)])], [4]),
        ([Word(owners=[(0, 1)])], [5]),
        ([Word(owners=[(1, 0)])], []),
        ([Word(peer="a.e", sid=2)], [1, 2]),
        ([], [1, 2, 3, 4, 5]),
    ],
)
def test_a_filter_wants_all_of_its_words(watch: Watch, words: list[Word], sids: list[int]) -> None:
    watch.take(0, 10 * S, rows_of(*CROWD), FLIGHTS)
    assert order_of(watch, Order.sid, *words, states=tuple(SessionState)) == sids


def test_the_longest_call_of_a_session_is_the_one_that_is_told(watch: Watch) -> None:
    watch.take(0, 10 * S, rows_of(*CROWD), FLIGHTS)
    watch.sort(OPEN, Order.sid)
    first, second, _ = seen(watch)
    assert (first.in_call, first.calls) == (FLIGHTS[1], 2)
    assert (second.in_call, second.calls) == (None, 0)


def test_several_sources_are_one_list_and_forgetting_one_leaves_the_others(watch: Watch) -> None:
    watch.take(3, 10 * S, rows_of({"sid": 1}, {"sid": 2}), ())
    watch.take(0, 99 * S, rows_of({"sid": 1}), ())
    sorting = watch.sort(OPEN, Order.sid, wanted=(3, 2))
    assert (sorting.total, sorting.matching, sorting.place) == (3, 3, 2)
    assert [row.key for row in seen(watch)] == [(0, 1), (3, 1), (3, 2)]
    assert [row.session.factory for row in seen(watch)] == ["0/0", "3/0", "3/0"]
    watch.forget(3)
    watch.forget(4000)
    assert watch.sort(OPEN, Order.sid, wanted=(3, 2)).place is None
    assert [row.key for row in seen(watch)] == [(0, 1)]


def test_only_the_rows_in_sight_are_handed_out(watch: Watch) -> None:
    watch.take(0, S, rows_of(*({"sid": n} for n in range(1, 10_001))), ())
    assert watch.sort(OPEN, Order.sid).matching == 10_000
    assert [row.session.sid for row in seen(watch, begin=9_990, count=5)] == [9991, 9992, 9993, 9994, 9995]
    assert seen(watch, begin=9_999, count=5)[0].session.sid == 10_000
    assert seen(watch, begin=10_000) == []
    assert seen(watch, begin=0, count=0) == []


def test_what_was_looked_at_is_gone_once_its_row_is_empty(watch: Watch) -> None:
    watch.take(0, S, rows_of({"sid": 1}, {"sid": 2}), ())
    watch.take(0, 2 * S, rows_of({"sid": 1}), ())
    assert order_of(watch, Order.sid) == [1]


def test_a_segment_is_watched_as_a_snapshot_tells_it(tmp_path: Path) -> None:
    with EmbeddedHost() as host, Tracer("watched", litecore=host, folder=tmp_path) as tracer, Watch() as watch:
        traced = tracer.wrap(InPlace())
        sockets = [host.connect(traced, URL) for _ in range(5)]
        exchange(sockets, messages=3)
        hang_up(sockets[:2])
        reader = NativeReader(tracer.segment_path, "read")
        watch.look(0, reader)
        look, snapshot = look_at(reader), tracer.snapshot()
        watch.sort(tuple(SessionState), Order.sid)
        rows = watch.rows(0, 10, lambda _source, index: look.factories[index])
        none_held = [dataclasses.replace(session, unreleased=None) for session in snapshot.sessions]
        assert [row.session for row in rows] == none_held
        assert sorted(row.session.state.name for row in rows) == ["disposed"] * 2 + ["open"] * 3
        [factory] = snapshot.factories
        assert look.states == factory.states
        assert look.calls + look.up_calls == sum(cell.n for cell in factory.events.values())
        assert (look.written, look.received) == (factory.events[EventKind.write].bytes, 1500)
        assert look.errors == factory.closed.keys()
        reader.close()
        hang_up(sockets[2:])


def test_the_line_is_that_of_litecore() -> None:
    assert FLOW_LINE == 64 * 1024
