"""Playing step by step: one event, then a key."""

from __future__ import annotations

import enum
import os
import select
import sys
import termios
import tty
from collections import deque
from types import TracebackType
from typing import Any, Self

from c4trace.tui.keys import KeyReader

__all__ = ["Keys", "Step"]


class Step(enum.Enum):
    """What a key asks for."""

    NEXT = "next"
    GO_ON = "go on"
    STOP = "stop"


_KEYS = {"c": Step.GO_ON, "q": Step.STOP, "esc": Step.STOP, "ctrl-d": Step.STOP, "": Step.STOP}
_ESC_S = 0.1
"""What follows an Esc within that time belongs to it: an arrow, say, which is a key like any other."""


class Keys:
    """The keyboard while stepping: single keys of a terminal, whole lines where stdin is none.

    The terminal is set once, not at every key, so that keys typed ahead are not lost; leaving sets it back.
    """

    def __init__(self) -> None:
        self._before: list[Any] | None = None
        self._reader = KeyReader()
        self._typed: deque[str] = deque()

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
        """Wait for a key: c goes on without stopping, q, Esc and the end of input stop, all others step."""
        if self._before is None:
            line = sys.stdin.readline()
            return _KEYS.get(line.strip() or line, Step.NEXT)
        return _KEYS.get(self._key(sys.stdin.fileno()), Step.NEXT)

    def _key(self, keyboard: int) -> str:
        while not self._typed:
            if self._reader.waiting and not select.select([keyboard], [], [], _ESC_S)[0]:
                self._typed += self._reader.flush()
            elif data := os.read(keyboard, 64):
                self._typed += self._reader.feed(data)
            else:
                return ""
        return self._typed.popleft()
