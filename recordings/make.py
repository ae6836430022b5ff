"""Makes the golden recordings again: `make recordings`, or `python -m recordings.make NAME` for one in this folder.

Each is one scenario of tests/real, played by a real LiteCore in a process of its own whose command line names no place
of this machine. What a recording then holds is what c4trace wrote, to the byte.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import zstandard

from tests.real.canaries import ANSWER, OPTIONS
from tests.real.listener import Behaviour
from tests.real.litecore import LiteCore, LogLevel
from tests.real.play import play
from tests.real.scenario import Remote, Scenario, Way
from tests.real.traced import Traced

HERE: Final = Path(__file__).parent
ONCE: Final[Mapping[str, Any]] = {"maxRetries": 0}
NOT_TO_BE_SEEN: Final = {**OPTIONS, **ONCE}

GOLDEN: Final[Mapping[str, Scenario]] = {
    "push.jsonl": Scenario(way=Way.WEBSOCKET, push=3),
    "pull-blob.jsonl.zst": Scenario(way=Way.WEBSOCKET, pull=3, blob_bytes=64 << 10),
    "refused.jsonl": Scenario(
        way=Way.WEBSOCKET,
        push=3,
        options=NOT_TO_BE_SEEN,
        behaviour=Behaviour(credentials=("somebody", "else"), refusal_headers=ANSWER),
    ),
    "unreachable.jsonl": Scenario(way=Way.WEBSOCKET, push=3, options={**ONCE}, remote=Remote.CLOSED_PORT),
    "dropped.jsonl": Scenario(way=Way.WEBSOCKET, push=20, behaviour=Behaviour(drop_after=5)),
    "framing.jsonl": Scenario(way=Way.DIALER, push=3, pull=3),
}
"""What is played for each file."""

PLAYED: Final = "pull-blob.jsonl.zst"
"""What `c4trace demo` plays: the package has it unpacked, because reading .zst needs an extra."""
PACKAGED: Final = HERE.parent / "c4trace" / "demo" / "peer.jsonl"


def main(names: list[str]) -> None:
    """Makes all, each in a process of its own; or the named ones, here."""
    if names:
        for name in names:
            _make(name)
        return
    for name in GOLDEN:
        with tempfile.TemporaryDirectory() as folder:
            _in_a_process(name, Path(folder))
            (Path(folder) / name).replace(HERE / name)
        print(f"recordings/{name}: {(HERE / name).stat().st_size} bytes")
    PACKAGED.write_bytes(unpacked(HERE / PLAYED))


def unpacked(path: Path) -> bytes:
    """The text of a compressed recording."""
    with path.open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return reader.read()


def _in_a_process(name: str, folder: Path) -> None:
    """Makes one in `folder`, by a command line that is the same on every machine."""
    root = HERE.parent
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(root), "PATH": path}
    command = ["python", "-m", "recordings.make", name]
    subprocess.run(command, cwd=folder, env=environment, check=True)


def _make(name: str) -> None:
    litecore = LiteCore()
    litecore.log(LogLevel.NONE)  # half of them end in errors, as they should
    folder = Path()
    traced = Traced(litecore, folder, name=name.partition(".")[0], capture="full", recording=name)
    result = play(litecore, traced, folder, GOLDEN[name])
    if result.problems or result.objects:
        raise RuntimeError(f"{name}: {result.objects} objects of LiteCore are left: {result.problems}")


if __name__ == "__main__":
    main(sys.argv[1:])
