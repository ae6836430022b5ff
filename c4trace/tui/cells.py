"""What stands in the cells of the lists of sockets: text and style, by session."""

from __future__ import annotations

from c4trace.decode.errors import error_name
from c4trace.events import UP_CALLS, EventKind, SessionState
from c4trace.report.plain import plain
from c4trace.report.quantities import duration_text
from c4trace.report.screen import Span
from c4trace.segment.look import OVER
from c4trace.segment.snapshot import InFlight
from c4trace.segment.watch import FLOW_LINE, Watched
from c4trace.tui.bars import gauge, short_bytes, spark
from c4trace.tui.filter import is_error
from c4trace.tui.frame import Scene
from c4trace.tui.line import cut

__all__ = [
    "age",
    "arrow_of",
    "cause",
    "closed_ago",
    "error",
    "factory",
    "in_call",
    "last_event",
    "lasted",
    "outstanding",
    "outstanding_gauge",
    "peer",
    "process",
    "rate",
    "rates",
    "sid",
    "size",
    "state",
    "stuck_for",
]

_OPENING_MAX_S = 15.0  # C4S-012: open without opened or closed
_CLOSING_MAX_S = 5.0  # C4S-051: close or requestClose without closed
_LONG_S, _VERY_LONG_S = 1.0, 5.0  # inside a call
_STATES = {
    SessionState.opening: "yellow",
    SessionState.open: "green",
    SessionState.closing: "yellow",
    SessionState.closed: "dim",
    SessionState.disposed: "dim",
}


def is_over(row: Watched, scene: Scene) -> bool:
    """Whether its process is gone, so that nothing of it moves any more."""
    look = scene.looks.get(row.source)
    return look is None or look.process.state in OVER


def stuck_for(row: Watched) -> float | None:
    """Seconds in which a socket has been opening or closing, where that is longer than the contract lets it."""
    session = row.session
    since, most = {
        SessionState.opening: (session.opened_at, _OPENING_MAX_S),
        SessionState.closing: (session.closing_at, _CLOSING_MAX_S),
    }.get(session.state, (None, 0.0))
    return None if since is None or row.now - since < most else row.now - since


def sid(row: Watched, _scene: Scene, _width: int) -> Span:
    """Its number."""
    return f"#{row.session.sid}", ""


def process(row: Watched, scene: Scene, width: int) -> Span:
    """Name and pid of its process."""
    look = scene.looks.get(row.source)
    if look is None:
        return "", ""
    pid = str(look.process.pid)
    return f"{cut(plain(look.process.name), max(1, width - len(pid) - 1))} {pid}", "cyan"


def factory(row: Watched, _scene: Scene, _width: int) -> Span:
    """Label of its factory."""
    return plain(row.session.factory), "cyan"


def state(row: Watched, scene: Scene, _width: int) -> Span:
    """Where it is in its life; ! where it has been there for too long."""
    name = row.session.state.name
    if stuck_for(row) is not None and not is_over(row, scene):
        return f"{name}!", "bold red"
    return name, _STATES[row.session.state]


def age(row: Watched, _scene: Scene, _width: int) -> Span:
    """Time since it was opened."""
    return seconds_text(row.now - row.session.opened_at), ""


def peer(row: Watched, _scene: Scene, width: int) -> Span:
    """Its address: all of it, or without scheme and path where it is too long."""
    return short_peer(plain(row.session.address), width), ""


def short_peer(address: str, width: int) -> str:
    """Leave out of an address what matters least until it fits."""
    if len(address) <= width:
        return address
    bare = (address.partition("://")[2] or address).removesuffix("/_blipsync")
    with_port = bare.partition("/")[0]
    host, colon, port = with_port.rpartition(":")
    shorter = [bare, with_port, host if colon and port.isdigit() else with_port]
    return next((text for text in shorter if len(text) <= width), shorter[-1])


def size(row: Watched, _scene: Scene, _width: int, *, written: bool) -> Span:
    """Bytes in one direction."""
    flow = row.session.write if written else row.session.received
    return short_bytes(flow.bytes), "" if flow.bytes else "dim"


def rate(row: Watched, scene: Scene, _width: int, *, written: bool) -> Span:
    """Bytes a second in one direction."""
    now = row.written_rate if written else row.received_rate
    if now is None or is_over(row, scene):
        return "", ""
    return short_bytes(now), "bold" if now >= 1 else "dim"


