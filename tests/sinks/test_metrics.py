from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_classic
from prometheus_client.samples import Sample

from c4trace.events import EventKind, Latency, SessionState
from c4trace.segment.snapshot import BUCKET_BOUNDS, Flow, Snapshot
from c4trace.segment.waiting import STATES
from c4trace.sinks.metrics import MetricsCollector
from tests.sinks.snapshots import QUIET, cell, factory, snapshot

NAMES = {
    "c4trace_info": "gauge",
    "c4trace_calls_total": "counter",
    "c4trace_bytes_total": "counter",
    "c4trace_call_duration_seconds": "histogram",
    "c4trace_sockets": "gauge",
    "c4trace_open_seconds": "histogram",
    "c4trace_write_ack_seconds": "histogram",
    "c4trace_receive_ack_seconds": "histogram",
    "c4trace_close_seconds": "histogram",
    "c4trace_session_seconds": "histogram",
    "c4trace_unacked_write_bytes": "gauge",
    "c4trace_unprocessed_receive_bytes": "gauge",
    "c4trace_oldest_seconds": "gauge",
    "c4trace_stalled_seconds": "gauge",
    "c4trace_outstanding_max_bytes": "gauge",
    "c4trace_slices_total": "counter",
    "c4trace_unreleased_slices": "gauge",
    "c4trace_unreleased_slice_bytes": "gauge",
    "c4trace_closed_total": "counter",
    "c4trace_findings_total": "counter",
    "c4trace_events_lost_total": "counter",
    "c4trace_overhead_seconds_total": "counter",
}


def registry(snapshots: Callable[[], Snapshot | Iterable[Snapshot]]) -> CollectorRegistry:
    made = CollectorRegistry()
    made.register(MetricsCollector(snapshots))
    return made


def classic(*found: Snapshot) -> str:
    return generate_latest(registry(lambda: found[0] if len(found) == 1 else found)).decode()


def as_openmetrics(found: Snapshot) -> str:
    text: bytes = openmetrics.generate_latest(registry(lambda: found))  # type: ignore[no-untyped-call] # not typed there
    return text.decode()


PARSED: dict[str, Callable[[Snapshot], list[Metric]]] = {
    "classic": lambda found: list(parse_classic(classic(found))),
    "openmetrics": lambda found: list(parse_openmetrics(as_openmetrics(found))),  # type: ignore[no-untyped-call] # as above
}


def samples(families: Iterable[Metric]) -> dict[tuple[str, frozenset[tuple[str, str]]], Sample]:
    found = [sample for family in families for sample in family.samples]
    by_series = {(sample.name, frozenset(sample.labels.items())): sample for sample in found}
    assert len(by_series) == len(found), "a series is there twice"
    return by_series


@pytest.fixture(params=list(PARSED))
def value(request: pytest.FixtureRequest) -> Callable[..., float]:
    """The value of a series in a page of the format under test."""
    pages: dict[int, dict[tuple[str, frozenset[tuple[str, str]]], Sample]] = {}

    def of(found: Snapshot, name: str, /, **labels: str) -> float:
        if id(found) not in pages:
            pages[id(found)] = samples(PARSED[request.param](found))
        return pages[id(found)][name, frozenset(labels.items())].value

    return of


def test_the_page_has_the_promised_names_and_no_other() -> None:
    lines = [line.split() for line in classic(snapshot()).splitlines()]
    assert {line[2]: line[3] for line in lines if line[:2] == ["#", "TYPE"]} == NAMES
    helped = [line[2] for line in lines if line[:2] == ["#", "HELP"]]
    assert sorted(helped) == sorted(NAMES)


def test_calls_and_bytes_are_those_of_the_segment(value: Callable[..., float]) -> None:
    found = snapshot(factory("a", 1), factory("b", 2))
    for totals, kind in itertools.product(found.factories, EventKind):
        labels = {"factory": totals.label, "call": kind.name}
        assert value(found, "c4trace_calls_total", **labels) == totals.events[kind].n
        if kind.name in {"write", "completedWrite", "received", "completedReceive"}:
            assert value(found, "c4trace_bytes_total", **labels) == totals.events[kind].bytes
        else:
            with pytest.raises(KeyError):
                value(found, "c4trace_bytes_total", **labels)


