"""Numbers as bars of characters, and in few of them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["gauge", "short_bytes", "spark"]

_LEVELS = "▁▂▃▄▅▆▇"  # no full block: rows below each other are to be told apart
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_UNITS = "KMGTPE"


def spark(values: Sequence[float], width: int) -> str:
    """Draw the last `width` values as columns, each against the highest of them; what is not known is left blank."""
    shown = values[-width:] if width > 0 else ()
    most = max(shown, default=0.0)
    if most <= 0:
        return (_LEVELS[0] * len(shown)).rjust(width)
    return "".join([_LEVELS[_level(value, most)] for value in shown]).rjust(width)


def _level(value: float, most: float) -> int:
    if value <= 0:
        return 0
    return 1 + min(5, int(value / most * 6 - 1e-9))


def gauge(n: int, line: int, width: int) -> str:
    """Draw `n` on a scale of `width` characters that ends at `line`; beyond it the last one says so."""
    eighths = min(n, line) * width * 8 // line
    if n and not eighths:
        eighths = 1
    bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8] * bool(eighths % 8)
    return bar[: width - 1] + "▶" if n >= line else bar.ljust(width)


def short_bytes(n: float) -> str:
    """Give bytes in at most 5 characters: 812, 1.5K, 64K, 1000K, 1.2M (units of 1024)."""
    if n < 999.5:
        return f"{n:.0f}"
    value = float(n)
    for unit in _UNITS:
        value /= 1024
        if value < 9.95:
            return f"{value:.1f}{unit}"
        if value < 1023.5 or unit == _UNITS[-1]:
            return f"{value:.0f}{unit}"
    raise AssertionError
