"""`make observe`: everything is there, says where it is, and is gone after Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dashboards.server import NoPrometheus, Prometheus, configured
from tests.dashboards.programs import program

ROOT = Path(__file__).parents[2]
OBSERVE = [sys.executable, "-m", "dashboards.observe", "--every", "1s"]


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder)}


@contextmanager
def observing(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Ended, with all it has started, if the test does not do so."""
    command = [*OBSERVE, "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, env=environment(folder), stdout=subprocess.PIPE, text=True) as observe:
        try:
            yield observe
        finally:
            observe.terminate()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_everything_is_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    program("prometheus", "prometheus")
    with observing(tmp_path) as observe:
        assert observe.stdout is not None
        said = [observe.stdout.readline()]
        while said[-1] and "Ctrl-C" not in said[-1]:
            said.append(observe.stdout.readline())
        started = children(observe.pid)
        assert len(started) == 4  # traffic of both kinds, exporter, Prometheus
        urls = [url for url in re.findall(r"(?<!=)http://\S+", "".join(said)) if "localhost" not in url]
        assert len(urls) == 6
        for url in urls:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own
                assert answer.status == 200, url
        observe.send_signal(number)
        assert observe.wait(60) == 0
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_named_in_one_line(tmp_path: Path) -> None:
    program("prometheus", "prometheus")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [*OBSERVE, "--port", str(port)]
        done = subprocess.run(command, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("observe: prometheus did not start: ")
    assert f"127.0.0.1:{port}" in line
    assert list(tmp_path.iterdir()) == []


def test_a_prometheus_that_is_missing_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoPrometheus, match="apt-get install prometheus"):
        Prometheus(configured({}, (), "1s"), tmp_path)


def test_a_prometheus_that_cannot_read_its_configuration_says_so(tmp_path: Path) -> None:
    program("prometheus", "prometheus")
    with pytest.raises(NoPrometheus, match=r"did not start: .*nonsense"), Prometheus("nonsense: 1", tmp_path):
        pass
