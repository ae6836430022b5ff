"""What commands take before they do anything, and what imports take.

Commands are processes, from start to end, with the smallest job they can have; imports are timed in a new interpreter.
Wall seconds, and those of the processor. All of them are on disk and in the page cache by then.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.harness import Bench, interleave
from benchmarks.results import Results

ROOT: Final = Path(__file__).parents[1]
C4TRACE: Final = str(Path(sys.executable).with_name("c4trace"))
RECORDING: Final = str(ROOT / "recordings/push.jsonl")
COMMANDS: Final = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "c4trace --version": [C4TRACE, "--version"],
    "c4trace run -- true": [C4TRACE, "run", "--", "true"],
    "c4trace show FILE": [C4TRACE, "show", RECORDING],
    "c4trace replay FILE": [C4TRACE, "replay", "--speed", "max", "--log", "none", RECORDING],
}
IMPORTS: Final = {
    "import rich.live": "import rich.live",
    "import c4trace": "import c4trace",
    "from c4trace import Tracer": "from c4trace import Tracer",
}
TIMED: Final = """
import time
wall, cpu = time.perf_counter(), time.process_time()
{}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Starts of each side."""

    repetitions: int


FULL: Final = Sizes(repetitions=12)
TINY: Final = Sizes(repetitions=2)


def measure(sizes: Sizes) -> Results:
    """Every command and every import."""
    bench = Bench("startup", base="import rich.live")
    with tempfile.TemporaryDirectory() as segments:
        environment = {**os.environ, "C4TRACE_DIR": segments}
        sides: dict[str, Callable[[], tuple[float, float]]] = {
            **{name: partial(_import, statement) for name, statement in IMPORTS.items()},
            **{name: partial(_run, command, environment) for name, command in COMMANDS.items()},
        }
        measured = interleave(sides, sizes.repetitions)
    for side, values in measured.items():
        kind = "" if side in IMPORTS else "command, "
        bench.add(side, f"{kind}wall", "s", [wall for wall, _ in values])
        bench.add(side, f"{kind}CPU", "s", [cpu for _, cpu in values])
    return bench.results()


def _import(statement: str) -> tuple[float, float]:
    command = [sys.executable, "-c", TIMED.format(statement)]
    wall, cpu = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(wall), float(cpu)


def _run(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    began = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return wall, used.ru_utime + used.ru_stime