def test_histograms_are_those_of_the_segment(value: Callable[..., float]) -> None:
    found = snapshot()
    (totals,) = found.factories
    cells = [("c4trace_call_duration_seconds", {"call": kind.name}, totals.events[kind]) for kind in EventKind]
    cells += [(f"c4trace_{latency.name}_seconds", {}, totals.latencies[latency]) for latency in Latency]
    bounds = ["1e-07", "2.5e-07", "5e-07", "1e-06", "2.5e-06", "5e-06", "1e-05", "2.5e-05", "5e-05", "0.0001"]
    bounds += ["0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5"]
    bounds += ["1.0", "2.5", "5.0", "10.0", "25.0", "50.0", "100.0", "250.0", "500.0", "+Inf"]
    assert len(bounds) == len(BUCKET_BOUNDS) + 1
    for name, labels, expected in cells:
        assert value(found, f"{name}_count", factory="main", **labels) == expected.done
        assert value(found, f"{name}_sum", factory="main", **labels) == expected.seconds
        for le, count in zip(bounds, itertools.accumulate(expected.buckets), strict=True):
            assert value(found, f"{name}_bucket", factory="main", le=le, **labels) == count


def test_gauges_losses_and_overhead_are_those_of_the_segment(value: Callable[..., float]) -> None:
    found = snapshot()
    (totals,) = found.factories
    for state in SessionState:
        if state is not SessionState.disposed:
            assert value(found, "c4trace_sockets", factory="main", state=state.name) == totals.states[state]
    assert value(found, "c4trace_unacked_write_bytes", factory="main") == totals.unacked_write_bytes
    assert value(found, "c4trace_unprocessed_receive_bytes", factory="main") == totals.unprocessed_receive_bytes
    assert value(found, "c4trace_events_lost_total", reason="ring_full") == 3
    assert value(found, "c4trace_events_lost_total", reason="latency") == 0
    assert value(found, "c4trace_overhead_seconds_total") == 0.125
    about = {"state": "live", "version": "0.1.0", "litecore": "3.0.0", "clock": "tsc", "capture": "headers"}
    assert value(found, "c4trace_info", name="orders", **about) == 1


def test_what_sessions_wait_for_is_told_from_scrape_to_scrape() -> None:
    waiting = dataclasses.replace(
        QUIET, connected_at=40.0, write=Flow(9, 70_000), completed_write=Flow(1, 1000), last=95.0
    )
    before = dataclasses.replace(snapshot(), sessions=(waiting,))
    later = dataclasses.replace(before, now=130.0, sessions=(dataclasses.replace(waiting, last=129.0),))
    looks = iter([snapshot(), before, later])
    made = registry(lambda: next(looks))
    assert made.get_sample_value("c4trace_stalled_seconds", {"factory": "main", "call": "write"}) == 0
    assert made.get_sample_value("c4trace_stalled_seconds", {"factory": "main", "call": "write"}) == 5
    page = samples(parse_classic(generate_latest(made).decode()))

    def gauge(name: str, **labels: str) -> float:
        return page[name, frozenset({"factory": "main", **labels}.items())].value

    assert gauge("c4trace_stalled_seconds", call="write") == 35
    assert gauge("c4trace_stalled_seconds", call="received") == 0
    assert gauge("c4trace_outstanding_max_bytes", call="write") == 69_000
    assert gauge("c4trace_outstanding_max_bytes", call="received") == 0
    assert [gauge("c4trace_oldest_seconds", state=state.name) for state in STATES] == [0, 90, 0, 0]


def test_slices_are_told_by_what_became_of_them(value: Callable[..., float]) -> None:
    found = snapshot()
    for state, n in {"written": 90, "released": 70, "not_followed": 13}.items():
        assert value(found, "c4trace_slices_total", factory="main", state=state) == n
    assert value(found, "c4trace_unreleased_slices", factory="main") == 7
    assert value(found, "c4trace_unreleased_slice_bytes", factory="main") == 3000


def test_slices_whose_release_cannot_be_seen_are_no_metric() -> None:
    text = classic(snapshot(factory(releases="not visible", slices=None)))
    assert "slice" not in "".join(line for line in text.splitlines() if not line.startswith("#"))


