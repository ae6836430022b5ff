from __future__ import annotations

import io

import msgspec

from c4trace.report.screen import Screen
from c4trace.report.summary import TookRow, summarize
from c4trace.report.summary_table import print_summary
from tests.report.sample import session, two_sessions
from tests.report.test_running_totals import event, totals_of


def test_the_summary_is_what_can_be_counted_by_hand() -> None:
    summary = summarize(totals_of(two_sessions()))
    assert (summary.sessions, summary.still_open, summary.lost, summary.not_returned) == (2, 0, 3, 0)
    assert (summary.calls, summary.up_calls) == (12, 10)
    assert (summary.bytes_written, summary.bytes_received) == (336, 80)
    assert summary.closed == {"WebSocket/1000 normal closure": 1, "Network/8 TLSCertUntrusted": 1}
    assert summary.latencies["open"] == TookRow(2, 4_000_000, 2_000_000, 2_000_000, 2_000_000)
    assert [row.n for row in summary.events if row.ev == "write"] == [4]


def test_a_session_without_closed_is_still_open() -> None:
    assert summarize(totals_of(session(1, 1, 0)[:5])).still_open == 1


def test_the_summary_survives_json() -> None:
    summary = summarize(totals_of(two_sessions()))
    assert msgspec.json.decode(msgspec.json.encode(summary), type=type(summary)) == summary


def shown(summary_of: list[object]) -> str:
    stream = io.StringIO()
    print_summary(summarize(totals_of(summary_of)), Screen(stream))  # type: ignore[arg-type]
    return stream.getvalue()


def test_the_table_shows_every_number_and_no_colour_outside_a_terminal() -> None:
    text = shown([*two_sessions()])
    assert "\x1b" not in text
    rows = {line.split("  ")[0]: line.split() for line in text.splitlines() if line}
    assert rows["▼ write"][2:4] == ["4", "336"]
    assert rows["▲ completedWrite"][2:4] == ["2", "336"]
    assert rows["open to opened"][3] == "2"
    assert "12 calls ▼, 10 up-calls ▲, 3 events lost" in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_events_that_never_returned_are_named() -> None:
    text = shown([event(1, 1, "close", dt=None), event(2, 1, "closed", dt=None)])
    assert "1 call ▼, 1 up-call ▲, no event lost, 2 events never returned" in text
    assert "never returned" not in shown([event(1, 1, "close")])
