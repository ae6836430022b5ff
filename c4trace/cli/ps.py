"""`c4trace ps`: traced processes."""

from __future__ import annotations

import time

import click

from c4trace.cli.ending import UNREACHED, BadInput
from c4trace.cli.notices import notice
from c4trace.cli.number import Number
from c4trace.cli.span import Span
from c4trace.cli.target import nothing_traced
from c4trace.cli.verb import verb
from c4trace.report.processes import Row, print_processes, row_of
from c4trace.report.quantities import bytes_text, duration_text
from c4trace.report.screen import Screen
from c4trace.segment.all_processes import AllProcesses
from c4trace.segment.folder import SegmentError, segment_folders
from c4trace.segment.prune import prune_as_asked

__all__ = ["command"]


@verb(
    """
    c4trace ps
    c4trace ps --interval 5s
    c4trace ps --json | jq 'select(.state == "dead")'
    c4trace ps --prune --older-than 1d
    """
)
@click.option("--interval", type=Span(), default=0.5, show_default="500ms", help="Rates over this time; 0 for none.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--prune", is_flag=True, help="First remove segments of the dead: those of a week, or beyond 256 MiB.")
@click.option("--older-than", type=Span(), help="Prune what is dead for longer: 12h, 1d; 0 for all.")
@click.option("--keep-bytes", metavar="N", type=Number(0), help="Prune the oldest down to N bytes of them all.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    interval: float,
    as_json: bool,
    prune: bool,
    older_than: float | None,
    keep_bytes: int | None,
) -> None:
    """List traced processes.

    Calls, up-calls included, and bytes a second are those between two looks. A dead process stays in the list, with
    the time since its last event, and can be shown, until its segment is removed: by --prune, or by a later c4trace
    run once it is a week old or there are too many. A segment in use is never removed.
    """
    if not prune and (older_than is not None or keep_bytes is not None):
        raise BadInput("--older-than and --keep-bytes say what to prune: give --prune as well")
    if prune:
        _prune(older_than, keep_bytes)
    processes = AllProcesses(notice)
    rows = _rows(processes, interval)
    if not rows and processes.refused:
        ctx.exit(UNREACHED)
    if not rows:
        notice(nothing_traced())
    print_processes(rows, Screen(), as_json=as_json)


def _rows(processes: AllProcesses, interval: float) -> list[Row]:
    first = processes.look()
    if not interval or all(snapshot.process.state != "live" for snapshot in first):
        return [row_of(snapshot) for snapshot in first]
    time.sleep(interval)
    before = {(one.process.path, one.process.started): one for one in first}
    return [row_of(now, before.get((now.process.path, now.process.started))) for now in processes.look()]


def _prune(older_than: float | None, keep_bytes: int | None) -> None:
    for folder in segment_folders():
        try:
            removed = prune_as_asked(folder, older_than=older_than, keep_bytes=keep_bytes)
        except SegmentError:
            continue  # which the list says
        for box in removed:
            age = duration_text((time.time() - box.last) * 1e9)
            notice(f"removed {box.name} ({box.pid}), dead for {age}: {bytes_text(box.size)}")
