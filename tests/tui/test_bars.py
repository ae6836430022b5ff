from __future__ import annotations

import pytest

from c4trace.tui.bars import gauge, short_bytes, spark


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], "    "),
        ([0, 0], "  ▁▁"),
        ([1], "   ▇"),
        ([0, 1, 50, 100], "▁▂▄▇"),
        ([9, 9, 9, 9, 9, 0], "▇▇▇▁"),
        ([1, 1e-9], "  ▇▂"),
    ],
)
def test_a_spark_shows_the_last_values_against_the_highest(values: list[float], drawn: str) -> None:
    assert spark(values, 4) == drawn


@pytest.mark.parametrize(
    ("n", "drawn"),
    [
        (0, "    "),
        (1, "▏   "),
        (16384, "█   "),
        (32768, "██  "),
        (40960, "██▌ "),
        (65535, "███▉"),
        (65536, "███▶"),
        (10**12, "███▶"),
    ],
)
def test_a_gauge_ends_at_its_line(n: int, drawn: str) -> None:
    assert gauge(n, 65536, 4) == drawn


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0"),
        (999, "999"),
        (999.6, "1.0K"),
        (1000, "1.0K"),
        (1536, "1.5K"),
        (10240, "10K"),
        (1023 * 1024, "1023K"),
        (1024 * 1024 - 1, "1.0M"),
        (3 << 30, "3.0G"),
        (1 << 63, "8.0E"),
    ],
)
def test_bytes_take_five_characters_at_most(n: float, text: str) -> None:
    assert short_bytes(n) == text
    assert len(text) <= 5
