"""The Java host of java/Replicate.java: Couchbase Lite for Java 3.0.0, got by Maven, and javac."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.real.litecore import PATH

SOURCE: Final = Path(__file__).parent / "java/Replicate.java"
POM: Final = Path(__file__).parents[2] / "examples/java/pom.xml"


class MissingError(Exception):
    """It cannot be built here: one line that says why."""


def build(folder: Path) -> list[str]:
    """The command that runs it, but for its arguments. Skips the test, in CI fails it, where that cannot be had."""
    try:
        return command(folder)
    except MissingError as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing}; in CI tests/real may not be skipped", pytrace=False)
        pytest.skip(str(missing))


def command(folder: Path) -> list[str]:
    """The same, made in `folder`; MissingError where it cannot be."""
    if not PATH.exists():
        raise MissingError("no real LiteCore: run `make litecore`, which says what it needs")
    if not (shutil.which("mvn") and shutil.which("javac")):
        raise MissingError("no JDK or no Maven (see tools/require-system.sh litecore)")
    jars = folder / "jars"
    copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
    got = _run("mvn", "-q", "-B", "-f", str(POM), *copy)
    if got.returncode:
        raise MissingError(f"Maven could not get couchbase-lite-java and what it needs: {got.stdout.strip()[:300]}")
    compiled = _run("javac", "-nowarn", "-cp", f"{jars}/*", "-d", str(folder), str(SOURCE))
    assert compiled.returncode == 0, compiled.stdout
    return ["java", "-cp", f"{folder}:{jars}/*", "Replicate"]


def environment() -> dict[str, str]:
    """With the ICU that LiteCore is linked to (tools/litecore.sh)."""
    return {**os.environ, "LD_LIBRARY_PATH": str(PATH.parent)}


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
