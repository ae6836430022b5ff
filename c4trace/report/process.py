"""What a recording's header tells about the process, in the form a segment gives."""

from __future__ import annotations

import os

from c4trace.recording.schema import Header
from c4trace.report.plain import plain
from c4trace.segment.snapshot import ProcessInfo

__all__ = ["process_line", "process_of"]


def process_of(header: Header, path: str | os.PathLike[str]) -> ProcessInfo:
    """Give the process that was recorded; its state is "recorded"."""
    return ProcessInfo(
        name=header.name,
        pid=header.pid,
        state="recorded",
        reason="",
        path=os.fspath(path),
        started=header.clock.wall.timestamp(),
        litecore=header.litecore.version,
        factory_size=header.litecore.abi,
        c4trace=header.c4trace,
        capture=header.capture,
        recording=False,
        clock=header.clock.source,
    )


def process_line(header: Header) -> str:
    """Say in one line whose recording this is."""
    litecore = f"LiteCore {header.litecore.version}" if header.litecore.version else "no LiteCore"
    began = header.clock.wall.isoformat(sep=" ", timespec="milliseconds")
    parts = [f"{header.name} (pid {header.pid})", litecore, f"capture {header.capture}", f"began {began}"]
    if header.part:
        parts.append(f"part {header.part}")
    return plain(" · ".join(parts))
