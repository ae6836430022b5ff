"""A traced host in a process of its own, which does what it is told, a line at a time, and answers with its own counts.

Started as `python -m tests.cli.talking NAME [CAPTURE]`. "talk": three sockets; "busy": from now on until "rest";
"counts": nothing but the answer. It closes when its standard input ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from c4trace.host import EmbeddedHost
from c4trace.tracer import Tracer
from tests.factories.echo import EchoFactory
from tests.tracing import Counted, talk, told

ROOT = Path(__file__).parents[2]


def main(name: str, capture: str) -> None:
    stop = threading.Event()
    with EchoFactory() as factory, EmbeddedHost() as host, Tracer(name, litecore=host, capture=capture) as tracer:
        traced = tracer.wrap(factory)

        def talk_on() -> None:
            while not stop.is_set():
                talk(host, traced, sockets=1, messages=20, size=2000)

        busy = threading.Thread(target=talk_on)
        print("ready", flush=True)
        for line in sys.stdin:
            match line.strip():
                case "talk":
                    talk(host, traced)
                case "busy":
                    busy.start()
                case "rest":
                    stop.set()
                    busy.join()
            print(json.dumps(told(host)), flush=True)
        stop.set()
        if busy.is_alive():
            busy.join()


class Talking:
    """Such a process, seen from the test."""

    def __init__(self, process: subprocess.Popen[str], path: Path) -> None:
        self.process = process
        self.pid = process.pid
        self.path = path

    def tell(self, word: str) -> Counted:
        """Have it do something; its own counts of events and bytes, after that."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return {event: (n, size) for event, (n, size) in json.loads(self.process.stdout.readline()).items()}

    def end(self) -> None:
        """Let it end as programs do."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(60) == 0

    def kill(self) -> None:
        """End it as the kernel does."""
        self.process.kill()
        self.process.wait()


@contextmanager
def talking(folder: Path, name: str, capture: str = "headers") -> Iterator[Talking]:
    """A process that talks, ready, with its segment in `folder`; killed at the end if it still lives."""
    with talking_all(folder, [name], capture) as (one,):
        yield one


@contextmanager
def talking_all(folder: Path, names: list[str], capture: str = "headers") -> Iterator[list[Talking]]:
    """As many such processes as there are names, all at once."""
    with ExitStack() as ends:
        started = []
        for name in names:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.cli.talking", name, capture],
                cwd=ROOT,
                env={**os.environ, "C4TRACE_DIR": str(folder)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            ends.enter_context(process)
            ends.callback(process.kill)
            started.append(Talking(process, folder / f"{name}.{process.pid}.seg"))
        for one in started:
            assert one.process.stdout is not None
            assert one.process.stdout.readline() == "ready\n"
        yield started


if __name__ == "__main__":
    main(*sys.argv[1:])
