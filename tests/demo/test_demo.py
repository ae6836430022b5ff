from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from c4trace.demo import run as demo
from c4trace.demo.peer import Peer
from c4trace.demo.script import Script, own_script, read_script
from c4trace.recording.schema import RecordingError
from recordings import make
from tests.report.sample import written

SCRIPT = Script(
    "/db/_blipsync", {"WS-Protocols": "BLIP_3+CBMobile_3"}, ((True, b"\x01ask"), (False, b"\x01answer"), (True, b"bye"))
)


def test_our_own_script_is_what_a_real_litecore_said() -> None:
    script = own_script()
    assert script.subprotocols[0] == "BLIP_3+CBMobile_3"
    assert script.turns[0][0]
    assert b"Profile\0getCheckpoint\0" in script.turns[0][1]
    assert sum(len(data) for _, data in script.turns) > 40_000


def test_our_own_script_is_a_golden_recording() -> None:
    assert make.PACKAGED.read_bytes() == make.unpacked(make.HERE / make.PLAYED)


def test_every_socket_plays_the_whole_script(tmp_path: Path) -> None:
    outcome = demo.run(SCRIPT, tmp_path, sockets=3)
    assert outcome.complaints == ()
    assert outcome.totals.sessions_total == 3
    (factory,) = outcome.totals.snapshot().factories
    assert {kind.name: (cell.n, cell.bytes) for kind, cell in factory.events.items() if cell.bytes} == {
        "write": (6, 3 * 7),
        "completedWrite": (6, 3 * 7),
        "received": (3, 3 * 7),
        "completedReceive": (3, 3 * 7),
    }


def test_a_peer_that_hears_something_else_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = dataclasses.replace(SCRIPT, turns=((True, b"\x01ask me"), *SCRIPT.turns[1:]))
    monkeypatch.setattr(demo, "Peer", lambda _script: Peer(other))
    complaints = demo.run(SCRIPT, tmp_path, sockets=1).complaints
    assert "turn 1: the peer got 4 bytes, not the 7 recorded" in complaints
    assert any(complaint.startswith("socket 1: closed: WebSocket/1002") for complaint in complaints)


def test_numbers_that_differ_are_complaints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = demo.fetch
    monkeypatch.setattr(demo, "fetch", lambda tracer: fetch(tracer).replace('call="write",', 'call="open",'))
    complaints = demo.run(SCRIPT, tmp_path, sockets=1).complaints
    assert "events of write: recording 2, metrics page 0" in complaints


def test_a_recording_without_data_is_no_script(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="has not all its data"):
        read_script(written(tmp_path))


def test_a_page_is_left_whole_or_not_at_all(tmp_path: Path) -> None:
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from c4trace.demo.run import leave_page\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: leave_page(Path(sys.argv[1]), 'x' * 100_000)\n"
        "except OSError as error: print(error.filename)\n"
    )
    path = tmp_path / "metrics.txt"
    result = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert result.stdout == f"{path}\n"
    assert not path.exists()
