"""`c4trace run --live` in a real terminal: the screen, and the command's output after it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.stand_in import C4TRACE, Version, build
from tests.tui.tmux import Tmux, tmux

SEEN = "0 open 0 opening 0 closing of 1"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("host"), Version(30, "3.0.0"))


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tmux]:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("more")
    with tmux(tmp_path, C4TRACE_DIR=str(tmp_path / "segments")) as there:
        yield there


def begin(terminal: Tmux, host: Path, *options: str, after: str = "") -> None:
    """Run a command that meets LiteCore, and goes on until `more` is written."""
    Path("command.sh").write_text(
        f"echo said\necho complained >&2\n{host}\nread answer; read _ < more\nexit 7$answer\n"
    )
    typed = f"c4trace run --name app --live {' '.join(options)} -- sh command.sh {after}"
    terminal.type(f"stty -g > before; {typed}; echo ended $?; stty -g > after")
    terminal.wait_text(SEEN)


def let_it_end() -> None:
    Path("more").write_text("\n")


def assert_as_before(terminal: Tmux) -> None:
    terminal.wait_prompt()
    assert (terminal.ask("alternate_on"), terminal.ask("cursor_flag")) == ("0", "1")
    assert Path("after").read_text() == Path("before").read_text()


def test_what_the_command_writes_comes_after_its_last_state(terminal: Tmux, host: Path) -> None:
    begin(terminal, host)
    assert "complained" not in "\n".join(terminal.screen())
    let_it_end()
    terminal.wait_text("this is its last state")
    assert SEEN in "\n".join(terminal.screen())
    terminal.keys("q")
    text = "\n".join(terminal.wait_text("ended 7"))
    assert text.index("said\ncomplained\n") < text.index("c4trace: traced process") < text.index("ended 7")
    assert_as_before(terminal)


def test_the_command_goes_on_when_the_screen_is_left(terminal: Tmux, host: Path) -> None:
    begin(terminal, host)
    terminal.keys("q")
    text = "\n".join(terminal.wait_text("complained"))
    assert "ended" not in text.rpartition("stty -g > after")[2]
    let_it_end()
    terminal.wait_text("ended 7")
    assert_as_before(terminal)


def test_ctrl_c_is_the_commands_and_ends_the_screen_with_it(terminal: Tmux, host: Path) -> None:
    begin(terminal, host)
    terminal.keys("C-c")
    terminal.wait_text("complained")
    terminal.wait_prompt()  # a shell goes no further in its line after a command that died of SIGINT
    terminal.type("echo ended $?; stty -g > after")
    terminal.wait_text("ended 130")
    assert_as_before(terminal)


def test_ctrl_z_stops_both_and_fg_brings_both_back(terminal: Tmux, host: Path) -> None:
    begin(terminal, host)
    terminal.keys("C-z")
    terminal.wait_text("Stopped")
    assert terminal.ask("alternate_on") == "0"
    terminal.type("clear")
    terminal.wait_prompt()
    terminal.type("fg; echo it ended $?")
    terminal.wait_text(SEEN)
    let_it_end()
    terminal.wait_text("this is its last state")
    terminal.keys("q")
    terminal.wait_text("it ended 7")


def test_a_command_that_meets_no_litecore_is_not_waited_for_any_more_when_it_has_ended(terminal: Tmux) -> None:
    terminal.type("c4trace run --live -- sh -c 'read _ < more'; echo ended $?")
    terminal.wait_text("no LiteCore was met yet; waiting for one")
    let_it_end()
    terminal.wait_text("the command has ended, and met no LiteCore; q leaves")
    terminal.keys("q")
    terminal.wait_text("ended 0")


def test_what_is_redirected_is_the_commands_own(terminal: Tmux, host: Path) -> None:
    Path("input").write_text("1\n")
    begin(terminal, host, after="< input > output")
    let_it_end()
    terminal.wait_text("this is its last state")
    assert Path("output").read_text().startswith("said\n")
    terminal.keys("q")
    text = "\n".join(terminal.wait_text("ended 71"))
    assert "complained" in text
    assert_as_before(terminal)


def test_a_log_to_the_terminal_is_refused(terminal: Tmux) -> None:
    terminal.type("c4trace run --live --log console -- touch ran; echo ended $?")
    terminal.wait_text("ended 2")
    assert "--live draws where --log console would write; log to a file" in "\n".join(terminal.screen())
    assert not Path("ran").exists()


def test_without_a_terminal_nothing_is_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [C4TRACE, "run", "--live", "--", "touch", tmp_path / "ran"],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # so that no terminal controls it
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("c4trace: --live draws on the terminal, and there is none; leave it out")
    assert not (tmp_path / "ran").exists()
