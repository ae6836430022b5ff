"""The top of the screen: whose sockets these are, totals, rates, losses."""

from __future__ import annotations

import datetime as dt

from c4trace.events import SessionState
from c4trace.report.losses import EVENT_LOSSES
from c4trace.report.plain import plain
from c4trace.report.process import STATE_STYLES
from c4trace.report.quantities import bytes_text, count_text, duration_text, noun
from c4trace.report.screen import Span
from c4trace.segment.look import OVER, ProcessLook
from c4trace.segment.snapshot import InFlight
from c4trace.tui.bars import short_bytes, spark
from c4trace.tui.cells import arrow_of, seconds_text
from c4trace.tui.frame import Scene
from c4trace.tui.line import Line, laid_out, segment, width_of

__all__ = ["head_lines", "speed_text"]

_BETWEEN = "   "
_SPARK = 16
_BARS_FROM = 80  # columns
_FLIGHTS = 3  # in-flight calls of a dead process that are named
_NOTES = 4  # lines about what is wrong


def head_lines(scene: Scene, width: int, *, drawn: bool = True) -> list[Line]:
    """Give the title, the totals in as many lines as they need, and a line for whatever is wrong.

    What is not `drawn` but printed has no bars, and nothing is pushed to the edge of the screen.
    """
    lines = [_title(scene, width) if drawn else laid_out([*_whose(scene), ("   ", ""), *_status(scene)], width)]
    if scene.looks:
        lines += _packed(_totals(scene, bars=drawn and width >= _BARS_FROM), _cost(scene), width)
    notes = [note for look in scene.looks.values() for note in _notes(look, scene)]
    notes += [[(plain(trouble), "yellow")] for trouble in scene.troubles]
    return lines + [laid_out(note, width) for note in notes[:_NOTES]]


def _title(scene: Scene, width: int) -> Line:
    right = _status(scene)
    left = _whose(scene)
    room = width - width_of(right) - 1
    line = laid_out(left, max(room, 0))
    used = sum(piece.cell_length for piece in line)
    line.append(segment(" " * max(0, width - used - width_of(right))))
    return line + laid_out(right, width)


def _whose(scene: Scene) -> list[Span]:
    looks = list(scene.looks.values())
    if not looks:
        return [("c4trace", "bold")]
    if len(looks) > 1:
        spans: list[Span] = [(f"{len(looks)} processes", "bold")]
        for look in looks:
            spans += [("  ", ""), *_who(look)]
        return spans
    process = looks[0].process
    more = [
        f"LiteCore {plain(process.litecore)}" if process.litecore else "",
        f"capture {process.capture}",
        "being recorded" if process.recording else "",
        plain(process.reason),
        f"up {seconds_text(looks[0].now)}" if process.state == "live" else "",
    ]
    return [*_who(looks[0]), ("".join(f" · {part}" for part in more if part), "dim")]


def _who(look: ProcessLook) -> list[Span]:
    process = look.process
    state = process.state
    return [
        (plain(process.name), "bold"),
        (f" {process.pid} ", ""),
        (state.upper() if state == "dead" else state, f"bold {STATE_STYLES.get(state, 'cyan')}"),
        (", stopped" if look.stopped else "", "bold yellow"),
    ]


def _time_of_day(wall: float) -> str:
    try:
        return dt.datetime.fromtimestamp(wall).astimezone().strftime("%H:%M:%S")
    except (OverflowError, ValueError, OSError):  # a damaged recording may be of any year
        return "--:--:--"


def _status(scene: Scene) -> list[Span]:
    playing = scene.playing
    moment = _time_of_day(scene.wall)
    if playing is None:
        paused: list[Span] = [(" PAUSED ", "reverse"), (" ", "")] if scene.state.paused else []
        return [*paused, (moment, "dim")]
    if playing.ended:
        what, style = " ENDED ", "reverse"
    elif scene.state.paused:
        what, style = " PAUSED ", "reverse"
    else:
        what, style = "▸", "green"
    return [(what, style), (f" {speed_text(playing.speed)} {playing.position:.1f}s", ""), (f" {moment}", "dim")]


def speed_text(speed: float | None) -> str:
    """Write a speed as a factor."""
    return "max" if speed is None else f"{speed:g}x"


