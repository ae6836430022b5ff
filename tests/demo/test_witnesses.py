from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from c4trace.demo.witnesses import Witness, differences, host_witness, page_witness, recording_witness
from c4trace.events import EventKind
from c4trace.host_socket import Counts, Tally
from c4trace.sinks.metrics import MetricsCollector
from tests.report.sample import two_sessions
from tests.report.test_running_totals import totals_of


def page() -> str:
    registry = CollectorRegistry()
    registry.register(MetricsCollector(totals_of(two_sessions()).snapshot))
    return generate_latest(registry).decode()


def test_a_recording_and_its_page_agree() -> None:
    recorded, scraped = recording_witness(totals_of(two_sessions())), page_witness(page())
    assert differences(recorded, scraped) == []
    assert scraped.events["write"] == 4
    assert scraped.closed == {"WebSocket/1000 normal closure": 1, "Network/8 TLSCertUntrusted": 1}
    assert scraped.latencies == {"open": 2, "write_ack": 4, "receive_ack": 2, "close": 2, "session": 2}
    assert scraped.lost == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"events": Counter(write=3)}, "events of write: recording 4, other 3"),
        ({"bytes": Counter(write=335)}, "bytes of write: recording 336, other 335"),
        ({"latencies": Counter(open=1)}, "latencies of open: recording 2, other 1"),
        ({"closed": Counter()}, "closed of Network/8 TLSCertUntrusted: recording 1, other 0"),
        ({"lost": 4}, "events lost: recording 3, other 4"),
    ],
)
def test_every_difference_is_named(change: dict[str, object], said: str) -> None:
    recorded = recording_witness(totals_of(two_sessions()))
    assert said in differences(recorded, dataclasses.replace(recorded, name="other", **change))  # type: ignore[arg-type]


def test_what_a_witness_does_not_know_is_not_compared() -> None:
    host = host_witness(Counts({EventKind.write: Tally(2, 10)}, {}))
    recorded = Witness("recording", Counter(write=2), Counter(write=10), Counter(open=1), Counter({"no error": 1}), 7)
    assert differences(recorded, host) == []
    assert differences(recorded, dataclasses.replace(host, events=Counter(write=2, open=1))) != []


def test_latencies_may_differ_by_the_acknowledgements_that_were_not_timed() -> None:
    recorded = recording_witness(totals_of(two_sessions()))
    timed_less = dataclasses.replace(
        recorded, name="page", latencies=(recorded.latencies or Counter()) - Counter(open=1)
    )
    assert differences(recorded, timed_less) == ["latencies of open: recording 2, page 1"]
    assert differences(recorded, dataclasses.replace(timed_less, untimed=1)) == []


def test_losses_of_times_are_no_lost_events() -> None:
    scraped = page_witness(
        "# TYPE c4trace_events_lost counter\n"
        'c4trace_events_lost_total{reason="ring_full"} 2\n'
        'c4trace_events_lost_total{reason="latency"} 5\n'
    )
    assert (scraped.lost, scraped.untimed) == (2, 5)
