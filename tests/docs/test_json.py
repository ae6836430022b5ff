"""docs/json.md against what the commands print."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import c4trace
from c4trace.bench.measure import Measured, Recorder
from c4trace.cli.main import VERBS
from c4trace.doctor.check import Check
from c4trace.host import EmbeddedHost
from c4trace.report.process import InFlightLine
from c4trace.report.processes import Row
from c4trace.report.summary import EventRow, Summary, TookRow
from c4trace.tui.plain_table import SocketLine
from tests.docs.pages import DOCS

PAGE = (DOCS / "json.md").read_text(encoding="utf-8")
STRUCTS: dict[str, list[type[msgspec.Struct]]] = {
    "show": [InFlightLine],
    "ps": [Row],
    "live": [SocketLine],
    "replay": [Summary, EventRow, TookRow],
    "doctor": [Check],
    "bench": [Measured, Recorder],
}


def section(verb: str) -> str:
    return PAGE.partition(f"\n## {verb}\n")[2].partition("\n## ")[0]


def fields(verb: str) -> set[str]:
    """What stands in backquotes in the first cell of a row."""
    cells = re.findall(r"^\| (`[^|]+) \|", section(verb), re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize("verb", STRUCTS)
def test_every_field_is_documented_and_no_other(verb: str) -> None:
    outer, *inner = STRUCTS[verb]
    tag = {"type"} if outer.__struct_config__.tag else set()
    assert fields(verb) == {field.encode_name for field in msgspec.structs.fields(outer)} | tag
    named = set(re.findall(r"`(\w+)`", section(verb)))
    assert {field.encode_name for struct in inner for field in msgspec.structs.fields(struct)} - named == set()


def test_what_ctl_says_is_documented(tmp_path: Path) -> None:
    with EmbeddedHost() as host, c4trace.Tracer("orders", litecore=host, folder=tmp_path) as tracer:
        command = Path(sys.executable).with_name("c4trace")
        said = subprocess.check_output([command, "ctl", tracer.segment_path, "--json"], text=True)
    assert set(json.loads(said)) == fields("ctl")


def test_every_verb_that_has_it_is_on_the_page() -> None:
    commands = (DOCS / "commands.md").read_text(encoding="utf-8")
    for verb in VERBS:
        options = commands.partition(f"\n## c4trace {verb}\n")[2].partition("\n## ")[0]
        assert ("| `--json` |" in options) == bool(section(verb)), verb
