"""What tracing costs a host: a real LiteCore pushes documents, traced and not, turn about.

    python -m benchmarks.replication [--documents N] [--document-bytes N] [--repetitions N] [--capture LEVEL]
                                     [--json FILE] [--check]

Client and peer are one process, with factories in C (tests/real/plain_factory.c) and whole messages. The sides:

    unwrapped    LiteCore and the factories alone
    thread       traced, with a metrics page, a log and a recording, collected in a thread of the host
    process      the same, collected in a process of its own

Of each side the first repetition is dropped. CPU time is that of the process with all its threads, from the
replicator's start until all sockets are disposed of and the tracer, with all its sinks, is closed; wall time likewise.
Of every traced repetition the numbers in the recording, on the metrics page and in the log must be those that the
factories counted themselves, and no event may be lost, else it ends with an error. Needs `make litecore`.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final, Literal

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from tests.real import scraped
from tests.real.counts import Counted
from tests.real.database import Database
from tests.real.factory import Stage
from tests.real.litecore import LiteCore, LogLevel
from tests.real.logged import says_the_same
from tests.real.peer import Peer
from tests.real.plain import URL, Linking, Plain, build
from tests.real.recorded import FLOWS, orderly, read_whole
from tests.real.replicator import PUSH, Replicator
from tests.real.traced import Report, Traced
from tests.real.wrapping import Unwrapped

ROOT: Final = Path(__file__).parents[1]
UNWRAPPED: Final = "unwrapped"
IN_A_THREAD: Final = "thread"
IN_A_PROCESS: Final = "process"
SIDES: Final = (UNWRAPPED, IN_A_THREAD, IN_A_PROCESS)
AT_MOST: Final = 1.03
"""Times the CPU time of the unwrapped host that a traced one may take."""


WORDS: Final = [f"{consonant}{vowel}{end}" for consonant in "bdfgklmnprst" for vowel in "aeiou" for end in "nrstl"]
PARTS: Final = {
    "open": "opening_cpu",
    "calls": "calls_cpu",
    "collect": "collector_cpu",
    "close": "closing_cpu",
}
"""Where the tracer's CPU time goes: column and field."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One repetition of one side."""

    side: str
    documents: int
    document_bytes: int
    capture: str
    library: str
    folder: str


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    cpu: float
    wall: float
    opening_cpu: float
    """Of that, nothing: what it took to open the tracer and wrap, before."""
    closing_cpu: float
    """Of that: what it took to close the tracer."""
    collector_cpu: float
    """Of that: what c4trace's own threads in the host took until then."""
    calls_cpu: float
    """Of that: what c4trace took inside calls and up-calls, as it measures itself by samples."""

    @property
    def own_share(self) -> float:
        """The part of the CPU time that is c4trace's: less exact than a difference, and far less noisy."""
        return (self.closing_cpu + self.collector_cpu + self.calls_cpu) / self.cpu


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What one repetition took, and what was counted in it."""

    spent: Spent
    counted: dict[str, Counted]
    report: Report | None


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One side's repetitions, the first dropped, and the ratio of its medians to those of the unwrapped side."""

    spent: list[Spent]
    cpu: float
    wall: float
    cpu_ratio: float
    wall_ratio: float
    paired_cpu_ratio: float
    """The median of the ratios within each repetition: a machine that becomes slower changes it less."""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured."""

    documents: int
    document_bytes: int
    capture: str
    events: int
    """Calls and up-calls of the last traced repetition, all on record."""
    sides: dict[str, Side]


def main(arguments: list[str]) -> int:
    """Measure as asked for, print a table, write JSON; 1 where --check finds that tracing costs too much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--document-bytes", type=int, default=1000, help="size of each document's text")
    parser.add_argument("--repetitions", type=int, default=8, help="of each side, the first of which is dropped")
    parser.add_argument("--capture", default="headers")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--check", action="store_true", help="end with 1 where tracing costs too much")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.run:
        sys.stdout.buffer.write(msgspec.json.encode(_replicate(msgspec.json.decode(asked.run, type=Order))))
        return 0
    results = measure(asked.documents, asked.document_bytes, asked.repetitions, asked.capture)
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    Console().print(table(results))
    found = misses(results) if asked.check else []
    for miss in found:
        print(f"replication: {miss}", file=sys.stderr)
    return 1 if found else 0


def measure(documents: int, document_bytes: int, repetitions: int, capture: str) -> Results:
    """Runs all sides in turn, `repetitions` times."""
    spent: dict[str, list[Spent]] = {side: [] for side in SIDES}
    events = 0
    with tempfile.TemporaryDirectory() as libraries:
        library = str(build(Path(libraries), Linking.NOW))
        for repetition in range(repetitions):
            for side in SIDES[repetition % len(SIDES) :] + SIDES[: repetition % len(SIDES)]:
                with tempfile.TemporaryDirectory() as folder:
                    order = Order(
                        side=side,
                        documents=documents,
                        document_bytes=document_bytes,
                        capture=capture,
                        library=library,
                        folder=folder,
                    )
                    run = _in_a_process(order)
                    events = _check(run) or events
                if repetition:
                    spent[side].append(run.spent)
    return Results(
        documents=documents,
        document_bytes=document_bytes,
        capture=capture,
        events=events,
        sides={side: _side(spent, side) for side in SIDES},
    )


