"""docs/log.md against the lines of the log."""

from __future__ import annotations

import io
import json
import re

import msgspec

import c4trace
from c4trace.events import Event, EventKind, Gap, Return
from c4trace.segment.snapshot import Flow
from c4trace.sinks.logs import LogSink
from c4trace.sinks.logs.session import Session
from tests.docs.pages import DOCS, ROOT, blocks

PAGE = (DOCS / "log.md").read_text(encoding="utf-8")
FIELDS = {
    name
    for row in re.findall(r"^\| (`[^|]+) \|", PAGE.partition("## Fields")[2], re.MULTILINE)
    for name in re.findall(r"`(\w+)`", row)
}
LINES = set(re.findall(r"^\| `(\w+)` \| [iw]", PAGE.partition("## Lines")[2].partition("## Fields")[0], re.MULTILINE))


def test_every_field_and_every_line_of_the_log_is_documented() -> None:
    written = []
    for name in ("push", "refused", "dropped"):
        stream = io.StringIO()
        sink = LogSink(stream, level="debug")
        with c4trace.open_recording(ROOT / f"recordings/{name}.jsonl") as recording:
            sink.start(msgspec.to_builtins(recording.header))
            sink.notices(list(recording))
        certificate = Event(seq=1, t=1, sid=7, tid=1, ev="gotPeerCertificate", hostname="sync", accepted=True)
        close = Event(seq=2, t=2, sid=7, tid=1, ev="requestClose", status=1000)
        sink.notices([certificate, close, Return(seq=1, dt=1, accepted=True), Gap(sid=7, after=1, lost=2)])
        sink.close(2)
        written += [json.loads(line) for line in stream.getvalue().splitlines()]
    held = Session(1, counted=True, unreleased=Flow(1, 2), closing=1, closed=2, lost=1).summary()
    assert {name for line in written for name in line} | set(held) == FIELDS
    lines = {line["event"] for line in written}
    assert lines >= LINES
    assert lines - LINES - set(EventKind.__members__) == {"return"}


def test_the_lines_shown_are_lines_of_the_log() -> None:
    (block,) = blocks(DOCS / "log.md")
    shown = [json.loads(line) for line in block.text.splitlines()]
    assert {line["event"] for line in shown} == {"open", "opened", "closed", "summary"}
    assert {name for line in shown for name in line} <= FIELDS
