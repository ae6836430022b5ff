from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from c4trace.events import EventKind, SessionState
from c4trace.segment.snapshot import InFlight
from c4trace.tui.bindings import BINDINGS
from c4trace.tui.source import Playing
from tests.tui.scenes import NEVER, S, event, printed, process, screen, session, text_of, viewing

WIDTHS = (20, 40, 60, 80, 100, 120, 160, 200, 250, 400)
EVIL = "ws://\x1b[2J\x1b]0;owned\x07evil\u202e日本語\u200b\r\n.example/" + "x" * 60
FULL = [
    session(1, flows=[9, 9000, 9, 9000, 5, 5000, 5, 5000]),
    session(2, state=SessionState.opening, t_opened=NEVER, t_open=-20 * S, http_status=407),
    session(3, flows=[3, 70_000, 0, 0, 1, 40_000, 0, 0]),
    session(4, state=SessionState.closing, t_closing=2 * S, lost=3),
    session(5, flags=2),
    session(6, address=EVIL.encode()[:83]),
    session(7, state=SessionState.closed, t_closed=8 * S, error_domain=2, error_code=111),
    session(8, state=SessionState.disposed, t_closed=9 * S, error_domain=6, error_code=1000),
    session(9, state=SessionState.disposed, t_disposed=9 * S),
]
CALLS = (InFlight(12, "caller", 3, EventKind.write, 6.5), InFlight(13, "", 1, EventKind.received, 0.001))


def row(lines: list[str], sid: int) -> str:
    [found] = [line for line in lines if line.startswith(f"#{sid} ")]
    return found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("height", [5, 8, 15, 24, 60])
@pytest.mark.parametrize("keys", [(), ("tab",), ("down", "enter"), ("?",), ("/", "x")])
def test_no_line_is_wider_than_the_screen_and_all_its_lines_are_drawn(
    width: int, height: int, keys: tuple[str, ...]
) -> None:
    viewer, source = viewing((process(), FULL), (process("stock\x1b[31m", 1, "dead"), FULL), lost={"ring_full": 5})
    source.flights, source.events = CALLS, [event(n, 1, "write", n=n) for n in range(100)]
    viewer.look()
    screen(viewer, width, height, *keys)
    lines = viewer.draw(width, height)
    assert len(lines) == height
    assert max(sum(piece.cell_length for piece in line) for line in lines) <= width
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b\u202e]", "".join(text_of(lines)))


@pytest.mark.parametrize("width", [60, 80, 120, 250])
def test_columns_stand_below_their_headings(width: int) -> None:
    viewer, _ = viewing((process(), FULL))
    lines = screen(viewer, width)
    heading = next(line for line in lines if line.startswith("sock"))
    end = heading.index("unack") + len("unack")
    assert row(lines, 3)[end - 5 : end + 1] == " 68K! "
    assert row(lines, 1)[end - 5 : end + 1] == "   0  "
    assert row(lines, 1)[heading.index("state") :].startswith("open ")
    assert row(lines, 3)[heading.index("peer") :].startswith(("db3", "ws://db3"))


def test_everything_the_issue_asks_for_is_there_when_it_is_wide() -> None:
    viewer, source = viewing((process(), FULL), lost={"ring_full": 5, "return": 1}, orphans=2)
    source.flights = CALLS
    source.now = 11.0
    viewer.look()
    lines = screen(viewer, 250, 30)
    assert lines[0].startswith("orders 4711 live · LiteCore 3.1.6 · capture headers")
    assert "3 open" not in lines[1]
    assert lines[1].startswith("4 open 1 opening 1 closing of 9   lost 5 (ring_full 5, return 1)")
    assert "2 up-calls of unknown sockets" in lines[1]
    assert "▼ 1,000 calls 0/s   ▲ 2,000 up-calls 0/s" in lines[1] + lines[2]
    third = row(lines, 3)
    assert "ws://db3.example:4984/orders/_blipsync" in third
    for part in (" 68K ", "68K!", "39K", "▼ write 6.50s", "▲ received", "2.0s"):
        assert part in third
    assert "█████▶" in third
    assert row(lines, 2).endswith("HTTP 407")
    assert row(lines, 4).endswith("3 lost")
    assert row(lines, 5).endswith("up-calls not visible")
    assert re.search(r"POSIX/111 ECONNREFUSED$", row(lines, 7))
    assert row(lines, 8).endswith("WebSocket/1000 normal closure")
    assert row(lines, 9).endswith("never closed")


