from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import reading, soak
from benchmarks.__main__ import BENCHES, main, sized
from benchmarks.goals import GOALS
from benchmarks.reading import count_of
from benchmarks.results import read, write
from tests.benchmarks.measured import results_of


@pytest.mark.parametrize("name", [*BENCHES, "lossless"])
def test_each_benchmark_runs(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--tiny", "--folder", str(tmp_path)]) == 0
    measured = read([name], tmp_path)[name]
    assert capsys.readouterr().out.strip().startswith(name)
    assert measured.series or measured.missing  # without a LiteCore, say
    assert all(value >= 0 for one in measured.series for value in one.values)
    assert len({(one.side, one.case) for one in measured.series}) == len(measured.series)
    there = {(one.side, one.case) for one in measured.series}
    sizes = {count_of(events) for events in reading.FULL.events}  # of which few runs are as large
    unmeasured = {(side, case) for side, case in named(name) - there if case not in sizes}
    assert {side for side, _ in unmeasured} <= set(measured.missing)
    assert {side for side, _ in named(name)} <= {side for side, _ in there} | set(measured.missing)


def named(name: str) -> set[tuple[str, str]]:
    """Sides and cases that the goals of a benchmark name."""
    return {at for goal in GOALS if goal.bench == name for at in (goal.of, goal.to) if at}


def test_a_goal_that_is_missed_is_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    look = ["--no-measure", "--check", "--folder", str(tmp_path)]
    assert main(look) == 0
    assert "fail" not in capsys.readouterr().out
    goal = next(goal for goal in GOALS if goal.bench == "hot_path")
    slow = {goal.of: [10.0], goal.to or ("", ""): [1.0]}
    measured = results_of(slow)
    path = write(measured, tmp_path)
    path.rename(tmp_path / "hot_path.json")
    assert main(look) == 1
    out = capsys.readouterr().out
    assert re.search(r"metrics-only call / two stored rdtsc\s+<= 1.25\s+10.0\s+fail", out)


def test_a_benchmark_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["sun_spots"])
    assert "no benchmark 'sun_spots'" in capsys.readouterr().err


def test_a_size_can_be_another_one() -> None:
    sizes = sized(soak.TINY, ["seconds=60", "sockets=7"])
    assert (sizes.seconds, sizes.sockets, sizes.events) == (60, 7, soak.TINY.events)
    with pytest.raises(ValueError, match="no size 'minutes': there are seconds, sockets, events"):
        sized(soak.TINY, ["minutes=1"])


def test_a_benchmark_that_fails_is_named_and_the_others_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("numbers are not equal")

    (tmp_path / "payload.json").write_text("of another day")
    monkeypatch.setattr("benchmarks.payload.measure", fail)
    assert main(["payload", "wrappers", "--tiny", "--folder", str(tmp_path)]) == 1
    assert set(read(["payload", "wrappers"], tmp_path)) == {"wrappers"}
    err = capsys.readouterr().err
    assert "RuntimeError: numbers are not equal" in err
    assert err.endswith("benchmarks: not measured: payload (see above)\n")
