"""What recording, metrics page and host have counted, each on its own, and where they differ."""

from __future__ import annotations

import dataclasses
from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from c4trace.decode.errors import error_name
from c4trace.events import EventKind, Latency
from c4trace.host_socket import Counts
from c4trace.report.losses import events_lost
from c4trace.report.running_totals import RunningTotals

__all__ = ["Witness", "differences", "host_witness", "page_witness", "recording_witness"]

_WITH_BYTES = (EventKind.write, EventKind.completedWrite, EventKind.received, EventKind.completedReceive)


@dataclasses.dataclass(frozen=True, slots=True)
class Witness:
    """One account of the same events; what it cannot know is None, `known` the only events it can know of.

    `untimed` acknowledgements were counted but not timed: latencies may differ by as many.
    """

    name: str
    events: Counter[str]
    bytes: Counter[str]
    latencies: Counter[str] | None = None
    closed: Counter[str] | None = None
    lost: int | None = None
    known: frozenset[str] | None = None
    untimed: int = 0


def recording_witness(totals: RunningTotals) -> Witness:
    """Sum up a recording."""
    factories = totals.factories.values()
    return Witness(
        "recording",
        _positive({kind.name: sum(f.n[kind] for f in factories) for kind in EventKind}),
        _positive({kind.name: sum(f.bytes[kind] for f in factories) for kind in _WITH_BYTES}),
        _positive({latency.name: sum(f.latencies[latency].n for f in factories) for latency in Latency}),
        _positive(sum((Counter({error_name(*e): n for e, n in f.closed.items()}) for f in factories), Counter())),
        totals.lost,
    )


def page_witness(page: str) -> Witness:
    """Read a metrics page as Prometheus does."""
    events: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    latencies: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    counts = {f"c4trace_{latency.name}_seconds_count": latency.name for latency in Latency}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            number = int(sample.value)
            match sample.name:
                case "c4trace_calls_total":
                    events[sample.labels["call"]] += number
                case "c4trace_bytes_total":
                    sizes[sample.labels["call"]] += number
                case "c4trace_closed_total":
                    closed[_error(sample.labels["domain"], sample.labels["code"])] += number
                case "c4trace_events_lost_total":
                    lost[sample.labels["reason"]] += number
                case name if name in counts:
                    latencies[counts[name]] += number
    return Witness(
        "metrics page",
        _positive(events),
        _positive(sizes),
        _positive(latencies),
        _positive(closed),
        events_lost(lost),
        untimed=lost["latency"],
    )


def host_witness(counts: Counts) -> Witness:
    """Take what the embedded host itself has counted."""
    return Witness(
        "host",
        _positive({kind.name: counts.n(kind) for kind in EventKind}),
        _positive({kind.name: counts.bytes(kind) for kind in _WITH_BYTES}),
    )


def differences(one: Witness, other: Witness) -> list[str]:
    """Name every number that two witnesses both know and that is not the same."""
    found = []
    for what in ("events", "bytes", "latencies", "closed"):
        ours, theirs = getattr(one, what), getattr(other, what)
        slack = other.untimed if what == "latencies" else 0
        if ours is not None and theirs is not None:
            found += [
                f"{what} of {key}: {one.name} {ours[key]}, {other.name} {theirs[key]}"
                for key in sorted(ours.keys() | theirs.keys())
                if abs(ours[key] - theirs[key]) > slack and (other.known is None or key in other.known)
            ]
    if one.lost is not None and other.lost is not None and one.lost != other.lost:
        found.append(f"events lost: {one.name} {one.lost}, {other.name} {other.lost}")
    return found


def _positive(counts: dict[str, int]) -> Counter[str]:
    return Counter({key: n for key, n in counts.items() if n})


def _error(domain: str, code: str) -> str:
    return code if domain == "none" else f"{domain}/{code}"
