from __future__ import annotations

import io
import json
import logging
import os
import resource
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from c4trace.events import ErrorInfo, Event, Gap, Return
from c4trace.sinks.logs import LogError, LogSink

HEADER: dict[str, Any] = {
    "c4trace": "0.1.0",
    "name": "orders",
    "pid": 4711,
    "clock": {"wall": "2026-11-23T04:07:00Z", "source": "tsc"},
    "capture": "full",
}
MS = 1_000_000
SESSION: list[Event | Return | Gap] = [
    Event(1, 0, 5, 7, "open", dt=10, factory="main", address="ws://h:4984/db", options={"WS-Protocols": "BLIP_3"}),
    Event(2, 10 * MS, 5, 8, "gotHTTPResponse", status=101, headers={"Server": "x"}),
    Event(3, 20 * MS, 5, 8, "opened"),
    Event(4, 30 * MS, 5, 9, "write", n=100, data=b"secret document"),
    Event(5, 31 * MS, 5, 9, "write", n=50),
    Event(6, 32 * MS, 5, 8, "completedWrite", n=150),
    Event(7, 40 * MS, 5, 8, "received", n=70),
    Return(7, 900),
    Gap(5, 7, 2),
    Event(8, 50 * MS, 5, 9, "requestClose", status=1000),
    Event(9, 75 * MS, 5, 8, "closed", error=ErrorInfo(6, 1000)),
    Event(10, 76 * MS, 5, 8, "dispose"),
]


def logged(*batches: list[Event | Return | Gap], lost: int | None = None, **options: Any) -> list[dict[str, Any]]:
    """The lines that a sink logs for these batches."""
    stream = io.StringIO()
    sink = LogSink(stream, **options)
    sink.start(HEADER)
    for batch in batches:
        sink.notices(batch)
        sink.idle()
    told = sum(line.lost for batch in batches for line in batch if isinstance(line, Gap))
    sink.close(told if lost is None else lost)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_session_is_a_line_at_each_step_and_a_summary() -> None:
    who = {"tracer": "orders", "pid": 4711, "sid": 5, "factory": "main", "address": "ws://h:4984/db"}
    closed = {"error": "WebSocket/1000 normal closure", "status": 101}
    durations = {"connect_s": 0.02, "session_s": 0.075, "close_s": 0.025}
    flows = {"written": 2, "written_bytes": 150, "received": 1, "received_bytes": 70, "lost": 2}
    assert logged(SESSION) == [
        who | {"event": "open", "level": "info", "timestamp": "2026-11-23T04:07:00.000000Z", "incoming": False},
        who | {"event": "opened", "level": "info", "timestamp": "2026-11-23T04:07:00.020000Z", "connect_s": 0.02},
        who | {"event": "gap", "level": "warning", "timestamp": "2026-11-23T04:07:00.040000Z", "lost": 2, "after": 7},
        who | {"event": "closed", "level": "info", "timestamp": "2026-11-23T04:07:00.075000Z"} | closed,
        who
        | {"event": "summary", "level": "info", "timestamp": "2026-11-23T04:07:00.076000Z"}
        | closed
        | durations
        | flows,
    ]


def test_every_event_is_a_line_only_at_debug() -> None:
    lines = logged(SESSION, level="debug")
    steps = ["open", "gotHTTPResponse", "opened", "write", "write", "completedWrite", "received", "return", "gap"]
    assert [line["event"] for line in lines] == [*steps, "requestClose", "closed", "dispose", "summary"]
    assert {line["level"] for line in lines} == {"debug", "info", "warning"}
    write = lines[3]
    assert (write["seq"], write["tid"], write["n"], write["sid"], write["level"]) == (4, 9, 100, 5, "debug")
    assert lines[0]["options"] == {"WS-Protocols": "BLIP_3"}
    assert "secret" not in json.dumps(lines)


def test_what_a_sink_wants_follows_from_what_it_was_given(tmp_path: Path) -> None:
    assert LogSink("json").wants == "events"
    assert LogSink("json", segment=tmp_path / "s").wants == "lifecycle"
    assert LogSink("json", segment=tmp_path / "s", level="debug").wants == "events"


