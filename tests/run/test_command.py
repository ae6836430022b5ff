"""Starting, signals and the end of a command: all as if it had been started without c4trace."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.run.stand_in import C4TRACE, run

PATIENCE = 60.0
COUNTS_SIGNALS = """
import signal, sys
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH,
               signal.SIGALRM, signal.SIGRTMIN + 3):
    signal.signal(number, lambda number, frame: print(int(number), flush=True))
print("ready", flush=True)
while sys.stdin.read(1):
    pass
"""


@pytest.fixture(autouse=True)
def _own_segments(segments: Path) -> None:
    """Nothing here reaches LiteCore, but it would be put there."""
    assert segments.is_dir()


@contextmanager
def started(*words: str, start_new_session: bool = False) -> Iterator[subprocess.Popen[str]]:
    """`c4trace run` with this command, killed at the end if it still lives."""
    command = [str(C4TRACE), "run", "--", *words]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=start_new_session,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("code", [0, 1, 2, 3, 42, 126, 127, 128, 130, 255])
def test_every_exit_code_is_the_commands(code: int) -> None:
    assert run("--", "sh", "-c", f"exit {code}").returncode == code


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGQUIT", "SIGABRT", "SIGSEGV", "SIGPIPE", "SIGTERM", "SIGKILL"])
def test_a_command_that_dies_of_a_signal_lets_us_die_of_it(name: str) -> None:
    number = signal.Signals[name]
    done = run("--", "sh", "-c", f"ulimit -c 0; kill -{int(number)} $$")
    assert done.returncode == -number
    shell = subprocess.run(
        ["/bin/sh", "-c", f"{C4TRACE} run -- sh -c 'ulimit -c 0; kill -{int(number)} $$'; exit $?"],
        capture_output=True,
        check=False,
    )
    assert shell.returncode == 128 + number


def test_every_signal_is_given_to_the_command_once() -> None:
    numbers: list[int] = [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH]
    numbers += [signal.SIGALRM, signal.SIGRTMIN + 3]
    with started(sys.executable, "-c", COUNTS_SIGNALS) as process:
        assert said(process) == "ready"
        for number in numbers:
            process.send_signal(number)
            assert said(process) == str(int(number))
        rest, errors = process.communicate("", timeout=PATIENCE)
    assert (process.returncode, rest) == (0, "")
    assert errors.startswith("c4trace: nothing was traced: ")


def test_a_signal_for_the_whole_group_is_heard_by_the_command_once() -> None:
    numbers: list[int] = [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGWINCH]
    marker = signal.SIGRTMIN + 3  # taken after all others, so what would come twice comes before it
    with started(sys.executable, "-c", COUNTS_SIGNALS, start_new_session=True) as process:
        assert said(process) == "ready"
        for number in [*numbers, *numbers]:
            os.killpg(process.pid, number)
            assert said(process) == str(int(number))
            process.send_signal(marker)
            assert said(process) == str(marker)
            process.send_signal(number)  # and one that is for us alone
            assert said(process) == str(int(number))
        os.killpg(process.pid, marker)
        assert said(process) == str(marker)
        rest, _ = process.communicate("", timeout=PATIENCE)
    assert (process.returncode, rest) == (0, "")
    assert _is_empty(process.pid)


def test_what_listens_for_the_group_ends_with_us_however_we_end() -> None:
    with started("sh", "-c", "read line", start_new_session=True) as process:
        _child_of(process.pid)
        process.kill()
        process.communicate("", timeout=PATIENCE)
    _until(lambda: ["gone"] if _is_empty(process.pid) else [])


def test_where_what_listens_for_the_group_was_killed_signals_are_passed_on() -> None:
    with started(sys.executable, "-c", COUNTS_SIGNALS) as process:
        assert said(process) == "ready"
        witness, _ = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert Path(f"/proc/{witness}/comm").read_text() == "c4trace-witness\n"
        os.kill(int(witness), signal.SIGKILL)
        for number in (signal.SIGTERM, signal.SIGUSR1):
            process.send_signal(number)
            assert said(process) == str(int(number))
        process.communicate("", timeout=PATIENCE)
    assert process.returncode == 0


def _is_empty(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_signal_the_command_does_not_catch_ends_both() -> None:
    with started("sleep", "1000") as process:
        child = _child_of(process.pid)
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGTERM
    assert not Path(f"/proc/{child}").exists()


def _child_of(pid: int) -> int:
    """The command, which is started last."""
    return int(_until(lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[1:])[-1])


def _until(found: Callable[[], list[str]]) -> list[str]:
    deadline = time.monotonic() + PATIENCE
    while not (result := found()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return result


def test_input_and_output_are_passed_through_untouched(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    with (tmp_path / "in").open("wb") as file:
        file.write(data)
    with (tmp_path / "in").open("rb") as file, (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [C4TRACE, "run", "--", "sh", "-c", "tee /dev/stderr"],
            stdin=file,
            stdout=out,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 0
    assert (tmp_path / "out").read_bytes() == data
    assert done.stderr.startswith(data)
    assert done.stderr.removeprefix(data) == b"c4trace: nothing was traced: sh never loaded LiteCore\n"


def test_the_command_has_our_files_limits_folder_and_dispositions_but_for_the_environment(tmp_path: Path) -> None:
    script = """
