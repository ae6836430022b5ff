"""Panels that stand on more than one dashboard, for whatever a selector chooses."""

from __future__ import annotations

from dashboards import lines
from dashboards.panel import Panel, Query, Shape, Unit

__all__ = ["calls", "closes", "errors", "lost", "lost_stat", "passed", "quantiles", "sockets", "sockets_stat"]

RECORDED = "ring_full|overwritten|internal|not_recorded"
"""Reasons of a loss that cost an event (docs/metrics.md)."""


def lost_stat(where: str) -> Panel:
    """Give the loss in one number, to stand beside totals."""
    return Panel(
        "Events lost",
        "Events not on record within 5 minutes. Counters and histograms have them all the same: totals are exact.",
        Unit.COUNT,
        (Query(f"sum(c4trace:events_lost:increase5m{{{where}}})", "lost"),),
        Shape.NUMBER,
        width=4,
        line=lines.LOST,
    )


def lost(where: str) -> Panel:
    """Give the losses over time, by reason."""
    return Panel(
        "Lost",
        "What is not on record, or not in full, by reason. Only "
        + RECORDED.replace("|", ", ")
        + " cost an event; no reason costs a count.",
        Unit.PER_SECOND,
        (Query(f"sum by (reason) (rate(c4trace_events_lost_total{{{where}}}[$__rate_interval]))", "{reason}"),),
        line=lines.LOST,
    )


def sockets_stat(where: str) -> Panel:
    """Give how many sockets there are."""
    return Panel(
        "Sockets",
        "Sessions that are opening, open or closing now.",
        Unit.COUNT,
        (Query(f"sum(c4trace:sockets:sum{{{where}}})", "sockets"),),
        Shape.NUMBER,
        width=4,
    )


def calls(where: str, by: str) -> Panel:
    """Give calls and up-calls over time."""
    return Panel(
        "Calls and up-calls",
        "All that crossed the boundary between LiteCore and its factories, both ways.",
        Unit.PER_SECOND,
        (Query(f"sum by ({by}) (rate(c4trace_calls_total{{{where}}}[$__rate_interval]))", _legend(by)),),
    )


def passed(where: str, by: str) -> Panel:
    """Give bytes over time, both ways."""
    return Panel(
        "Bytes",
        "What LiteCore wrote and what it received. Bytes of completedWrite and completedReceive follow these.",
        Unit.BYTES_PER_SECOND,
        (
            Query(
                f'sum by ({by}) (rate(c4trace_bytes_total{{{where},call="write"}}[$__rate_interval]))',
                f"{_legend(by)} out",
            ),
            Query(
                f'sum by ({by}) (rate(c4trace_bytes_total{{{where},call="received"}}[$__rate_interval]))',
                f"{_legend(by)} in",
            ),
        ),
    )


def sockets(where: str) -> Panel:
    """Give sessions over time, by state."""
    return Panel(
        "Sockets by state",
        "Sessions now in each state. closed: LiteCore has not disposed of them yet, which should take a moment only.",
        Unit.COUNT,
        (Query(f"sum by (state) (c4trace_sockets{{{where}}})", "{state}"),),
        Shape.STACKED,
    )


def closes(where: str) -> Panel:
    """Give how sessions ended."""
    return Panel(
        "Closed, by error",
        "Sessions that closed, by the error of their closed. A connection lost is WebSocket 1006, or its own error.",
        Unit.PER_SECOND,
        (
            Query(
                f"sum by (domain, code) (rate(c4trace_closed_total{{{where}}}[$__rate_interval])) > 0",
                "{domain} {code}",
            ),
        ),
    )


def errors(where: str, by: str) -> Panel:
    """Give the share of sessions that failed."""
    return Panel(
        "Error ratio",
        "Of the sessions that closed within 15 minutes: those with an error other than 1000 and 1001.",
        Unit.RATIO,
        (Query(f"max by ({by}) (c4trace:errors:ratio15m{{{where}}})", _legend(by)),),
        line=lines.ERRORS,
    )


def quantiles(title: str, description: str, metric: str, where: str, line: float | None = None) -> Panel:
    """Give the median, the 90th and the 99th percentile of a histogram over time."""
    rate = f"sum by (le) (rate({metric}_bucket{{{where}}}[$__rate_interval]))"
    return Panel(
        title,
        description,
        Unit.SECONDS,
        tuple(Query(f"histogram_quantile({q}, {rate})", f"p{round(q * 100)}") for q in (0.5, 0.9, 0.99)),
        line=line,
    )


def _legend(by: str) -> str:
    return " ".join(f"{{{label.strip()}}}" for label in by.split(","))
