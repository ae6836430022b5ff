"""What a segment says at one moment: totals, sessions, threads in flight, losses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from c4trace.events import EventKind, Latency, SessionState

__all__ = [
    "BUCKET_BOUNDS",
    "Cell",
    "Exemplar",
    "FactoryTotals",
    "Flow",
    "InFlight",
    "ProcessInfo",
    "SessionView",
    "Slices",
    "Snapshot",
]

BUCKET_BOUNDS: tuple[float, ...] = tuple(
    mantissa * 10.0**exponent for exponent in range(-7, 3) for mantissa in (1.0, 2.5, 5.0)
)
"""Upper bounds, in seconds, of the classic histogram buckets: 100 ns to 500 s; +Inf is implied."""


@dataclasses.dataclass(frozen=True, slots=True)
class Exemplar:
    """The slowest observation of a cell since the last time exemplars were taken."""

    sid: int
    seconds: float
    wall: float


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """One event or latency of one factory, summed over all threads.

    `n` began, `done` are in `seconds` and `buckets`; `buckets[i]` counts those with
    BUCKET_BOUNDS[i-1] < value <= BUCKET_BOUNDS[i], the last entry those above all bounds (so len(buckets) ==
    len(BUCKET_BOUNDS) + 1 and sum(buckets) == done). The attribution to a bucket is exact to the width of the segment's
    own buckets (1/16 octave).
    """

    n: int
    bytes: int
    done: int
    seconds: float
    buckets: tuple[int, ...]
    exemplar: Exemplar | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Flow:
    """Number and bytes of one direction's event in a session."""

    n: int
    bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Slices:
    """Slices that `write` handed over, each the factory's to release once (C4S-030), and what became of them.

    Of `not_followed` it is not known whether they were released: there were more at once than c4trace follows, or the
    release was made where it is not seen.
    """

    written: Flow
    released: Flow
    not_followed: Flow

    @property
    def unreleased(self) -> Flow:
        """Those that the factory holds."""
        n = self.written.n - self.released.n - self.not_followed.n
        return Flow(n, max(0, self.written.bytes - self.released.bytes - self.not_followed.bytes) if n else 0)


@dataclasses.dataclass(frozen=True, slots=True)
class FactoryTotals:
    """Everything counted for one wrapped factory; `states` counts its sessions now in each state up to closed.

    `slices` is None where releases of what `write` hands over cannot be seen; `releases` says how they are.
    """

    label: str
    framing: int
    """C4SocketFraming; -1 where a recording does not tell."""
    upcalls: str
    sessions: int
    states: Mapping[SessionState, int]
    events: Mapping[EventKind, Cell]
    latencies: Mapping[Latency, Cell]
    closed: Mapping[tuple[int, int], int]
    unacked_write_bytes: int
    unprocessed_receive_bytes: int
    releases: str = "not visible"
    slices: Slices | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class SessionView:
    """One row of the session table; times are seconds since the segment began, None where it has not happened."""

    sid: int
    factory: str
    state: SessionState
    address: str
    incoming: bool
    upcalls_visible: bool
    last_event: EventKind | None
    last: float
    opened_at: float
    connected_at: float | None
    closing_at: float | None
    closed_at: float | None
    disposed_at: float | None
    write: Flow
    completed_write: Flow
    received: Flow
    completed_receive: Flow
    lost: int
    http_status: int | None
    error: tuple[int, int] | None
    unreleased: Flow | None = None
    """Slices of `write` that the factory holds; None where their release cannot be seen."""


@dataclasses.dataclass(frozen=True, slots=True)
class InFlight:
    """A host thread inside a call or up-call: which, of which session, and for how many seconds."""

    tid: int
    thread: str
    sid: int
    event: EventKind
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class ProcessInfo:
    """Whose segment it is; `state` is live, dead, closed, aside (with the reason in `reason`) or recorded."""

    name: str
    pid: int
    state: str
    reason: str
    path: str
    started: float
    litecore: str
    factory_size: int
    c4trace: str
    capture: str
    recording: bool
    clock: str


@dataclasses.dataclass(frozen=True, slots=True)
class Snapshot:
    """A segment at one moment; `now` is seconds since the segment began, `lost` counts by reason."""

    process: ProcessInfo
    now: float
    factories: tuple[FactoryTotals, ...]
    sessions: tuple[SessionView, ...]
    in_flight: tuple[InFlight, ...]
    lost: Mapping[str, int]
    sessions_total: int
    orphans: int
    overhead_seconds: float
