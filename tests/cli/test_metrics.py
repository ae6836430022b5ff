from __future__ import annotations

import signal
import subprocess
import urllib.request
from pathlib import Path

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.hosted import WRITTEN, hosted
from tests.cli.test_main import C4TRACE, run
from tests.report.sample import written


def samples(page: str) -> dict[tuple[str, ...], float]:
    """Values by name and labels, but for the factory."""
    return {
        (sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items()) if k != "factory")): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_the_page_of_a_process_has_its_counts(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with hosted(folder, "orders") as process:
        for source in ("orders", str(process.pid), f"{folder}/orders.{process.pid}.seg"):
            result = run("metrics", source, C4TRACE_DIR=str(folder))
            assert (result.returncode, result.stderr) == (0, "")
            found = samples(result.stdout)
            assert found["c4trace_calls_total", "call=open"] == 3
            assert found["c4trace_bytes_total", "call=write"] == WRITTEN
            assert found["c4trace_sockets", "state=open"] == 1


def test_without_a_source_all_processes_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with hosted(folder, "orders") as orders, hosted(folder, "stock") as stock:
        found = samples(run("metrics", C4TRACE_DIR=str(folder)).stdout)
    for process, name in ((orders, "orders"), (stock, "stock")):
        assert found["c4trace_calls_total", "call=open", f"name={name}", f"pid={process.pid}"] == 3


def test_nothing_to_print_is_a_process_not_reached(tmp_path: Path) -> None:
    result = run("metrics", C4TRACE_DIR=str(tmp_path / "none"))
    assert (result.returncode, result.stdout) == (3, "")
    assert "no traced process: nothing in" in result.stderr


def test_a_recording_has_a_page_too(tmp_path: Path) -> None:
    found = samples(run("metrics", written(tmp_path)).stdout)
    assert found["c4trace_bytes_total", "call=write"] == 336
    assert found["c4trace_closed_total", "code=8 TLSCertUntrusted", "domain=Network"] == 1
    assert found["c4trace_call_duration_seconds_count", "call=requestClose"] == 2
    assert found["c4trace_events_lost_total", "reason=ring_full"] == 3


def test_openmetrics_names_the_slowest_session(tmp_path: Path) -> None:
    page = run("metrics", written(tmp_path), "--openmetrics").stdout
    exemplars = [
        sample.exemplar.labels
        for family in openmetrics.text_string_to_metric_families(page)  # type: ignore[no-untyped-call]
        for sample in family.samples
        if sample.exemplar and sample.labels.get("call") == "requestClose"
    ]
    assert exemplars == [{"sid": "2"}]


def test_the_page_is_served_until_the_process_is_asked_to_end(tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    for ending in (signal.SIGINT, signal.SIGTERM):
        with (
            hosted(folder, "orders"),
            subprocess.Popen(
                [C4TRACE, "metrics", "orders", "--port", "0"],
                env={"C4TRACE_DIR": str(folder)},
                stderr=subprocess.PIPE,
                text=True,
            ) as serving,
        ):
            assert serving.stderr is not None
            said = serving.stderr.readline()
            url = said.split()[2]
            with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 - our own server
                assert samples(response.read().decode())["c4trace_calls_total", "call=open"] == 3
            serving.send_signal(ending)
            assert serving.wait(60) == 0


def test_a_port_that_is_taken_is_refused_in_one_line(tmp_path: Path) -> None:
    path = written(tmp_path)
    with subprocess.Popen([C4TRACE, "metrics", path, "--port", "0"], stderr=subprocess.PIPE, text=True) as first:
        assert first.stderr is not None
        port = first.stderr.readline().split()[2].split(":")[2].split("/")[0]
        result = run("metrics", path, "--port", port)
        first.kill()
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert f"port {port}: Address already in use; choose another port" in result.stderr
