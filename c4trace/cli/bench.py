"""`c4trace bench`: what does tracing cost on this machine?"""

from __future__ import annotations

import click

from c4trace.bench.measure import MESSAGE, Measured, measure
from c4trace.cli.span import Span as TimeSpan
from c4trace.cli.verb import verb
from c4trace.report.quantities import count_text, duration_text, noun
from c4trace.report.screen import Screen, Span

__all__ = ["command"]

SHORTEST = 0.2
BUSY_HOST = 10_000
"""Calls a second of a host that has much to do."""


@verb(
    """
    c4trace bench
    c4trace bench --for 30s --json
    """
)
@click.option("--for", "seconds", type=TimeSpan(), default=10.0, help="Measure for so long.  [default: 10s]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, times in nanoseconds.")
def command(*, seconds: float, as_json: bool) -> None:
    """Tell what tracing costs on this machine.

    A call is made over and over through a factory that does nothing, as it is and traced at each capture level, turn
    about. Then a recorder writes as fast as it can, and is tried at half of that, where it should lose nothing. Times
    are medians of CPU time on one thread. What else runs on the machine makes them longer.
    """
    if seconds < SHORTEST:
        raise click.BadParameter(f"{seconds:g} s is too short: give {SHORTEST} or more", param_hint="--for")
    found = measure(seconds)
    screen = Screen()
    if as_json:
        screen.json(found)
    else:
        screen.facts(_facts(found))


def _facts(found: Measured) -> list[tuple[Span, list[Span]]]:
    recorder = found.recorder
    steady = count_text(round(recorder.steady_events_per_second))
    lines = {
        "clock": f"{found.clock}, on {found.cpus} {noun(found.cpus, 'processor')}",
        "call, untraced": _ns(found.untraced),
        "with two time stamps": f"{_ns(found.time_stamps)}, stored: the least that any timing costs",
        **{_label(level): _cost(found, ns) for level, ns in found.calls.items()},
        "a host at work": _share(found),
        "in the segment": f"{found.segment_bytes_per_call:.0f} bytes a call at capture level headers",
        "in a recording": f"{recorder.bytes_per_event:.0f} bytes an event at capture level headers",
        "recorder": f"{count_text(round(recorder.events_per_second))} events/s at most",
        "recorder, steady": f"{steady} events/s: {_lost(recorder.steady_lost)}",
    }
    return [((label, "bold"), [(text, "")]) for label, text in lines.items()]


def _label(level: str) -> str:
    return {"metrics only": "traced, metrics only", "full": f"traced, full, {MESSAGE} B"}.get(level, f"traced, {level}")


def _cost(found: Measured, ns: float) -> str:
    return f"{_ns(ns)}, {ns / found.time_stamps:.1f} times two time stamps"


def _share(found: Measured) -> str:
    percent = (found.calls["headers"] - found.untraced) * BUSY_HOST / 1e7
    return f"{count_text(BUSY_HOST)} calls a second, with headers: {percent:.2g} % of one processor"


def _ns(ns: float) -> str:
    return f"{ns:.1f}ns" if ns < 100 else duration_text(ns)


def _lost(events: int) -> str:
    return "none lost" if not events else f"{count_text(events)} {noun(events, 'event')} lost"
