"""Hosts written in C, built when they are needed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from c4trace import _native

__all__ = ["built"]


def built(source: Path, folder: Path) -> Path:
    """The program made of `source`, in `folder`, linked to the libc4trace.so that Python uses."""
    package = Path(_native.__file__).parent
    program = folder / source.stem
    flags = "-std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -pthread".split()
    linked = [f"-I{package / 'include'}", str(source), f"-L{package}", "-lc4trace", f"-Wl,-rpath,{package}"]
    subprocess.run([shutil.which("gcc") or "gcc", *flags, *linked, "-o", program], check=True)
    return program
