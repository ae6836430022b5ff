"""Starts traffic, an exporter, and a Prometheus that scrapes it with c4trace's rules, until Ctrl-C (`make observe`)."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from dashboards.build import DASHBOARDS
from dashboards.server import RULES, NoPrometheus, Prometheus, configured

__all__ = ["main"]

ROOT: Final = Path(__file__).parents[1]
C4TRACE: Final = Path(sys.executable).with_name("c4trace")
EVERY: Final = "5s"


class NotObserved(Exception):  # noqa: N818 - it says what does not run
    """Something did not start: one line that says what."""


class Children:
    """Processes with their segments in one folder, all of which are ended together."""

    def __init__(self, folder: Path) -> None:
        self._environment = {**os.environ, "C4TRACE_DIR": str(folder / "segments")}
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *command: str | Path, stderr: int | None = None) -> subprocess.Popen[str]:
        """Start one, away from the terminal's signals; it complains on our stderr unless told otherwise."""
        started = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        self._started.append(started)
        return started

    def end(self) -> None:
        """End all, and wait until they have ended."""
        for one in self._started:
            one.terminate()
        for one in self._started:
            one.wait()


def exporter(children: Children) -> str:
    """Start `c4trace metrics --all`; its host and port."""
    serving = children.start(C4TRACE, "metrics", "--all", "--port", "0", stderr=subprocess.PIPE)
    assert serving.stderr is not None  # noqa: S101 - it is a pipe
    said = serving.stderr.readline()
    threading.Thread(
        target=sys.stderr.writelines, args=(serving.stderr,), name="exporter's complaints", daemon=True
    ).start()
    found = re.search(r"http://([^/]+)/", said)
    if found is None:
        raise NotObserved(f"the exporter did not start: {said.strip()}")
    return found[1]


def traffic(children: Children, kind: str, folder: Path) -> None:
    """Start traffic of this kind, and wait until it is there."""
    started = children.start(sys.executable, "-m", "dashboards.traffic", kind, str(folder))
    assert started.stdout is not None  # noqa: S101 - it is a pipe
    if not started.stdout.readline():
        raise NotObserved(f"{kind}: no traffic")


def observe(folder: Path, port: int, every: str) -> None:
    """Start everything in `folder`, say where it is, and wait; everything has ended when it leaves."""
    with ExitStack() as ending:
        children = Children(folder)
        ending.callback(children.end)
        for kind in ("orders", "trouble"):
            traffic(children, kind, folder)
        page = exporter(children)
        configuration = configured({"c4trace": [page]}, RULES, every)
        prometheus = ending.enter_context(Prometheus(configuration, folder / "prometheus", port))
        consoles = "  ".join(f"{prometheus.url}/consoles/{dashboard.name}.html" for dashboard in DASHBOARDS)
        say("traced      orders, in which all is well; trouble, with a factory for each fault; lossy")
        say(f"from here   C4TRACE_DIR={folder / 'segments'} .venv/bin/c4trace ps")
        say(f"metrics     http://{page}/metrics")
        pages = front_page(prometheus.url)
        say(f"Prometheus  {pages}")
        say(f"alerts      {urljoin(pages, 'alerts')} (they fire after some minutes)")
        say(f"dashboards  {consoles}")
        say(f"Grafana     PROMETHEUS_URL={prometheus.url} docker compose -f dashboards/docker-compose.yml up")
        say("Ctrl-C ends all")
        signal.pause()


def front_page(url: str) -> str:
    """Give where a Prometheus sends its visitors: Debian's has its pages elsewhere than others."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own
        found: str = answer.geturl()
    return found


def say(text: str) -> None:
    """Say one line."""
    print(f"observe: {text}", flush=True)


def main() -> int:
    """Do as the command line says; 2 where something is missing or taken."""
    parser = argparse.ArgumentParser(prog="make observe", description="Traffic, and a Prometheus to look at it with.")
    parser.add_argument("--port", type=int, default=9090, help="Prometheus' own (0: any)")
    parser.add_argument("--every", default=EVERY, help="how often it scrapes")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="c4trace-observe-") as made:
        try:
            observe(Path(made), asked.port, asked.every)
        except KeyboardInterrupt:
            return 0
        except (NotObserved, NoPrometheus) as missing:
            print(f"observe: {missing}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
