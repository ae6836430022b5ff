"""A passive LiteCore in a process of its own, for programs that are not Python: `python -m tests.real.serve FOLDER`.

Two listeners serve one database, one to push to and one to pull from, so that each counts one half. It says where they
are in one line of JSON, and, once its standard input has ended and all connections are over, what they have counted.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from tests.real.counts import Counted
from tests.real.database import Database
from tests.real.factory import Stage
from tests.real.listener import Behaviour, Listener
from tests.real.litecore import LiteCore, LogLevel
from tests.real.peer import Peer
from tests.real.wrapping import Unwrapped

ROOT: Final = Path(__file__).parents[2]


class Places(msgspec.Struct, frozen=True):
    """The URL of each listener."""

    push: str
    pull: str


class Served(msgspec.Struct, frozen=True):
    """What each listener's factory has counted, the documents that are there now, and what went wrong."""

    push: Counted
    pull: Counted
    documents: int
    problems: list[str]


class Serving:
    """The process that serves, as the test has it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.places = msgspec.json.decode(self._line(), type=Places)

    def end(self) -> Served:
        """Wait until all connections are over; what was counted."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        served = msgspec.json.decode(self._line(), type=Served)
        assert self._process.wait(60) == 0
        return served

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def serving(folder: Path) -> Iterator[Serving]:
    """Serves a database in `folder`, from the start of the block to its end."""
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.real.serve", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Serving(process)
        finally:
            process.kill()


def main(folder: str) -> None:
    """Serves until standard input ends, then until the last connection does."""
    litecore = LiteCore()
    litecore.log(LogLevel.WARNING)
    stage = Stage(litecore, Unwrapped(litecore), problems=[])
    database = Database(litecore, Path(folder), "peer")
    peers = Peer(database), Peer(database)
    push, pull = (Listener(stage, peer, Behaviour()) for peer in peers)
    _say(Places(push.url, pull.url))
    sys.stdin.buffer.read()
    for listener in (push, pull):
        listener.close()
    for peer in peers:
        peer.close()
    _say(Served(push.passive.report(), pull.passive.report(), database.document_count, stage.problems))


def _say(what: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
