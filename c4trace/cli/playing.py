"""A recording on the live screen, as `live` and `replay --live` show it."""

from __future__ import annotations

from collections.abc import Callable

import click

from c4trace.cli.notices import say_how_it_ended
from c4trace.events import Event, Gap, Return
from c4trace.recording.reader import Recording, open_recording
from c4trace.report.process import process_of
from c4trace.report.running_totals import RunningTotals
from c4trace.report.screen import Screen
from c4trace.segment.watch import Watch
from c4trace.tui.loop import LOOK_EVERY_S
from c4trace.tui.plain_table import print_json, print_table
from c4trace.tui.playback import Playback
from c4trace.tui.show import on_terminal
from c4trace.tui.viewer import Viewer

__all__ = ["play_on_screen", "played_live"]


def played_live(
    ctx: click.Context, path: str, *, interval: float | None, words: str, drawn: bool, as_json: bool
) -> None:
    """Play a recording on the screen; where none can be drawn, write how everything was at its end."""
    with open_recording(path) as recording:
        totals = RunningTotals(process_of(recording.header, path))
        if drawn:
            play_on_screen(recording, totals, totals.feed, 1.0, words=words, interval=interval or LOOK_EVERY_S)
        else:
            watch = Watch()
            playback = Playback(watch, recording, totals, totals.feed, None)
            with Viewer(playback, watch) as viewer:
                viewer.filter(words)
                while not playback.playing.ended:
                    viewer.look()
                viewer.look()
                (print_json if as_json else print_table)(viewer, Screen())
        say_how_it_ended(recording, ctx.exit)


def play_on_screen(
    recording: Recording,
    totals: RunningTotals,
    feed: Callable[[Event | Return | Gap], None],
    speed: float | None,
    *,
    words: str = "",
    interval: float = LOOK_EVERY_S,
    paused: bool = False,
) -> None:
    """Play a recording on the terminal until the screen is left; `feed` counts every line in `totals`."""
    watch = Watch()
    with Viewer(Playback(watch, recording, totals, feed, speed), watch) as viewer:
        viewer.filter(words)
        if paused:
            viewer.press(" ")
        on_terminal(viewer, interval)
