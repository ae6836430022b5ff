"""The live screen in the terminal of the command that is run: what the command would write there comes afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from c4trace.run.command import Files
from c4trace.segment.watch import Watch
from c4trace.tui.loop import Loop
from c4trace.tui.processes import Processes
from c4trace.tui.terminal import Terminal, can_show
from c4trace.tui.viewer import Viewer

__all__ = ["Beside", "NoTerminalError"]

_LEAVING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
_TURN_S = 0.05


class NoTerminalError(Exception):
    """There is none to draw on: one line."""


class Beside:
    """Draws on the terminal that we were started from, until it is left or the command was ended from there.

    Of the command's standard files, those that are a terminal are not: its input is empty, its output is kept, and
    written to where it belongs once the screen is left. All others are its own. Raises NoTerminalError. Nothing else
    here raises: the command goes on without a screen, and `trouble` says why.
    """

    def __init__(self) -> None:
        self.trouble = ""
        self._stream = _terminal()
        self._kept = tempfile.TemporaryFile(prefix="c4trace-run-", mode="a+b", buffering=0)  # noqa: SIM115 - closed below
        self._shown = 0
        held = [number for number in (1, 2) if _is_terminal(number)]
        self._belongs = held[0] if held else None
        self.files = Files(
            stdin=subprocess.DEVNULL if _is_terminal(0) else None,
            stdout=self._kept.fileno() if 1 in held else None,
            stderr=self._kept.fileno() if 2 in held else None,
        )
        self._terminal = Terminal(self._stream, self._stream.fileno())
        self._processes: Processes | None = None
        self._viewer: Viewer | None = None
        self._loop: Loop | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        self._kept.close()
        self._stream.close()

    def begin(self, paths: Callable[[], Iterable[Path]]) -> None:
        """Take the terminal over and show the segments at these paths, as they come."""
        with self._guarded():
            watch = Watch()
            self._processes = Processes(watch, paths)
            self._viewer = Viewer(self._processes, watch)
            self._loop = Loop(self._viewer, self._terminal)
            self._terminal.take_over()

    def turn(self, seconds: float) -> float:
        """Draw and take keys for so long; how long somebody else may wait now, which is 0 while there is a screen."""
        if self._loop is None:
            self._write_kept()
            return seconds
        with self._guarded():
            self._loop.turn(seconds)
            if self._loop.over:
                self._leave()
        return 0.0

    def end(self, status: int) -> None:
        """The command has ended: show its last state until that is left, unless it was ended from this terminal."""
        left = -status in _LEAVING or status - 128 in _LEAVING
        if self._processes is not None:
            self._processes.no_more()
        while self._loop is not None and not left:
            self.turn(_TURN_S)
            left = signal.sigtimedwait(_LEAVING, 0) is not None
        self._leave()
        self._write_kept()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Give the terminal to the shell while we are stopped."""
        if self._loop is None:
            yield
            return
        with self._guarded():
            self._terminal.give_back()
        yield
        with self._guarded():
            self._terminal.take_over()
            self._loop.redraw()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the command is not to suffer for its screen
            self.trouble = (
                self.trouble or f"the screen failed: {type(error).__name__}: {error}; the command is not affected"
            )
            self._leave()

    def _leave(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None:
            with contextlib.suppress(Exception):
                self._terminal.give_back()
        viewer, self._viewer = self._viewer, None
        if viewer is not None:
            with contextlib.suppress(Exception), viewer:
                pass

    def _write_kept(self) -> None:
        """Write what the command has written since."""
        if self._belongs is None:
            return
        with contextlib.suppress(OSError):  # nobody reads it any more
            while data := os.pread(self._kept.fileno(), 65536, self._shown):
                self._shown += len(data)
                written = 0
                while written < len(data):
                    written += os.write(self._belongs, data[written:])


def _is_terminal(number: int) -> bool:
    try:
        return os.isatty(number)
    except OSError:
        return False


def _terminal() -> TextIO:
    """The terminal that controls us."""
    what = "--live draws on the terminal, and there is none; leave it out, and watch with c4trace live in another one"
    try:
        file = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        raise NoTerminalError(what) from None
    stream = os.fdopen(file, "w", encoding=getattr(sys.stdout, "encoding", None) or "utf-8")
    if can_show(stream):
        return stream
    stream.close()
    raise NoTerminalError(
        what.replace("there is none", f"its cursor cannot be moved (TERM={os.environ.get('TERM', '')})")
    )
