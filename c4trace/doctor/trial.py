"""A trial: a real tracer, opened in a process of its own, which a LiteCore that crashes may take with it.

The child is `python -m c4trace.doctor.trial [LITECORE]`; it prints one Trial as JSON, or one line on stderr.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from c4trace.host import EmbeddedHost
from c4trace.report.plain import plain
from c4trace.trace_error import TraceError
from c4trace.tracer import Tracer

__all__ = ["Trial", "attempt", "main"]

PATIENCE = 30.0
NAME = "c4trace-doctor"


class Trial(msgspec.Struct, frozen=True):
    """What a tracer said of itself; `factory_size` is 0 where the LiteCore is of no known version."""

    litecore: str
    factory_size: int
    upcalls: list[str]
    clock: str
    segment_bytes: int
    warning: str = ""


def attempt(litecore: str | None) -> Trial | str:
    """Open a tracer for this LiteCore (None: for an embedded host) in a child process; else say in a line why not."""
    try:
        child = subprocess.run(command(litecore), capture_output=True, timeout=PATIENCE, check=False)  # noqa: S603 - ourselves
    except subprocess.TimeoutExpired:
        return f"it did not end within {PATIENCE:g} s"
    said = plain(child.stderr.decode(errors="replace").strip())
    if child.returncode < 0:
        return f"it ended by {signal.Signals(-child.returncode).name}{': ' if said else ''}{said[-200:]}"
    if child.returncode:
        return said[-500:] or f"it ended with code {child.returncode}"
    trial = msgspec.json.decode(child.stdout.splitlines()[-1], type=Trial)
    return msgspec.structs.replace(trial, warning=said.removeprefix("c4trace: "))


def command(litecore: str | None) -> list[str]:
    """Give the words that start the child."""
    return [sys.executable, "-m", "c4trace.doctor.trial", *([litecore] if litecore is not None else [])]


def main(litecore: str | None) -> int:
    """Open the tracer here; the exit code."""
    try:
        with Tracer(NAME, litecore=litecore if litecore is not None else EmbeddedHost()) as tracer:
            process = tracer.snapshot().process
            trial = Trial(
                litecore=process.litecore,
                factory_size=process.factory_size,
                upcalls=sorted(tracer.upcalls),
                clock=process.clock,
                segment_bytes=Path(tracer.segment_path).stat().st_size,
            )
    except TraceError as error:
        print(error, file=sys.stderr)
        return 2
    except Exception as error:  # noqa: BLE001 - whatever is wrong here is what the doctor is to tell
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    sys.stdout.buffer.write(msgspec.json.encode(trial) + b"\n")
    sys.stdout.flush()
    # A LiteCore that was only loaded is not asked to end in good order.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
