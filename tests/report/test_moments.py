from __future__ import annotations

import datetime as dt

import pytest

from c4trace.report.moments import parse_moment

START = dt.datetime(2026, 11, 23, 4, 0, 0, 250_000, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("1.5", 1_500_000_000),
        ("+1.5s", 1_500_000_000),
        ("250ms", 250_000_000),
        ("90us", 90_000),
        ("90µs", 90_000),
        ("7ns", 7),
        ("2m", 120_000_000_000),
        ("1h", 3_600_000_000_000),
        ("1:02.5", 62_500_000_000),
        ("1:00:01", 3_601_000_000_000),
        ("2026-11-23T04:00:02.25Z", 2_000_000_000),
        ("2026-11-23 05:00:02.25+01:00", 2_000_000_000),
        ("2026-11-23 04:00:01.250001", 1_000_001_000),
        ("2026-11-23T04:00:00Z", -250_000_000),
    ],
)
def test_spans_and_dates_become_nanoseconds_since_the_start(text: str, ns: int) -> None:
    assert parse_moment(text, START) == ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "1.5 lightyears",
        "-3",
        "1:2:3:4",
        "nan",
        "2026-13-01",
        "9" * 400,
        "9" * 5000 + ":00",
        "1:" + "9" * 400,
    ],
)
def test_what_is_no_time_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time: write seconds \(1\.5\)"):
        parse_moment(text, START)
