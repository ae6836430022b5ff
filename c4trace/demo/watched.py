"""The demo on the live screen: slow enough to be watched, and at full speed once nobody does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future

from c4trace.demo.run import Outcome
from c4trace.segment.watch import Watch
from c4trace.tui.loop import LOOK_EVERY_S
from c4trace.tui.processes import Processes
from c4trace.tui.show import on_terminal
from c4trace.tui.viewer import Viewer

__all__ = ["Pace", "watched"]

_SHORTEST_S = 0.1
_LONGER_S = 0.03


class Pace:
    """A pause before each turn, of another length for each socket, until it is ended."""

    def __init__(self) -> None:
        self._ended = threading.Event()

    def wait(self, socket: int) -> None:
        """Wait for the next turn of this socket."""
        self._ended.wait(_SHORTEST_S + _LONGER_S * socket)

    def end(self) -> None:
        """Let everything go on at once."""
        self._ended.set()


def watched(work: Callable[[], Outcome], pace: Pace) -> Outcome:
    """Show this process on the live screen while `work` is done; once that is left, wait for the rest of it."""
    done: Future[Outcome] = Future()

    def do() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where the outcome is asked for
            done.set_exception(error)

    threading.Thread(target=do, name="c4trace-demo", daemon=True).start()
    watch = Watch()
    try:
        with Viewer(Processes(watch, str(os.getpid())), watch) as viewer:
            on_terminal(viewer, LOOK_EVERY_S)
    finally:
        pace.end()
    return done.result()
