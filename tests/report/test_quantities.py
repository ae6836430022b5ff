from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4trace.report.quantities import bytes_text, count_text, duration_text


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0ns"),
        (-4, "0ns"),
        (812, "812ns"),
        (999, "999ns"),
        (1000, "1.00µs"),
        (9_994, "9.99µs"),
        (9_996, "10.0µs"),
        (99_960, "100µs"),
        (999_600, "1.00ms"),
        (5_100_000_000, "5.10s"),
        (119_000_000_000, "119s"),
        (120_000_000_000, "2m00s"),
        (468_400_000_000, "7m48s"),
        (5_999_000_000_000, "99m59s"),
        (6_000_000_000_000, "1h40m"),
        (7_500_000_000_000, "2h05m"),
    ],
)
def test_a_duration_has_three_digits_and_a_unit(ns: int, text: str) -> None:
    assert duration_text(ns) == text


@given(st.integers(0, 10**14))
def test_a_duration_fits_its_column(ns: int) -> None:
    assert len(duration_text(ns)) <= 6


@pytest.mark.parametrize(
    ("n", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1 << 20, "1.0 MiB"), (3 << 50, "3072.0 TiB")],
)
def test_a_size_has_the_unit_that_fits(n: int, text: str) -> None:
    assert bytes_text(n) == text


def test_a_count_has_commas() -> None:
    assert count_text(1234567) == "1,234,567"
