"""What the environment says to a preloaded libc4trace.so (native/preload_meet.c, native/preload_tell.c)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import c4trace._native
from c4trace.trace_error import TraceError

__all__ = ["library", "preloading"]


def library(name: str = "libc4trace.so") -> Path:
    """A library of ours that is preloaded. Raises TraceError where the loader could not be given its path."""
    path = Path(c4trace._native.__file__).with_name(name).resolve()  # noqa: SLF001 - they are installed together
    if set(str(path)) & set(" \t\n:;"):
        raise TraceError(
            f"{path} cannot be preloaded: LD_PRELOAD takes no blank and no colon; install c4trace elsewhere"
        )
    return path


def preloading(
    before: Mapping[str, str],
    *,
    name: str,
    reports: Path,
    capture: tuple[int, int],
    segment_bytes: int,
    collector: int,
    dlsym: bool = False,
) -> dict[str, str]:
    """`before` with what makes a process, and every child of it, a traced one once it meets LiteCore.

    `reports` is the folder it tells how it went, `capture` level and byte count, `segment_bytes` 0 for the default,
    `collector` the process that will consume its segment (0: none, so that it is a flight recorder). With `dlsym`, what
    it looks up in a LiteCore is traced too.
    """
    ours = [library(), *([library("libc4trace_dlsym.so")] if dlsym else [])]
    preload = [*map(str, ours), *filter(None, [before.get("LD_PRELOAD")])]
    level, count = capture
    asked = {
        "LD_PRELOAD": os.pathsep.join(preload),
        "C4TRACE_NAME": name,
        "C4TRACE_RUN": str(reports),
        "C4TRACE_CAPTURE_LEVEL": str(level),
        "C4TRACE_CAPTURE_BYTES": str(count),
        "C4TRACE_COLLECTOR": str(collector),
        # AddressSanitizer ends a program in which another library comes before its own.
        "ASAN_OPTIONS": ":".join(filter(None, [before.get("ASAN_OPTIONS"), "verify_asan_link_order=0"])),
    }
    if before.get("C4TRACE_DIR"):
        asked["C4TRACE_DIR"] = os.path.abspath(before["C4TRACE_DIR"])  # noqa: PTH100 - the host may go elsewhere
    size = {"C4TRACE_SEGMENT_KIB": str(segment_bytes >> 10)} if segment_bytes else {}
    return {**size, **before, **asked}
