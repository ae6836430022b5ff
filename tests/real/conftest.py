"""Every test below needs the real LiteCore, and is skipped without it; in CI it fails instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.real.litecore import PATH
from tests.real.plain import Linking, build


def pytest_runtest_setup() -> None:
    """Skips from here, not from a fixture, so that pytest sums all the skips up in one line."""
    if PATH.exists():
        return
    missing = "no real LiteCore: run `make litecore`, which says what it needs"
    if os.environ.get("CI"):
        pytest.fail(f"{missing}; in CI tests/real may not be skipped", pytrace=False)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def plain_libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[Linking, Path]:
    """plain_factory.c, linked in each of the ways."""
    folder = tmp_path_factory.mktemp("plain")
    return {linking: build(folder, linking) for linking in Linking}
