"""Metrics: what a segment has counted, as Prometheus knows it. Names and labels: DESIGN section 5."""

from __future__ import annotations

import bisect
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from c4trace.decode.errors import error_name
from c4trace.events import EventKind, Latency
from c4trace.segment.snapshot import BUCKET_BOUNDS, Cell, FactoryTotals, Slices, Snapshot
from c4trace.segment.waiting import STATES, Waits, WaitWatch

__all__ = ["MetricsCollector"]

_WITH_BYTES = (EventKind.write, EventKind.completedWrite, EventKind.received, EventKind.completedReceive)
_REST = -(2**31)  # the code of what no longer had a row of its own (native/segment.h, struct c4t_closed_row)
_BOUNDS = (*(str(float(f"{bound:.3g}")) for bound in BUCKET_BOUNDS), "+Inf")
_LATENCIES = {
    Latency.open: ("open", "From open, or fromNative, to opened."),
    Latency.write_ack: ("write_ack", "From a write to the completedWrite that covers its last byte."),
    Latency.receive_ack: ("receive_ack", "From a received to the completedReceive that covers its last byte."),
    Latency.close: ("close", "From the first close or requestClose to closed."),
    Latency.session: ("session", "From open, or fromNative, to closed."),
}


class MetricsCollector(Collector):
    """A prometheus_client collector over `snapshots`, which is called at every scrape.

    It gives the snapshot of one process, whose metrics then have the labels DESIGN names; or any number of snapshots,
    whose metrics then have the labels `name` and `pid` as well. `unrecorded` gives the events that the recorder of the
    one process could not write. Neither a session's id nor an address is ever a label: the slowest session of each
    histogram is an exemplar, which OpenMetrics shows.
    """

    def __init__(
        self,
        snapshots: Callable[[], Snapshot | Iterable[Snapshot]],
        *,
        unrecorded: Callable[[], int] | None = None,
    ) -> None:
        self._snapshots = snapshots
        self._unrecorded = unrecorded
        self._watch = WaitWatch()

    def describe(self) -> Iterable[Metric]:
        """Name all metrics without looking at a process."""
        return _Families(()).all()

    def collect(self) -> Iterable[Metric]:
        """Give all metrics as they are now; what `snapshots` raises is raised."""
        found = self._snapshots()
        if not isinstance(found, Snapshot):
            families = _Families(("name", "pid"))
            snapshots = list(found)
            for snapshot in snapshots:
                base = (snapshot.process.name, str(snapshot.process.pid))
                families.add(snapshot, self._watch.look(snapshot), base)
            self._watch.forget_others(snapshots)
            return families.all()
        families = _Families(())
        families.add(found, self._watch.look(found), ())
        if self._unrecorded is not None:
            families.lost.add_metric(("not_recorded",), self._unrecorded())
        return families.all()


