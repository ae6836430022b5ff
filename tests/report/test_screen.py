from __future__ import annotations

import io

import pytest
from rich.table import Table

from c4trace.report.screen import Screen


class Terminal(io.TextIOWrapper):
    """A terminal as far as a program can tell without asking the kernel."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    def isatty(self) -> bool:
        return True

    def shown(self) -> str:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def red(stream: io.TextIOBase) -> str:
    Screen(stream).text("x", "red")  # type: ignore[arg-type]
    return stream.shown() if isinstance(stream, Terminal) else stream.getvalue()  # type: ignore[attr-defined]


def test_a_terminal_gets_colours() -> None:
    assert red(Terminal()) == "\x1b[31mx\x1b[0m\n"


def test_a_file_gets_none() -> None:
    assert red(io.StringIO()) == "x\n"


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert red(Terminal()) == "x\n"


def test_a_dumb_terminal_gets_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert red(Terminal()) == "x\n"


def test_force_color_colours_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert red(io.StringIO()) == "\x1b[31mx\x1b[0m\n"


def test_a_terminal_has_a_width_and_a_file_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "61")
    assert Screen(Terminal()).width == 61
    assert Screen(io.StringIO()).width is None


def test_an_ascii_terminal_gets_ascii_arrows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal("ascii")
    screen = Screen(stream)
    table = Table("▼ call")
    table.add_row("12µs")
    screen.text("▼▲ …")
    screen.show(table)
    assert stream.shown().startswith("v^ ~\n")
    assert stream.shown().isascii()


def test_lines_of_tables_end_without_blanks() -> None:
    stream = io.StringIO()
    table = Table("a", "b", box=None)
    table.add_row("1", "")
    Screen(stream).show(table)
    assert [line for line in stream.getvalue().splitlines() if line != line.rstrip()] == []
