"""Debian's programs that these tests run; without one they are skipped, in CI they fail."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str, package: str) -> str:
    """Where a program is."""
    path = shutil.which(name)
    if path is None and not os.environ.get("CI"):
        pytest.skip(f"{name} is not there: apt-get install {package}")
    assert path is not None, f"in CI {name} must be there: apt-get install {package}"
    return path
