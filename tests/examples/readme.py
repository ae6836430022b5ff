"""An example, done in a copy of its folder as its README says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from c4trace.segment.attach import attach
from c4trace.segment.folder import list_segments
from c4trace.segment.snapshot import FactoryTotals

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def need(*programs: str) -> None:
    """Skips the test, in CI fails it, where one of these is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        why = f"{missing[0]} is missing: see tools/require-system.sh test"
        if os.environ.get("CI"):
            pytest.fail(why, pytrace=False)
        pytest.skip(why)


def follow(example: str, folder: Path, **environment: str) -> list[str]:
    """The lines that the README's commands print, each of which must succeed; segments are in `folder`/segments."""
    there = shutil.copytree(EXAMPLES / example, folder / example)
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", "".join(_blocks(example, "sh"))],
        cwd=there,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "C4TRACE_DIR": str(folder / "segments"),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    _says_what_it_promised(done.stdout, _blocks(example, "text"))
    return done.stdout.splitlines()


def traced(folder: Path) -> FactoryTotals:
    """What the one segment that is left in `folder`/segments says of its one factory."""
    (file,) = list_segments(folder / "segments")
    with attach(file.path) as segment:
        snapshot = segment.snapshot()
    assert not any(snapshot.lost.values())
    (factory,) = snapshot.factories
    return factory


def _blocks(example: str, language: str) -> list[str]:
    text = (EXAMPLES / example / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def _says_what_it_promised(said: str, promised: list[str]) -> None:
    """But for numbers and folders."""
    for block in promised:
        assert _general(block) in _general(said), said


def _general(text: str) -> str:
    return re.sub(r"\d+", "N", re.sub(r"/\S+/", "/", text))
