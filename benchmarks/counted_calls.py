"""The program that benchmarks/instructions.py runs under callgrind.

    python -m benchmarks.counted_calls FOLDER CALLS LEVEL...

For each capture level ("bare": without c4trace) it makes some calls to warm up, then those that are counted. It imports
little, because callgrind makes all of it twenty times slower.
"""

from __future__ import annotations

import sys

from c4trace._native import ffi, lib
from c4trace.bench.loop import INNER, CallLoop
from c4trace.segment.capture import CAPTURE_LEVELS

BARE = "bare"
MESSAGE = 256
WARM = 100
"""A thread's first calls lease what it writes to."""


def main(folder: str, calls: int, levels: list[str]) -> None:
    """Make the calls."""
    name, place = ffi.new("char[]", b"counted"), ffi.new("char[]", folder.encode())
    config = ffi.new("c4trace_config *")
    config.size, config.name, config.folder = ffi.sizeof("c4trace_config"), name, place
    config.upcalls = lib.c4thost_upcalls(72)
    opened, failure = ffi.new("c4trace_tracer **"), ffi.new("c4trace_failure *")
    if lib.c4trace_open(config, opened, failure):
        sys.exit(ffi.string(failure.text).decode())
    traced = lib.c4trace_wrap(opened[0], ffi.cast("void *", INNER), 0, b"bench", failure)
    loops = {True: CallLoop(INNER), False: CallLoop(int(ffi.cast("uintptr_t", traced)))}
    for level in levels:
        if level != BARE:
            lib.c4trace_set_capture(opened[0], CAPTURE_LEVELS.index(level), 0)
        for count in (WARM, calls):
            loops[level == BARE].ns(calls=count, message=MESSAGE)
    lib.c4trace_close(opened[0], 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
