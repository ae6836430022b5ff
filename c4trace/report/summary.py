"""What a run amounted to: sessions, calls, bytes, latencies and losses, as data and as a table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from c4trace.decode.errors import error_name
from c4trace.events import CALLS, EventKind, Latency, SessionState
from c4trace.report.distribution import Distribution
from c4trace.report.running_totals import RunningTotals

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LATENCY_NAMES", "EventRow", "Summary", "TookRow", "summarize"]

LATENCY_NAMES = {
    Latency.open: "open to opened",
    Latency.write_ack: "write to completedWrite",
    Latency.receive_ack: "received to completedReceive",
    Latency.close: "close to closed",
    Latency.session: "open to closed",
}


class TookRow(msgspec.Struct, frozen=True):
    """Durations in nanoseconds: how many, the sum, half and 99 of 100 not above, the longest; None without any."""

    n: int
    total: int
    p50: int | None
    p99: int | None
    longest: int | None


class EventRow(msgspec.Struct, frozen=True):
    """One call or up-call over all factories: how often, how many bytes, how long the callee took."""

    ev: str
    n: int
    bytes: int
    took: TookRow


class Summary(msgspec.Struct, frozen=True):
    """Totals of one run; `closed` counts sessions by their error, `not_returned` calls that never came back."""

    sessions: int
    still_open: int
    closed: dict[str, int]
    calls: int
    up_calls: int
    bytes_written: int
    bytes_received: int
    lost: int
    orphans: int
    not_returned: int
    seconds: float
    events: list[EventRow]
    latencies: dict[str, TookRow]


def summarize(totals: RunningTotals) -> Summary:
    """Sum up everything counted so far, over all factories."""
    factories = list(totals.factories.values())
    n: Counter[EventKind] = Counter()
    size: Counter[EventKind] = Counter()
    closed: Counter[str] = Counter()
    for factory in factories:
        n.update(factory.n)
        size.update(factory.bytes)
        for error, times in factory.closed.items():
            closed[error_name(*error)] += times
    calls = sum(n[kind] for kind in CALLS)
    return Summary(
        sessions=totals.sessions_total,
        still_open=sum(sum(n for s, n in f.states.items() if s < SessionState.closed) for f in factories),
        closed=dict(closed.most_common()),
        calls=calls,
        up_calls=n.total() - calls,
        bytes_written=size[EventKind.write],
        bytes_received=size[EventKind.received],
        lost=totals.lost,
        orphans=totals.orphans,
        not_returned=len(totals.not_returned),
        seconds=(totals.last - (totals.first or 0)) / 1e9,
        events=[
            EventRow(kind.name, n[kind], size[kind], _took(f.took[kind] for f in factories))
            for kind in EventKind
            if n[kind]
        ],
        latencies={
            latency.name: row for latency in Latency if (row := _took(f.latencies[latency] for f in factories)).n
        },
    )


def _took(parts: Iterable[Distribution]) -> TookRow:
    whole = Distribution.merged(parts)
    return TookRow(whole.n, whole.total, whole.quantile(0.5), whole.quantile(0.99), whole.longest if whole.n else None)
