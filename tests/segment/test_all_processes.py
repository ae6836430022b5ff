from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from c4trace.segment.all_processes import AllProcesses
from c4trace.segment.attach import attach
from tests.cli.talking import talking
from tests.segment.conftest import Echo
from tests.tracing import open_fds, talk


def names(processes: AllProcesses) -> list[str]:
    return [snapshot.process.name for snapshot in processes.look()]


def test_processes_are_seen_as_they_come_and_go(segments: Path) -> None:
    said: list[str] = []
    processes = AllProcesses(said.append)
    fds = open_fds()
    assert names(processes) == []
    with talking(segments, "b") as b:
        assert names(processes) == ["b"]
        with talking(segments, "a") as a:
            assert names(processes) == ["a", "b"]
            a.end()  # removes its segment
            assert names(processes) == ["b"]
        b.kill()
    assert [one.process.state for one in processes.look()] == ["dead"]
    b.path.unlink()
    assert names(processes) == []
    assert (said, open_fds()) == ([], fds)


def test_the_dead_are_forgotten_after_a_while(segments: Path) -> None:
    for_ever, at_once = AllProcesses(print), AllProcesses(print, forget_dead_after=0)
    with talking(segments, "a") as a:
        assert names(for_ever) == names(at_once) == ["a"]
        a.kill()
    assert (names(for_ever), names(at_once)) == (["a"], [])


def test_what_cannot_be_read_is_said_once_and_hides_nobody(echo: Echo, segments: Path) -> None:
    said: list[str] = []
    processes = AllProcesses(said.append)
    whole = echo.path.read_bytes()
    wrong = {
        "empty": b"",
        "short": whole[:4096],
        "torn": whole[: len(whole) // 2],
        "foreign": bytes(8192),
        "newer": whole[:8] + b"\xff\xff" + whole[10:],
    }
    for name, content in wrong.items():
        (segments / f"{name}.1.seg").write_bytes(content)
        (segments / f"{name}.1.seg").chmod(0o600)
    (segments / "link.1.seg").symlink_to(echo.path)
    for _ in range(3):
        assert names(processes) == ["echo"]
    assert sorted(line.split(".1.seg: ")[0] for line in said) == sorted(
        f"{segments}/{name}" for name in [*wrong, "link"]
    )
    assert all("\n" not in line for line in said)
    (segments / "link.1.seg").unlink()
    assert names(processes) == ["echo"]
    (segments / "link.1.seg").symlink_to(echo.path)
    said.clear()
    assert names(processes) == ["echo"]
    assert said == [f"{segments}/link.1.seg: it is a symbolic link"]


def test_a_segment_that_is_cut_between_two_looks_is_let_go(segments: Path) -> None:
    said: list[str] = []
    processes = AllProcesses(said.append)
    with talking(segments, "a") as a, talking(segments, "b"):
        a.tell("talk")
        assert names(processes) == ["a", "b"]
        a.kill()
        with a.path.open("r+b") as file:
            file.truncate(64)
        assert names(processes) == ["b"]
    assert len(said) == 1
    assert "only 64 bytes" in said[0]


def test_a_copy_does_not_tell_of_its_process_a_second_time(echo: Echo, segments: Path) -> None:
    said: list[str] = []
    processes = AllProcesses(said.append)
    for name in ("copy", "zcopy"):
        shutil.copy(echo.path, segments / f"{name}.1.seg")
    assert [snapshot.process.path for snapshot in processes.look()] == [str(echo.path)]
    assert len(said) == 2
    assert "tells of the same process as" in said[0]


def test_a_folder_that_is_refused_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    good, bad = tmp_path / "good", tmp_path / "bad"
    bad.mkdir()
    bad.chmod(0o777)
    monkeypatch.setattr("c4trace.segment.all_processes.segment_folders", lambda: (bad, good))
    processes = AllProcesses(said.append)
    with talking(good, "a"):
        assert names(processes) == ["a"]
    assert len(said) == len(processes.refused) == 1
    assert "others may write to it" in said[0]


def test_counts_of_the_living_never_go_down(echo: Echo) -> None:
    processes = AllProcesses(print)
    counts = []
    for _ in range(5):
        talk(echo.host, echo.traced, sockets=1, messages=5)
        [snapshot] = processes.look()
        counts.append(sum(cell.n for factory in snapshot.factories for cell in factory.events.values()))
    assert counts == sorted(set(counts))
    processes.close()
    with attach(echo.path) as segment:
        assert segment.snapshot().process.state == "live"
