"""`c4trace replay`: a recording's timeline, played again."""

from __future__ import annotations

import math

import click
import msgspec

from c4trace.cli.notices import say_how_it_ended
from c4trace.cli.verb import verb
from c4trace.recording.reader import open_recording
from c4trace.replay.stepping import Step, next_step
from c4trace.replay.timeline import Timeline, play
from c4trace.report.columns import Columns
from c4trace.report.process import process_line, process_of
from c4trace.report.running_totals import RunningTotals
from c4trace.report.screen import Screen
from c4trace.report.show import row_of
from c4trace.report.summary import summarize
from c4trace.report.summary_table import print_summary

__all__ = ["command"]


class Speed(click.ParamType[float | None]):
    """A factor above zero; None for max."""

    name = "speed"

    def convert(
        self, value: str | float | None, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        """Give the factor."""
        if value is None or value == "max":
            return None
        try:
            factor = float(str(value).removesuffix("x"))
        except ValueError:
            factor = math.nan
        if not 0 < factor < math.inf:
            self.fail(f"{value!r} is no speed; write a factor such as 1, 2 or 0.5, or max", param, ctx)
        return factor


@verb(
    """
    c4trace replay orders.jsonl
    c4trace replay orders.jsonl --speed max
    c4trace replay orders.jsonl --speed 2 --metrics-port 9464
    c4trace replay orders.jsonl --step
    """,
    no_args_is_help=True,
)
@click.argument("file", metavar="FILE", type=click.Path())
@click.option("--speed", type=Speed(), default="1", show_default=True, help="1 as it was, 2 twice as fast, max.")
@click.option("--step", is_flag=True, help="Stop at every event: Enter goes one on, c goes on, q ends.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object.")
@click.pass_context
def command(ctx: click.Context, *, file: str, speed: float | None, step: bool, as_json: bool) -> None:
    """Play a recording again, through metrics and logs.

    What the host did is fed, at the speed asked for, to the sinks that a live process feeds. A summary ends it.
    """
    screen = Screen()
    with open_recording(file) as recording:
        totals = RunningTotals(process_of(recording.header, file))
        columns = Columns(screen.width)
        for line in play(recording, Timeline(None if step else speed), [totals.feed]):
            if not step:
                continue
            screen.line(columns.spans(row_of(line)))
            screen.flush()
            match next_step():
                case Step.GO_ON:
                    step = False
                case Step.STOP:
                    break
        summary = summarize(totals)
        if as_json:
            screen.text(msgspec.json.encode(summary).decode())
        else:
            screen.text(process_line(recording.header), "dim")
            print_summary(summary, screen)
        say_how_it_ended(recording, ctx.exit)
