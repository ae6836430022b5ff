"""requirements.lock: complete, with hashes, and open to any index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
# A requirement is one logical line: name==version ; marker --hash=… --hash=…
REQUIREMENTS = [line for line in LOCK.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


def normal_name(requirement: str) -> str:
    """The name of a requirement as PEP 503 writes it."""
    match = re.match(r"[\w.-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def test_every_locked_package_has_one_version_and_its_hashes() -> None:
    assert REQUIREMENTS
    form = re.compile(r"[\w.-]+==[\w.!+]+ +(;[^\\]*? +)?(--hash=sha256:[0-9a-f]{64} *)+")
    assert [line for line in REQUIREMENTS if not form.fullmatch(line)] == []


def test_the_lock_names_no_index() -> None:
    assert re.findall(r".*(?:://|--(?:extra-)?index|--find-links|--trusted-host|(?<!-)-[if] ).*", LOCK) == []


def test_everything_pyproject_asks_for_is_locked() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*pyproject["project"]["dependencies"], *pyproject["build-system"]["requires"]]
    for group in (pyproject["project"]["optional-dependencies"], pyproject["dependency-groups"]):
        for requirements in group.values():
            wanted += requirements
    locked = {normal_name(line) for line in REQUIREMENTS}
    assert {normal_name(requirement) for requirement in wanted} - locked == set()