def test_what_takes_too_long_is_marked_without_colour_too() -> None:
    viewer, source = viewing((process(), FULL))
    lines = screen(viewer)
    assert "opening!" in row(lines, 2)
    assert "closing!" in row(lines, 4)
    source.given = [(process(state="dead"), FULL)]
    viewer.look()
    assert "opening!" not in row(screen(viewer), 2)  # it waits no longer


def test_a_dead_process_is_named_with_the_call_it_died_in() -> None:
    viewer, source = viewing((process(state="dead"), FULL))
    source.flights = CALLS
    viewer.look()
    text = "\n".join(screen(viewer))
    assert "orders 4711 DEAD" in text
    assert "orders 4711 is dead, its last sign 0.0s ago; this is its last state" in text
    assert "in flight when it died: ▼ write of #3, for 6.50s, in thread caller 12" in text
    assert "in flight when it died: ▲ received of #1, for 1.00ms, in thread 13" in text


def test_a_stopped_process_says_so() -> None:
    viewer, _ = viewing((process(), FULL), stopped=True)
    assert screen(viewer)[0].startswith("orders 4711 live, stopped · LiteCore")


def test_several_processes_have_a_column() -> None:
    viewer, _ = viewing((process(), FULL[:1]), (process("stock", 4712), FULL[:2]))
    lines = screen(viewer, 100)
    assert lines[0].startswith("2 processes  orders 4711 live  stock 4712 live")
    rows = [line.split()[:3] for line in lines if line.startswith("#")]
    assert rows == [["#1", "orders", "4711"], ["#1", "stock", "4712"], ["#2", "stock", "4712"]]
    assert "process" not in "\n".join(screen(viewing((process(), FULL))[0], 100))


def test_several_factories_have_a_column() -> None:
    viewer, _ = viewing((process(), FULL[:1]), factories=("okhttp", "tls"))
    assert "okhttp" in row(screen(viewer, 200), 1)


def test_the_list_that_is_sorted_says_by_what() -> None:
    viewer, _ = viewing((process(), FULL))
    lines = screen(viewer, 120, 30, "s", "s", "s", "r")
    assert any("open sockets 6  by peer reversed" in line for line in lines)
    assert any("peer▴" in line for line in lines)
    assert any("closed sockets 3  by closed" in line for line in lines)


@pytest.mark.parametrize("width", WIDTHS[1:])
def test_headings_are_underlined_from_edge_to_edge(width: int) -> None:
    viewer, _ = viewing((process(), FULL))
    heading = next(line for line in viewer.draw(width, 30) if line and line[0].text.startswith("sock"))
    assert sum(piece.cell_length for piece in heading) == width
    assert all(piece.style is not None and piece.style.underline and piece.text.strip() for piece in heading)


def test_nothing_to_see_is_said() -> None:
    viewer, source = viewing()
    assert "nobody is there" in "\n".join(screen(viewer))
    source.nothing = f"no traced process runs: none in {'/a/long/path' * 3}; waiting for one"
    assert " ".join(" ".join(screen(viewer, 60)).split()).count(source.nothing) == 1
    source.troubles = ["x.seg: not a \x1bsegment"]
    assert r"x.seg: not a \x1bsegment" in "\n".join(screen(viewer))


def test_the_drill_down_shows_the_socket_and_its_last_events() -> None:
    viewer, source = viewing((process(), FULL))
    source.flights = CALLS
    source.events = [event(n, 3, "write", n=n) for n in range(1, 101)]
    viewer.look()
    lines = screen(viewer, 120, 30, "/", "d", "b", "3", "enter", "enter")
    text = "\n".join(lines)
    assert source.asked[-1] == (0, 3)
    assert "#3 of orders 4711 · factory socket" in text
    assert "ws://db3.example:4984/orders/_blipsync" in text
    assert "unacked       68K! of 64K ▕███████████████▶▏" in text
    assert "▼ write 6.50s, in thread caller 12" in text
    shown = [line.split()[-1] for line in lines if " write " in line and "+1.00µs" in line]
    assert shown[-1] == "100"
    assert shown == [str(n) for n in range(101 - len(shown), 101)]
    scrolled = screen(viewer, 120, 30, "up", "up")
    assert [line.split()[-1] for line in scrolled if " write " in line and "+1.00µs" in line][-1] == "98"
    assert "… 2 later" in "\n".join(scrolled)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 250])
