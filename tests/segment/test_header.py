from __future__ import annotations

import datetime as dt
import os
import sys

import msgspec

from c4trace.recording.schema import Header
from c4trace.segment.attach import attach
from c4trace.segment.header import recording_header, redacted_argv
from tests.segment.conftest import Echo


def test_a_recording_takes_the_header_as_it_is(echo: Echo) -> None:
    with attach(echo.path) as segment:
        header = msgspec.convert(segment.header(), Header)
        snapshot = segment.snapshot()
    assert (header.format, header.name, header.pid, header.capture) == (1, "echo", os.getpid(), "full")
    assert header.clock.source == snapshot.process.clock
    assert abs(header.clock.wall - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=60)
    assert header.litecore.abi == 72
    assert header.argv[0].rpartition("/")[2].startswith("python") or header.argv[0] == sys.argv[0]


def test_the_command_line_of_a_host_that_is_gone_is_not_that_of_its_successor(echo: Echo) -> None:
    with attach(echo.path) as segment:
        process = segment.snapshot().process
    assert recording_header(process)["argv"] != []
    dead = type(process)(**{field: getattr(process, field) for field in process.__slots__} | {"state": "dead"})
    assert recording_header(dead)["argv"] == []


def test_no_secret_of_the_command_line_gets_into_a_header() -> None:
    canary = "canary-8d1f"
    argv = ["app", "--password", canary, f"--token={canary}", f"ws://joe:{canary}@host/db", "--db-password", canary]
    redacted = redacted_argv(argv)
    assert canary not in " ".join(redacted)
    assert redacted[:2] == ["app", "--password"]
    assert redacted[5] == "--db-password"


def test_what_is_no_secret_stays() -> None:
    argv = ["app", "--config", "orders.toml", "-v", "--port=4984", "--password"]
    assert redacted_argv(argv) == argv
