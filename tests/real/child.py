"""Plays a scenario in a child process, so that a LiteCore that crashes or hangs takes one test down and not the run.

The parent calls `run`. The child is `python -m tests.real.child WRAPPING SCENARIO.json RESULT.json FOLDER`. What it
says on stdout and stderr is left in FOLDER/output.txt.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from tests.real.litecore import LiteCore, LogLevel
from tests.real.play import play
from tests.real.scenario import Result, Scenario
from tests.real.traced import Interrupted, Traced
from tests.real.wrapping import Unwrapped, Wrapping

ROOT: Final = Path(__file__).parents[2]
TIMEOUT: Final = 100
"""Seconds after which a child is killed."""
OUTPUT: Final = "output.txt"
"""The file that what a child said is left in."""

WRAPPINGS: Final[dict[str, Callable[[LiteCore, Path], Wrapping]]] = {
    "unwrapped": lambda litecore, _folder: Unwrapped(litecore),
    "traced": Traced,
    "traced in full": partial(Traced, capture="full"),
    "traced at first": Interrupted,
    "traced from outside": partial(Traced, capture="full", collect_in="process"),
}
"""The ways of wrapping, by name: made from the LiteCore in use and a folder for what they leave."""


class ChildError(AssertionError):
    """The child ended without a result."""


def run(scenario: Scenario, folder: Path, wrapping: str = "unwrapped", before: Sequence[str | Path] = ()) -> Result:
    """Plays `scenario` in a child process, with its files in `folder`, and returns what came of it.

    `before` goes before the child's own command.
    """
    order, answer = folder / "scenario.json", folder / "result.json"
    order.write_bytes(msgspec.json.encode(scenario))
    python = [sys.executable, "-X", "faulthandler", "-m", "tests.real.child"]
    command = [*before, *python, wrapping, str(order), str(answer), str(folder)]
    output = folder / OUTPUT
    with output.open("wb") as said_to, subprocess.Popen(command, cwd=ROOT, stdout=said_to, stderr=said_to) as child:
        try:
            child.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGABRT)  # faulthandler then says where every thread is
            child.wait()
    if child.returncode != 0:
        said = output.read_text(errors="replace")
        raise ChildError(f"{scenario}\n{_how(child.returncode)}; it said:\n{said[-8000:]}")
    return msgspec.json.decode(answer.read_bytes(), type=Result)


def _how(code: int) -> str:
    return f"the child was ended by {signal.Signals(-code).name}" if code < 0 else f"the child ended with code {code}"


def main(wrapping: str, order: str, answer: str, folder: str) -> None:
    """Plays the scenario in file `order` and writes the result to file `answer`."""
    litecore = LiteCore()
    litecore.log(LogLevel.WARNING)
    scenario = msgspec.json.decode(Path(order).read_bytes(), type=Scenario)
    result = play(litecore, WRAPPINGS[wrapping](litecore, Path(folder)), Path(folder), scenario)
    Path(answer).write_bytes(msgspec.json.encode(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
