"""How often the screen looks and draws, by a clock that only waiting moves."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from c4trace.tui import loop
from c4trace.tui.line import Line
from c4trace.tui.loop import Loop
from tests.tui.scenes import process, session, viewing

KEY_S = 0.001


class Stage:
    """Clock, keyboard and terminal: keys come one after the other while somebody types."""

    def __init__(self) -> None:
        self.now = 100.0
        self.keys = 0
        self.typing = False
        self.taken = 0
        self.drawn: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def select(
        self, files: list[int], _w: object, _x: object, seconds: float
    ) -> tuple[list[int], list[int], list[int]]:
        self.now += min(KEY_S, seconds) if self.typing else seconds
        return (files if self.typing else []), [], []

    def read(self) -> bytes:
        self.taken += 1
        return b"j"

    def size(self) -> tuple[int, int]:
        return 80, 24

    def show(self, _lines: list[Line], _size: tuple[int, int]) -> None:
        self.drawn.append(self.now)

    def forget(self) -> None:
        pass


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=made.monotonic))
    monkeypatch.setattr(loop, "select", SimpleNamespace(select=made.select))
    return made


def looks_of(stage: Stage, seconds: float, interval: float) -> int:
    """How often sockets were looked at in so many seconds."""
    viewer, _ = viewing((process(), [session(sid) for sid in range(1, 50)]))
    looks = 0
    look = viewer.look

    def counted() -> None:
        nonlocal looks
        looks += 1
        look()

    viewer.look = counted  # type: ignore[method-assign] # it is counted
    shown = Loop(viewer, stage, interval)  # type: ignore[arg-type] # all that a loop wants of a terminal
    end = stage.now + seconds
    while stage.now < end:
        shown.turn(end - stage.now)
    return looks


def test_it_draws_at_most_eight_times_a_second_whatever_is_typed(stage: Stage) -> None:
    stage.typing = True
    looks = looks_of(stage, 10.0, 0.25)
    assert stage.taken > 9000
    assert 40 <= looks <= 41
    assert 70 < len(stage.drawn) <= 81


def test_it_draws_what_it_has_looked_at_and_nothing_more(stage: Stage) -> None:
    assert 40 <= looks_of(stage, 10.0, 0.25) <= 41
    assert 40 <= len(stage.drawn) <= 41


def test_it_looks_no_more_often_than_it_draws(stage: Stage) -> None:
    assert 79 <= looks_of(stage, 10.0, 0.001) <= 81
    assert len(stage.drawn) <= 81
