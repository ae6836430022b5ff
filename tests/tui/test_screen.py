"""The screen in a real terminal, driven by keys."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from c4trace.events import Event
from tests.report.sample import session, written
from tests.tui.crowd import Crowded, crowded
from tests.tui.tmux import Tmux, tmux


def head_of(lines: list[str]) -> str:
    return "\n".join(lines[:6])


def rows_of(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("#")]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Crowded, Path]]:
    folder = tmp_path_factory.mktemp("segments")
    with crowded(folder, "orders", 40, "refused", "hoards") as crowd:
        yield crowd, folder


@pytest.fixture
def terminal(host: tuple[Crowded, Path], tmp_path: Path) -> Iterator[Tmux]:
    with tmux(tmp_path, C4TRACE_DIR=str(host[1])) as there:
        yield there


def filled(width: int, height: int, there: str) -> Callable[[list[str]], bool]:
    """Whether this is the whole screen, drawn for this size."""

    def is_filled(lines: list[str]) -> bool:
        footed = lines[-1].startswith("q quit") and (width < 120 or lines[-1].endswith("Tab closed"))
        return len(lines) == height and footed and there in "\n".join(lines)

    return is_filled


def begin(terminal: Tmux, *words: str) -> None:
    """Note how the terminal is, start the screen, note it again when that has been left."""
    terminal.type(f'stty -g > before; c4trace live {" ".join(words)}; echo "ended $?"; stty -g > after')


def assert_as_before(terminal: Tmux, ended: str) -> None:
    """The screen was left, and what was there before is there again."""
    lines = terminal.wait_text(ended)
    terminal.wait_prompt()
    assert any("c4trace live" in line for line in lines)  # what was typed is there again
    assert (terminal.ask("alternate_on"), terminal.ask("cursor_flag"), terminal.ask("wrap_flag")) == ("0", "1", "1")
    assert Path(terminal.folder / "after").read_text() == Path(terminal.folder / "before").read_text()


@pytest.fixture(autouse=True)
def in_its_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def test_keys_sort_filter_drill_down_and_leave(terminal: Tmux) -> None:
    begin(terminal, "orders")
    lines = terminal.wait_text("open sockets 41")
    assert terminal.ask("alternate_on") == "1"
    assert rows_of(lines)[0].split()[:2] == ["#1", "open"]
    assert "refused.example" in "\n".join(lines)
    terminal.keys("?")
    terminal.wait_text("turn the order round")
    terminal.keys("q")
    terminal.wait_text("open sockets 41  by sid")
    terminal.keys("S", "S", "S", "S", "S")
    lines = terminal.wait_text("by unacked")
    assert "64K!" in rows_of(lines)[0]
    terminal.keys("r")
    terminal.wait_text("by unacked reversed")
    terminal.keys("/", "h", "o", "a", "r", "d", "s", "Enter")
    lines = terminal.wait_text("1 of 41")
    assert "hoards.example" in "\n".join(lines)
    terminal.keys("Enter")
    lines = terminal.wait_text("of orders")
    lines = terminal.wait_for(lambda lines: "gotHTTPResponse" in "\n".join(lines))
    assert len([line for line in lines if re.search(r" write +6,000$", line)]) > 5
    terminal.keys("Escape")
    terminal.wait_text("1 of 41")
    terminal.keys("Escape")
    terminal.wait_text("open sockets 41")
    terminal.keys("G")
    lines = terminal.wait_text("-41")
    terminal.keys("Tab")
    terminal.wait_text("▌closed sockets")
    terminal.keys("q")
    assert_as_before(terminal, "ended 0")


def test_a_new_size_is_drawn_at_once(terminal: Tmux) -> None:
    begin(terminal, "orders", "--interval", "1h")  # so that only the new size makes it draw
    terminal.wait_text("open sockets 41")
    sizes = {
        (60, 20): " in call",
        (250, 50): "received rcv/s",
        (80, 12): "unproc",
        (20, 5): "q quit",
        (120, 30): "peer",
    }
    for (width, height), there in sizes.items():
        terminal.resize(width, height)
        lines = terminal.wait_for(filled(width, height, there), there)
        assert max(map(len, lines)) <= width
    terminal.keys("q")
    assert_as_before(terminal, "ended 0")


def test_the_picture_is_held_and_goes_on(terminal: Tmux, host: tuple[Crowded, Path]) -> None:
    begin(terminal, "orders")
    terminal.wait_text("open sockets 41")
    terminal.keys("Space")
    held = terminal.wait_text("PAUSED")
    host[0].tell("open")
    terminal.keys("r")  # a held picture is drawn anew for a key, and nothing in it has changed
    lines = terminal.wait_text("by sid reversed")
    assert "open sockets 41" in "\n".join(lines)
    assert lines[1] == held[1]
    terminal.keys("s", "S", "Down", "Down", "r", "r", "/", "x", "Escape")
    pieces = terminal.wait_for(lambda lines: "by sid  1-" in "\n".join(lines))
    terminal.resize(100, 30)  # what came piece by piece is what comes as a whole
    terminal.wait_for(lambda lines: lines != pieces)
    terminal.resize(120, 30)
    terminal.keys("C-l")
    terminal.wait_for(lambda lines: lines == pieces, "\n".join(pieces))
    terminal.keys("Space")
    terminal.wait_text("open sockets 42")
    host[0].tell("close")
    terminal.wait_text("open sockets 41")
    terminal.keys("C-c")
    assert_as_before(terminal, "ended 0")


def pid_of(terminal: Tmux) -> int:
    children = Path(f"/proc/{terminal.ask('pane_pid')}/task/{terminal.ask('pane_pid')}/children").read_text().split()
    return int(children[-1])


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0)])
def test_a_signal_leaves_the_terminal_as_it_was(terminal: Tmux, number: int, status: int) -> None:
    begin(terminal, "orders")
    terminal.wait_text("open sockets")
    os.kill(pid_of(terminal), number)
    assert_as_before(terminal, f"ended {status}")


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(terminal: Tmux) -> None:
    terminal.type("stty -g > before")
    terminal.wait_prompt()
    terminal.type("c4trace live orders; stty -g > after; echo ended")
    terminal.wait_text("open sockets")
    terminal.keys("C-z")
    terminal.wait_text("Stopped")
    assert (terminal.ask("alternate_on"), terminal.ask("cursor_flag")) == ("0", "1")
    terminal.type("stty -g > stopped; clear")
    terminal.wait_prompt()
    terminal.type("fg")
    terminal.wait_text("open sockets")
    terminal.keys("s")
    terminal.wait_text("by state")
    terminal.keys("q")
    terminal.wait_prompt()
    before = Path("before").read_text()
    assert Path("stopped").read_text() == before
    terminal.type("stty -g > after")
    terminal.wait_prompt()
    assert Path("after").read_text() == before
    assert terminal.ask("alternate_on") == "0"


def test_an_error_inside_leaves_the_terminal_as_it_was(terminal: Tmux) -> None:
    Path("broken.py").write_text(
        "from c4trace.cli.main import main\n"
        "from c4trace.tui.viewer import Viewer\n"
        "Viewer.draw = lambda *_: 1 / 0\n"
        "main()\n"
    )
    terminal.type('stty -g > before; python broken.py live orders; echo "ended $?"; stty -g > after')
    lines = terminal.wait_text("ended 70")
    assert "internal error: ZeroDivisionError" in "\n".join(lines)
    terminal.wait_prompt()
    assert terminal.ask("alternate_on") == "0"
    assert Path("after").read_text() == Path("before").read_text()


def test_no_colour_where_none_is_wanted(terminal: Tmux) -> None:
    begin(terminal, "orders")
    terminal.wait_text("open sockets")
    coloured = terminal._run("capture-pane", "-p", "-e")
    terminal.keys("q")
    terminal.wait_prompt()
    terminal.type("clear")
    terminal.type("NO_COLOR=1 c4trace live orders")
    terminal.wait_text("open sockets")
    bare = terminal._run("capture-pane", "-p", "-e")
    colours = re.compile(r"\x1b\[[\d;]*3[1-7]")
    assert colours.search(coloured)
    assert not colours.search(bare)
    assert "\x1b[1m" in bare


def test_a_terminal_that_can_only_write_ascii_gets_nothing_else(terminal: Tmux) -> None:
    terminal.type("PYTHONIOENCODING=ascii LC_ALL=C c4trace live orders")
    lines = terminal.wait_text("open sockets")
    assert "\n".join(lines).isascii()
    assert any("^ opened" in line for line in rows_of(lines))


def test_a_host_that_is_killed_stays_on_the_screen_until_it_is_left(tmp_path: Path) -> None:
    segments = tmp_path / "segments"
    with crowded(segments, "stock", 3, "hangs") as crowd, tmux(tmp_path, C4TRACE_DIR=str(segments)) as terminal:
        begin(terminal)
        terminal.wait_text("open sockets 4")
        crowd.kill()
        terminal.wait_text(f"stock {crowd.pid} is dead")
        text = "\n".join(terminal.screen())
        assert re.search(r"in flight when it died: ▼ write of #\d, for .*s, in thread c4thost calls \d+", text)
        assert "open sockets 4" in text
        terminal.keys("/", "h", "a", "n", "g", "s", "Enter", "Enter")  # the black box can be read still
        terminal.wait_text("▼ write")
        terminal.keys("q", "q")
        assert_as_before(terminal, "ended 0")
        assert [file.name for file in segments.iterdir()] == [f"stock.{crowd.pid}.seg"]


def test_ten_thousand_sockets_are_sorted_filtered_and_gone_through(tmp_path: Path) -> None:
    segments = tmp_path / "segments"
    with crowded(segments, "crowd", 10_000) as crowd, tmux(tmp_path, C4TRACE_DIR=str(segments)) as terminal:
        crowd.tell("busy")
        begin(terminal)
        terminal.wait_text("open sockets 10,000  by sid")
        terminal.keys("G")
        lines = terminal.wait_text("-10,000")
        assert rows_of(lines)
        terminal.keys("Home", "S")
        terminal.keys("/", *"db09999", "Enter")
        lines = terminal.wait_text("1 of 10,000")
        assert len([line for line in rows_of(lines) if "db09999" in line]) == 1
        terminal.keys("Enter")
        terminal.wait_text("ws://db09999.example:4984/orders/_blipsync")
        terminal.keys("q", "q")
        assert_as_before(terminal, "ended 0")


def test_a_recording_is_held_stepped_and_sped_up(terminal: Tmux, tmp_path: Path) -> None:
    lines = [
        msgspec.structs.replace(line, t=line.t * 10_000) if isinstance(line, Event) else line
        for line in session(1, 1, 0)
    ]
    path = written(tmp_path, [*lines])
    terminal.type(f"c4trace replay {path.name} --live --step; echo ended $?")
    terminal.wait_text("PAUSED")
    terminal.wait_text("0 open 0 opening")
    terminal.keys("n")
    terminal.wait_text("1 opening 0 closing of 1")
    terminal.keys("+", "+", "+")
    terminal.wait_text("8x")
    terminal.keys("-")
    terminal.wait_text("4x")
    terminal.keys(*["n"] * (len(lines) + 1))
    terminal.wait_text("ENDED")
    terminal.wait_text("closed sockets 1")
    terminal.keys("q")
    shown = terminal.wait_text("ended 0")
    assert any(line.startswith("sessions  1 in") for line in shown)


def test_the_demo_can_be_watched(terminal: Tmux) -> None:
    terminal.type("unset C4TRACE_DIR; export C4TRACE_DIR=$PWD/segments; c4trace demo --live; echo ended $?")
    terminal.wait_text("of 20")
    terminal.keys("q")  # the rest of it goes on at full speed
    terminal.wait_text("ended 0")
    terminal.wait_text("every count, all bytes")
