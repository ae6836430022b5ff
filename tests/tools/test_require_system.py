"""tools/require-system.sh on a machine that lacks something: named, with the command that installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "require-system.sh"
LACKED = {"apt-get", "openssl", "prometheus", "tmux"}


class Machine:
    """One with every command of this one, but for apt-get and those that are taken away."""

    def __init__(self, folder: Path) -> None:
        self.commands = folder
        for place in os.environ["PATH"].split(os.pathsep):
            for command in Path(place).glob("*") if place else ():
                if not (folder / command.name).is_symlink() and command.name not in LACKED:
                    (folder / command.name).symlink_to(command)

    def lack(self, *names: str) -> None:
        for name in names:
            (self.commands / name).unlink(missing_ok=True)

    def require(self, purpose: str, **environment: str) -> tuple[int, str]:
        """Exit code, and all that was said."""
        bash = shutil.which("bash")
        assert bash
        ended = subprocess.run(
            [bash, SCRIPT, purpose],
            env={"PATH": str(self.commands), "PYTHON": sys.executable, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_where_all_is_there_nothing_is_said(machine: Machine) -> None:
    assert machine.require("setup") == (0, "")


def test_what_setup_needs_is_named_with_the_command_that_installs_it(machine: Machine) -> None:
    machine.lack("gcc", "make")
    assert machine.require("setup") == (
        1,
        "require-system: missing: gcc make; install with: sudo apt-get update && sudo apt-get install -y gcc make\n",
    )


def test_what_the_real_litecore_needs_is_named(machine: Machine) -> None:
    machine.lack("javac", "mvn")
    status, said = machine.require("litecore")
    assert status == 1
    assert "missing: default-jdk-headless maven" in said.replace("libicu-dev ", "")


def test_what_only_skips_tests_is_no_failure_except_in_ci(machine: Machine) -> None:
    (machine.commands / "openssl").symlink_to("/bin/true")
    status, said = machine.require("test")
    assert status == 0
    assert said.startswith("require-system: missing, so that some tests will be skipped: ")
    assert {"prometheus", "tmux"} < set(said.split())
    status, said = machine.require("test", CI="1")
    assert status == 1
    assert said.startswith("require-system: missing: ")


def test_a_python_that_will_not_do_is_told_before_packages(machine: Machine, tmp_path: Path) -> None:
    machine.lack("gcc")
    assert machine.require("setup", PYTHON="python9") == (
        1,
        "require-system: PYTHON=python9 is not there: choose another, such as make PYTHON=/usr/bin/python3\n",
    )
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)
    status, said = machine.require("setup", PYTHON=str(old))
    assert (status, said) == (
        1,
        f"require-system: {old} is Python 3.9.2, c4trace needs 3.11 or later: choose another with make PYTHON=...\n",
    )


def test_an_unknown_purpose_is_wrong_usage(machine: Machine) -> None:
    assert machine.require("everything")[0] == 2
