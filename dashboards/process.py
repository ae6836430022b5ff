"""One traced process, or a few: what it does, at which cost, and how its sockets fare."""

from __future__ import annotations

from typing import Final

from dashboards import lines
from dashboards.common import calls, closes, errors, lost, lost_stat, passed, quantiles, sockets, sockets_stat
from dashboards.panel import Dashboard, Panel, Query, Row, Shape, Unit
from dashboards.variables import IN_PROCESS, INSTANCE, JOB, NAME

__all__ = ["PROCESS"]

_NOW: Final = Row(
    "Now",
    (
        sockets_stat(IN_PROCESS),
        Panel(
            "Sessions",
            "Sockets opened within 5 minutes, in both directions.",
            Unit.COUNT,
            (Query(f'sum(increase(c4trace_calls_total{{{IN_PROCESS},call="open"}}[5m]))', "opened"),),
            Shape.NUMBER,
            width=4,
        ),
        Panel(
            "Oldest closing",
            "For how long the session is closing that is longest at it. closed must come within 5 s.",
            Unit.SECONDS,
            (Query(f'max(c4trace_oldest_seconds{{{IN_PROCESS},state="closing"}})', "closing"),),
            Shape.NUMBER,
            width=4,
            line=lines.CLOSING,
        ),
        Panel(
            "Longest stall",
            "Longest time that bytes of a session have been outstanding with none moving.",
            Unit.SECONDS,
            (Query(f"max(c4trace_stalled_seconds{{{IN_PROCESS}}})", "stall"),),
            Shape.NUMBER,
            width=4,
            line=lines.STALL,
        ),
        lost_stat(IN_PROCESS),
        Panel(
            "Cost of tracing",
            "Share of one core that c4trace takes inside the process: sampled, and scaled to all events.",
            Unit.RATIO,
            (Query(f"sum(rate(c4trace_overhead_seconds_total{{{IN_PROCESS}}}[5m]))", "of a core"),),
            Shape.NUMBER,
            width=4,
            line=0.03,
        ),
    ),
)

_TRAFFIC: Final = Row("Traffic", (calls(IN_PROCESS, "call"), passed(IN_PROCESS, "factory"), lost(IN_PROCESS)))

_SOCKETS: Final = Row(
    "Sockets",
    (
        sockets(IN_PROCESS),
        closes(IN_PROCESS),
        errors(IN_PROCESS, "factory"),
    ),
)

_TIMES: Final = Row(
    "Times",
    (
        quantiles("Open", "From open, or fromNative, to opened.", "c4trace_open_seconds", IN_PROCESS, lines.OPENING),
        quantiles("Close", "From the first close or requestClose to closed.", "c4trace_close_seconds", IN_PROCESS, 5),
        quantiles("Session", "From open, or fromNative, to closed.", "c4trace_session_seconds", IN_PROCESS),
    ),
)

_TRACER: Final = Row(
    "Tracer",
    (
        Panel(
            "What is traced",
            "The chosen processes, c4trace's and LiteCore's versions, and what is captured.",
            Unit.COUNT,
            (
                Query(
                    "max by (instance, name, pid, state, version, litecore, clock, capture) "
                    f"(c4trace_info{{{IN_PROCESS}}})"
                ),
            ),
            Shape.TABLE,
            width=16,
            columns=("name", "pid", "state", "litecore", "version", "clock", "capture", "instance"),
        ),
        Panel(
            "Cost over time",
            "Share of one core that c4trace takes inside the process.",
            Unit.RATIO,
            (
                Query(
                    f"sum by (instance, name) (rate(c4trace_overhead_seconds_total{{{IN_PROCESS}}}[$__rate_interval]))",
                    "{instance} {name}",
                ),
            ),
            line=0.03,
        ),
    ),
)

PROCESS: Final = Dashboard(
    "process",
    "c4trace: process",
    "One traced process, or a few: what it does, at which cost, and how its sockets fare.",
    (JOB, INSTANCE, NAME),
    (_NOW, _TRAFFIC, _SOCKETS, _TIMES, _TRACER),
)
