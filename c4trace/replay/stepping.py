"""Playing step by step: one event, then a key."""

from __future__ import annotations

import enum
import sys

import click

__all__ = ["Step", "next_step"]


class Step(enum.Enum):
    """What the key asks for."""

    NEXT = "next"
    GO_ON = "go on"
    STOP = "stop"


_KEYS = {"c": Step.GO_ON, "q": Step.STOP, "\x1b": Step.STOP, "\x04": Step.STOP, "": Step.STOP}


def next_step() -> Step:
    """Wait for a key (a line where stdin is no terminal): c goes on without stopping, q stops, all others step."""
    key = click.getchar() if sys.stdin.isatty() else sys.stdin.readline()
    return _KEYS.get(key.strip(" \r\n") if len(key) > 1 else key, Step.NEXT)
