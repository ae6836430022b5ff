"""Which signals were sent to our whole process group: a process in it that hears of nothing else tells."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
from collections import Counter
from pathlib import Path

__all__ = ["Witness"]

_ASK = signal.SIGRTMAX  # taken last of all signals that wait, so that the answer to it is complete
_PATIENCE_S = 0.5
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15

Sent = tuple[int, int]
"""A signal's number, and who sent it."""


class Witness:
    """A child that stays in our process group, with nothing of ours open, until `dismiss` or our own end.

    The kernel does not tell a signal for the group from one for us alone: but the former the witness gets as well. To
    be made while all signals are blocked, and while there is no other thread, because this process forks.
    """

    def __init__(self) -> None:
        self._heard: Counter[Sent] = Counter()
        parent = os.getpid()
        self._answers, answers = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _stay_alone_with(answers, parent)
                _listen(answers, parent)
            finally:
                os._exit(0)
        os.close(answers)

    def heard_of(self, taken: signal.struct_siginfo) -> bool:
        """Tell whether this signal, which was sent to us by a process, was sent to the whole group."""
        if self._pid:
            self._ask()
        sent = (taken.si_signo, taken.si_pid)
        heard = self._heard[sent] > 0
        # What is waiting for us too will be asked about; the rest was merged into the one that we took.
        self._heard[sent] = self._heard[sent] - 1 if heard and taken.si_signo in signal.sigpending() else 0
        return heard

    def dismiss(self) -> None:
        """End it."""
        if not self._pid:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)
        os.close(self._answers)
        self._pid = 0

    def _ask(self) -> None:
        """Take in what it has heard since; somebody may have killed or stopped it, then it has heard nothing."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, _ASK)
        text = b""
        while not text.endswith(b"\n"):
            if not select.select([self._answers], [], [], _PATIENCE_S)[0]:
                return
            more = os.read(self._answers, 4096)
            if not more:
                return
            text += more
        for word in text.split():
            number, _, sender = word.partition(b":")
            self._heard[int(number), int(sender)] += 1


def _stay_alone_with(answers: int, parent: int) -> None:
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    libc.prctl(_PR_SET_NAME, b"c4trace-witness")
    if os.getppid() != parent:  # it ended before we could ask for our end with it
        os._exit(0)
    for fd in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if fd != answers:
            with contextlib.suppress(OSError):  # the one that listed them
                os.close(fd)


def _listen(answers: int, parent: int) -> None:
    heard: list[Sent] = []
    while True:
        taken = signal.sigwaitinfo(signal.valid_signals())
        if taken.si_signo == _ASK and taken.si_pid == parent:
            os.write(answers, b" ".join(b"%d:%d" % sent for sent in heard) + b"\n")
            heard = []
        elif taken.si_code <= 0:  # by a process: what the kernel sends nobody asks about
            heard = [*heard[-99:], (taken.si_signo, taken.si_pid)]