def test_errors_are_counted_by_name(value: Callable[..., float]) -> None:
    found = snapshot()
    expected = {
        ("WebSocket", "1000 normal closure"): 5,
        ("WebSocket", "1006 abnormal closure"): 3,
        ("Network", "8 TLSCertUntrusted"): 2,
        ("POSIX", "111 ECONNREFUSED"): 1,
        ("none", "no error"): 10,
        ("domain 300", "7"): 1,
        ("other", "other"): 9,
    }
    for (domain, code), n in expected.items():
        assert value(found, "c4trace_closed_total", factory="main", domain=domain, code=code) == n


def test_calls_that_never_happened_have_a_counter_but_no_histogram(value: Callable[..., float]) -> None:
    events = dict(factory().events) | {EventKind.attached: cell([])}
    found = snapshot(factory(events=events, latencies={latency: cell([]) for latency in Latency}))
    assert value(found, "c4trace_calls_total", factory="main", call="attached") == 0
    assert value(found, "c4trace_open_seconds_count", factory="main") == 0
    with pytest.raises(KeyError):
        value(found, "c4trace_call_duration_seconds_count", factory="main", call="attached")


def test_the_slowest_session_is_an_exemplar_in_its_bucket() -> None:
    durations = [1e-6, 0.03, 0.05]
    events = dict(factory().events) | {EventKind.write: cell(durations)}
    page = samples(PARSED["openmetrics"](snapshot(factory(events=events))))
    exemplars = {
        dict(labels)["le"]: sample.exemplar
        for (name, labels), sample in page.items()
        if name == "c4trace_call_duration_seconds_bucket" and ("call", "write") in labels and sample.exemplar
    }
    ((le, exemplar),) = exemplars.items()
    assert le == "0.05"
    assert (exemplar.labels, exemplar.value, float(exemplar.timestamp or 0)) == ({"sid": "77"}, 0.05, 1_795_000_100.25)
    assert '# {sid="77"}' in as_openmetrics(snapshot(factory(events=events)))
    assert "sid=" not in classic(snapshot(factory(events=events)))


def test_an_exemplar_above_all_bounds_is_in_the_last_bucket() -> None:
    events = {EventKind.write: cell([1e4])}
    assert 'le="+Inf"} 1.0 # {sid="77"} 10000.0' in as_openmetrics(snapshot(factory(events=events)))


def test_several_processes_are_told_apart_by_name_and_pid() -> None:
    page = samples(parse_classic(classic(snapshot(), snapshot(factory("b", 2), pid=4712))))
    calls = {dict(labels)["pid"] for name, labels in page if name == "c4trace_calls_total"}
    assert calls == {"4711", "4712"}
    assert all({"name", "pid"} <= dict(labels).keys() for _, labels in page)


def test_no_process_at_all_is_an_empty_page() -> None:
    made = registry(list)
    assert [family for family in parse_classic(generate_latest(made).decode()) if family.samples] == []


def test_what_a_stopped_recorder_lost_is_counted() -> None:
    made = CollectorRegistry()
    made.register(MetricsCollector(snapshot, unrecorded=lambda: 12))
    assert made.get_sample_value("c4trace_events_lost_total", {"reason": "not_recorded"}) == 12


def test_registering_does_not_look_at_the_process() -> None:
    def fail() -> Snapshot:
        raise AssertionError

    assert registry(fail) is not None


def test_one_metric_can_be_asked_for_alone() -> None:
    page = generate_latest(registry(snapshot).restricted_registry(["c4trace_sockets"])).decode()
    assert {family.name for family in parse_classic(page)} == {"c4trace_sockets"}


def test_label_values_are_escaped() -> None:
    page = samples(parse_classic(classic(snapshot(factory('a"b\\c\nd')))))
    assert any(("factory", 'a"b\\c\nd') in labels for _, labels in page)


@pytest.mark.parametrize("count", [1, 3])
def test_promtool_finds_nothing_to_improve(count: int) -> None:
    promtool = shutil.which("promtool")
    if promtool is None and not os.environ.get("CI"):
        pytest.skip("promtool is not there: apt-get install prometheus")
    assert promtool is not None, "in CI promtool must be there: apt-get install prometheus"
    page = classic(*[snapshot(pid=pid) for pid in range(count)])
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_cells_of_a_snapshot_are_left_as_they_are() -> None:
    found = snapshot()
    before = dataclasses.asdict(found)
    classic(found)
    assert dataclasses.asdict(found) == before