def _totals(scene: Scene, *, bars: bool) -> list[list[Span]]:
    totals = scene.totals
    states = totals.states
    return [
        [
            (count_text(states.get(SessionState.open, 0)), "bold green"),
            (" open ", ""),
            (count_text(states.get(SessionState.opening, 0)), "bold"),
            (" opening ", ""),
            (count_text(states.get(SessionState.closing, 0)), "bold"),
            (" closing of ", ""),
            (count_text(totals.sessions), "bold"),
        ],
        _lost(scene),
        [("▼ ", "cyan"), *_number(totals.calls, "call"), *_per_second(totals.calls_rate)],
        [("▲ ", "green"), *_number(totals.up_calls, "up-call"), *_per_second(totals.up_calls_rate)],
        _bytes("written", totals.written, totals.written_rate, totals.written_rates if bars else None),
        _bytes("received", totals.received, totals.received_rate, totals.received_rates if bars else None),
    ]


def _cost(scene: Scene) -> list[Span]:
    overhead = scene.totals.overhead
    if overhead is None or scene.playing is not None:
        return []
    return [(f"tracing costs {overhead * 100:.2f} % of a core", "dim")]


def _number(n: int, word: str) -> list[Span]:
    return [(count_text(n), "bold"), (f" {noun(n, word)}", "")]


def _per_second(rate: float | None) -> list[Span]:
    return [] if rate is None else [(f" {count_text(round(rate))}/s", "dim")]


def _bytes(word: str, n: int, rate: float | None, rates: tuple[float, ...] | None) -> list[Span]:
    spans: list[Span] = [(f"{word} ", ""), (bytes_text(n), "bold")]
    if rate is not None:
        spans.append((f" {short_bytes(rate)}/s", "dim"))
    if rates is not None:
        spans.append((" " + spark(rates, _SPARK), "cyan"))
    return spans


def _lost(scene: Scene) -> list[Span]:
    lost = {reason: n for reason, n in scene.totals.lost.items() if n}
    events = sum(n for reason, n in lost.items() if reason in EVENT_LOSSES)
    spans: list[Span] = [("lost ", ""), (count_text(events), "bold red" if events else "green")]
    if lost:
        spans.append((" (" + ", ".join(f"{reason} {count_text(n)}" for reason, n in lost.items()) + ")", "red"))
    if scene.totals.orphans:
        spans.append((f" {count_text(scene.totals.orphans)} up-calls of unknown sockets", "yellow"))
    return spans


def _packed(facts: list[list[Span]], optional: list[Span], width: int) -> list[Line]:
    """Put facts side by side, as many as fit into a line; the optional one goes where there is room."""
    lines: list[list[Span]] = []
    for fact in facts:
        if lines and width_of(lines[-1]) + len(_BETWEEN) + width_of(fact) <= width:
            lines[-1] += [(_BETWEEN, ""), *fact]
        else:
            lines.append(list(fact))
    for line in lines:
        if optional and width_of(line) + len(_BETWEEN) + width_of(optional) <= width:
            line += [(_BETWEEN, ""), *optional]
            break
    return [laid_out(line, width) for line in lines]


def _notes(look: ProcessLook, scene: Scene) -> list[list[Span]]:
    process = look.process
    if process.state == "aside":
        return [
            [(f"{plain(process.name)} {process.pid}: tracing has stepped aside: {plain(process.reason)}", "yellow")]
        ]
    if process.state not in OVER:
        return []
    ago = seconds_text(scene.wall - process.started - look.now)
    who = f"{plain(process.name)} {process.pid}"
    if process.state == "closed":
        return [[(f"{who} has ended tracing, {ago} ago; this is its last state", "yellow")]]
    flights = sorted(look.in_flight, key=lambda flight: flight.seconds, reverse=True)
    died: list[Span] = [(f"{who} is dead", "bold red"), (f", its last sign {ago} ago; this is its last state", "red")]
    return [died, *(_flight(flight) for flight in flights[:_FLIGHTS])]


def _flight(flight: InFlight) -> list[Span]:
    thread = plain(f"{flight.thread} {flight.tid}" if flight.thread else str(flight.tid))
    return [
        ("  in flight when it died: ", "red"),
        (f"{arrow_of(flight.event)} {flight.event.name}", "bold red"),
        (f" of #{flight.sid}" if flight.sid else " of an unknown socket", "bold"),
        (f", for {duration_text(flight.seconds * 1e9)}, in thread {thread}", ""),
    ]
