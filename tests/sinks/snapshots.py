"""Snapshots for tests, full of numbers that differ."""

from __future__ import annotations

import bisect
import dataclasses
import random
from typing import Any

from c4trace.events import EventKind, Latency, SessionState
from c4trace.segment.snapshot import (
    BUCKET_BOUNDS,
    Cell,
    Exemplar,
    FactoryTotals,
    Flow,
    ProcessInfo,
    SessionView,
    Slices,
    Snapshot,
)

PROCESS = ProcessInfo(
    name="orders",
    pid=4711,
    state="live",
    reason="",
    path="/dev/shm/c4trace/orders",  # noqa: S108 - a text, no file is made
    started=1_795_000_000.0,
    litecore="3.0.0",
    factory_size=64,
    c4trace="0.1.0",
    capture="headers",
    recording=True,
    clock="tsc",
)

QUIET = SessionView(
    sid=1,
    factory="main",
    state=SessionState.open,
    address="ws://db.example/db",
    incoming=False,
    upcalls_visible=True,
    last_event=EventKind.opened,
    last=2.0,
    opened_at=1.0,
    connected_at=2.0,
    closing_at=None,
    closed_at=None,
    disposed_at=None,
    write=Flow(0, 0),
    completed_write=Flow(0, 0),
    received=Flow(0, 0),
    completed_receive=Flow(0, 0),
    lost=0,
    http_status=101,
    error=None,
)


def cell(values: list[float], n: int | None = None, byte_count: int = 0) -> Cell:
    """The cell of calls that took `values` seconds, the slowest of them by session 77."""
    buckets = [0] * (len(BUCKET_BOUNDS) + 1)
    for value in values:
        buckets[bisect.bisect_left(BUCKET_BOUNDS, value)] += 1
    slowest = Exemplar(77, max(values), 1_795_000_100.25) if values else None
    return Cell(len(values) if n is None else n, byte_count, len(values), sum(values), tuple(buckets), exemplar=slowest)


def factory(label: str = "main", seed: int = 1, **changes: Any) -> FactoryTotals:
    """Totals in which every number is another."""
    dice = random.Random(seed)  # noqa: S311 - numbers for a test

    def some() -> Cell:
        values = [10 ** dice.uniform(-8, 3) for _ in range(dice.randint(1, 50))]
        return cell(values, len(values) + dice.randint(0, 3), dice.randint(1, 2**40))

    totals = FactoryTotals(
        label=label,
        framing=1,
        upcalls="table",
        sessions=dice.randint(1, 99),
        states={state: dice.randint(1, 99) for state in SessionState if state is not SessionState.disposed},
        events={kind: some() for kind in EventKind},
        latencies={latency: some() for latency in Latency},
        closed={
            (6, 1000): 5,
            (6, 1006): 3,
            (5, 8): 2,
            (2, 111): 1,
            (0, 0): 4,
            (6, 0): 6,
            (300, 7): 1,
            (0, -(2**31)): 9,
        },
        unacked_write_bytes=dice.randint(1, 2**40),
        unprocessed_receive_bytes=dice.randint(1, 2**40),
        releases="table",
        slices=Slices(written=Flow(90, 9000), released=Flow(70, 5000), not_followed=Flow(13, 1000)),
    )
    return dataclasses.replace(totals, **changes)


def snapshot(*factories: FactoryTotals, **process: Any) -> Snapshot:
    """A snapshot of one process with these factories."""
    return Snapshot(
        process=dataclasses.replace(PROCESS, **process),
        now=100.0,
        factories=factories or (factory(),),
        sessions=(),
        in_flight=(),
        lost={"ring_full": 3, "latency": 0},
        sessions_total=20,
        orphans=0,
        overhead_seconds=0.125,
    )