def table(results: Results) -> Table:
    """The results, for people."""
    title = (
        f"{results.documents:,} documents of {results.document_bytes} bytes, {results.events:,} events "
        f"(capture {results.capture})"
    )
    made = Table(title=title, box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    made.add_column("side")
    for column in ("CPU s", "ratio", "paired", "wall s", "own", *PARTS):
        made.add_column(column, justify="right")
    for name, side in results.sides.items():
        share = statistics.median(one.own_share for one in side.spent)
        parts = [statistics.median(getattr(one, field) for one in side.spent) for field in PARTS.values()]
        numbers = (side.cpu, side.cpu_ratio, side.paired_cpu_ratio, side.wall, share, *parts)
        made.add_row(name, *(f"{number:.3f}" for number in numbers))
    made.caption = (
        f"medians of {len(results.sides[UNWRAPPED].spent)}; ratio: CPU to unwrapped, paired: within a repetition; "
        "own: c4trace's share; then CPU s of its parts"
    )
    return made


def misses(results: Results) -> list[str]:
    """What costs more than it may, one sentence each."""
    ratio = results.sides[IN_A_THREAD].cpu_ratio
    if ratio <= AT_MOST:
        return []
    return [f"a traced host takes {ratio:.3f} times the CPU time of an untraced one; at most {AT_MOST} is wanted"]


def _side(spent: dict[str, list[Spent]], side: str) -> Side:
    def median(name: Literal["cpu", "wall"], of: str) -> float:
        return float(statistics.median(getattr(one, name) for one in spent[of]))

    pairs = zip(spent[side], spent[UNWRAPPED], strict=True)
    return Side(
        spent=spent[side],
        cpu=median("cpu", side),
        wall=median("wall", side),
        cpu_ratio=median("cpu", side) / median("cpu", UNWRAPPED),
        wall_ratio=median("wall", side) / median("wall", UNWRAPPED),
        paired_cpu_ratio=statistics.median(one.cpu / base.cpu for one, base in pairs),
    )


def _in_a_process(order: Order) -> Run:
    command = [sys.executable, "-m", "benchmarks.replication", "--run", msgspec.json.encode(order).decode()]
    answer = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    return msgspec.json.decode(answer, type=Run)


def _replicate(order: Order) -> Run:
    """One repetition, in this process."""
    litecore = LiteCore()
    litecore.log(LogLevel.WARNING)
    folder = Path(order.folder)
    client, remote = (Database(litecore, folder, name) for name in ("client", "peer"))
    client.put((f"push-{i}", {"number": i, "text": _text(i, order.document_bytes)}) for i in range(order.documents))
    before = _cpu()
    wrapping = _wrapping(order, litecore, folder)
    stage = Stage(litecore, wrapping, problems=[])
    peer = Peer(remote)
    plain = Plain(stage, peer, Path(order.library), framed=False)
    opening = _cpu() - before

    cpu, wall = _cpu(), time.monotonic()
    replicator = Replicator.connecting(client, PUSH, URL, plain.client.address)
    replicator.start()
    replicator.wait_stopped(600)
    replicator.free()
    peer.close()
    while plain.client.live_sockets + plain.passive.live_sockets:
        time.sleep(0.001)
    cpu, wall = _cpu() - cpu, time.monotonic() - wall
    collector = _collector_cpu()

    report, closing, closing_wall, calls = None, 0.0, 0.0, 0.0
    if isinstance(wrapping, Traced):
        report = wrapping.last_look()
        calls = scraped.classic(report.metrics)["c4trace_overhead_seconds_total"][0][1]
        closing, closing_wall = _cpu(), time.monotonic()
        wrapping.close()
        closing, closing_wall = _cpu() - closing, time.monotonic() - closing_wall
    assert stage.problems == []
    assert remote.document_count == order.documents
    return Run(
        spent=Spent(
            cpu=cpu + closing,
            wall=wall + closing_wall,
            opening_cpu=opening,
            closing_cpu=closing,
            collector_cpu=collector,
            calls_cpu=calls,
        ),
        counted={"client": plain.client.report(), "passive": plain.passive.report()},
        report=report,
    )


def _text(number: int, size: int) -> str:
    """Words, the same every time, that compress about as words do."""
    dice = random.Random(number)  # noqa: S311 - content, not a secret
    return " ".join(dice.choices(WORDS, k=size // 4 + 1))[:size]


def _wrapping(order: Order, litecore: LiteCore, folder: Path) -> Unwrapped | Traced:
    if order.side == UNWRAPPED:
        return Unwrapped(litecore)
    collect_in: Literal["thread", "process"] = "thread" if order.side == IN_A_THREAD else "process"
    return Traced(litecore, folder, capture=order.capture, collect_in=collect_in)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _collector_cpu() -> float:
    """Of the threads of c4trace that are alive, by the kernel's own account."""
    ours = [thread.native_id for thread in threading.enumerate() if thread.name.startswith("c4trace-")]
    return sum(int(Path(f"/proc/self/task/{tid}/schedstat").read_text().split()[0]) for tid in ours) / 1e9


def _check(run: Run) -> int:
    """Compares everything with what the factories counted; returns how many events that were."""
    if run.report is None:
        return 0
    recorded = read_whole(Path(run.report.recording))
    orderly(recorded)
    own = {label: _comparable(side) for label, side in run.counted.items()}
    assert {label: _comparable(side) for label, side in recorded.by_factory.items()} == own
    page = scraped.classic(run.report.metrics)
    assert {label: _comparable(side) for label, side in scraped.counted(page).items()} == own
    scraped.at_rest(page)
    says_the_same(Path(run.report.log), recorded)
    assert run.report.orphans == 0
    return len(recorded.events)


def _comparable(side: Counted) -> Counted:
    return {
        "calls": side["calls"],
        "bytes": {name: size for name, size in side["bytes"].items() if name in FLOWS},
        "closed": side["closed"],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
