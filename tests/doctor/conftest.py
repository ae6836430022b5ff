"""Tests marked `real` are skipped, or fail, as those of tests/real."""

from __future__ import annotations

import pytest

from tests.real import conftest


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("real") is not None:
        conftest.pytest_runtest_setup()
