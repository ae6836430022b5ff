from __future__ import annotations

import pytest
from rich.cells import cell_len

from c4trace.tui.line import cut, fit, laid_out

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
    line = laid_out([("abc", "bold"), ("日本", ""), ("never seen", "red")], 6)
    assert "".join(piece.text for piece in line) == "abc日…"
    assert line[0].style is not None
    assert line[0].style.bold
