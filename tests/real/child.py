"""Plays a scenario in a child process, so that a LiteCore that crashes or hangs takes one test down and not the run.

The parent calls `run`. The child is `python -m tests.real.child WRAPPING SCENARIO.json RESULT.json FOLDER`.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from tests.real.litecore import LiteCore, LogLevel
from tests.real.play import play
from tests.real.scenario import Result, Scenario
from tests.real.wrapping import Unwrapped, Wrapping

ROOT: Final = Path(__file__).parents[2]
TIMEOUT: Final = 100
"""Seconds after which a child is killed."""

WRAPPINGS: Final[dict[str, Callable[[LiteCore, Path], Wrapping]]] = {
    "unwrapped": lambda litecore, _folder: Unwrapped(litecore),
}
"""The ways of wrapping, by name: made from the LiteCore in use and a folder for what they leave."""


class ChildError(AssertionError):
    """The child ended without a result."""


def run(scenario: Scenario, folder: Path, wrapping: str = "unwrapped") -> Result:
    """Plays `scenario` in a child process, with its files in `folder`, and returns what came of it."""
    order, answer = folder / "scenario.json", folder / "result.json"
    order.write_bytes(msgspec.json.encode(scenario))
    python = [sys.executable, "-X", "faulthandler", "-m", "tests.real.child"]
    command = [*python, wrapping, str(order), str(answer), str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as child:
        try:
            _, said = child.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGABRT)  # faulthandler then says where every thread is
            _, said = child.communicate()
    if child.returncode != 0:
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
