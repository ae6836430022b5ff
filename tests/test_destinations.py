from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from c4trace.destinations import destinations
from c4trace.trace_error import TraceError


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"metrics_address": None}, "metrics_address= is a NoneType: give a host name or an IP address"),
        ({"metrics_address": 5}, "metrics_address= is a int: give a host name or an IP address"),
        ({"rotation": 5}, "rotation= is a int: give a c4trace.Rotation"),
    ],
)
def test_what_is_of_a_wrong_type_is_refused_in_one_line(given: dict[str, Any], said: str) -> None:
    asked: dict[str, Any] = {
        "record": "orders.jsonl",
        "rotation": None,
        "metrics_port": 0,
        "metrics_address": "127.0.0.1",
        "log": None,
        "log_level": "info",
    }
    with pytest.raises(TraceError) as caught:
        destinations(**asked | given)
    assert str(caught.value) == said


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
