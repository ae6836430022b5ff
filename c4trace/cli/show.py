"""`c4trace show`: the events of a recording or of a traced process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem

from c4trace.cli.ending import BadInput
from c4trace.cli.notices import say_how_it_ended
from c4trace.cli.number import Number
from c4trace.cli.target import is_file, segment_of
from c4trace.cli.verb import verb
from c4trace.events import Event, EventKind, Gap, Return
from c4trace.recording.reader import open_recording
from c4trace.report.listing import print_json, print_rows
from c4trace.report.moments import parse_moment
from c4trace.report.process import in_flight_lines, in_flight_spans, process_line, process_of, start_of
from c4trace.report.screen import Screen
from c4trace.report.selection import Selection
from c4trace.segment.attach import attach

__all__ = ["command"]

EVENTS = [kind.name for kind in EventKind]


class Call(click.ParamType[str]):
    """The name of a call or up-call, with or without LiteCore's prefix."""

    name = "call"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Give the name as recordings have it."""
        name = value.removeprefix("c4socket_")
        if name not in EVENTS:
            self.fail(f"{value!r} is no call or up-call; there are {', '.join(EVENTS)}", param, ctx)
        return name

    def shell_complete(self, _ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the names that begin so."""
        return [CompletionItem(name) for name in EVENTS if name.startswith(incomplete)]


@verb(
    """
    c4trace show orders.jsonl
    c4trace show orders.jsonl --session 3 --from 1.5 --to 2s
    c4trace show orders.jsonl --errors
    c4trace show 4711
    c4trace show orders.jsonl --json | jq 'select(.n > 1000)'
    """,
    no_args_is_help=True,
)
@click.argument("source", metavar="FILE|PID|NAME", type=click.Path())
@click.option(
    "-s",
    "--session",
    "sessions",
    type=Number(0),
    multiple=True,
    metavar="N",
    help="Only session N (repeatable).",
)
@click.option("-c", "--call", "calls", type=Call(), multiple=True, help="Only this call or up-call (repeatable).")
@click.option("--from", "begin", metavar="TIME", help="Only from this time on: 1.5, 250ms, 2m, or a date.")
@click.option("--to", "end", metavar="TIME", help="Only up to this time.")
@click.option("-e", "--errors", is_flag=True, help="Only what went wrong: losses, refusals, abnormal closes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as a recording has them.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    source: str,
    sessions: tuple[int, ...],
    calls: tuple[str, ...],
    begin: str | None,
    end: str | None,
    errors: bool,
    as_json: bool,
) -> None:
    """Show the events of a recording or of a traced process.

    ▼ is a call of LiteCore, ▲ an up-call to it; +dt is the time the callee took. Of a process, dead or alive, the last
    events its segment holds are shown, and the calls its threads are in.
    """
    wanted = Wanted(frozenset(sessions), frozenset(calls), begin, end, errors)
    if is_file(source):
        _show_recording(source, wanted, ctx, as_json=as_json)
    else:
        _show_segment(segment_of(source), wanted, as_json=as_json)


class Wanted(NamedTuple):
    """The filters, as they were written."""

    sessions: frozenset[int]
    calls: frozenset[str]
    begin: str | None
    end: str | None
    errors: bool

    def since(self, start: dt.datetime) -> Selection:
        """Give the selection they mean in a trace that began at `start`."""
        begin, end = _moment(self.begin, start), _moment(self.end, start)
        if begin is not None and end is not None and end < begin:
            raise BadInput(f"--from {self.begin} is after --to {self.end}; give the earlier one to --from")
        return Selection(self.sessions, self.calls, begin, end, errors=self.errors)


def _show_recording(path: str, wanted: Wanted, ctx: click.Context, *, as_json: bool) -> None:
    screen = Screen()
    with open_recording(path) as recording:
        selection = wanted.since(recording.header.clock.wall)
        if as_json:
            print_json(recording, selection, screen)
        else:
            screen.text(process_line(process_of(recording.header, path)), "dim")
            _print_rows(recording, selection, screen, wanted)
        say_how_it_ended(recording, ctx.exit)


def _show_segment(path: Path, wanted: Wanted, *, as_json: bool) -> None:
    screen = Screen()
    with attach(path) as segment:
        snapshot = segment.snapshot()
        selection = wanted.since(start_of(snapshot.process))
        if as_json:
            print_json(segment.events(), selection, screen)
            for flight in in_flight_lines(snapshot):
                screen.json(flight)
        else:
            screen.text(process_line(snapshot.process), "dim")
            _print_rows(segment.events(), selection, screen, wanted)
            for line in in_flight_spans(snapshot):
                screen.line(line)


def _print_rows(lines: Iterable[Event | Return | Gap], selection: Selection, screen: Screen, wanted: Wanted) -> None:
    if not print_rows(lines, selection, screen):
        screen.text("no event matches" if any(wanted) else "no event", "dim")


def _moment(text: str | None, start: dt.datetime) -> int | None:
    try:
        return None if text is None else parse_moment(text, start)
    except ValueError as error:
        raise BadInput(str(error)) from None
