from __future__ import annotations

from pathlib import Path

import pytest

from c4trace.destinations import destinations
from c4trace.trace_error import TraceError


def test_recording_and_log_cannot_be_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TraceError, match=r"orders\.jsonl: recording and log cannot be one file; give each its own"):
        destinations(
            record="orders.jsonl",
            rotation=None,
            metrics_port=None,
            metrics_address="127.0.0.1",
            log=tmp_path / "orders.jsonl",
            log_level="info",
        )
    assert not any(tmp_path.iterdir())