def test_an_abnormal_end_is_a_warning_with_its_name() -> None:
    events: list[Event | Return | Gap] = [
        Event(1, 0, 1, 7, "open", address="ws://h/db"),
        Event(2, MS, 1, 7, "closed", error=ErrorInfo(2, 111, "connection refused")),
        Event(3, MS, 1, 7, "dispose"),
        Event(4, 0, 2, 7, "open", address="ws://h/db"),
        Event(5, MS, 2, 7, "closed"),
    ]
    lines = [line for line in logged(events) if line["event"] != "open"]
    assert [(line["event"], line["sid"], line["level"], line["error"]) for line in lines] == [
        ("closed", 1, "warning", "POSIX/111 ECONNREFUSED"),
        ("summary", 1, "info", "POSIX/111 ECONNREFUSED"),
        ("closed", 2, "info", "no error"),
        ("summary", 2, "info", "no error"),
    ]
    assert lines[0]["message"] == lines[1]["message"] == "connection refused"


def test_an_incoming_session_opens_once() -> None:
    lines = logged(
        [Event(1, 0, 1, 7, "fromNative", address="ws://h/db"), Event(2, 5, 1, 7, "open", address="ws://h/db")]
    )
    assert [(line["event"], line["incoming"]) for line in lines] == [("open", True)]


def test_sessions_that_closed_without_a_dispose_are_summed_up_at_the_end() -> None:
    lines = logged(SESSION[:-1])
    assert [line["event"] for line in lines] == ["open", "opened", "gap", "closed", "summary"]


def test_losses_that_no_gap_has_told_are_told_at_the_end() -> None:
    lines = logged([Gap(0, 9, 2)], lost=10)
    assert [(line["event"], line["lost"], line["level"]) for line in lines] == [
        ("gap", 2, "warning"),
        ("gap", 8, "warning"),
    ]


def test_secrets_that_got_here_go_no_further() -> None:
    address = "ws://ann:hunter2@h:4984/db"
    events: list[Event | Return | Gap] = [
        Event(1, 0, 1, 7, "open", address=address, options={"auth": {"type": "Basic", "password": "hunter2"}}),
        Event(2, 1, 1, 7, "gotHTTPResponse", status=401, headers={"Set-Cookie": "s=hunter2"}),
        Event(3, 2, 1, 7, "closed", error=ErrorInfo(6, 401, f"cannot open {address}")),
        Event(4, 3, 1, 7, "dispose"),
    ]
    lines = logged(events, level="debug")
    assert len(lines) == 5
    assert "hunter2" not in json.dumps(lines)


def test_sessions_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("c4trace.sinks.logs.sink._SESSIONS_MAX", 10)
    sink = LogSink(io.StringIO())
    sink.start(HEADER)
    for sid in range(1, 1000):
        sink.notices([Event(sid, sid, sid, 7, "open"), Event(sid, sid, sid, 7, "closed")])
    assert len(sink._sessions) == 10
    sink.close(0)


def test_a_session_that_was_forgotten_is_still_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("c4trace.sinks.logs.sink._SESSIONS_MAX", 1)
    begin = [Event(sid, sid, sid, 7, ev) for sid in (1, 2) for ev in ("open", "closed")]
    assert [(line["event"], line["sid"]) for line in logged([*begin])][2:4] == [("open", 2), ("summary", 1)]


def test_a_file_is_appended_to_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "orders.log"
    before = os.umask(0)
    try:
        for _ in range(2):
            sink = LogSink(path)
            sink.start(HEADER)
            sink.notices(SESSION)
            sink.close(2)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().splitlines()) == 10


@pytest.mark.parametrize("style", ["json", "console"])
def test_standard_error_takes_lines_of_either_style(capsys: pytest.CaptureFixture[str], style: str) -> None:
    sink = LogSink(style)
    sink.start(HEADER)
    sink.notices([Event(1, 0, 1, 7, "open", address="ws://h/\x1b[2Jdb\n")])
    sink.close(0)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "open" in err
    assert "sid" in err
    assert "\x1b[2J" not in err
    assert err.startswith("{") is (style == "json")


