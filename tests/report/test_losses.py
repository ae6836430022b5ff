from __future__ import annotations

from c4trace.report.losses import EVENT_LOSSES, events_lost
from c4trace.segment.take_snapshot import LOSSES


def test_only_events_that_are_not_on_record_are_lost_events() -> None:
    assert events_lost({"ring_full": 3, "overwritten": 2, "internal": 1, "latency": 500, "session_row": 7}) == 6
    assert events_lost({}) == 0


def test_every_reason_is_one_a_segment_or_a_recorder_gives() -> None:
    assert {*LOSSES, "not_recorded"} >= EVENT_LOSSES
