"""A Prometheus of our own, with c4trace's rules and pages, in a folder that is thrown away."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

__all__ = ["CONSOLES", "RULES", "NoPrometheus", "Prometheus", "configured"]

FOLDER: Final = Path(__file__).parent
CONSOLES: Final = FOLDER / "consoles"
RULES: Final = (FOLDER / "rules" / "recording.yml", FOLDER / "rules" / "alerts.yml")
LISTENING: Final = re.compile(r'msg="Listening on" address=\S*:(\d+)')
READY: Final = "Server is ready to receive web requests"
PATIENCE: Final = 60.0


class NoPrometheus(Exception):  # noqa: N818 - it is missing, or says why it does not start
    """There is no Prometheus, or it ended at once: one line with what to do."""


def configured(targets: Mapping[str, Sequence[str]], rules: Sequence[Path], every: str) -> str:
    """Give a configuration that scrapes, by job, these targets (host:port), and evaluates the rules, `every` so often.

    It is JSON, which is YAML.
    """
    scraped = [{"job_name": job, "static_configs": [{"targets": list(of)}]} for job, of in targets.items()]
    often = {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every}
    return json.dumps(
        {"global": often, "rule_files": [str(path) for path in rules], "scrape_configs": scraped}, indent=1
    )


class Prometheus:
    """Runs with `configuration` while it is entered, its data in `folder`; `url` is where. Port 0: any that is free.

    NoPrometheus where it is not installed or does not start.
    """

    def __init__(self, configuration: str, folder: Path, port: int = 0) -> None:
        program = shutil.which("prometheus")
        if program is None:
            raise NoPrometheus("prometheus is not there; install it with: sudo apt-get install prometheus")
        folder.mkdir(exist_ok=True)
        (folder / "prometheus.yml").write_text(configuration, encoding="utf-8")
        self._command = [
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--web.console.templates={CONSOLES}",
            f"--web.console.libraries={CONSOLES}",
        ]
        self._said: list[str] = []
        self._ready = threading.Event()
        self._listening = ""
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self._reader = threading.Thread(target=self._read, name="prometheus-log", daemon=True)
        self._reader.start()
        try:
            self._ready.wait(PATIENCE)
        finally:
            if not self.url:
                self.__exit__(None, None, None)
        if not self.url:
            why = next((line for line in reversed(self._said) if "err=" in line), "".join(self._said[-1:]))
            raise NoPrometheus(f"prometheus did not start: {why.strip()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _read(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - it is a pipe
        for line in self._process.stderr:
            found = LISTENING.search(line)
            if found:
                self._listening = f"http://127.0.0.1:{found[1]}"
            if READY in line:
                self.url = self._listening
                self._ready.set()
            self._said = [*self._said[-50:], line]
        self._ready.set()
