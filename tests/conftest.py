"""Settings of all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: a test fails for what it finds, not for a busy machine.
settings.register_profile("c4trace", deadline=None, print_blob=True)
settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=20_000)
settings.load_profile("c4trace")


@pytest.fixture
def segments(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for the segments of a test."""
    folder = tmp_path_factory.mktemp("segments")
    folder.chmod(0o700)
    monkeypatch.setenv("C4TRACE_DIR", str(folder))
    return folder
