from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from c4trace.cli.completion import SHELLS
from tests.cli.test_main import C4TRACE, run


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script_it_can_parse(shell: str, tmp_path: Path) -> None:
    script = run("completion", shell)
    assert (script.returncode, script.stderr) == (0, "")
    assert "_C4TRACE_COMPLETE" in script.stdout
    if shutil.which(shell) and shell != "fish":
        path = tmp_path / "script"
        path.write_text(script.stdout)
        subprocess.run([shell, "-n", path], check=True)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("c4trace sh", {"show"}),
        ("c4trace --v", {"--version"}),
        ("c4trace show x --call c", {"completedReceive", "close", "completedWrite", "closeRequested", "closed"}),
        ("c4trace show x --se", {"--session"}),
        ("c4trace completion z", {"zsh"}),
    ],
)
def test_words_are_completed(words: str, offered: set[str]) -> None:
    count = str(len(words.split()) - 1)
    answer = run(_C4TRACE_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=count)
    assert {line.partition(",")[2] for line in answer.stdout.splitlines()} == offered


def test_bash_really_completes(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(run("completion", "bash").stdout)
    ask = f'COMP_WORDS=(c4trace rep); COMP_CWORD=1; _c4trace_completion "{C4TRACE}"'
    probe = f'. {script}; {ask}; echo "${{COMPREPLY[@]}}"'
    result = subprocess.run(["/bin/bash", "-c", probe], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "replay"


def test_an_unknown_shell_is_refused_in_one_line() -> None:
    result = run("completion", "tcsh")
    assert result.returncode == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in result.stderr
