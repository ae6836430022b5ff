"""The same where no screen can be drawn: everything as one plain table, or as JSON Lines."""

from __future__ import annotations

import msgspec

from c4trace.decode.errors import error_name
from c4trace.report.screen import Screen
from c4trace.segment.look import ProcessLook
from c4trace.segment.watch import Watched
from c4trace.tui.frame import Rows, Scene
from c4trace.tui.head import head_lines
from c4trace.tui.line import Line
from c4trace.tui.state import Pane
from c4trace.tui.table import columns_for, heading_line, row_line
from c4trace.tui.viewer import Viewer

__all__ = ["SocketLine", "print_json", "print_table"]

_ALL = 1 << 20  # rows; a segment has no more
_WIDTH = 400  # all columns at their widest
_ONLY_DRAWN = {"", "64K"}


class SocketLine(msgspec.Struct, frozen=True):
    """One open socket; times are seconds, rates bytes a second, None where they are not known.

    `in_call` is the call or up-call a thread is in, `in_call_for` how long it has been in it.
    """

    process: str
    pid: int
    sid: int
    factory: str
    state: str
    address: str
    age: float
    written: int
    received: int
    written_per_s: float | None
    received_per_s: float | None
    unacked: int
    unprocessed: int
    last_event: str | None
    last_event_ago: float
    in_call: str | None
    in_call_for: float | None
    http_status: int | None
    error: str | None
    lost: int


def print_table(viewer: Viewer, screen: Screen) -> None:
    """Write totals, all open sockets and those that were closed last."""
    scene = viewer.scene
    width = screen.width or _WIDTH
    for line in head_lines(scene, width, drawn=False):
        screen.line(_spans(line))
    for pane, name in ((Pane.open, "open"), (Pane.closed, "closed")):
        rows = Rows(tuple(viewer.sessions(pane, count=_ALL)))
        if not rows.rows and (pane is Pane.closed or not scene.looks):
            continue
        screen.text("")
        screen.text(f"{name} sockets")
        _print_list(pane, rows, scene, screen, width)


def _print_list(pane: Pane, rows: Rows, scene: Scene, screen: Screen, width: int) -> None:
    columns = [one for one in columns_for(pane, scene, rows, width) if one.heading not in _ONLY_DRAWN]
    screen.line(_spans(heading_line(columns, pane, scene, width)))
    for row in rows.rows:
        screen.line(_spans(row_line(columns, row, scene, width, under_cursor=False)))


def _spans(line: Line) -> list[tuple[str, str]]:
    return [("".join(piece.text for piece in line), "")]


def print_json(viewer: Viewer, screen: Screen) -> None:
    """Write a line for each open socket."""
    looks = viewer.scene.looks
    for row in viewer.sessions(Pane.open, count=_ALL):
        screen.json(_line(row, looks[row.source]))


def _line(row: Watched, look: ProcessLook) -> SocketLine:
    session, flight = row.session, row.in_call
    return SocketLine(
        process=look.process.name,
        pid=look.process.pid,
        sid=session.sid,
        factory=session.factory,
        state=session.state.name,
        address=session.address,
        age=row.now - session.opened_at,
        written=session.write.bytes,
        received=session.received.bytes,
        written_per_s=row.written_rate,
        received_per_s=row.received_rate,
        unacked=row.unacked,
        unprocessed=row.unprocessed,
        last_event=session.last_event.name if session.last_event else None,
        last_event_ago=row.now - session.last,
        in_call=flight.event.name if flight else None,
        in_call_for=flight.seconds if flight else None,
        http_status=session.http_status,
        error=error_name(*session.error) if session.error else None,
        lost=session.lost,
    )
