"""`c4trace run --dlsym` around programs of cffi, ctypes and JNA, which look functions up, against their own counts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from c4trace.events import EventKind
from c4trace.segment.attach import attach
from c4trace.segment.folder import list_segments
from c4trace.segment.snapshot import FactoryTotals, Flow, Slices
from tests.real import ctypes_host, java_host
from tests.real.child import OUTPUT, run
from tests.real.counts import Counted
from tests.real.expectations import nothing_went_wrong
from tests.real.litecore import PATH
from tests.real.recorded import FLOWS, orderly, read_whole
from tests.real.scenario import Scenario, Way
from tests.tracing import tallied

pytestmark = pytest.mark.real

C4TRACE = Path(sys.executable).with_name("c4trace")
FRAMINGS = [pytest.param({}, id="messages"), pytest.param({"framed": True}, id="stream")]


def factories(segments: Path) -> tuple[FactoryTotals, ...]:
    (file,) = list_segments(segments)
    with attach(file.path) as segment:
        return segment.snapshot().factories


def comparable(side: Counted) -> Counted:
    sizes = {name: size for name, size in side["bytes"].items() if name in FLOWS}
    return {"calls": side["calls"], "bytes": sizes, "closed": sorted(side["closed"])}


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_cffi_program_is_on_record_to_the_byte(framing: dict[str, Any], tmp_path: Path, segments: Path) -> None:
    record = tmp_path / "cffi.jsonl"
    scenario = Scenario(way=Way.LOOPBACK, push=50, pull=50, blob_bytes=1 << 20, **framing)
    result = run(scenario, tmp_path, before=[C4TRACE, "run", "--dlsym", "--record", record, "--"])
    nothing_went_wrong(result)
    assert result.documents == [102]
    recorded = read_whole(record)
    orderly(recorded)
    found = sorted((comparable(side) for side in recorded.by_factory.values()), key=str)
    assert found == sorted((comparable(side) for side in (result.client, result.passive)), key=str)
    assert "nothing lost" in (tmp_path / OUTPUT).read_text()
    for factory in factories(segments):
        written = Flow(factory.events[EventKind.write].n, factory.events[EventKind.write].bytes)
        assert (factory.upcalls, factory.releases) == ("interposed", "interposed")
        assert factory.slices == Slices(written=written, released=written, not_followed=Flow(0, 0))


CTYPES = [sys.executable, ctypes_host.__file__]


def counting(program: list[str], folder: Path, *before: str | Path, end: str = "") -> tuple[dict[str, int], str]:
    """What a program that counts counted, and what was said on stderr."""
    (folder / "database").mkdir()
    words = [*program, str(PATH), str(folder / "database"), "3", end]
    done = subprocess.run([*before, *words], env=java_host.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    return counts, done.stderr


@pytest.mark.parametrize("language", ["ctypes", "JNA"])
def test_a_program_that_looks_up_is_on_record_to_the_byte(language: str, tmp_path: Path, segments: Path) -> None:
    program = CTYPES if language == "ctypes" else java_host.build(tmp_path, java_host.looking_up)
    record = tmp_path / "host.jsonl"
    counts, said = counting(program, tmp_path, C4TRACE, "run", "--dlsym", "--record", record, "--")
    written = counts.pop("written")
    events = tallied(read_whole(record).events)
    assert {name: n for name, (n, _) in events.items()} == counts
    assert events["write"] == (counts["write"], written)
    assert said.count("\n") == 1
    assert "nothing lost" in said
    (factory,) = factories(segments)
    every = Flow(counts["write"], written)
    assert factory.slices == Slices(written=every, released=every, not_followed=Flow(0, 0))


def test_a_ctypes_program_that_leaks_is_told(tmp_path: Path, segments: Path) -> None:
    counts, said = counting(CTYPES, tmp_path, C4TRACE, "run", "--dlsym", "--", end="leak")
    (factory,) = factories(segments)
    assert factory.slices is not None
    assert factory.slices.unreleased == Flow(counts["write"], counts["written"])
    assert f"{counts['write']} slices of {counts['written']} B not released" in said


def test_without_the_option_the_reason_is_told(tmp_path: Path, segments: Path) -> None:
    _, said = counting(CTYPES, tmp_path, C4TRACE, "run", "--")
    why = f"{PATH} was loaded, but nothing is linked to it: if it is looked up by dlsym, run with --dlsym"
    assert said == f"c4trace: nothing was traced: {why}\n"
    assert list_segments(segments) == []
