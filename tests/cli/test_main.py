from __future__ import annotations

import importlib
import importlib.metadata
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from c4trace.cli.main import PANELS, VERBS, main
from tests.report.sample import written

C4TRACE = Path(sys.executable).with_name("c4trace")


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command, as a user starts it."""
    return subprocess.run(
        [C4TRACE, *map(str, words)], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_says_itself_what_the_list_of_verbs_says(name: str) -> None:
    command = importlib.import_module(f"c4trace.cli.{name}").command
    assert command.help.splitlines()[0] == VERBS[name]


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_explains_itself_with_examples(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert f"$ c4trace {name}" in result.output


def test_the_help_shows_every_verb() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert all(text in result.output for text in (*VERBS, *VERBS.values()))
    assert sorted(name for panel in PANELS for name in panel["commands"]) == sorted(VERBS)


def test_the_version_is_that_of_the_package() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"c4trace {importlib.metadata.version('c4trace')}\n")


def test_help_and_version_import_no_verb_and_nothing_slow() -> None:
    script = (
        "import sys\n"
        "from c4trace.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "verbs = ['show', 'replay', 'ps', 'metrics', 'demo', 'doctor']\n"
        "slow = ['msgspec', 'structlog', 'prometheus_client', 'websockets', 'zstandard', 'cffi', 'c4trace._native']\n"
        "print([m for m in [*(f'c4trace.cli.{v}' for v in verbs), *slow] if m in sys.modules], file=sys.stderr)\n"
    )
    for option in ("--help", "--version"):
        result = subprocess.run([sys.executable, "-c", script, option], capture_output=True, text=True, check=True)
        assert result.stderr == "[]\n"


def test_no_words_show_the_help_and_are_a_usage_error() -> None:
    result = run()
    assert result.returncode == 2
    assert "Usage: c4trace" in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sing"], "c4trace: No such command 'sing'. (see 'c4trace --help')\n"),
        (["show", "x", "--xyzzy"], "c4trace: No such option '--xyzzy'. (see 'c4trace show --help')\n"),
        (["replay", "x", "--speed"], "c4trace: Option '--speed' requires an argument.\n"),
    ],
)
def test_a_usage_error_is_one_line_and_code_2(words: list[str], said: str) -> None:
    result = run(*words)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", said)


def test_the_traceback_of_an_error_is_shown_only_when_asked_for(tmp_path: Path) -> None:
    missing = tmp_path / "missing.jsonl"
    assert "Traceback" not in run("show", missing).stderr
    assert "Traceback" in run("show", missing, C4TRACE_DEBUG="1").stderr
    assert "Traceback" in run("--debug", "show", missing).stderr


def test_a_defect_of_ours_is_one_line_and_no_promised_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("c4trace.cli.main.importlib.import_module", lambda _: 1 // 0)
    result = CliRunner().invoke(main, ["show", "x"])
    assert result.exit_code == 70
    said = "internal error: ZeroDivisionError: integer division or modulo by zero"
    assert result.stderr == f"c4trace: {said} (C4TRACE_DEBUG=1 shows where)\n"


def test_ctrl_c_while_it_starts_leaves_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "rich_click.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(600)\n")
    with subprocess.Popen(
        [C4TRACE, "ps"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as starting:
        assert starting.stdout is not None
        assert starting.stdout.readline() == "importing\n"
        starting.send_signal(signal.SIGINT)
        _, said = starting.communicate(timeout=60)
    assert (starting.returncode, said) == (-signal.SIGINT, "")


@pytest.mark.parametrize("verb", ["show", "replay", "metrics", "live"])
def test_closed_streams_are_no_error(tmp_path: Path, verb: str) -> None:
    path = written(tmp_path)
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        result = subprocess.run(
            ["/bin/sh", "-c", f'exec "$0" {verb} "$1" {closed}', C4TRACE, path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, "internal error" in result.stderr) == (0, False)


def test_a_full_disk_is_said_of_the_output(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [C4TRACE, "show", written(tmp_path)], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    said = "c4trace: the output cannot be written: No space left on device; make room, or write it elsewhere\n"
    assert (result.returncode, result.stderr) == (2, said)