def test_the_drill_down_says_everything_at_any_width(width: int) -> None:
    def said_of(one: dict[str, object], *keys: str) -> str:
        viewer, source = viewing((process(), [{**one, "http_status": 101}]))
        source.flights = CALLS
        viewer.look()
        lines = screen(viewer, width, 40, *keys)
        assert not [line for line in lines[lines.index("") : -3] if line.endswith("…")]
        return "".join("".join(lines).split())

    third = said_of(FULL[2], "enter")
    for part in ("ws://db3.example:4984/orders/_blipsync", "HTTP 101", "68.4 KiB in 3 calls", "39.1 KiB in 1 up-call"):
        assert part.replace(" ", "") in third
    for part in ("68K! of 64K", "39K of 64K", "write 6.50s", "in thread caller 12"):
        assert part.replace(" ", "") in third
    closed = said_of(FULL[6], "tab", "enter")
    assert "closed2.0sago" in closed
    assert closed.count("POSIX/111ECONNREFUSED") == 1


def test_a_filter_that_nothing_passes_says_so() -> None:
    viewer, _ = viewing((process(), FULL))
    lines = screen(viewer, 60, 30, "/", *"nosuch", "enter")
    assert [line for line in lines if line == "none has all these words; Esc clears the filter"]
    assert "none has" not in "\n".join(screen(viewer, 60, 30, "esc"))


def test_the_foot_says_that_a_help_longer_than_the_screen_goes_on() -> None:
    viewer, _ = viewing((process(), FULL))
    lines = screen(viewer, 60, 12, "?")
    assert lines[-1].startswith("q back  ↑↓ scroll")
    assert "yellow from 1 s" not in "\n".join(lines)
    assert any("opening for more than 15 s" in line for line in screen(viewer, 60, 12, "G"))


def test_a_socket_whose_row_is_gone_keeps_what_was_known_of_it() -> None:
    viewer, source = viewing((process(), FULL))
    screen(viewer, 120, 30, "enter")
    source.given = [(process(), [])]
    viewer.look()
    assert "#1 of orders 4711" in "\n".join(screen(viewer))
    assert "no event of it is in the rings any more" in "\n".join(screen(viewer))


def test_the_help_names_every_key() -> None:
    viewer, source = viewing((process(), FULL))
    text = "\n".join(screen(viewer, 100, 60, "?"))
    assert [one for one in BINDINGS if f"  {one.shown:<9} {one.action.value}" not in text] == [
        one for one in BINDINGS if one.only_recording
    ]
    source.playing = Playing(1.0, 2.0, ended=False)
    text = "\n".join(screen(viewer, 100, 60))
    assert all(f"  {one.shown:<9} {one.action.value}" in text for one in BINDINGS)


def test_a_recording_says_how_it_is_played() -> None:
    viewer, source = viewing((process(state="recorded"), FULL))
    for playing, paused, said in (
        (Playing(12.25, 2.0, ended=False), False, "▸ 2x 12.2s"),
        (Playing(12.25, None, ended=False), False, "▸ max 12.2s"),
        (Playing(1.0, 0.5, ended=False), True, "PAUSED  0.5x 1.0s"),
        (Playing(1.0, 1.0, ended=True), False, "ENDED  1x 1.0s"),
    ):
        source.playing = playing
        assert said in screen(viewer, 100, 30, *([" "] if paused != viewer.state.paused else []))[0]


def test_the_picture_needs_no_colour() -> None:
    viewer, _ = viewing((process(), FULL))
    lines = viewer.draw(100, 30)
    coloured = printed(lines, 100, color_system="standard")
    bare = printed(lines, 100, color_system="standard", no_color=True)
    assert "\x1b[32m" in coloured or "\x1b[1;32m" in coloured
    assert not re.search(r"\x1b\[[\d;]*3\dm", bare)

    def plain(text: str) -> str:
        return re.sub(r"\x1b\[[\d;]*m", "", text)

    assert plain(coloured) == plain(bare)
    assert [line.rstrip() for line in plain(bare).splitlines()] == text_of(lines)
    assert all(cell_len(line) <= 100 for line in plain(bare).splitlines())
