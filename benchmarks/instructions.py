"""How many instructions a call takes, by callgrind: the one figure that no other program on the machine touches.

The whole turn of the loop is counted, which is some 10 instructions with nothing in between. A reading of the
processor's counter counts as one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.counted_calls import BARE, MESSAGE
from benchmarks.harness import Bench
from benchmarks.results import Results

ROOT: Final = Path(__file__).parents[1]
VALGRIND: Final = shutil.which("valgrind")
LEVELS: Final = {"bare": BARE, "metrics only": "off", "events": "events", "headers": "headers", "full, 256 B": "full"}
COUNTER: Final = "cntvct" if os.uname().machine == "aarch64" else "tsc"
"""Under valgrind a processor does not say that its counter is sound."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`calls` of each side."""

    calls: int


FULL: Final = Sizes(calls=20_000)
TINY: Final = Sizes(calls=500)


def measure(sizes: Sizes) -> Results:
    """Every side once: it would be the same again."""
    bench = Bench("instructions")
    if VALGRIND is None:
        for side in LEVELS:
            bench.miss(side, "valgrind is not installed: make bench-peers")
        return bench.results()
    with tempfile.TemporaryDirectory() as folder:
        for side, counted in zip(LEVELS, _counted(Path(folder), sizes.calls), strict=True):
            bench.add(side, "a call", "instructions", [counted / sizes.calls])
    return bench.results(calls=sizes.calls, message_bytes=MESSAGE)


def _counted(folder: Path, calls: int) -> list[int]:
    """Instructions of each side's calls: callgrind dumps after each loop, and every other one is to warm up."""
    command = [
        *(str(VALGRIND), "--tool=callgrind", "--toggle-collect=call_bare", "--dump-after=call_bare"),
        f"--callgrind-out-file={folder}/dump",
        *(sys.executable, "-m", "benchmarks.counted_calls", str(folder), str(calls), *LEVELS.values()),
    ]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "C4TRACE_CLOCK": COUNTER}, check=True, capture_output=True)
    dumps = sorted(folder.glob("dump.*"), key=lambda path: int(path.suffix[1:]))
    sums = [re.search(r"^summary: (\d+)", dump.read_text(), re.MULTILINE) for dump in dumps]
    return [int(one[1]) for one in sums if one][1 : 2 * len(LEVELS) : 2]
