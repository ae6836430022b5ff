from __future__ import annotations

import pytest

from c4trace.events import SessionState
from tests.tui.scenes import S, process, screen, session, viewing

MANY = [session(n, flows=[1, n, 0, 0, 0, 0, 0, 0]) for n in range(1, 101)]


def sids(lines: list[str]) -> list[int]:
    return [int(line[1:].split()[0]) for line in lines if line.startswith("#")]


def under_cursor(viewer_lines: list[list[object]]) -> list[str]:
    return [
        "".join(piece.text for piece in line)  # type: ignore[attr-defined]
        for line in viewer_lines
        if line and all(piece.style is not None and piece.style.reverse for piece in line)  # type: ignore[attr-defined]
    ]


def test_the_cursor_moves_the_list_and_stays_in_sight() -> None:
    viewer, _ = viewing((process(), MANY))
    first = sids(screen(viewer, 100, 20))
    assert first[0] == 1
    rows = len(first)
    lines = screen(viewer, 100, 20, *["down"] * (rows + 1))
    assert sids(lines) == list(range(2, rows + 2))
    [chosen] = under_cursor(viewer.draw(100, 20))  # type: ignore[arg-type]
    assert chosen.startswith(f"#{rows + 1} ")
    assert sids(screen(viewer, 100, 20, "G"))[-1] == 100
    assert sids(screen(viewer, 100, 20, "pgup"))[0] == 100 - rows  # a page up from the last one
    assert sids(screen(viewer, 100, 20, "g"))[0] == 1
    assert under_cursor(viewer.draw(100, 20)) == []  # type: ignore[arg-type]


def test_the_cursor_stays_on_its_socket_while_others_come_and_go() -> None:
    viewer, source = viewing((process(), MANY))
    screen(viewer, 100, 20, "down", "down", "down")
    assert viewer.state.cursor == (0, 3)
    source.given = [(process(), MANY[2:])]
    viewer.look()
    screen(viewer, 100, 20)
    assert (viewer.state.cursor, viewer.state.place) == ((0, 3), 0)
    source.given = [(process(), MANY[5:])]  # now it is gone itself
    viewer.look()
    screen(viewer, 100, 20)
    assert (viewer.state.cursor, viewer.state.place) == ((0, 6), 0)
    source.given = [(process(), [])]
    viewer.look()
    assert sids(screen(viewer, 100, 20, "down", "enter")) == []


@pytest.mark.parametrize(
    ("keys", "drilled"),
    [
        (("down", "down", "down", "enter"), 3),
        (("G", "enter"), 100),
        (("/", *"db77", "enter", "enter"), 77),
        (("/", "l", "enter"), None),
        (("tab", "enter"), 7777),
        (("S", "S", "enter"), 1),
    ],
)
def test_keys_that_come_faster_than_the_screen_is_drawn_drill_where_they_lead(
    keys: tuple[str, ...], drilled: int | None
) -> None:
    viewer, source = viewing((process(), [*MANY, session(7777, state=SessionState.closed, t_closed=9 * S)]))
    screen(viewer, 100, 20)
    for key in keys:
        viewer.press(key)
    screen(viewer, 100, 20)
    assert source.asked[-1] == (None if drilled is None else (0, drilled))


def test_sorting_and_filtering_go_on_while_the_picture_is_held() -> None:
    viewer, source = viewing((process(), MANY))
    screen(viewer, 100, 20, " ")
    source.given = [(process(), MANY[:1])]
    viewer.look()
    lines = screen(viewer, 100, 20, "S", "S", "S", "S", "S", "S", "S", "S", "S")
    assert "by written" in "\n".join(lines)
    assert sids(lines)[:3] == [100, 99, 98]
    assert sids(screen(viewer, 100, 20, "/", *"db77", "enter")) == [77]
    assert "PAUSED" in "\n".join(screen(viewer, 100, 20))
    screen(viewer, 100, 20, "esc", " ")
    viewer.look()
    assert sids(screen(viewer, 100, 20)) == [1]


def test_the_closed_list_has_a_quarter_and_more_where_there_is_room() -> None:
    closed = [session(n, state=SessionState.closed, t_closed=n * S) for n in range(200, 300)]
    viewer, source = viewing((process(), [*MANY, *closed]))
    shown = sids(screen(viewer, 100, 24))
    assert (shown[0], shown[-1]) == (1, 300 - len([n for n in shown if n >= 200]))
    assert len([n for n in shown if n < 200]) > 2 * len([n for n in shown if n >= 200])
    source.given = [(process(), [*MANY[:2], *closed])]
    viewer.look()
    shown = sids(screen(viewer, 100, 24))
    assert [n for n in shown if n < 200] == [1, 2]
    assert len([n for n in shown if n >= 200]) > 8
    assert [n for n in shown if n >= 200] == list(range(299, 299 - len(shown) + 2, -1))
    low = sids(screen(viewer, 100, 12))
    assert low == [1, 2]
    assert sids(screen(viewer, 100, 12, "tab"))[0] == 299


def test_a_closed_socket_can_be_drilled_into() -> None:
    closed = [session(7, state=SessionState.closed, t_closed=9 * S, error_domain=5, error_code=1)]
    viewer, source = viewing((process(), [*MANY[:3], *closed]))
    text = "\n".join(screen(viewer, 100, 24, "tab", "enter"))
    assert source.asked[-1] == (0, 7)
    assert "cause      Network/1 DNSFailure" in text
    assert "closed 1.0s ago" in text
    screen(viewer, 100, 24, "q")
    assert source.asked[-1] is None
