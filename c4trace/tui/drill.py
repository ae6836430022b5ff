"""The page of one socket: everything that is known of it, and its last events."""

from __future__ import annotations

from c4trace.report.columns import Columns
from c4trace.report.plain import plain
from c4trace.report.quantities import bytes_text, count_text, duration_text, noun
from c4trace.report.screen import Span
from c4trace.report.show import Rows
from c4trace.segment.watch import FLOW_LINE, Watched
from c4trace.tui import cells
from c4trace.tui.bars import gauge, short_bytes, spark
from c4trace.tui.frame import Frame, Scene
from c4trace.tui.line import Line, laid_out, wrapped

__all__ = ["drill_lines"]

_LABEL = 11
_GAUGE = 16
_FAR_FROM, _BESIDE_FROM, _GAUGE_FROM = 60, 80, 90  # columns


def drill_lines(frame: Frame, width: int, height: int) -> list[Line]:
    """Give exactly `height` lines: what is known of the socket, then the end of its events."""
    row, scene = frame.drilled, frame.scene
    if row is None:
        gone: list[Line] = [laid_out([("this socket is no longer in the session table", "yellow")], width)]
        facts = gone
    else:
        facts = [[], *(line for label, spans in _facts(row, scene, width) for line in _fact(label, spans, width)), []]
    room = height - len(facts) - 1  # a line for the headings
    if room < 1:
        return facts[:height] + [[]] * (height - len(facts))
    return facts + _events(frame, width, room)


def _fact(label: str, spans: list[Span], width: int) -> list[Line]:
    """Write one fact; what does not fit beside its label goes on below."""
    lines = wrapped(spans, width - _LABEL)
    labels = [label, *[""] * (len(lines) - 1)]
    return [laid_out([(f"{at:<{_LABEL}}", "dim"), *line], width) for at, line in zip(labels, lines, strict=True)]


def _events(frame: Frame, width: int, room: int) -> list[Line]:
    columns, rows = Columns(width), Rows()
    shown = [rows.of(line) for line in frame.lines]
    scrolled = min(frame.scene.state.scrolled, max(0, len(shown) - room))
    end = len(shown) - scrolled
    listed = [laid_out(columns.spans(row), width) for row in shown[max(0, end - room) : end]]
    heading = "".join(text for text, _ in columns.heading)
    if scrolled:
        heading = heading.rstrip() + f"  … {scrolled} later"
    if not shown:
        listed = [laid_out([("no event of it is in the rings any more", "dim")], width)]
    return [laid_out([(heading.ljust(width)[:width], "underline")], width), *listed, *[[]] * (room - len(listed))]


def _facts(row: Watched, scene: Scene, width: int) -> list[tuple[str, list[Span]]]:
    session = row.session
    look = scene.looks.get(row.source)
    whose = f" of {plain(look.process.name)} {look.process.pid}" if look else ""
    way = "came in" if session.incoming else "opened"
    facts: list[tuple[str, list[Span]]] = [
        (
            "socket",
            [
                (f"#{session.sid}", "bold"),
                (whose, ""),
                (f" · factory {plain(session.factory)}", "dim"),
                ("" if session.upcalls_visible else " · up-calls not visible", "yellow"),
            ],
        ),
        ("peer", [(plain(session.address), "")]),
        ("state", [cells.state(row, scene, 0), (f", {way} {cells.age(row, scene, 0)[0]} ago", ""), *_stages(row)]),
        ("written", _flow(row, scene, width, written=True)),
        ("received", _flow(row, scene, width, written=False)),
        *_below(row, scene, width),
        ("in call", _call(row, scene)),
        ("last event", [cells.last_event(row, scene, 27)]),
    ]
    if session.unreleased is not None:
        held = f"{count_text(session.unreleased.n)} {noun(session.unreleased.n, 'slice')} of write"
        facts.append(("unreleased", [(f"{held}, {bytes_text(session.unreleased.bytes)}", "yellow")]))
    if session.closed_at is not None:
        facts.append(("cause", [cells.cause(row, scene, 0)]))
    error = cells.error(row, scene, 0)
    if error[0] and facts[-1] != ("cause", [error]):
        facts.append(("error", [error]))
    return facts


def _stages(row: Watched) -> list[Span]:
    session = row.session
    spans: list[Span] = []
    if session.connected_at is not None:
        spans.append((f", open after {duration_text((session.connected_at - session.opened_at) * 1e9)}", ""))
    if session.http_status is not None:
        spans.append((f", HTTP {session.http_status}", "red" if session.http_status >= 400 else ""))
    if session.closing_at is not None:
        spans.append((f", closing since {cells.seconds_text(row.now - session.closing_at)}", ""))
    if session.closed_at is not None:
        spans.append((f", closed {cells.seconds_text(row.now - session.closed_at)} ago", ""))
    return spans


def _below(row: Watched, scene: Scene, width: int) -> list[tuple[str, list[Span]]]:
    """Give what is outstanding in lines of its own, where it has no room beside the bytes."""
    if width >= _BESIDE_FROM:
        return []
    return [("unack", _waiting(row, scene, written=True)), ("unproc", _waiting(row, scene, written=False))]


def _flow(row: Watched, scene: Scene, width: int, *, written: bool) -> list[Span]:
    session = row.session
    flow, done = (session.write, session.completed_write) if written else (session.received, session.completed_receive)
    rate, _ = cells.rate(row, scene, 0, written=written)
    way = "call" if written else "up-call"
    spans: list[Span] = [
        (f"{bytes_text(flow.bytes):>10}", "bold"),
        (f" in {count_text(flow.n):>{7 if width >= _FAR_FROM else 1}} {noun(flow.n, way):<8}", ""),
        (f" {rate:>5}/s" if rate else " " * 8, ""),
    ]
    if width < _BESIDE_FROM:
        return spans
    spans += [(f"  {'unacked' if written else 'unprocessed':<11} ", ""), *_waiting(row, scene, written=written)]
    if width < _GAUGE_FROM:
        spans = spans[:-1]
    if width >= 110:
        spans.append((spark(row.written_rates if written else row.received_rates, 16), "cyan"))
    if width >= 140:
        spans.append((f"  {count_text(done.n)} {'completedWrite' if written else 'completedReceive'}", "dim"))
    return spans


def _waiting(row: Watched, scene: Scene, *, written: bool) -> list[Span]:
    """What is outstanding, of how much; the last piece is that as a bar."""
    text, style = cells.outstanding(row, scene, 0, written=written)
    n = row.unacked if written else row.unprocessed
    bar = f"▕{gauge(n, FLOW_LINE, _GAUGE)}▏"
    return [(f"{text.strip():>6}", style), (f" of {short_bytes(FLOW_LINE)} ", "dim"), (bar, style)]


def _call(row: Watched, scene: Scene) -> list[Span]:
    flight = row.in_call
    if flight is None:
        return [("none", "dim")]
    text, style = cells.in_call(row, scene, 40)
    thread = plain(f"{flight.thread} {flight.tid}" if flight.thread else str(flight.tid))
    return [(text, style), (f", in thread {thread}", "")]
