"""`c4trace ctl`: the control word of a traced process."""

from __future__ import annotations

import click

from c4trace.cli.capture import Capture
from c4trace.cli.target import live_segment
from c4trace.cli.verb import verb
from c4trace.report.plain import plain
from c4trace.report.screen import Screen
from c4trace.segment.capture import capture_text

__all__ = ["command"]


@verb(
    """
    c4trace ctl 4711
    c4trace ctl orders --capture full
    c4trace ctl orders --capture bytes:256 --json
    """,
    no_args_is_help=True,
)
@click.argument("source", metavar="PID|NAME", type=click.Path())
@click.option("--capture", type=Capture(), help="off, events, headers, bytes:N, full; left out, it is only shown.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(*, source: str, capture: tuple[int, int] | None, as_json: bool) -> None:
    """Turn what a traced process captures.

    It takes effect from the next call on, and stays until it is turned again or the process ends. Counters, histograms
    and sessions do not depend on it. Exit code 3 where the process cannot be reached.
    """
    with live_segment(source, control=True) as segment:
        process = segment.snapshot().process
        before = after = process.capture
        if capture is not None:
            after = capture_text(*capture)
            segment.set_capture(after)
    screen = Screen()
    if as_json:
        screen.json({"name": process.name, "pid": process.pid, "before": before, "capture": after})
        return
    change = f"{after} (was {before})" if capture is not None else after
    screen.text(plain(f"{process.name} ({process.pid}): capture {change}"))
