from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4trace.report.plain import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ws://host:4984/db", "ws://host:4984/db"),
        ("grüße 北京", "grüße 北京"),
        ("\x1b[2J", r"\x1b[2J"),
        ("one\r\ntwo\tthree", "one  two three"),
        ("evil\u202etxt", r"evil\u202etxt"),
        ("\x9b31m", r"\x9b31m"),
        ("\udcff", r"\udcff"),
    ],
)
def test_what_moves_the_cursor_is_escaped(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text())
def test_nothing_unprintable_is_left_and_all_can_be_encoded(text: str) -> None:
    shown = plain(text)
    assert all(character.isprintable() or character in "\u00a0\u3000" or character.isspace() for character in shown)
    assert "\n" not in shown
    shown.encode()
