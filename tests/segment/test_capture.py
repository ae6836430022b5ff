from __future__ import annotations

import pytest

from c4trace.segment.capture import CAPTURE_LEVELS, capture_level, capture_text


@pytest.mark.parametrize(
    ("text", "level"),
    [("off", (0, 0)), ("events", (1, 0)), ("headers", (2, 0)), ("bytes:256", (3, 256)), ("full", (4, 0))],
)
def test_words_and_levels_are_the_same_thing(text: str, level: tuple[int, int]) -> None:
    assert capture_level(text) == level
    assert capture_text(*level) == text


def test_every_level_has_a_word() -> None:
    assert [capture_text(level, 1).partition(":")[0] for level in range(5)] == list(CAPTURE_LEVELS)


def test_a_level_of_a_hostile_segment_is_called_unknown() -> None:
    assert capture_text(9, 0) == "unknown (9)"


@pytest.mark.parametrize(
    "text",
    ["", "Full", "bytes", "bytes:", "bytes:0", "bytes:-1", "bytes:x", "bytes:²", "bytes:4294967296", "full:1", "all"],
)
def test_other_words_are_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"unknown capture level .*: use off, events, headers, bytes:N .* or full"):
        capture_level(text)
