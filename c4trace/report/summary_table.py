"""A Summary as tables for people."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from c4trace.events import CALLS, Latency
from c4trace.report.quantities import bytes_text, count_text, duration_text, noun
from c4trace.report.screen import Screen
from c4trace.report.summary import LATENCY_NAMES, Summary, TookRow

__all__ = ["print_summary"]


def print_summary(summary: Summary, screen: Screen) -> None:
    """Write totals, then calls and up-calls, then latencies."""
    for line in totals(summary):
        screen.line(line)
    if summary.events:
        screen.text("")
        screen.show(_events(summary, screen))
    if summary.latencies:
        screen.text("")
        screen.show(_latencies(summary, screen))


def totals(summary: Summary) -> list[list[tuple[str, str]]]:
    """Totals as lines of (text, style)."""
    closed = ", ".join(f"{count_text(n)} {error}" for error, n in summary.closed.items()) or "none"
    lost = f"{count_text(summary.lost)} {noun(summary.lost, 'event')} lost" if summary.lost else "no event lost"
    lines = [
        [
            ("sessions  ", "dim"),
            (count_text(summary.sessions), "bold"),
            (f" in {duration_text(summary.seconds * 1e9)}, {count_text(summary.still_open)} still open", ""),
        ],
        [("closed    ", "dim"), (closed, "")],
        [
            ("events    ", "dim"),
            (count_text(summary.calls), "bold"),
            (f" {noun(summary.calls, 'call')} ▼, ", ""),
            (count_text(summary.up_calls), "bold"),
            (f" {noun(summary.up_calls, 'up-call')} ▲, ", ""),
            (lost, "bold red" if summary.lost else "green"),
        ],
        [
            ("bytes     ", "dim"),
            (bytes_text(summary.bytes_written), "bold"),
            (" written, ", ""),
            (bytes_text(summary.bytes_received), "bold"),
            (" received", ""),
        ],
    ]
    if summary.not_returned:
        calls = noun(summary.not_returned, "call")
        lines.append([("          ", ""), (f"{count_text(summary.not_returned)} {calls} never returned", "bold red")])
    if summary.orphans:
        up_calls = noun(summary.orphans, "up-call")
        lines.append(
            [("          ", ""), (f"{count_text(summary.orphans)} {up_calls} for sockets never seen", "yellow")]
        )
    return lines


def _table(screen: Screen, first: str, *headings: str) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD if screen.unicode else box.ASCII2, pad_edge=False, header_style="dim", show_edge=False
    )
    table.add_column(first, no_wrap=True, ratio=None)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _events(summary: Summary, screen: Screen) -> Table:
    table = _table(screen, "call ▼ / up-call ▲", "number", "bytes", *_TOOK)
    calls = {kind.name for kind in CALLS}
    for row in summary.events:
        is_call = row.ev in calls
        name = Text(("▼ " if is_call else "▲ ") + row.ev)
        name.stylize("cyan" if is_call else "green", 0, 1)
        table.add_row(name, count_text(row.n), count_text(row.bytes) if row.bytes else "", *_took(row.took))
    return table


def _latencies(summary: Summary, screen: Screen) -> Table:
    table = _table(screen, "latency", "number", *_TOOK)
    for name, row in summary.latencies.items():
        table.add_row(LATENCY_NAMES[Latency[name]], count_text(row.n), *_took(row))
    return table


_TOOK = ("mean", "p50", "p99", "longest")


def _took(row: TookRow) -> tuple[str, str, str, str]:
    if not row.n or row.p50 is None or row.p99 is None or row.longest is None:
        return ("", "", "", "")
    return duration_text(row.total / row.n), duration_text(row.p50), duration_text(row.p99), duration_text(row.longest)
