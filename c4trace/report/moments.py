"""Moments of a recording as people write them: 1.5, 250ms, 2m, 1:02.5, or the time of day it was."""

from __future__ import annotations

import datetime as dt
import re

__all__ = ["parse_moment"]

_UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 10**9, "": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
# Twelve digits are enough for any trace, and few enough for a float to hold.
_SPAN = re.compile(r"\+?(\d{1,12}(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|)")
_COLONS = re.compile(r"(?:(\d{1,12}):)?(\d{1,12}):(\d{1,12}(?:\.\d*)?)")


def parse_moment(text: str, start: dt.datetime) -> int:
    """Give nanoseconds since `start`: a span (250ms, 2m, 1:02.5; seconds without unit) or an RFC 3339 date and time.

    A date and time without zone is of the zone `start` has. Raises ValueError for anything else.
    """
    if span := _SPAN.fullmatch(text):
        return round(float(span[1]) * _UNITS[span[2]])
    if parts := _COLONS.fullmatch(text):
        return round(((int(parts[1] or 0) * 60 + int(parts[2])) * 60 + float(parts[3])) * 10**9)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time: write seconds (1.5), a span (250ms, 2m, 1:02.5) or a date") from None
    since = (moment if moment.tzinfo else moment.replace(tzinfo=start.tzinfo)) - start
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