import os, resource, signal, sys
print(sorted(os.listdir("/proc/self/fd")), os.getcwd(), oct(os.umask(0)), os.getpgid(0) == int(sys.argv[1]), os.nice(0))
print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CORE))
status = open("/proc/self/status").read().splitlines()
print([line for line in status if line.startswith(("SigBlk", "SigIgn"))])
ours = ("LD_PRELOAD", "ASAN_OPTIONS", "C4TRACE_")
print(sorted(name for name in os.environ if not name.startswith(ours)))
"""
    program = [sys.executable, "-I", "-c", script, str(os.getpgid(0))]
    read, write = os.pipe()
    try:

        def output(*before: str | Path) -> bytes:
            return subprocess.run(
                [*before, *program], cwd=tmp_path, pass_fds=[write], capture_output=True, check=True
            ).stdout

        assert output(C4TRACE, "run", "--") == output()
    finally:
        os.close(read)
        os.close(write)


def test_what_was_to_be_preloaded_before_is_still_preloaded(tmp_path: Path) -> None:
    other = tmp_path / "other.so"
    done = run("--", "sh", "-c", "echo $LD_PRELOAD", LD_PRELOAD=str(other))
    first, second = done.stdout.strip().split(":")
    assert (Path(first).name, second) == ("libc4trace.so", str(other))


@pytest.mark.parametrize(
    ("word", "code", "text"),
    [
        ("no-such-command", 127, "no-such-command: command not found; give its path, or check PATH"),
        ("/no/such/path", 127, "/no/such/path: command not found; give its path, or check PATH"),
        ("/dev/null", 126, "/dev/null: cannot be run: Permission denied; give an executable file"),
        ("/", 126, "/: cannot be run: Permission denied; give an executable file"),
    ],
)
def test_a_command_that_cannot_be_started_is_named(word: str, code: int, text: str) -> None:
    done = run("--", word)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"c4trace: {text}\n")


def test_a_script_without_an_interpreter_is_given_to_the_shell(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo $0 $1\nexit 6\n")
    script.chmod(0o755)
    done = run("--", script, "word")
    assert (done.returncode, done.stdout) == (6, f"{script} word\n")


class Terminal:
    """What somebody at a terminal sees and types."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._seen = ""

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def see(self, wanted: str) -> str:
        """Waits until `wanted` is shown; what was shown before it, since the last time."""
        while wanted not in self._seen:
            ready, _, _ = select.select([self.fd], [], [], PATIENCE)
            assert ready, self._seen
            try:
                self._seen += os.read(self.fd, 4096).decode()
            except OSError:  # nobody is left on it
                break
        before, found, self._seen = self._seen.partition(wanted)
        assert found, before
        return before


@contextmanager
def on_a_terminal(*words: str) -> Iterator[tuple[int, Terminal]]:
    """A session of its own with a terminal; and the pid of its leader."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(words[0], words)  # noqa: S606 - that is what it is for
    try:
        yield pid, Terminal(fd)
    finally:
        os.close(fd)
        with suppress(ChildProcessError):  # the test has waited for it
            os.waitpid(pid, 0)


def test_ctrl_c_is_heard_by_the_command_once() -> None:
    script = COUNTS_SIGNALS.replace("while sys.stdin.read(1):\n    pass", "sys.stdin.readline(); print('bye')")
    with on_a_terminal(str(C4TRACE), "run", "--", sys.executable, "-c", script) as (pid, terminal):
        terminal.see("ready")
        terminal.type("\x03")
        terminal.see(f"^C{int(signal.SIGINT)}\r\n")
        terminal.type("\n")
        assert terminal.see("bye\r\nc4trace: nothing was traced").strip() == ""
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_shell_with_job_control_stops_and_continues_the_command() -> None:
    with on_a_terminal("/bin/bash", "--norc", "--noprofile", "-i") as (_, terminal):
        terminal.type(f"{C4TRACE} run -- sh -c 'echo be''gun; read line; echo en''ded $line; exit 5'; echo status=$?\n")
        terminal.see("begun")
        terminal.type("\x1a")
        terminal.see("Stopped")
        terminal.type("fg\n")
        terminal.see("c4trace run")  # bash says what it continues
        terminal.type("well\n")
        terminal.see("ended well")
        terminal.see("never loaded LiteCore")
        terminal.type("exit\n")


def test_a_command_that_is_stopped_elsewhere_does_not_stop_us() -> None:
    with started("sh", "-c", "echo $$; read line; exit 8") as process:
        pid = int(said(process))
        os.kill(pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGCONT)
        process.communicate("go on\n", timeout=PATIENCE)
    assert process.returncode == 8


def test_a_reader_of_stderr_that_is_gone_changes_no_status() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([C4TRACE, "run", "--", "sh", "-c", "exit 3"], stderr=write, check=False)
    os.close(write)
    assert done.returncode == 3


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_where_output_is_closed_nothing_is_said_elsewhere(closed: str, tmp_path: Path) -> None:
    output = tmp_path / "output"
    script = f"{C4TRACE} run -- sh -c 'echo hello >{output}; exit 4' {closed}"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (4, b"", b"")
    assert output.read_text() == "hello\n"


def test_a_command_goes_on_when_c4trace_is_killed() -> None:
    with started("sh", "-c", "echo $$; read line; echo still $line") as process:
        said(process)
        process.kill()
        process.wait(PATIENCE)
        assert process.stdin is not None
        process.stdin.write("there\n")
        process.stdin.flush()
        assert said(process) == "still there"
