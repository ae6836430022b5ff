"""The Java hosts of java/, by javac and what Maven gets: Couchbase Lite for Java 3.0.0, or JNA and LiteCore alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.real.litecore import PATH

SOURCES: Final = Path(__file__).parent / "java"
POM: Final = Path(__file__).parents[2] / "examples/java/pom.xml"
JNA: Final = "net.java.dev.jna:jna:5.14.0"


class MissingError(Exception):
    """It cannot be built here: one line that says why."""


def command(folder: Path) -> list[str]:
    """What runs Replicate.java but for its arguments, made in `folder`; MissingError where it cannot be."""
    return _compiled(folder, "Replicate", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime")


def looking_up(folder: Path) -> list[str]:
    """The same for LookUp.java."""
    return _compiled(folder, "LookUp", "dependency:copy", f"-Dartifact={JNA}")


def build(folder: Path, make: Callable[[Path], list[str]] = command) -> list[str]:
    """The command that `make` makes. Skips the test, in CI fails it, where that cannot be had."""
    try:
        return make(folder)
    except MissingError as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing}; in CI tests/real may not be skipped", pytrace=False)
        pytest.skip(str(missing))


def environment() -> dict[str, str]:
    """With the ICU that LiteCore is linked to (tools/litecore.sh)."""
    return {**os.environ, "LD_LIBRARY_PATH": str(PATH.parent)}


def _compiled(folder: Path, name: str, *get: str) -> list[str]:
    """The command that runs the class, with what `mvn get` puts into a folder of jars."""
    if not PATH.exists():
        raise MissingError("no real LiteCore: run `make litecore`, which says what it needs")
    if not (shutil.which("mvn") and shutil.which("javac")):
        raise MissingError("no JDK or no Maven (see tools/require-system.sh litecore)")
    jars = folder / "jars"
    got = _run("mvn", "-q", "-B", *get, f"-DoutputDirectory={jars}")
    if got.returncode:
        raise MissingError(f"Maven could not get what {name}.java needs: {got.stdout.strip()[:300]}")
    compiled = _run("javac", "-nowarn", "-cp", f"{jars}/*", "-d", str(folder), str(SOURCES / f"{name}.java"))
    assert compiled.returncode == 0, compiled.stdout
    return ["java", "-cp", f"{folder}:{jars}/*", name]


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
