"""A terminal that tests look at: tmux with a shell in it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE = 30.0
BIN = Path(sys.executable).parent
PROMPT = "here> "


class Tmux:
    """One window of a server of its own."""

    def __init__(self, folder: Path, width: int, height: int, environment: dict[str, str]) -> None:
        self.folder = folder
        self._socket = str(folder / "tmux")
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "TMUX"}},
            "LC_ALL": "C.UTF-8",
            "PS1": PROMPT,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            **environment,
        }
        shell = ["bash", "--norc", "--noprofile"]
        self._run("new-session", "-d", "-x", str(width), "-y", str(height), *shell)
        self._run("set-option", "-g", "status", "off")
        self.resize(width, height)
        self.wait_for(lambda lines: PROMPT.strip() in "\n".join(lines))

    def _run(self, *words: str) -> str:
        ended = subprocess.run(
            [shutil.which("tmux") or "tmux", "-u", "-f", "/dev/null", "-S", self._socket, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, (words, ended.stderr)
        return ended.stdout

    def keys(self, *keys: str) -> None:
        """Press keys, by the names that tmux has for them."""
        for key in keys:
            self._run("send-keys", *(["-l"] if len(key) == 1 else []), "--", key)

    def type(self, *words: str) -> None:
        """Type a command line, and Enter."""
        self._run("send-keys", "-l", "--", shlex.join(words) if len(words) > 1 else words[0])
        self.keys("Enter")

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        self._run("resize-window", "-x", str(width), "-y", str(height))

    def screen(self) -> list[str]:
        """What stands on the screen."""
        return self._run("capture-pane", "-p").splitlines()

    def ask(self, name: str) -> str:
        """A variable of the pane (tmux(1), FORMATS)."""
        return self._run("display-message", "-p", f"#{{{name}}}").strip()

    def wait_for(self, seen: Callable[[list[str]], bool], what: str = "") -> list[str]:
        """The screen as soon as it looks like that."""
        deadline = time.monotonic() + PATIENCE
        while not seen(lines := self.screen()):
            assert time.monotonic() < deadline, (what, lines)
            time.sleep(0.05)
        return lines

    def wait_text(self, text: str) -> list[str]:
        """The screen as soon as it has this text."""
        return self.wait_for(lambda lines: text in "\n".join(lines), text)

    def wait_prompt(self) -> list[str]:
        """The screen as soon as the shell wants its next command."""
        return self.wait_for(lambda lines: [line for line in lines if line][-1:] == [PROMPT.strip()], "the prompt")

    def end(self) -> None:
        """End the server and all that runs in it."""
        self._run("kill-server")


@contextmanager
def tmux(folder: Path, *, width: int = 120, height: int = 30, **environment: str) -> Iterator[Tmux]:
    """Such a terminal; skipped (in CI: failed) where there is no tmux."""
    if shutil.which("tmux") is None:
        if os.environ.get("CI"):
            pytest.fail("tmux is missing: tools/require-system.sh test installs it")
        pytest.skip("tmux is missing")
    terminal = Tmux(folder, width, height, environment)
    try:
        yield terminal
    finally:
        terminal.end()
