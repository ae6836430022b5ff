"""One socket factory: does it keep to what LiteCore expects of it?"""

from __future__ import annotations

from typing import Final

from dashboards import lines
from dashboards.common import calls, closes, errors, lost, passed, quantiles, sockets
from dashboards.panel import Dashboard, Panel, Query, Row, Unit
from dashboards.variables import FACTORY, IN_FACTORY, IN_PROCESS, INSTANCE, JOB, NAME

__all__ = ["FACTORY_DASHBOARD"]

_WAITING: Final = Row(
    "What its sockets wait for",
    (
        Panel(
            "Stall",
            "Longest time that a session's bytes have been outstanding with none moving: write waits for "
            "completedWrite (C4S-032), received for completedReceive (C4S-046).",
            Unit.SECONDS,
            (Query(f"max by (factory, call) (c4trace_stalled_seconds{{{IN_FACTORY}}})", "{factory} {call}"),),
            line=lines.STALL,
        ),
        Panel(
            "Back-pressure",
            "Bytes outstanding in the session that has most of them. Above 64 KiB of write LiteCore stops sending "
            "(C4S-032); above its limit of received a factory stops reading (C4S-045).",
            Unit.BYTES,
            (Query(f"max by (factory, call) (c4trace_outstanding_max_bytes{{{IN_FACTORY}}})", "{factory} {call}"),),
            line=lines.BACKLOG,
        ),
        Panel(
            "Outstanding in all sessions",
            "Bytes written that no completedWrite has covered, and received that no completedReceive has covered.",
            Unit.BYTES,
            (
                Query(f"sum by (factory) (c4trace_unacked_write_bytes{{{IN_FACTORY}}})", "{factory} write"),
                Query(f"sum by (factory) (c4trace_unprocessed_receive_bytes{{{IN_FACTORY}}})", "{factory} received"),
            ),
        ),
        Panel(
            "Oldest opening",
            "For how long the session is opening that is longest at it (C4S-012). LiteCore gives up after 15 s.",
            Unit.SECONDS,
            (
                Query(
                    f'max by (factory) (c4trace_oldest_seconds{{{IN_FACTORY},state="opening"}})',
                    "{factory}",
                ),
            ),
            line=lines.OPENING,
        ),
        Panel(
            "Oldest closing",
            "For how long the session is closing that is longest at it (C4S-051).",
            Unit.SECONDS,
            (
                Query(
                    f'max by (factory) (c4trace_oldest_seconds{{{IN_FACTORY},state="closing"}})',
                    "{factory}",
                ),
            ),
            line=lines.CLOSING,
        ),
        Panel(
            "Oldest closed",
            "For how long a session is closed that was not disposed of. One that grows is a leak: somebody keeps a "
            "reference (C4S-074).",
            Unit.SECONDS,
            (
                Query(
                    f'max by (factory) (c4trace_oldest_seconds{{{IN_FACTORY},state="closed"}})',
                    "{factory}",
                ),
            ),
        ),
    ),
)

_TRAFFIC: Final = Row("Traffic", (calls(IN_FACTORY, "call"), passed(IN_FACTORY, "factory"), lost(IN_PROCESS)))

_TIMES: Final = Row(
    "Times",
    (
        quantiles("Open", "From open, or fromNative, to opened.", "c4trace_open_seconds", IN_FACTORY, lines.OPENING),
        quantiles(
            "Write acknowledged",
            "From a write to the completedWrite that covers its last byte. Near 0 all the time: acknowledged when "
            "queued, not when gone (C4S-038).",
            "c4trace_write_ack_seconds",
            IN_FACTORY,
        ),
        quantiles(
            "Receive acknowledged",
            "From a received to the completedReceive that covers its last byte.",
            "c4trace_receive_ack_seconds",
            IN_FACTORY,
        ),
        quantiles(
            "Close",
            "From the first close or requestClose to closed.",
            "c4trace_close_seconds",
            IN_FACTORY,
            lines.CLOSING,
        ),
        quantiles("Session", "From open, or fromNative, to closed.", "c4trace_session_seconds", IN_FACTORY),
        Panel(
            "In the callee, p99",
            "The 99th percentile of the time that each call and up-call took. A call that blocks holds up LiteCore's "
            "own threads (C4S-080).",
            Unit.SECONDS,
            (
                Query(
                    "histogram_quantile(0.99, sum by (le, call) "
                    f"(rate(c4trace_call_duration_seconds_bucket{{{IN_FACTORY}}}[$__rate_interval])))",
                    "{call}",
                ),
            ),
        ),
    ),
)

_ENDS: Final = Row(
    "How sessions end, and what they leave",
    (
        sockets(IN_FACTORY),
        closes(IN_FACTORY),
        errors(IN_FACTORY, "factory"),
        Panel(
            "Opened and lost",
            "Connections that replicators asked for within 5 minutes, and sessions that ended without LiteCore asking "
            "for it.",
            Unit.COUNT,
            (
                Query(f"sum by (factory) (c4trace:outgoing_opens:increase5m{{{IN_FACTORY}}})", "{factory} opened"),
                Query(f"sum by (factory) (c4trace:unasked_closes:increase5m{{{IN_FACTORY}}})", "{factory} lost"),
            ),
        ),
        Panel(
            "Disposed of unclosed",
            "Sessions within 10 minutes that LiteCore disposed of and that never called closed (C4S-071).",
            Unit.COUNT,
            (Query(f"sum by (factory) (c4trace:disposed_unclosed:increase10m{{{IN_FACTORY}}})", "{factory}"),),
            line=1,
        ),
        Panel(
            "Slices not released",
            "Slices of write that the factory still holds (C4S-030): one that grows is a leak of all that is sent. "
            "Absent where releases cannot be seen.",
            Unit.COUNT,
            (Query(f"sum by (factory) (c4trace_unreleased_slices{{{IN_FACTORY}}})", "{factory}"),),
        ),
    ),
)

FACTORY_DASHBOARD: Final = Dashboard(
    "factory",
    "c4trace: factory",
    "One socket factory: does it keep to what LiteCore expects of it?",
    (JOB, INSTANCE, NAME, FACTORY),
    (_WAITING, _TRAFFIC, _TIMES, _ENDS),
)
