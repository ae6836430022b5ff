"""`c4trace replay`: a recording's timeline, played again."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
from pathlib import Path

import click

from c4trace.cli.ending import BadInput
from c4trace.cli.notices import notice, say_how_it_ended
from c4trace.cli.number import Number
from c4trace.cli.verb import verb
from c4trace.recording.reader import Recording, open_recording
from c4trace.replay.sinks import Fed
from c4trace.replay.stepping import Keys, Step
from c4trace.replay.timeline import Timeline, play
from c4trace.report.columns import Columns
from c4trace.report.process import process_line, process_of
from c4trace.report.screen import Screen
from c4trace.report.show import Rows
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
    c4trace replay orders.jsonl --speed max --log none
    c4trace replay orders.jsonl --speed 2 --metrics-port 9464
    c4trace replay orders.jsonl --step
    c4trace replay orders.jsonl --live
    """,
    no_args_is_help=True,
)
@click.argument("file", metavar="FILE", type=click.Path())
@click.option("--speed", type=Speed(), default="1", show_default=True, help="1 as it was, 2 twice as fast, max.")
@click.option("--step", is_flag=True, help="Stop at every event: any key goes one on, c goes on, q ends.")
@click.option("--live", is_flag=True, help="On the live screen: hold, step and speed it up by keys.")
@click.option(
    "--log", metavar="STYLE|FILE", default="console", show_default=True, help="console or json on stderr, a file, none."
)
@click.option("--metrics-port", type=Number(0, 65535), help="Serve the metrics while it plays (0: any port).")
@click.option("--hold", is_flag=True, help="At the end serve on until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    file: str,
    speed: float | None,
    step: bool,
    live: bool,
    log: str,
    metrics_port: int | None,
    hold: bool,
    as_json: bool,
) -> None:
    """Play a recording again, through metrics and logs.

    What the host did goes, at the speed asked for, to the sinks that a live process feeds. A summary ends it. With
    --live it goes to the screen that c4trace live draws as well; the log to stderr is left out then.
    """
    if live:
        from c4trace.tui.terminal import can_show, why_not  # noqa: PLC0415 - as below

        if not can_show(sys.stdout):
            missing = why_not(sys.stdout)
            raise BadInput(f"--live draws on a terminal, and {missing}; leave it out, or see c4trace live --help")
    if hold and metrics_port is None:
        raise BadInput("--hold serves on at the end, and nothing is served; give --metrics-port as well")
    screen = Screen()
    with contextlib.ExitStack() as opened:
        recording = opened.enter_context(open_recording(file))
        process = process_of(recording.header, file)
        _check_log(log, file)
        silent = log == "none" or (log in {"console", "json"} and (step or live))
        fed = opened.enter_context(Fed(recording.header, process, None if silent else log))
        if metrics_port is not None:
            from c4trace.sinks.metrics import MetricsCollector  # noqa: PLC0415 - most replays serve no metrics
            from c4trace.sinks.scrape import MetricsServer  # noqa: PLC0415 - as above

            server = opened.enter_context(MetricsServer(MetricsCollector(fed.snapshot), metrics_port))
            notice(f"serving {server.url}" + (" until Ctrl-C" if hold else ""))
        if live:
            from c4trace.cli.playing import play_on_screen  # noqa: PLC0415 - takes longer than a short recording

            play_on_screen(recording, fed.totals, fed.feed, speed, paused=step)
        else:
            _play(recording, fed, speed, screen, step=step)
        fed.end()
        summary = summarize(fed.totals)
        if as_json:
            screen.json(summary)
        else:
            screen.text(process_line(process), "dim")
            print_summary(summary, screen)
        say_how_it_ended(recording, ctx.exit)
        if hold and metrics_port is not None:
            screen.flush()
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()


def _check_log(log: str, file: str) -> None:
    """Refuse a log that would be written into the recording it is made from."""
    with contextlib.suppress(OSError):
        if log not in {"console", "json", "none"} and Path(log).samefile(file):
            raise BadInput(f"{log}: recording and log cannot be one file; name another file for the log")


def _play(recording: Recording, fed: Fed, speed: float | None, screen: Screen, *, step: bool) -> None:
    if not step:
        for _ in play(recording, Timeline(speed), [fed.feed]):
            pass
        return
    columns, rows = Columns(screen.width), Rows()
    lines = iter(recording)
    with Keys() as keys:
        for line in play(lines, Timeline(None), [fed.feed]):
            screen.line(columns.spans(rows.of(line)))
            screen.flush()
            match keys.step():
                case Step.STOP:
                    return
                case Step.GO_ON:
                    break
    for _ in play(lines, Timeline(speed), [fed.feed]):
        pass
