"""Writes the C source of ``c4trace._native`` from the cdef.h of three folders: ``build_ffi.py OUTPUT.c``, run by CMake.

cffi's API mode: the C compiler checks every declaration there against the headers named here.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cffi

NATIVE = Path(__file__).resolve().parent
SEGMENT = NATIVE.parent / "segment"
BENCH = NATIVE.parent / "bench"


def includes() -> str:
    """What the generated source includes: the library's headers, then every header of the segment's reader."""
    names = [
        "c4trace.h",
        "calls.h",
        "host.h",
        "mask.h",
        "pyfactory.h",
        "turns.h",
        *sorted(header.name for header in SEGMENT.glob("*.h") if header.name != "cdef.h"),
    ]
    return "".join(f'#include "{name}"\n' for name in names)


def write_source(output: Path) -> None:
    """Write the extension's C source to ``output``, whole or not at all."""
    ffi = cffi.FFI()
    for folder in (NATIVE, SEGMENT, BENCH):
        ffi.cdef((folder / "cdef.h").read_text(encoding="utf-8"))
    ffi.set_source("c4trace._native", includes(), py_limited_api=True)
    ffi.emit_c_code(str(output))


if __name__ == "__main__":
    write_source(Path(sys.argv[1]))
