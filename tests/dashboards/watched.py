"""A Prometheus that watches it all: a real LiteCore, well and unwell, traffic, an exporter, and one that is killed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from dashboards.server import RULES, Prometheus, configured

ROOT = Path(__file__).parents[2]
C4TRACE = Path(sys.executable).with_name("c4trace")
PATIENCE = 100.0
HASTE = 20  # times faster than in production do rules look and wait; thresholds are what they are


class Cause(NamedTuple):
    """What an alert must fire for: its name, and labels that it then has."""

    alert: str
    job: str
    labels: dict[str, str]


CAUSES = [
    Cause("C4traceStuckOpening", "c4trace", {"name": "trouble", "factory": "never-opens"}),
    Cause("C4traceStuckClosing", "c4trace", {"name": "trouble", "factory": "never-closes"}),
    Cause("C4traceStuckClosing", "c4trace", {"name": "trouble", "factory": "given-up"}),
    Cause("C4traceStuckClosing", "faulty", {"factory": "never-closes"}),
    Cause("C4traceStalled", "c4trace", {"name": "trouble", "factory": "never-acknowledges", "call": "write"}),
    Cause("C4traceStalled", "faulty", {"factory": "never-acknowledges", "call": "write"}),
    Cause("C4traceBackPressure", "c4trace", {"name": "trouble", "factory": "never-acknowledges", "call": "write"}),
    Cause("C4traceReconnectStorm", "c4trace", {"name": "trouble", "factory": "drops"}),
    Cause("C4traceErrorRatio", "c4trace", {"name": "trouble", "factory": "refuses"}),
    Cause("C4traceLoss", "c4trace", {"name": "lossy"}),
    Cause("C4traceCollectorDown", "doomed", {}),
]


def hastened(rules: str, factor: int) -> str:
    """Rules whose `for` and whose ranges are shorter by this factor."""

    def shorter(found: re.Match[str]) -> str:
        seconds = int(found[2]) * {"s": 1, "m": 60, "h": 3600}[found[3]]
        return f"{found[1]}{seconds * 1000 // factor}ms"

    return re.sub(r"(\[|for: )(\d+)([smh])\b", shorter, rules)


class Watch:
    """The Prometheus, as a test asks it."""

    def __init__(self, url: str, pages: dict[str, str]) -> None:
        self.url = url
        self.pages = pages
        """Where the metrics of each job are."""

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own
            return json.load(answer)["data"]

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The series that an expression has now."""
        found: list[dict[str, Any]] = self.ask("query", query=expr)["result"]
        return found

    def firing(self, cause: Cause) -> bool:
        """Whether the alert fires for its cause."""
        return any(
            alert["state"] == "firing"
            and {"alertname": cause.alert, "job": cause.job, **cause.labels}.items() <= alert["labels"].items()
            for alert in self.ask("alerts")["alerts"]
        )

    def page(self, job: str) -> str:
        """What is scraped, as text."""
        with urllib.request.urlopen(self.pages[job], timeout=30) as answer:  # noqa: S310 - our own
            text: bytes = answer.read()
        return text.decode()


def eventually(happened: Callable[[], bool], what: str) -> None:
    """Wait for it, patiently."""
    until = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < until, f"not within {PATIENCE} s: {what}"
        time.sleep(0.2)


class Crew:
    """Processes of one folder, which end with the test."""

    def __init__(self, folder: Path, ending: ExitStack) -> None:
        self._folder = folder
        self._ending = ending

    def start(self, segments: str, *command: str | Path) -> tuple[subprocess.Popen[str], str]:
        """Start one, and what it first says."""
        folder = self._folder / segments
        folder.mkdir(mode=0o700, exist_ok=True)
        said = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "C4TRACE_DIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._ending.callback(said.communicate)
        self._ending.callback(said.kill)
        assert said.stdout is not None
        return said, said.stdout.readline().strip()

    def python(self, segments: str, module: str, *arguments: str) -> str:
        """Start a module; what it first says."""
        kept = self._folder / arguments[0]
        kept.mkdir()
        return self.start(segments, sys.executable, "-m", module, *arguments, str(kept))[1]

    def exporter(self, segments: str) -> tuple[subprocess.Popen[str], str]:
        """Start `c4trace metrics --all`; its page."""
        process, said = self.start(segments, C4TRACE, "metrics", "--all", "--port", "0")
        found = re.search(r"http://\S+", said)
        assert found, said
        return process, found[0]


@contextmanager
def watched(folder: Path) -> Iterator[Watch]:
    """Everything runs, and every cause of an alert is there; not that they have fired."""
    with ExitStack() as ending:
        crew = Crew(folder, ending)
        pages = {
            "litecore": crew.python("own", "tests.dashboards.litecore_host", "clean"),
            "faulty": crew.python("own", "tests.dashboards.litecore_host", "faulty"),
        }
        assert crew.python("shared", "dashboards.traffic", "orders") == "ready"
        assert crew.python("shared", "dashboards.traffic", "trouble") == "ready"
        pages["c4trace"] = crew.exporter("shared")[1]
        doomed, pages["doomed"] = crew.exporter("shared")
        rules = [folder / path.name for path in RULES]
        for path, original in zip(rules, RULES, strict=True):
            path.write_text(hastened(original.read_text(), HASTE))
        targets = {job: [urllib.parse.urlsplit(page).netloc] for job, page in pages.items()}
        server = ending.enter_context(Prometheus(configured(targets, rules, "1s"), folder / "prometheus"))
        watch = Watch(server.url, pages)
        eventually(lambda: bool(watch.query('c4trace_info{job="doomed"}')), "the exporter is scraped")
        doomed.kill()
        yield watch
