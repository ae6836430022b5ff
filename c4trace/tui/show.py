"""Shows a source: on a terminal as the live screen, anywhere else as a table."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

from c4trace.tui.loop import Loop, watch_signals
from c4trace.tui.terminal import Terminal
from c4trace.tui.viewer import Viewer

__all__ = ["on_terminal"]


def on_terminal(viewer: Viewer, interval: float) -> None:
    """Show the screen on stdout until it is left; whatever ends it, the terminal is as it was.

    Ctrl-C leaves it as q does; this process dies of SIGTERM, SIGHUP and SIGQUIT after it has tidied up.
    """
    with _keys() as keys, Terminal(sys.stdout, keys) as terminal:
        ended_by = watch_signals(Loop(viewer, terminal, interval), terminal)
    if ended_by not in {None, signal.SIGINT}:
        signal.signal(ended_by, signal.SIG_DFL)
        os.kill(os.getpid(), ended_by)


@contextlib.contextmanager
def _keys() -> Iterator[int | None]:
    """The keyboard: stdin, or the terminal that we were started from; None where there is neither."""
    if sys.stdin is not None and sys.stdin.isatty():
        yield sys.stdin.fileno()
        return
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        yield terminal
    finally:
        os.close(terminal)
