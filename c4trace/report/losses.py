"""Which of a segment's losses are events that are not on record."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["EVENT_LOSSES", "events_lost"]

EVENT_LOSSES = frozenset({"ring_full", "overwritten", "internal", "not_recorded"})
"""Reasons (segment/take_snapshot.py, LOSSES; the recorder's own). The others miss a time or a row, never an event."""


def events_lost(lost: Mapping[str, int]) -> int:
    """Give the number of events that are not on record."""
    return sum(n for reason, n in lost.items() if reason in EVENT_LOSSES)
