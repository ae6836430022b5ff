"""Round and round: look, draw, wait for keys and signals."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from types import FrameType

from c4trace.tui.bindings import Action
from c4trace.tui.keys import KeyReader
from c4trace.tui.terminal import Terminal
from c4trace.tui.viewer import Viewer

__all__ = ["DRAW_EVERY_S", "LOOK_EVERY_S", "Loop", "watch_signals"]

LOOK_EVERY_S = 0.25
DRAW_EVERY_S = 0.125
"""At most 8 times a second, whatever is typed."""

_ESC_S = 0.05  # a sequence's bytes follow each other faster, a lone Esc is followed by nothing
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Loop:
    """Shows `viewer` on `terminal`, which was taken over, until one of them is over; looks every `interval` seconds."""

    def __init__(self, viewer: Viewer, terminal: Terminal, interval: float = LOOK_EVERY_S) -> None:
        self.gone = False
        """Whether the terminal is."""
        self._viewer = viewer
        self._terminal = terminal
        self._interval = max(interval, DRAW_EVERY_S)
        self._reader = KeyReader()
        self._look_at = self._draw_at = time.monotonic()
        self._changed = True

    @property
    def over(self) -> bool:
        """Whether there is nothing more to show."""
        return self.gone or self._viewer.over

    def turn(self, most: float, wake: int | None = None) -> None:
        """Look and draw if it is time to, then wait up to `most` seconds for keys or for something at `wake`."""
        now = time.monotonic()
        if now >= self._look_at:
            self._viewer.look()
            self._look_at = max(self._look_at + self._interval, now)
            self._changed = True
        if self._changed and now >= self._draw_at:
            self._draw()
            self._draw_at = time.monotonic() + DRAW_EVERY_S
        until = min(self._look_at, self._draw_at) if self._changed else self._look_at
        wait = max(0.0, min(most, until - time.monotonic(), _ESC_S if self._reader.waiting else most))
        self._take(self._wait(wait, wake))

    def redraw(self) -> None:
        """Draw everything anew."""
        self._terminal.forget()
        self._changed = True

    def changed(self) -> None:
        """Draw soon: the size may be another."""
        self._changed = True

    def _draw(self) -> None:
        size = self._terminal.size()
        try:
            self._terminal.show(self._viewer.draw(*size), size)
        except OSError:
            self.gone = True
        self._changed = False

    def _wait(self, seconds: float, wake: int | None) -> list[str]:
        files = [file for file in (self._terminal.keys, wake) if file is not None]
        ready, _, _ = select.select(files, [], [], seconds)
        if self._terminal.keys not in ready or self._terminal.keys is None:
            return self._reader.flush() if self._reader.waiting and not ready else []
        data = self._terminal.read()
        if data is None:
            self.gone = True
            return []
        return self._reader.feed(data)

    def _take(self, keys: list[str]) -> None:
        for key in keys:
            self._changed = True
            if self._viewer.press(key) is Action.redraw:
                self.redraw()
            if self._viewer.over:
                return


def watch_signals(loop: Loop, terminal: Terminal) -> int | None:
    """Go round until the screen is left; the signal that ended it, None where it was a key.

    Ctrl-Z and a suspending shell get the terminal as it was; a new size is drawn at once.
    """
    ended_by: list[int] = []
    stopping: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        (ended_by if number in _ENDING else stopping).append(number)

    with _woken() as wake, _handled(note):
        while not loop.over and not ended_by:
            loop.turn(3600.0, wake)
            _empty(wake)
            if signal.SIGTSTP in stopping:
                _suspend(terminal)
            if stopping:
                if signal.SIGCONT in stopping or signal.SIGTSTP in stopping:
                    terminal.take_over()
                stopping.clear()
                loop.redraw()
    return ended_by[0] if ended_by else None


def _suspend(terminal: Terminal) -> None:
    """Stop as everybody does, and come back when the shell says so."""
    terminal.give_back()
    before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, before)


@contextlib.contextmanager
def _woken() -> Iterator[int]:
    """A file that has something to read after every signal."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)


@contextlib.contextmanager
def _handled(handler: object) -> Iterator[None]:
    numbers = (*_ENDING, signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if before[number] is not signal.SIG_IGN or number == signal.SIGWINCH:  # nohup and the like are respected
            signal.signal(number, handler)  # type: ignore[arg-type] # a function, as signal wants it
    try:
        yield
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)


def _empty(wake: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.read(wake, 4096):
            pass
