from __future__ import annotations

import click
import pytest

from c4trace.cli.span import Span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1.5", 1.5), ("250ms", 0.25), ("30s", 30), ("2m", 120), ("1h", 3600), ("1d", 86_400), ("0", 0)],
)
def test_lengths_of_time_are_written_as_people_do(text: str, seconds: float) -> None:
    assert Span().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["40000d", "99999999999", "9" * 400])
def test_a_time_longer_than_any_wait_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is longer than 100 years; give less"):
        Span().convert(text, None, None)


@pytest.mark.parametrize("text", ["", "-1", "soon", "nan", "inf", "1w"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no length of time: write seconds"):
        Span().convert(text, None, None)