def test_the_hosts_logging_is_left_alone(tmp_path: Path) -> None:
    handlers, level = list(logging.root.handlers), logging.root.level
    configured = structlog.get_config()
    sink = LogSink(tmp_path / "a.log")
    sink.start(HEADER)
    sink.notices(SESSION)
    sink.close(2)
    assert not structlog.is_configured()
    assert structlog.get_config() == configured
    assert (list(logging.root.handlers), logging.root.level) == (handlers, level)


@pytest.fixture
def host_lines() -> Iterator[list[dict[str, Any]]]:
    """A host whose structlog is configured to its own taste."""
    with structlog.testing.capture_logs() as lines:
        yield lines  # type: ignore[misc] # a list of dicts by another name


def test_a_logger_of_the_host_gets_the_lines_if_it_is_given(host_lines: list[dict[str, Any]]) -> None:
    sink = LogSink(logger=structlog.get_logger("c4trace"))
    sink.start(HEADER)
    sink.notices(SESSION)
    sink.close(2)
    assert [(line["event"], line["log_level"]) for line in host_lines] == [
        ("open", "info"),
        ("opened", "info"),
        ("gap", "warning"),
        ("closed", "info"),
        ("summary", "info"),
    ]


def test_a_log_that_cannot_be_opened_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in [tmp_path, tmp_path / "absent" / "a.log", tmp_path / "link"]:
        with pytest.raises(LogError) as caught:
            LogSink(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_costs_lines_and_is_told_once() -> None:
    said: list[str] = []
    sink = LogSink(Path("/dev/full"), report=said.append)
    sink.start(HEADER)
    sink.notices(SESSION)
    sink.close(2)
    assert said == ["a line of the log is left out: [Errno 28] No space left on device; the host goes on"]
    assert sink.left_out == 5


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        import resource
        from tests.sinks.test_logs import HEADER, Event, LogSink
        sink = LogSink(Path(sys.argv[1]), report=lambda text: None)
        sink.start(HEADER)
        for sid in range(1, 50):
            sink.notices([Event(sid, sid, sid, 7, "open")])
        assert sink.left_out > 20, sink.left_out
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
        sink.notices([Event(50, 50, 50, 7, "open")])
        sink.close(0)
    """
    path = tmp_path / "a.log"
    subprocess.run(
        # -B: the limit would cut the files in which Python keeps compiled modules, too
        [sys.executable, "-B", "-c", textwrap.dedent(script), str(path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 100_000)),
        check=True,
        cwd=Path(__file__).parents[2],
    )
    lines = path.read_text().splitlines()
    assert json.loads(lines[-1])["sid"] == 50
    whole = [line for line in lines if line.endswith("}")]
    assert len(lines) - len(whole) <= 1
    assert [json.loads(line)["sid"] for line in whole[:-1]] == list(range(1, len(whole)))


def test_a_stream_that_is_closed_harms_nobody() -> None:
    said: list[str] = []
    stream = io.StringIO()
    sink = LogSink(stream, report=said.append)
    sink.start(HEADER)
    stream.close()
    sink.notices(SESSION)
    sink.close(2)
    assert len(said) == 1
    assert sink.left_out == 5


def test_events_of_unknown_sockets_and_sessions_are_no_error() -> None:
    lines = logged(
        [
            Event(1, 0, 0, 7, "received", n=5),
            Event(2, 0, 0, 7, "dispose"),
            Event(3, 1, 9, 7, "opened"),
            Event(4, 2, 9, 7, "closed", error=ErrorInfo(6, 1006)),
            Event(5, 3, 9, 7, "closed", error=ErrorInfo(6, 1006)),
            Event(6, 4, 9, 7, "dispose"),
        ]
    )
    assert [(line["event"], line["sid"]) for line in lines] == [("opened", 9), ("closed", 9), ("summary", 9)]
    assert "session_s" not in lines[-1]
