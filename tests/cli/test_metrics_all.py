"""`c4trace metrics --all`: one exporter for all traced processes, while they come and go."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.cli.talking import talking, talking_all
from tests.cli.test_main import C4TRACE, run
from tests.tracing import Counted, page

Process = tuple[str, str]


@contextlib.contextmanager
def exporter(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The exporter, and where its page is."""
    with subprocess.Popen(
        [C4TRACE, "metrics", "--all", "--port", "0"],
        env={**os.environ, "C4TRACE_DIR": str(folder)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            yield process, process.stderr.readline().split()[2]
        finally:
            process.kill()


def opened(url: str) -> dict[Process, float]:
    """The open calls of each process; no series may be there twice."""
    samples = [sample for family in text_string_to_metric_families(page(url)) for sample in family.samples]
    series = [(sample.name, *sorted(sample.labels.items())) for sample in samples]
    assert len(series) == len(set(series))
    return {
        (sample.labels["name"], sample.labels["pid"]): sample.value
        for sample in samples
        if sample.name == "c4trace_calls_total" and sample.labels["call"] == "open"
    }


def totals(url: str) -> dict[Process, Counted]:
    """All that the page says each process has counted."""
    found: dict[Process, Counted] = {}
    for family in text_string_to_metric_families(page(url)):
        for sample in family.samples:
            about = sample.labels
            if sample.name in {"c4trace_calls_total", "c4trace_bytes_total"} and sample.value:
                counts = found.setdefault((about["name"], about["pid"]), {})
                n, size = counts.get(about["call"], (0, 0))
                value = int(sample.value)
                counts[about["call"]] = (value, size) if sample.name == "c4trace_calls_total" else (n, value)
    return found


def test_thirty_two_processes_are_on_one_page_while_some_of_them_die(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    names = [f"app-{n:02}" for n in range(32)]
    with exporter(folder) as (serving, url):
        assert opened(url) == {}  # not even the folder is there
        with talking_all(folder, names) as hosts:
            counted = [host.tell("talk" if n % 2 else "counts") for n, host in enumerate(hosts)]
            who = [(name, str(host.pid)) for name, host in zip(names, hosts, strict=True)]
            assert opened(url) == {process: 3 * (n % 2) for n, process in enumerate(who) if n % 2} | {
                process: 0 for n, process in enumerate(who) if not n % 2
            }

            own = {process: counts for process, counts in zip(who, counted, strict=True) if counts}
            assert len(own) == 16
            assert totals(url) == own

            def kill_some() -> None:
                for host in hosts[:8]:
                    host.kill()

            killer = threading.Thread(target=kill_some)
            killer.start()
            pages = [opened(url) for _ in range(8)]
            killer.join()
            for host in hosts[8:12]:
                host.end()
            for host in hosts[:4]:
                host.path.unlink()  # as pruning does
            pages.append(opened(url))
            with talking_all(folder, ["late-1", "late-2"]) as late:
                own |= {(f"late-{n}", str(host.pid)): host.tell("talk") for n, host in enumerate(late, 1)}
                own |= {process: host.tell("talk") for process, host in zip(who[12:], hosts[12:], strict=True)}
                assert totals(url) == {process: own[process] for process in own if process not in who[:4] + who[8:12]}
        assert all(set(one) == set(who) for one in pages[:-1])
        assert set(pages[-1]) == set(who[4:8] + who[12:])
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(60) == 0
        assert serving.stderr is not None
        assert serving.stderr.read() == ""


def test_what_is_damaged_or_planted_is_said_once_and_the_page_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    with talking(folder, "orders") as host, exporter(folder) as (serving, url):
        host.tell("talk")
        (folder / "broken.1.seg").write_bytes(host.path.read_bytes()[:10_000])
        (folder / "link.1.seg").symlink_to(host.path)
        shutil.copy(host.path, folder / "copy.1.seg")
        (folder / "open.1.seg").write_bytes(host.path.read_bytes())
        (folder / "open.1.seg").chmod(0o666)
        os.mkfifo(folder / "pipe.1.seg")
        for _ in range(3):
            assert opened(url) == {("orders", str(host.pid)): 3}
        serving.terminate()
        assert serving.wait(60) == 0
        assert serving.stderr is not None
        said = serving.stderr.read().splitlines()
    assert sorted(line.split(": ")[1] for line in said) == [
        f"{folder}/{name}.1.seg" for name in ("broken", "copy", "link", "open")
    ]


def test_a_process_that_runs_again_under_its_name_has_counts_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    with exporter(folder) as (_, url):
        with talking(folder, "orders") as first:
            first.tell("talk")
            assert opened(url) == {("orders", str(first.pid)): 3}
            first.kill()
        with talking(folder, "orders") as second:
            assert opened(url) == {("orders", str(first.pid)): 3, ("orders", str(second.pid)): 0}


def test_all_and_a_source_is_too_much(tmp_path: Path) -> None:
    result = run("metrics", "orders", "--all", C4TRACE_DIR=str(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "c4trace: --all and orders: give one of them\n"
