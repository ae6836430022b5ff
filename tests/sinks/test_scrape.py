from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_classic

from c4trace.segment.snapshot import Snapshot
from c4trace.sinks.metrics import MetricsCollector
from c4trace.sinks.scrape import MetricsServer, ServeError
from tests.sinks.snapshots import snapshot

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    with MetricsServer(MetricsCollector(snapshot), 0) as serving:
        yield serving


def get(url: str, **headers: str) -> tuple[str, bytes]:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own address
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
        return answer.headers["Content-Type"], answer.read()


def test_a_scrape_is_answered_in_classic_text(server: MetricsServer) -> None:
    kind, body = get(server.url)
    assert kind.startswith("text/plain; version=0.0.4")
    assert "c4trace_calls" in {family.name for family in parse_classic(body.decode())}
    assert b"sid=" not in body


def test_a_scrape_that_asks_for_openmetrics_gets_it_with_exemplars(server: MetricsServer) -> None:
    kind, body = get(server.url, Accept=OPENMETRICS)
    assert kind.startswith("application/openmetrics-text")
    families = list(parse_openmetrics(body.decode()))  # type: ignore[no-untyped-call] # not typed there
    assert any(sample.exemplar for family in families for sample in family.samples)


def test_a_scrape_may_be_compressed(server: MetricsServer) -> None:
    _, body = get(server.url, **{"Accept-Encoding": "gzip"})
    assert b"c4trace_calls_total" in gzip.decompress(body)


def test_the_page_holds_nothing_of_the_host(server: MetricsServer) -> None:
    _, body = get(server.url)
    assert {line.split()[2] for line in body.decode().splitlines() if line.startswith("#")} != set()
    assert all(
        line.startswith(("# HELP c4trace_", "# TYPE c4trace_", "c4trace_")) for line in body.decode().splitlines()
    )


def test_scrapes_at_once_are_all_answered(server: MetricsServer) -> None:
    bodies: list[bytes] = []
    threads = [threading.Thread(target=lambda: bodies.append(get(server.url)[1])) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bodies) == 16
    assert len(set(bodies)) == 1


def test_a_client_that_says_nothing_keeps_no_other_waiting(server: MetricsServer) -> None:
    with socket.create_connection((server.address, server.port)):
        assert get(server.url)[1]


def test_a_scrape_without_a_process_fails_with_the_reason_in_its_body(capfd: pytest.CaptureFixture[str]) -> None:
    def gone() -> Snapshot:
        raise ProcessLookupError("process 4711 has ended")

    with MetricsServer(MetricsCollector(gone), 0) as server, pytest.raises(urllib.error.HTTPError) as caught:
        get(server.url)
    with caught.value as answer:
        assert answer.code == 500
        assert answer.read() == b"c4trace has no metrics now: process 4711 has ended\n"
    assert capfd.readouterr() == ("", "")


def test_a_closed_server_frees_its_port_and_its_thread() -> None:
    before = threading.active_count()
    server = MetricsServer(MetricsCollector(snapshot), 0)
    get(server.url)
    server.close()
    assert [thread.name for thread in threading.enumerate() if thread.name == "c4trace-metrics"] == []
    with pytest.raises(urllib.error.URLError):
        get(server.url)
    with MetricsServer(MetricsCollector(snapshot), server.port) as again:
        assert again.port == server.port
        get(again.url)
    assert threading.active_count() <= before + 1  # at most the last scrape's own thread, ending


def test_a_taken_port_is_told_in_one_line(server: MetricsServer) -> None:
    with pytest.raises(ServeError) as caught:
        MetricsServer(MetricsCollector(snapshot), server.port)
    assert str(caught.value) == (
        f"metrics cannot be served at 127.0.0.1, port {server.port}: Address already in use; "
        "choose another port, or 0 for any that is free"
    )


@pytest.mark.parametrize(
    ("address", "port", "hint"),
    [
        ("192.0.2.1", 0, "choose an address of this machine"),
        ("127.0.0.1", 99999, "no such port; choose another address and port"),
        ("no such host", 0, "choose another address and port"),
    ],
)
def test_an_impossible_address_is_told_in_one_line(address: str, port: int, hint: str) -> None:
    with pytest.raises(ServeError, match=hint) as caught:
        MetricsServer(MetricsCollector(snapshot), port, address)
    assert "\n" not in str(caught.value)


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6_is_served() -> None:
    with MetricsServer(MetricsCollector(snapshot), 0, "::1") as server:
        assert server.url == f"http://[::1]:{server.port}/metrics"
        assert get(server.url)[1]


def test_that_all_may_scrape_is_not_hidden() -> None:
    with MetricsServer(MetricsCollector(snapshot), 0, "") as server:
        assert server.url == f"http://0.0.0.0:{server.port}/metrics"


def test_a_forked_child_does_not_keep_the_port() -> None:
    server = MetricsServer(MetricsCollector(snapshot), 0)
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    try:
        server.close()
        with MetricsServer(MetricsCollector(snapshot), server.port) as again:
            assert again.port == server.port
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_the_port_is_free_while_a_child_has_not_let_go_of_it_yet() -> None:
    server = MetricsServer(MetricsCollector(snapshot), 0)
    with server._server.socket.dup():
        server.close()
        with MetricsServer(MetricsCollector(snapshot), server.port) as again:
            assert again.port == server.port


def test_a_host_that_never_closes_the_server_can_end() -> None:
    script = "from tests.sinks.test_scrape import *\nMetricsServer(MetricsCollector(snapshot), 0)\n"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, cwd=Path(__file__).parents[2])


def test_a_real_prometheus_scrapes_it(server: MetricsServer, tmp_path: Path) -> None:
    prometheus = shutil.which("prometheus")
    if prometheus is None and not os.environ.get("CI"):
        pytest.skip("prometheus is not there: apt-get install prometheus")
    assert prometheus is not None, "in CI prometheus must be there: apt-get install prometheus"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "scrape_configs:\n  - job_name: c4trace\n    scrape_interval: 1s\n    scrape_timeout: 1s\n"
        f"    static_configs: [{{targets: ['127.0.0.1:{server.port}']}}]\n"
    )
    arguments = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    running = subprocess.Popen(
        [prometheus, *arguments, f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage"],
        stderr=subprocess.DEVNULL,
    )
    api = f"http://127.0.0.1:{port}/api/v1"
    try:
        assert b'"77"' in eventually(
            f"{api}/query_exemplars?query=c4trace_open_seconds_bucket&start=0&end=2e9", b'"sid"'
        )
        assert b'"value":[' in eventually(f"{api}/query?query=c4trace_calls_total%7Bcall%3D%22write%22%7D", b'"value"')
    finally:
        running.terminate()
        running.wait(timeout=30)


def eventually(url: str, what: bytes) -> bytes:
    """What is at `url`, once `what` is in it."""
    until = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError):
            body = get(url)[1]
            if what in body:
                return body
        assert time.monotonic() < until, f"{what!r} never came"
        time.sleep(0.2)
