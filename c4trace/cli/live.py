"""`c4trace live`: the open sockets of traced processes, in a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click

from c4trace.cli.ending import UNREACHED
from c4trace.cli.notices import notice
from c4trace.cli.playing import played_live
from c4trace.cli.span import Span
from c4trace.cli.target import is_file, segment_of
from c4trace.cli.verb import verb
from c4trace.report.screen import Screen
from c4trace.segment.watch import Watch
from c4trace.tui.loop import LOOK_EVERY_S
from c4trace.tui.plain_table import print_json, print_table
from c4trace.tui.processes import Processes
from c4trace.tui.show import on_terminal
from c4trace.tui.terminal import can_show
from c4trace.tui.viewer import Viewer

__all__ = ["command"]

_RATES_OVER_S = 0.5


@verb(
    """
    c4trace live
    c4trace live orders
    c4trace live orders.jsonl
    c4trace live orders --interval 10s >> sockets.txt
    c4trace live --json | jq 'select(.unacked > 65535)'
    """
)
@click.argument("source", metavar="[PID|NAME|RECORDING]", type=click.Path(), required=False)
@click.option("--interval", type=Span(), help="Look this often: every 250ms on a terminal, else once.")
@click.option("--filter", "words", default="", help="Only sockets with these words, as typed after /.")
@click.option("--json", "as_json", is_flag=True, help="The open sockets, one JSON object a line.")
@click.pass_context
def command(ctx: click.Context, *, source: str | None, interval: float | None, words: str, as_json: bool) -> None:
    """Watch open sockets.

    Those of all traced processes, or of one, by its pid or name; a recording is played. Only the segment is read: the
    host does not notice. ? lists the keys, q leaves.

    Where stdout is no terminal, all sockets are printed as a plain table, once or every --interval.
    """
    drawn = can_show(sys.stdout) and not as_json
    if source is not None and is_file(source):
        played_live(ctx, source, interval=interval, words=words, drawn=drawn, as_json=as_json)
        return
    if source is not None:
        segment_of(source, several=True)  # says what is wrong with it
    watch = Watch()
    with Viewer(processes := Processes(watch, source), watch) as viewer:
        viewer.filter(words)
        if drawn:
            on_terminal(viewer, interval or LOOK_EVERY_S)
            return
        _print(viewer, interval, as_json=as_json)
        for trouble in processes.troubles:
            notice(trouble)
        if not viewer.scene.looks:
            if processes.troubles:
                ctx.exit(UNREACHED)
            notice(processes.none)


def _print(viewer: Viewer, interval: float | None, *, as_json: bool) -> None:
    screen = Screen()
    write: Callable[[Viewer, Screen], None] = print_json if as_json else print_table
    viewer.look()
    if viewer.scene.looks:
        time.sleep(min(interval or _RATES_OVER_S, _RATES_OVER_S))
        viewer.look()
    if viewer.scene.looks or interval:
        write(viewer, screen)
    while interval:
        screen.flush()
        time.sleep(interval)
        viewer.look()
        if not as_json:
            screen.text("")
        write(viewer, screen)
