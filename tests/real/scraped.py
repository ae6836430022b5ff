"""What a page of metrics says of a scenario, read by Prometheus' own parsers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_classic

from tests.real.counts import Counted
from tests.real.litecore import Domain

DOMAINS = {"none": 0, "POSIX": Domain.POSIX, "Network": Domain.NETWORK, "WebSocket": Domain.WEBSOCKET}
IN_A_STATE = ("opening", "open", "closing", "closed")

Samples = dict[str, list[tuple[dict[str, str], float]]]


def classic(page: str) -> Samples:
    """The samples of a page in Prometheus' text format, by name."""
    return _samples(parse_classic, page)


def openmetrics(page: str) -> Samples:
    """The samples of a page in OpenMetrics, by name."""
    return _samples(parse_openmetrics, page)


def counted(samples: Samples) -> dict[str, Counted]:
    """Counts by factory, in the form in which factories count themselves."""
    found: dict[str, Counted] = defaultdict(lambda: {"calls": {}, "bytes": {}, "closed": []})
    for labels, value in samples["c4trace_calls_total"]:
        if value:
            found[labels["factory"]]["calls"][labels["call"]] = int(value)
    for labels, value in samples["c4trace_bytes_total"]:
        if labels["call"] in found[labels["factory"]]["calls"]:
            found[labels["factory"]]["bytes"][labels["call"]] = int(value)
    for labels, value in samples["c4trace_closed_total"]:
        number = re.match(r"\d+", labels["code"])
        error = [int(DOMAINS[labels["domain"]]), int(number[0]) if number else 0]
        found[labels["factory"]]["closed"] += [error] * int(value)
    return {label: counts for label, counts in found.items() if counts["calls"]}


def at_rest(samples: Samples) -> None:
    """Every call that began has returned into its histogram; no session, no byte is outstanding; nothing is lost."""
    began = {(labels["factory"], labels["call"]): value for labels, value in samples["c4trace_calls_total"] if value}
    timed = {
        (labels["factory"], labels["call"]): value for labels, value in samples["c4trace_call_duration_seconds_count"]
    }
    assert timed == began
    for name in ("c4trace_sockets", "c4trace_unacked_write_bytes", "c4trace_unprocessed_receive_bytes"):
        assert {value for _, value in samples[name]} == {0}, name
    for name in ("c4trace_unreleased_slices", "c4trace_unreleased_slice_bytes"):
        assert {value for _, value in samples[name]} <= {0}, name
    lost = {labels["reason"]: value for labels, value in samples["c4trace_events_lost_total"]}
    assert lost.pop("latency") >= 0
    assert lost
    assert set(lost.values()) == {0}, lost


def slices(samples: Samples) -> dict[str, dict[str, int]]:
    """What became of what write handed over, by factory whose releases can be seen."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for labels, value in samples["c4trace_slices_total"]:
        found[labels["factory"]][labels["state"]] = int(value)
    return found


def _samples(parse: Callable[[str], Iterable[Metric]], page: str) -> Samples:
    samples: Samples = defaultdict(list)
    for family in parse(page):
        for sample in family.samples:
            found: Any = sample.labels
            samples[sample.name].append((found, sample.value))
    return samples