class _Families:
    """Every metric once, with the samples of all snapshots; `base` are the labels that every sample has."""

    def __init__(self, base: tuple[str, ...]) -> None:
        def labels(*names: str) -> list[str]:
            return [*base, *names]

        self.info = GaugeMetricFamily(
            "c4trace_info",
            "1; the labels say what is traced, by what, and its state (live, dead, closed, aside, recorded).",
            labels=[*(base or ("name",)), "state", "version", "litecore", "clock", "capture"],
        )
        self.calls = CounterMetricFamily(
            "c4trace_calls", "Calls and up-calls that began.", labels=labels("factory", "call")
        )
        self.bytes = CounterMetricFamily(
            "c4trace_bytes", "Bytes that calls and up-calls passed.", labels=labels("factory", "call"), unit="bytes"
        )
        self.durations = HistogramMetricFamily(
            "c4trace_call_duration_seconds",
            "Time that calls and up-calls took in the callee.",
            labels=labels("factory", "call"),
            unit="seconds",
        )
        self.latencies = {
            latency: HistogramMetricFamily(f"c4trace_{name}_seconds", help_, labels=labels("factory"), unit="seconds")
            for latency, (name, help_) in _LATENCIES.items()
        }
        self.sockets = GaugeMetricFamily(
            "c4trace_sockets", "Sessions that are now in a state.", labels=labels("factory", "state")
        )
        self.unacked = GaugeMetricFamily(
            "c4trace_unacked_write_bytes",
            "Bytes written that no completedWrite has covered yet.",
            labels=labels("factory"),
            unit="bytes",
        )
        self.unprocessed = GaugeMetricFamily(
            "c4trace_unprocessed_receive_bytes",
            "Bytes received that no completedReceive has covered yet.",
            labels=labels("factory"),
            unit="bytes",
        )
        self.oldest = GaugeMetricFamily(
            "c4trace_oldest_seconds",
            "For how long the session that has been longest in a state is in it now; 0 where none is.",
            labels=labels("factory", "state"),
            unit="seconds",
        )
        self.stalled = GaugeMetricFamily(
            "c4trace_stalled_seconds",
            "Longest time, at least, that a session's bytes of a call have been outstanding with none being covered.",
            labels=labels("factory", "call"),
            unit="seconds",
        )
        self.outstanding = GaugeMetricFamily(
            "c4trace_outstanding_max_bytes",
            "Bytes of a call that the session with most of them has outstanding.",
            labels=labels("factory", "call"),
            unit="bytes",
        )
        self.slices = CounterMetricFamily(
            "c4trace_slices",
            "Slices that write handed over, those released and those of which it is not known; absent where releases "
            "cannot be seen.",
            labels=labels("factory", "state"),
        )
        self.unreleased = GaugeMetricFamily(
            "c4trace_unreleased_slices",
            "Slices of write that the factory has not released yet.",
            labels=labels("factory"),
        )
        self.unreleased_bytes = GaugeMetricFamily(
            "c4trace_unreleased_slice_bytes",
            "Bytes of slices of write that the factory has not released yet.",
            labels=labels("factory"),
            unit="bytes",
        )
        self.closed = CounterMetricFamily(
            "c4trace_closed", "Sessions closed, by error.", labels=labels("factory", "domain", "code")
        )
        self.findings = CounterMetricFamily(
            "c4trace_findings", "Breaches of the factory contract, by rule.", labels=labels("rule")
        )
        self.lost = CounterMetricFamily(
            "c4trace_events_lost", "Events that are not on record; counters have them.", labels=labels("reason")
        )
        self.overhead = CounterMetricFamily(
            "c4trace_overhead_seconds", "Time that c4trace itself took in the host.", labels=labels(), unit="seconds"
        )

    def all(self) -> list[Metric]:
        """Every metric, those without samples too."""
        return [
            *(self.info, self.calls, self.bytes, self.durations, self.sockets, *self.latencies.values()),
            *(self.unacked, self.unprocessed, self.oldest, self.stalled, self.outstanding),
            *(self.slices, self.unreleased, self.unreleased_bytes),
            *(self.closed, self.findings, self.lost, self.overhead),
        ]

    def add(self, snapshot: Snapshot, waits: Mapping[str, Waits], base: tuple[str, ...]) -> None:
        """Add the samples of one snapshot, which have the values `base` for the labels of that name."""
        process = snapshot.process
        about = (process.state, process.c4trace, process.litecore, process.clock, process.capture)
        self.info.add_metric((*(base or (process.name,)), *about), 1)
        for factory in snapshot.factories:
            self._add_factory(factory, (*base, factory.label))
            self._add_waits(waits[factory.label], (*base, factory.label))
        for reason, lost in snapshot.lost.items():
            self.lost.add_metric((*base, reason), lost)
        self.overhead.add_metric(base, snapshot.overhead_seconds)

    def _add_factory(self, factory: FactoryTotals, labels: tuple[str, ...]) -> None:
        for kind, cell in factory.events.items():
            self.calls.add_metric((*labels, kind.name), cell.n)
            if kind in _WITH_BYTES:
                self.bytes.add_metric((*labels, kind.name), cell.bytes)
            if cell.done:  # else 32 series for each of the calls this factory has no use for
                _add_histogram(self.durations, (*labels, kind.name), cell)
        for latency, cell in factory.latencies.items():
            _add_histogram(self.latencies[latency], labels, cell)
        for state in STATES:
            self.sockets.add_metric((*labels, state.name), factory.states.get(state, 0))
        self.unacked.add_metric(labels, factory.unacked_write_bytes)
        self.unprocessed.add_metric(labels, factory.unprocessed_receive_bytes)
        if factory.slices is not None:
            self._add_slices(factory.slices, labels)
        for error, n in _by_name(factory.closed).items():
            self.closed.add_metric((*labels, *error), n)

    def _add_waits(self, waits: Waits, labels: tuple[str, ...]) -> None:
        for state, seconds in waits.oldest.items():
            self.oldest.add_metric((*labels, state.name), seconds)
        for call, seconds in waits.stalled.items():
            self.stalled.add_metric((*labels, call.name), seconds)
        for call, size in waits.most.items():
            self.outstanding.add_metric((*labels, call.name), size)

    def _add_slices(self, slices: Slices, labels: tuple[str, ...]) -> None:
        states = {"written": slices.written, "released": slices.released, "not_followed": slices.not_followed}
        for state, count in states.items():
            self.slices.add_metric((*labels, state), count.n)
        self.unreleased.add_metric(labels, slices.unreleased.n)
        self.unreleased_bytes.add_metric(labels, slices.unreleased.bytes)


def _add_histogram(family: HistogramMetricFamily, labels: tuple[str, ...], cell: Cell) -> None:
    counts = itertools.accumulate(cell.buckets)
    buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = list(zip(_BOUNDS, counts, strict=True))
    slowest = cell.exemplar
    if slowest is not None:
        at = bisect.bisect_left(BUCKET_BOUNDS, slowest.seconds)
        bound, count = buckets[at][:2]
        buckets[at] = (bound, count, Exemplar({"sid": str(slowest.sid)}, slowest.seconds, slowest.wall))
    family.add_metric(labels, buckets, cell.seconds)


def _by_name(closed: Mapping[tuple[int, int], int]) -> Counter[tuple[str, str]]:
    """Sessions closed by the names of domain and code: ("WebSocket", "1006 abnormal closure"), ("none", "no error")."""
    named: Counter[tuple[str, str]] = Counter()
    for (domain, code), n in closed.items():
        if code == _REST:
            named["other", "other"] += n
            continue
        before, slash, after = error_name(domain, code).partition("/")
        named[(before, after) if slash else ("none", before)] += n
    return named