def rates(row: Watched, _scene: Scene, width: int, *, written: bool) -> Span:
    """The last rates as columns."""
    values = row.written_rates if written else row.received_rates
    return spark(values, width), "cyan" if any(values[-width:]) else "dim"


def outstanding(row: Watched, _scene: Scene, _width: int, *, written: bool) -> Span:
    """Bytes that wait for the other side; ! from the line on at which LiteCore stops."""
    n = row.unacked if written else row.unprocessed
    return short_bytes(n) + ("!" if n >= FLOW_LINE else " "), _flow_style(n)


def outstanding_gauge(row: Watched, _scene: Scene, width: int, *, written: bool) -> Span:
    """The same on a scale that ends at that line."""
    n = row.unacked if written else row.unprocessed
    return gauge(n, FLOW_LINE, width), _flow_style(n)


def _flow_style(n: int) -> str:
    if n >= FLOW_LINE:
        return "bold red"
    return "yellow" if n >= FLOW_LINE // 2 else "" if n else "dim"


def last_event(row: Watched, _scene: Scene, width: int) -> Span:
    """Its last call or up-call, and how long ago that was."""
    ago = seconds_text(row.now - row.session.last)
    kind = row.session.last_event
    if kind is None:
        return "", ""
    if width < 12:
        return ago, "dim"
    return f"{arrow_of(kind)} {kind.name:<{width - 9}.{width - 9}} {ago:>6}", "dim"


def in_call(row: Watched, scene: Scene, width: int) -> Span:
    """The call a thread is in, and for how long; of a process that died, how long it had been in it."""
    flight = row.in_call
    if flight is None:
        return "", ""
    took = duration_text(flight.seconds * 1e9)
    style = "bold red" if is_over(row, scene) else _flight_style(flight)
    more = f" +{row.calls - 1}" if row.calls > 1 else ""
    named = f"{arrow_of(flight.event)} {flight.event.name} {took}{more}"
    return named if len(named) <= width else f"{arrow_of(flight.event)} {took}{more}"[:width], style


def _flight_style(flight: InFlight) -> str:
    if flight.seconds >= _VERY_LONG_S:
        return "bold red"
    return "yellow" if flight.seconds >= _LONG_S else ""


def error(row: Watched, _scene: Scene, _width: int) -> Span:
    """What went wrong with it so far: its HTTP status, its error, its losses."""
    session = row.session
    parts = []
    if session.error is not None and is_error(session.error):
        parts.append(error_name(*session.error))
    if (
        session.http_status is not None
        and session.http_status >= 400
        and str(session.http_status) not in "".join(parts)
    ):
        parts.append(f"HTTP {session.http_status}")
    if not session.upcalls_visible:
        parts.append("up-calls not visible")
    if session.lost:
        parts.append(f"{session.lost} lost")
    return ", ".join(parts), "red"


def cause(row: Watched, _scene: Scene, _width: int) -> Span:
    """Why it is closed."""
    session = row.session
    if session.closed_at is None:
        return "never closed", "yellow"
    name = error_name(*(session.error or (0, 0)))
    if session.http_status is not None and session.http_status >= 400 and str(session.http_status) not in name:
        name += f", HTTP {session.http_status}"
    return name, "red" if is_error(session.error) else "green"


def closed_ago(row: Watched, _scene: Scene, _width: int) -> Span:
    """Time since it was closed."""
    over = row.session.closed_at if row.session.closed_at is not None else row.session.disposed_at
    return ("" if over is None else seconds_text(row.now - over)), ""


def lasted(row: Watched, _scene: Scene, _width: int) -> Span:
    """Time from its opening to its end."""
    over = row.session.closed_at if row.session.closed_at is not None else row.session.disposed_at
    return ("" if over is None else duration_text((over - row.session.opened_at) * 1e9)), ""


def arrow_of(kind: EventKind) -> str:
    """▼ for a call of LiteCore, ▲ for an up-call to it."""
    return "▲" if kind in UP_CALLS else "▼"


def seconds_text(seconds: float) -> str:
    """Give an age in at most 6 characters that do not flicker: 0.3s, 12s, 2m05s, 1h40m, 3d04h."""
    seconds = max(seconds, 0.0)
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < 100:
        return f"{whole}s"
    if whole < 100 * 60:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 100 * 3600:
        return f"{whole // 3600}h{whole // 60 % 60:02}m"
    return f"{whole // 86400}d{whole // 3600 % 24:02}h"
