"""The first line of a recording, from the segment's facts and the host's command line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from c4trace.redact import REDACTED, redact_text
from c4trace.segment.snapshot import ProcessInfo

__all__ = ["recording_header"]


def recording_header(process: ProcessInfo) -> dict[str, object]:
    """The header's fields, as DESIGN names them; `wall` is RFC 3339 in UTC, to the microsecond."""
    wall = dt.datetime.fromtimestamp(process.started, tz=dt.UTC)
    return {
        "type": "header",
        "format": 1,
        "c4trace": process.c4trace,
        "name": process.name,
        "pid": process.pid,
        "argv": redacted_argv(_argv(process.pid)) if process.state in {"live", "aside"} else [],
        "litecore": {"version": process.litecore, "abi": process.factory_size},
        "clock": {"wall": wall.isoformat(timespec="microseconds").replace("+00:00", "Z"), "source": process.clock},
        "capture": process.capture,
        "redaction": {"secrets": REDACTED},
    }


def _argv(pid: int) -> list[str]:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [argument.decode(errors="replace") for argument in line.removesuffix(b"\0").split(b"\0")] if line else []


def redacted_argv(argv: list[str]) -> list[str]:
    """Copy without secrets: neither in an argument, nor as the argument that follows an option named like one."""
    before = ["", *argv]
    return [
        REDACTED if option.startswith("-") and _is_secret_of(option, argument) else redact_text(argument)
        for option, argument in zip(before, argv, strict=False)
    ]


def _is_secret_of(option: str, value: str) -> bool:
    pair = f"{option.lstrip('-')}={value}"
    return "=" not in option and redact_text(pair) != pair
