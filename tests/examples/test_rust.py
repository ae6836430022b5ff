"""The factory written in Rust."""

from __future__ import annotations

from pathlib import Path

from tests.examples.readme import follow, need, traced


def test_a_factory_in_rust_is_traced_both_ways(tmp_path: Path) -> None:
    need("cargo", "pkg-config")
    follow("rust", tmp_path, CARGO_TARGET_DIR=str(tmp_path / "target"))
    factory = traced(tmp_path)
    assert (factory.label, factory.upcalls, factory.sessions) == ("echo", "table", 1)
    assert {kind.name: (cell.n, cell.bytes) for kind, cell in factory.events.items() if cell.n} == {
        "open": (1, 0),
        "gotHTTPResponse": (1, 0),
        "opened": (1, 0),
        "write": (1, 5),
        "completedWrite": (1, 5),
        "received": (1, 5),
        "completedReceive": (1, 5),
        "requestClose": (1, 0),
        "closed": (1, 0),
    }
