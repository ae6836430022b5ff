"""A host that replicates, traced and recorded, until it is killed: `python -m tests.real.endless FOLDER MANNER`.

MANNER is a JSON object with the fields of `Endless`. On stdout it says READY and the path of its segment, then starts.
"""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path
from typing import Final, Literal

import msgspec

from tests.real.database import Database
from tests.real.factory import Stage
from tests.real.litecore import LiteCore
from tests.real.loopback import URL as LOOPBACK_URL
from tests.real.loopback import Loopback, Manner
from tests.real.peer import Peer
from tests.real.plain import URL as PLAIN_URL
from tests.real.plain import Plain
from tests.real.replicator import Direction, Mode, Replicator
from tests.real.traced import Traced

READY: Final = "ready"


class Endless(msgspec.Struct, frozen=True, kw_only=True):
    """What to run."""

    recording: str
    """The file's name."""
    library: str | None = None
    """The built plain library; else the factories are Python's."""
    framed: bool = False
    hangs_in_write: int = 0
    collect_in: Literal["thread", "process"] = "thread"


def main(folder: Path, manner: Endless) -> None:
    """Pushes and pulls new documents for ever."""
    litecore = LiteCore()
    traced = Traced(litecore, folder, capture="full", collect_in=manner.collect_in, recording=manner.recording)
    stage = Stage(litecore, traced, problems=[])
    databases = [Database(litecore, folder, name) for name in ("client", "peer")]
    peer = Peer(databases[1])
    factory, url = _factory(stage, peer, manner)
    both = Direction(push=Mode.CONTINUOUS, pull=Mode.CONTINUOUS)
    client = Replicator.connecting(databases[0].again(), both, url, factory)
    print(READY, traced.segment_path, flush=True)
    client.start()
    for number in itertools.count():
        for database in databases:
            database.put((f"{database.name}-{number}-{i}", {"text": "x" * 100 * i}) for i in range(10))
        time.sleep(0.005)  # the recorder keeps up with that, so that nothing is lost


def _factory(stage: Stage, peer: Peer, manner: Endless) -> tuple[int, str]:
    """The client's factory, and where it connects to."""
    if manner.library is None:
        loopback = Loopback(stage, peer, Manner(framed=manner.framed, hangs_in_write=manner.hangs_in_write))
        return loopback.client.address, LOOPBACK_URL
    plain = Plain(stage, peer, Path(manner.library), framed=manner.framed)
    _kept.append(plain)
    return plain.client.address, PLAIN_URL


_kept: list[Plain] = []  # LiteCore calls into it as long as the process lives


if __name__ == "__main__":
    main(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=Endless))
