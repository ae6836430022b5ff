"""What is sent to a terminal."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator
from typing import TextIO

import pytest

from c4trace.tui.line import Line, laid_out
from c4trace.tui.terminal import Terminal, can_show


class Screen:
    """The far end of a terminal."""

    def __init__(self) -> None:
        self._far, near = pty.openpty()
        self.stream: TextIO = os.fdopen(near, "w", encoding="utf-8")
        os.set_blocking(self._far, False)

    def sent(self) -> str:
        """All that came since it was asked last."""
        found = b""
        try:
            while data := os.read(self._far, 65536):
                found += data
        except BlockingIOError:
            pass
        return found.decode()

    def close(self) -> None:
        self.stream.close()
        os.close(self._far)


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen()
    yield made
    made.close()


def lines(*texts: str) -> list[Line]:
    return [laid_out([(piece, "") for piece in text.split("|")], 20) for text in texts]


def test_only_what_has_changed_is_sent(screen: Screen) -> None:
    with Terminal(screen.stream, None) as terminal:
        screen.sent()
        terminal.show(lines("one |1|.", "two |2|."), (20, 5))
        assert "one 1." in screen.sent()
        terminal.show(lines("one |1|.", "two |2|."), (20, 5))
        assert screen.sent() == ""
        terminal.show(lines("one |1|.", "two |3|."), (20, 5))
        assert screen.sent() == "\x1b[2;5H3"
        terminal.show(lines("one |1|.", "two |日|."), (20, 5))  # another width: the rest of its line has moved
        assert screen.sent() == "\x1b[2;1Htwo 日.\x1b[K"
        terminal.show(lines("one |1|.", "two |日|."), (30, 5))
        assert screen.sent() == "\x1b[0m\x1b[2J\x1b[1;1Hone 1.\x1b[K\x1b[2;1Htwo 日.\x1b[K"


def test_all_is_given_back_even_by_an_error(screen: Screen) -> None:
    def fail() -> None:
        with Terminal(screen.stream, None):
            assert screen.sent() == "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert screen.sent() == "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"


@pytest.mark.parametrize("term", ["xterm", "linux", "dumb", "unknown", ""])
def test_a_terminal_whose_cursor_cannot_be_moved_shows_no_screen(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    assert can_show(screen.stream) is (term in {"xterm", "linux"})
