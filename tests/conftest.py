"""Settings of all tests."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A shell makes a job in the background deaf to these, nohup to the last, and with it every program that a test begins.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

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
