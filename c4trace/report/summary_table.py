"""A Summary as tables for people."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from c4trace.events import CALLS, Latency
from c4trace.report.quantities import bytes_text, count_text, duration_text, noun
from c4trace.report.screen import Screen, Span
from c4trace.report.summary import LATENCY_NAMES, Summary, TookRow

__all__ = ["print_summary"]

_WIDE = 80


def print_summary(summary: Summary, screen: Screen) -> None:
    """Write totals, then calls and up-calls, then latencies."""
    screen.facts(_totals(summary))
    if summary.events:
        screen.text("")
        screen.show(_events(summary, screen))
    if summary.latencies:
        screen.text("")
        screen.show(_latencies(summary, screen))


def _totals(summary: Summary) -> list[tuple[Span, list[Span]]]:
    closed = ", ".join(f"{count_text(n)} {error}" for error, n in summary.closed.items()) or "none"
    lost = f"{count_text(summary.lost)} {noun(summary.lost, 'event')} lost" if summary.lost else "no event lost"
    sessions = [
        (count_text(summary.sessions), "bold"),
        (f" in {duration_text(summary.seconds * 1e9)}, {count_text(summary.still_open)} still open", ""),
    ]
    events = [
        (count_text(summary.calls), "bold"),
        (f" {noun(summary.calls, 'call')} ▼, ", ""),
        (count_text(summary.up_calls), "bold"),
        (f" {noun(summary.up_calls, 'up-call')} ▲, ", ""),
        (lost, "bold red" if summary.lost else "green"),
    ]
    if summary.not_returned:
        never = noun(summary.not_returned, "event")
        events.append((f", {count_text(summary.not_returned)} {never} never returned", "bold red"))
    if summary.orphans:
        up_calls = noun(summary.orphans, "up-call")
        events.append((f", {count_text(summary.orphans)} {up_calls} for sockets never seen", "yellow"))
    size = [
        (bytes_text(summary.bytes_written), "bold"),
        (" written, ", ""),
        (bytes_text(summary.bytes_received), "bold"),
        (" received", ""),
    ]
    return [
        (("sessions", "dim"), sessions),
        (("closed", "dim"), [(closed, "")]),
        (("events", "dim"), events),
        (("bytes", "dim"), size),
    ]


def _table(screen: Screen, first: str, *headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD if screen.unicode else box.ASCII2, show_edge=False, padding=(0, 1, 0, 0))
    table.header_style = "dim"
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _events(summary: Summary, screen: Screen) -> Table:
    took = _took_columns(screen)
    table = _table(screen, "call ▼ / up-call ▲", "number", "bytes", *took)
    calls = {kind.name for kind in CALLS}
    for row in summary.events:
        is_call = row.ev in calls
        name = Text(("▼ " if is_call else "▲ ") + row.ev)
        name.stylize("cyan" if is_call else "green", 0, 1)
        table.add_row(name, count_text(row.n), count_text(row.bytes) if row.bytes else "", *_took(row.took, took))
    return table


def _latencies(summary: Summary, screen: Screen) -> Table:
    took = _took_columns(screen)
    table = _table(screen, "latency", "number", *took)
    for name, row in summary.latencies.items():
        table.add_row(LATENCY_NAMES[Latency[name]], count_text(row.n), *_took(row, took))
    return table


def _took_columns(screen: Screen) -> tuple[str, ...]:
    """Give the columns that fit: a number is never cut."""
    if screen.width is None or screen.width >= _WIDE:
        return ("mean", "p50", "p99", "longest")
    return ("p50", "longest")


def _took(row: TookRow, columns: tuple[str, ...]) -> list[str]:
    texts = {"mean": row.total / row.n if row.n else None, "p50": row.p50, "p99": row.p99, "longest": row.longest}
    return ["" if (ns := texts[name]) is None else duration_text(ns) for name in columns]
