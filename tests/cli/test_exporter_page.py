"""What docs/exporter.md tells to do can be done."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from c4trace.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs/exporter.md").read_text()
ANALYZE = shutil.which("systemd-analyze")


def blocks(language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def told() -> list[list[str]]:
    """The words after c4trace of every command that is shown."""
    shell = [shlex.split(line)[1:] for block in blocks("sh") for line in block.splitlines()]
    [unit], [image] = blocks("ini"), blocks("dockerfile")
    start = [shlex.split(line.partition("=")[2])[1:] for line in unit.splitlines() if line.startswith("ExecStart=")]
    lists = {line.split()[0]: line for line in image.splitlines() if line.startswith(("ENTRYPOINT", "CMD"))}
    assert json.loads(lists["ENTRYPOINT"].partition(" ")[2]) == ["c4trace"]
    return [*shell, *start, json.loads(lists["CMD"].partition(" ")[2])]


@pytest.mark.parametrize("words", told(), ids=" ".join)
def test_every_command_is_a_verb_with_options_it_has(words: list[str]) -> None:
    usage = CliRunner().invoke(main, [words[0], "--help"])
    assert usage.exit_code == 0
    options = [word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word)]
    assert options or words == ["ps"]
    assert [option for option in options if f"{option} " not in usage.output] == []


def test_a_verb_that_is_none_would_be_found() -> None:
    assert CliRunner().invoke(main, ["exporter", "--help"]).exit_code == 2


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze on this machine")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    def complaints(unit: str) -> list[str]:
        file = tmp_path / "c4trace-exporter.service"
        file.write_text(unit)
        result = subprocess.run([str(ANALYZE), "verify", file], capture_output=True, text=True, check=False)
        return [line for line in (result.stdout + result.stderr).splitlines() if file.name in line]

    [unit] = blocks("ini")
    here = unit.replace("/opt/c4trace/bin/c4trace", "/bin/true").replace("User=orders", "User=root")
    assert complaints(here) == []
    assert complaints(here.replace("MemoryMax", "MemoryMost")) != []
