"""Numbers for people: durations, sizes and counts in a few characters."""

from __future__ import annotations

__all__ = ["bytes_text", "count_text", "duration_text", "noun"]

_DURATIONS = (("ns", 1), ("µs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000))
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
_MINUTE = 60 * 1_000_000_000


def duration_text(ns: float) -> str:
    """Three digits and a unit: 812ns, 1.23ms, 45.0s; from two minutes on 2m05s, from 100 on 1h40m."""
    ns = max(ns, 0)
    if ns >= 2 * _MINUTE:
        minutes, rest = divmod(round(ns), _MINUTE)
        if minutes < 100:
            return f"{minutes}m{rest // 1_000_000_000:02}s"
        return f"{minutes // 60}h{minutes % 60:02}m"
    if ns < 1000:
        return f"{ns:.0f}ns"
    unit, size = _DURATIONS[1] if ns < 1_000_000 else _DURATIONS[2] if ns < 1_000_000_000 else _DURATIONS[3]
    value = ns / size
    if value >= 999.5 and unit != "s":
        unit, size = _DURATIONS[_DURATIONS.index((unit, size)) + 1]
        value = ns / size
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}{unit}"


def bytes_text(n: int) -> str:
    """Give a size in the unit that fits, with one decimal: 812 B, 1.5 KiB."""
    value = float(n)
    for unit in _SIZES:
        if abs(value) < 1024 or unit == _SIZES[-1]:
            return f"{n} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError


def count_text(n: int) -> str:
    """Give a count with commas at the thousands."""
    return f"{n:,}"


def noun(n: int, word: str) -> str:
    """Give the word for a number of things: call, calls."""
    return word if n == 1 else word + "s"
