from __future__ import annotations

from c4trace.events import Event, Gap, Return
from c4trace.report.selection import Selection
from tests.report.sample import Line, two_sessions


def wanted(selection: Selection) -> list[Line]:
    return [line for line in two_sessions() if selection.wants(line)]


def names(lines: list[Line]) -> list[str]:
    return [line.ev if isinstance(line, Event) else type(line).__name__ for line in lines]


def test_nothing_asked_for_gives_every_line() -> None:
    assert wanted(Selection()) == two_sessions()


def test_a_session_comes_with_its_gap_and_its_return() -> None:
    lines = wanted(Selection(sessions=frozenset({2})))
    assert {line.sid for line in lines if not isinstance(line, Return)} == {2}
    assert names(lines).count("Gap") == names(lines).count("Return") == 1
    assert len(lines) == 13


def test_a_gap_of_several_sessions_comes_with_each_of_them() -> None:
    assert Selection(sessions=frozenset({2})).wants(Gap(sid=0, after=1, lost=1))
    assert not Selection(sessions=frozenset({2})).wants(Gap(sid=1, after=1, lost=1))


def test_a_call_comes_with_its_return_only() -> None:
    assert names(wanted(Selection(calls=frozenset({"requestClose"})))) == ["requestClose", "requestClose", "Return"]
    assert names(wanted(Selection(calls=frozenset({"dispose"})))) == ["dispose", "dispose"]


def test_the_ends_of_a_time_span_belong_to_it() -> None:
    lines = wanted(Selection(begin=10_000_000, end=21_000_000))
    assert names(lines) == ["dispose", "Gap", "open", "gotHTTPResponse"]


def test_errors_are_losses_and_abnormal_closes() -> None:
    lines = wanted(Selection(errors=True))
    assert names(lines) == ["Gap", "closed"]


def test_after_the_end_nothing_is_wanted_any_more() -> None:
    selection = Selection(end=3_000_000)
    over = []
    for line in two_sessions()[:6]:
        selection.wants(line)
        over.append(selection.over)
    assert over == [False, False, False, False, True, True]
