"""What a run amounted to, in one line or two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from c4trace.events import CALLS, EventKind
from c4trace.report.quantities import bytes_text, count_text, noun
from c4trace.run.diagnosis import why_not
from c4trace.run.reports import Report

if TYPE_CHECKING:
    from c4trace.run.traced import Traced
    from c4trace.segment.snapshot import Snapshot

__all__ = ["remarks", "what_was_seen"]


def what_was_seen(traced: Sequence[Traced]) -> str:
    """Sessions, calls, bytes and losses of all processes together, and where they are on record."""
    snapshots = [one.snapshot() for one in traced]
    lost = sum(one.lost for one in traced)
    parts = [
        _who(traced),
        *_amounts(snapshots),
        *_leaks(snapshots),
        f"{count_text(lost)} {noun(lost, 'event')} lost" if lost else "nothing lost",
    ]
    return "; ".join([", ".join(parts), *_where(traced)])


def remarks(reports: Iterable[Report], problems: Iterable[str]) -> list[str]:
    """What else is to be said, each but once."""
    said = [report.text if report.word == "note" else why_not(report) for report in reports if _is_remark(report)]
    return list(dict.fromkeys([*said, *problems]))


def _is_remark(report: Report) -> bool:
    return report.word in {"note", "failed", "unknown"}


def _who(traced: Sequence[Traced]) -> str:
    sessions = sum(one.snapshot().sessions_total for one in traced)
    who = f"process {traced[0].pid}" if len(traced) == 1 else f"{len(traced)} processes"
    return f"traced {who}: {count_text(sessions)} {noun(sessions, 'session')}"


def _amounts(snapshots: Sequence[Snapshot]) -> list[str]:
    cells = [(kind, cell) for shot in snapshots for factory in shot.factories for kind, cell in factory.events.items()]
    calls = sum(cell.n for kind, cell in cells if kind in CALLS)
    up_calls = sum(cell.n for _, cell in cells) - calls
    written = sum(cell.bytes for kind, cell in cells if kind is EventKind.write)
    received = sum(cell.bytes for kind, cell in cells if kind is EventKind.received)
    return [
        f"{count_text(calls)} {noun(calls, 'call')}",
        f"{count_text(up_calls)} {noun(up_calls, 'up-call')}",
        f"{bytes_text(written)} written",
        f"{bytes_text(received)} received",
    ]


def _leaks(snapshots: Sequence[Snapshot]) -> list[str]:
    """What was written and not released (C4S-030), of factories whose releases can be seen."""
    held = [f.slices.unreleased for shot in snapshots for f in shot.factories if f.slices is not None]
    n, size = sum(flow.n for flow in held), sum(flow.bytes for flow in held)
    return [f"{count_text(n)} {noun(n, 'slice')} of {bytes_text(size)} not released"] if n else []


def _where(traced: Sequence[Traced]) -> list[str]:
    recordings = [one.recording for one in traced if one.recording is not None]
    found = []
    if recordings:
        more = f" and {len(recordings) - 1} beside it, named by process" if len(recordings) > 1 else ""
        found.append(f"recorded in {recordings[0]}{more}")
    elif len(traced) == 1:
        found.append(f"its last events: c4trace show {traced[0].pid}")
    on = [str(one.pid) for one in traced if one.goes_on]
    if on:
        found.append(f"still running, and collected no longer: {', '.join(on)}")
    return found
