from __future__ import annotations

import pytest
from rich.cells import cell_len

from c4trace.tui.line import cut, fit, laid_out, wrapped

CUT = [(6, "日本語"), (5, "日本…"), (4, "日…")]


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("ab", 0, ""),
    ],
)
def test_text_is_cut_by_the_cells_it_takes(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown
    assert cell_len(shown) <= width


@pytest.mark.parametrize("text", ["", "a", "abcdefghij", "日本語", "a日b本", "e\u0301x", "🙂🙂🙂"])
def test_text_is_made_to_fit_exactly(text: str) -> None:
    for width in range(1, 12):
        assert cell_len(fit(text, width)) == cell_len(fit(text, width, right=True)) == width


def test_a_line_ends_where_the_screen_does() -> None:
    line = laid_out([("abc", "bold"), ("", "dim"), ("日本", ""), ("never seen", "red")], 6)
    assert "".join(piece.text for piece in line) == "abc日…"
    assert line[0].style is not None
    assert line[0].style.bold


@pytest.mark.parametrize(
    ("spans", "width", "lines"),
    [
        ([], 5, [""]),
        ([("abc", ""), (", def", "")], 8, ["abc, def"]),
        ([("abc", ""), (", def", "")], 7, ["abc", "def"]),
        ([("abc", ""), ("       ", "")], 4, ["abc"]),
        ([("abcdefgh", "red")], 3, ["abc", "def", "gh"]),
        ([("a日本b", "")], 3, ["a日", "本b"]),
        ([("日本", "")], 1, ["日", "本"]),
    ],
)
def test_text_is_broken_into_lines(spans: list[tuple[str, str]], width: int, lines: list[str]) -> None:
    assert ["".join(text for text, _ in line) for line in wrapped(spans, width)] == lines
