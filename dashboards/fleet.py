"""All traced processes at once: is everything well, and if not, where?"""

from __future__ import annotations

from typing import Final

from dashboards import lines
from dashboards.common import calls, closes, errors, lost, lost_stat, passed, sockets, sockets_stat
from dashboards.panel import Dashboard, Panel, Query, Row, Shape, Unit
from dashboards.variables import IN_TARGET, INSTANCE, JOB

__all__ = ["FLEET"]

WHICH: Final = "instance, name"
NAMED: Final = "{instance} {name}"

_NOW: Final = Row(
    "Now",
    (
        Panel(
            "Alerts firing",
            "Alerts of c4trace that fire; each has a runbook.",
            Unit.COUNT,
            (
                Query(
                    f'count(ALERTS{{alertname=~"C4trace.*",alertstate="firing",{IN_TARGET}}}) or vector(0)',
                    "firing",
                ),
            ),
            Shape.NUMBER,
            width=4,
            line=1,
        ),
        Panel(
            "Processes",
            "Traced processes that live. Those that died stay on an exporter's page for five minutes more.",
            Unit.COUNT,
            (Query(f'count(c4trace_info{{{IN_TARGET},state="live"}}) or vector(0)', "live"),),
            Shape.NUMBER,
            width=4,
        ),
        sockets_stat(IN_TARGET),
        Panel(
            "Longest stall",
            "Longest time that bytes of a session have been outstanding with none moving.",
            Unit.SECONDS,
            (Query(f"max(c4trace_stalled_seconds{{{IN_TARGET}}})", "stall"),),
            Shape.NUMBER,
            width=4,
            line=lines.STALL,
        ),
        lost_stat(IN_TARGET),
        Panel(
            "Targets down",
            "Targets that were scraped within six hours and cannot be now: nothing here tells of their processes.",
            Unit.COUNT,
            (
                Query(
                    f"count(up{{{IN_TARGET}}} == 0 and on (job, instance) last_over_time(c4trace_info[6h])) "
                    "or vector(0)",
                    "down",
                ),
            ),
            Shape.NUMBER,
            width=4,
            line=1,
        ),
    ),
)

_PROCESSES: Final = Row(
    "Processes",
    (
        Panel(
            "Traced processes",
            "What is traced, by which version, with which LiteCore. aside: c4trace has stepped aside and calls pass "
            "untraced.",
            Unit.COUNT,
            (Query(f"max by (instance, name, pid, state, version, litecore, capture) (c4trace_info{{{IN_TARGET}}})"),),
            Shape.TABLE,
            width=12,
            columns=("name", "pid", "state", "litecore", "version", "capture", "instance"),
        ),
        Panel(
            "Alerts",
            "Alerts of c4trace that fire, or will if it goes on (pending).",
            Unit.COUNT,
            (
                Query(
                    "sum by (alertname, alertstate, instance, name, factory) "
                    f'(ALERTS{{alertname=~"C4trace.*",{IN_TARGET}}})'
                ),
            ),
            Shape.TABLE,
            width=12,
            columns=("alertname", "alertstate", "name", "factory", "instance"),
        ),
    ),
)

_TRAFFIC: Final = Row("Traffic", (calls(IN_TARGET, WHICH), passed(IN_TARGET, WHICH), lost(IN_TARGET)))

_HEALTH: Final = Row(
    "Health",
    (
        sockets(IN_TARGET),
        errors(IN_TARGET, WHICH),
        closes(IN_TARGET),
        Panel(
            "Opened and lost",
            "Connections that replicators asked for within 5 minutes, and sessions that ended without LiteCore asking "
            "for it. Many of both for few sockets are a reconnect storm.",
            Unit.COUNT,
            (
                Query(
                    f"sum by ({WHICH}) (c4trace:outgoing_opens:increase5m{{{IN_TARGET}}})", "{instance} {name} opened"
                ),
                Query(f"sum by ({WHICH}) (c4trace:unasked_closes:increase5m{{{IN_TARGET}}})", "{instance} {name} lost"),
            ),
        ),
        Panel(
            "Slow to open",
            "The 99th percentile from open to opened over 5 minutes. LiteCore gives up after 15 s.",
            Unit.SECONDS,
            (Query(f"max by ({WHICH}) (c4trace:open_seconds:p99_5m{{{IN_TARGET}}})", NAMED),),
            line=lines.OPENING,
        ),
        Panel(
            "Slow to acknowledge",
            "The 99th percentile from a write to the completedWrite that covers its last byte, over 5 minutes.",
            Unit.SECONDS,
            (Query(f"max by ({WHICH}) (c4trace:write_ack_seconds:p99_5m{{{IN_TARGET}}})", NAMED),),
        ),
    ),
)

FLEET: Final = Dashboard(
    "fleet",
    "c4trace: fleet",
    "All traced processes at once: is everything well, and if not, where?",
    (JOB, INSTANCE),
    (_NOW, _PROCESSES, _TRAFFIC, _HEALTH),
)
