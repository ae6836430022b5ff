"""The command that is run: started as it would be without us, given every signal that is given to us, ended like it."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from c4trace.run.witness import Witness

__all__ = ["Command", "CommandError", "Files", "end_as"]

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as shells and env(1) have it
_OURS = {signal.SIGCHLD, signal.SIGTTIN, signal.SIGTTOU, signal.SIGPIPE}  # of our own doing, or about us alone
_TAKEN = signal.valid_signals() - {signal.SIGBUS}  # which ends us where it is blocked: segment/mapping.c needs it


class CommandError(Exception):
    """A command that cannot be started: one line, and the exit code that shells have for it."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class Files(NamedTuple):
    """Standard files of a command, as subprocess has them; None for our own."""

    stdin: int | None = None
    stdout: int | None = None
    stderr: int | None = None


class Command:
    """A child that has our terminal, our files and our process group. From here on signals are taken in `wait`.

    `away` is entered while we are stopped with it. Raises CommandError where it cannot be started. There must be no
    other thread yet, because this process forks.
    """

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        files: Files = Files(),  # noqa: B008 - it is immutable
        away: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        self._files = files
        self._away = away
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, its end would not be told
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, _TAKEN)
        self._witness = Witness()
        try:
            self._process = self._spawn(words, environment)
        except OSError as error:
            self._witness.dismiss()
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            raise CommandError(*_refusal(words[0], error)) from error
        self.pid = self._process.pid

    def _spawn(self, words: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        try:
            return self._popen(words, environment)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
        # A script without #!, which execvp(3) and shells give to a shell.
        return self._popen(["/bin/sh", shutil.which(words[0]) or words[0], *words[1:]], environment)

    def _popen(self, words: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - it is what we are told to run
            words,
            env=environment,
            stdin=self._files.stdin,
            stdout=self._files.stdout,
            stderr=self._files.stderr,
            close_fds=False,
            preexec_fn=self._unblock,  # noqa: PLW1509 - no threads, see above
        )

    def _unblock(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def wait(self, seconds: float) -> int | None:
        """Wait for a signal or a change of the command; how it ended (as subprocess has it), or None while it runs."""
        if self._process.returncode is None:
            taken = signal.sigtimedwait(_TAKEN, seconds)
            if taken is not None:
                self._pass_on(taken)
            self._look()
        return self._process.returncode

    def _pass_on(self, taken: signal.struct_siginfo) -> None:
        """What was sent to the whole group (Ctrl-C, a hang-up, kill(1) of the group) the command has already."""
        if taken.si_signo in _OURS or taken.si_code > 0 or taken.si_pid in {os.getpid(), self.pid}:
            return
        if self._witness.heard_of(taken):
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):  # gone, or another user's (setuid)
            os.kill(self.pid, taken.si_signo)

    def _look(self) -> None:
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid == 0:
                return
            if not os.WIFSTOPPED(status):
                self._process.returncode = os.waitstatus_to_exitcode(status)
                self._witness.dismiss()
                return
            if _has_a_shell_that_waits():
                with self._away():
                    os.kill(os.getpid(), signal.SIGSTOP)  # until the shell's fg or bg, which continues us both


def end_as(status: int) -> int:
    """Die of the signal that the command died of; else the exit code to end with."""
    if status >= 0:
        return status
    number = -status
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core of ours would hide the command's
    with contextlib.suppress(OSError, ValueError):  # SIGKILL has no handler to reset
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    return 128 + number  # what a shell says of it, should we have survived


def _refusal(word: str, error: OSError) -> tuple[str, int]:
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return f"{word}: command not found; give its path, or check PATH", _NOT_FOUND
    return f"{word}: cannot be run: {error.strerror}; give an executable file", _NOT_EXECUTABLE


def _has_a_shell_that_waits() -> bool:
    """Whether a shell with job control would see us stop, and could let us go on."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    os.close(terminal)
    return os.getpgid(0) not in {os.getsid(0), os.getpgid(os.getsid(0))}
