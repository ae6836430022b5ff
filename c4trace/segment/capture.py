"""Capture levels by the words users have for them: off, events, headers, bytes:N, full."""

from __future__ import annotations

__all__ = ["CAPTURE_LEVELS", "capture_level", "capture_text"]

CAPTURE_LEVELS = ("off", "events", "headers", "bytes", "full")
"""By number (native/segment.h, enum c4t_capture); `bytes` is written with how many: bytes:256."""


def capture_text(level: int, count: int) -> str:
    """The words for a level and its byte count, as a segment's control word has them."""
    if not 0 <= level < len(CAPTURE_LEVELS):
        return f"unknown ({level})"
    return f"bytes:{count}" if CAPTURE_LEVELS[level] == "bytes" else CAPTURE_LEVELS[level]


def capture_level(text: str) -> tuple[int, int]:
    """Level and byte count for these words. Raises ValueError, with the words there are, for others."""
    word, colon, count = text.partition(":")
    if word in CAPTURE_LEVELS and bool(colon) == (word == "bytes"):
        if not colon:
            return CAPTURE_LEVELS.index(word), 0
        if count.isascii() and count.isdigit() and 0 < int(count) < 1 << 32:
            return CAPTURE_LEVELS.index(word), int(count)
    raise ValueError(f"unknown capture level {text!r}: use off, events, headers, bytes:N (the first N bytes) or full")
