"""`c4trace ps`: traced processes."""

from __future__ import annotations

import click

from c4trace.cli.notices import notice
from c4trace.cli.target import all_segments, nothing_traced
from c4trace.cli.verb import verb
from c4trace.report.processes import Row, print_processes, row_of
from c4trace.report.screen import Screen
from c4trace.segment.attach import attach
from c4trace.segment.folder import SegmentError

__all__ = ["command"]


@verb(
    """
    c4trace ps
    c4trace ps --json | jq 'select(.state == "dead")'
    """
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(*, as_json: bool) -> None:
    """List traced processes.

    A dead process stays in the list, and can be shown, until its segment is removed.
    """
    rows = _rows()
    if not rows:
        notice(nothing_traced())
    print_processes(rows, Screen(), as_json=as_json)


def _rows() -> list[Row]:
    rows = []
    for file in all_segments():
        try:
            with attach(file.path) as segment:
                rows.append(row_of(segment.snapshot()))
        except SegmentError as error:
            notice(str(error))
    return rows
