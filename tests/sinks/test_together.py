"""All sinks on one traced session: what one of them says, the others say too."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any, Literal

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse_classic

from c4trace.events import EventKind
from c4trace.host import EmbeddedHost
from c4trace.recording.reader import open_recording
from c4trace.segment.collector import Collector, Sink
from c4trace.sinks.logs import LogSink
from c4trace.sinks.metrics import MetricsCollector
from c4trace.sinks.recorder import Recorder
from c4trace.tracer import Tracer
from tests.factories.echo import EchoFactory
from tests.tracing import until

URL = "ws://localhost:4984/db/_blipsync"
MESSAGES = [b"x" * size for size in (1, 100, 5000, 30_000)]


def scrape(url: str) -> dict[tuple[str, str], float]:
    """What a counter of the page says for a call."""
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - our own address
        page = answer.read().decode()
    samples = [sample for family in parse_classic(page) for sample in family.samples]
    return {(sample.name, sample.labels.get("call", "")): sample.value for sample in samples}


@pytest.mark.parametrize("where", ["thread", "process"])
@pytest.mark.parametrize("name", ["orders.jsonl", "orders.jsonl.zst"])
def test_recording_metrics_and_logs_agree_to_the_byte(
    tmp_path: Path, name: str, where: Literal["thread", "process"]
) -> None:
    with (
        EchoFactory() as echo,
        EmbeddedHost() as host,
        Tracer(
            "together",
            litecore=host,
            record=tmp_path / name,
            capture="full",
            metrics_port=0,
            log=tmp_path / "log",
            collect_in=where,
            folder=tmp_path / "segments",
        ) as tracer,
    ):
        traced = tracer.wrap(echo, factory="echo")
        for _ in range(3):
            socket = host.connect(traced, URL)
            socket.wait_opened(timeout=60)
            for message in MESSAGES:
                socket.send(message)
            assert [socket.receive(timeout=60) for _ in MESSAGES] == MESSAGES
            socket.flush(timeout=60)
            socket.close(1000, "done")
            socket.wait_disposed(timeout=60)
        assert tracer.metrics_url is not None
        page = scrape(tracer.metrics_url)
        counted = host.counts().events

    recording = open_recording(tmp_path / name)
    events = [line for line in recording if line.__class__.__name__ == "Event"]
    assert (recording.torn, recording.mismatches, recording.lost, recording.sessions) == (None, (), 0, 3)
    for kind in EventKind:
        of_kind: list[Any] = [event for event in events if event.ev == kind.name]  # type: ignore[union-attr] # events
        n, size = (counted[kind].n, counted[kind].bytes) if kind in counted else (0, 0)
        assert len(of_kind) == n == page["c4trace_calls_total", kind.name], kind
        if ("c4trace_bytes_total", kind.name) in page:
            assert sum(event.n for event in of_kind) == size == page["c4trace_bytes_total", kind.name]

    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["event"] for line in lines if line["sid"] == 1] == ["open", "opened", "closed", "summary"]
    summaries = [line for line in lines if line["event"] == "summary"]
    assert [(line["written"], line["written_bytes"]) for line in summaries] == [(4, 35_101)] * 3
    assert sum(line["received_bytes"] for line in summaries) == page["c4trace_bytes_total", "received"]
    assert all(line["factory"] == "echo" and line["address"] == URL for line in lines)
    assert all(0 <= line["connect_s"] <= line["session_s"] for line in summaries)


def test_a_session_that_began_before_the_log_is_known_by_its_row(tmp_path: Path) -> None:
    with EchoFactory() as echo, EmbeddedHost() as host, Tracer("late", litecore=host, folder=tmp_path) as tracer:
        socket = host.connect(tracer.wrap(echo, factory="echo"), URL)
        socket.wait_opened(timeout=60)
        socket.send(b"hello")
        assert socket.receive(timeout=60) == b"hello"
        collector = Collector(
            tracer.segment_path, [LogSink(tmp_path / "log", segment=tracer.segment_path)], from_now=True
        )
        collector.start()
        socket.close(1000, "done")
        socket.wait_disposed(timeout=60)
        time.sleep(0.05)
        assert collector.stop(timeout=60)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["closed", "summary"]
    assert all((line["factory"], line["address"]) == ("echo", URL) for line in lines)
    assert (lines[-1]["written_bytes"], lines[-1]["received_bytes"]) == (5, 5)
    assert lines[-1]["session_s"] > 0


def test_every_sink_is_one_that_a_collector_takes(tmp_path: Path) -> None:
    sinks: list[Sink] = [Recorder(tmp_path / "a.jsonl"), LogSink(tmp_path / "a.log")]
    assert {sink.wants for sink in sinks} == {"text", "events"}
    for sink in sinks:
        sink.close(0)


def exemplars(collector: MetricsCollector) -> list[str]:
    """The sessions that one look names as exemplars."""
    samples = (sample for family in collector.collect() for sample in family.samples)
    return [sample.exemplar.labels["sid"] for sample in samples if sample.exemplar]


def test_scraping_takes_exemplars_anew_each_time(tmp_path: Path) -> None:
    with EchoFactory() as echo, EmbeddedHost() as host, Tracer("exemplars", litecore=host, folder=tmp_path) as tracer:
        socket = host.connect(tracer.wrap(echo), URL)
        socket.wait_opened(timeout=60)
        collector = tracer.collector
        assert isinstance(collector, MetricsCollector)
        # What the host has seen happen, its callbacks may still be returning from.
        assert until(lambda: "1" in exemplars(collector))
        assert until(lambda: not exemplars(collector))
        socket.close(1000, "done")
        socket.wait_disposed(timeout=60)
        assert until(lambda: "1" in exemplars(collector))
