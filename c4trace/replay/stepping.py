"""Playing step by step: one event, then a key."""

from __future__ import annotations

import enum
import os
import sys
import termios
import tty
from types import TracebackType
from typing import Any, Self

__all__ = ["Keys", "Step"]


class Step(enum.Enum):
    """What a key asks for."""

    NEXT = "next"
    GO_ON = "go on"
    STOP = "stop"


_KEYS = {"c": Step.GO_ON, "q": Step.STOP, "\x1b": Step.STOP, "\x04": Step.STOP, "": Step.STOP}


class Keys:
    """The keyboard while stepping: single keys of a terminal, whole lines where stdin is none.

    The terminal is set once, not at every key, so that keys typed ahead are not lost; leaving sets it back.
    """

    def __init__(self) -> None:
        self._before: list[Any] | None = None

    def __enter__(self) -> Self:
        if sys.stdin.isatty():
            self._before = termios.tcgetattr(sys.stdin.fileno())
            tty.setcbreak(sys.stdin.fileno(), termios.TCSANOW)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._before is not None:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)

    def step(self) -> Step:
        """Wait for a key: c goes on without stopping, q and the end of input stop, all others step."""
        if self._before is None:
            line = sys.stdin.readline()
            return _KEYS.get(line.strip() or line, Step.NEXT)
        return _KEYS.get(os.read(sys.stdin.fileno(), 1).decode("latin-1"), Step.NEXT)
