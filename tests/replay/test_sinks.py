from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from c4trace.replay.sinks import Fed
from c4trace.report.process import process_of
from c4trace.sinks.logs import LogError
from tests.report.sample import HEADER, session, two_sessions

PROCESS = process_of(HEADER, "orders.jsonl")


def test_every_line_is_counted_and_logged(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with Fed(HEADER, PROCESS, str(log)) as fed:
        for line in two_sessions():
            fed.feed(line)
    assert fed.snapshot().sessions_total == 2
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["sid"] for line in lines if line["event"] == "summary"] == [1, 2]
    assert {line["tracer"] for line in lines} == {"orders"}


def test_a_scrape_may_look_at_any_moment() -> None:
    fed = Fed(HEADER, PROCESS, None)
    over = threading.Event()
    seen: list[int] = []

    def scrape() -> None:
        while not over.is_set():
            seen.append(fed.snapshot().sessions_total)

    scraping = threading.Thread(target=scrape)
    scraping.start()
    for sid in range(1, 400):
        for line in session(sid, 11 * sid, sid * 1000):
            fed.feed(line)
    over.set()
    scraping.join()
    assert seen == sorted(seen)
    assert fed.snapshot().sessions_total == 399


def test_a_log_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="the log cannot be written"):
        Fed(HEADER, PROCESS, str(tmp_path / "no" / "log"))
