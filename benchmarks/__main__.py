"""Measures what tracing costs, and compares it with the goals.

    python -m benchmarks [NAME ...] [--set SIZE=VALUE] [--tiny] [--check] [--no-measure] [--folder FOLDER]

Without names all benchmarks but lossless and soak run, one after the other (`make bench`, 15 minutes). Each writes
FOLDER/NAME.json and a table. --check then says of every goal whether it is met, missed or was not measured, by what is
in the folder; exit code 1 where one is missed, or a benchmark fails. --no-measure only looks at what is there.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from pathlib import Path
from typing import Any, Final, Protocol, cast

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import goals, results, table

BENCHES: Final = {
    "hot_path": "a call without payload, beside time stamps and LTTng-UST",
    "payload": "a call with payload, beside memcpy",
    "wrappers": "a call through wrappers written in Python",
    "instructions": "instructions a call",
    "recording": "from the ring to a file, beside msgspec, write(2) and memcpy",
    "reading": "reading, showing and replaying recordings, as they grow",
    "turns": "threads that take turns on one session",
    "sessions": "sockets open at once, and how fast they come and go",
    "startup": "what commands and imports take before they begin",
    "live": "the live screen beside ten thousand open sockets",
    "replication": "a real LiteCore's replication, traced and not",
    "java": "the Java client's replication, by c4trace run and without",
    "stopped_reader": "a host whose readers are stopped or killed",
    "proxies": "the same sockets through proxies",
}
"""Every benchmark, a module of this folder, in the order they run."""
APART: Final = {
    "lossless": "minutes at the most that is recorded without loss",
    "soak": "half an hour of sockets that fail and come again",
}
"""Benchmarks that run only when they are named; the goals are judged by what they last wrote."""


WIDTH: Final = 110
"""Of tables that are no terminal's."""


class Module(Protocol):
    """A benchmark: its sizes and how it measures."""

    FULL: Any
    TINY: Any

    def measure(self, sizes: Any) -> results.Results:
        """Measure with these sizes."""
        ...


def module(name: str) -> Module:
    """A benchmark by its name."""
    return cast("Module", importlib.import_module(f"benchmarks.{name}"))


def sized(sizes: Any, changes: list[str]) -> Any:
    """The sizes with these changes, each SIZE=VALUE as JSON has it; ValueError for what is none of them."""
    given = {name: msgspec.json.decode(value) for name, _, value in (change.partition("=") for change in changes)}
    if unknown := given.keys() - set(sizes.__struct_fields__):
        raise ValueError(f"no size {min(unknown)!r}: there are {', '.join(sizes.__struct_fields__)}")
    return msgspec.convert(msgspec.to_builtins(sizes) | given, type(sizes))


def verdicts(judged: list[goals.Judged]) -> Table:
    """How each goal stands, for people."""
    made = Table(title="goals", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("goal", "limit", "measured", "verdict"):
        made.add_column(column, justify="right" if column in {"limit", "measured"} else "left")
    for one in judged:
        sign = "<=" if one.goal.at == "most" else ">="
        measured = "" if one.measured is None else table.number(one.measured)
        verdict = f"{one.verdict}{', busy machine' if one.busy else ''}"
        made.add_row(one.goal.what, f"{sign} {table.number(one.goal.limit)}", measured, verdict)
    return made


def main(arguments: list[str]) -> int:
    """Do what the arguments say; 1 where --check finds a goal missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*BENCHES, *APART]))
    parser.add_argument("--check", action="store_true", help="compare with the goals")
    parser.add_argument("--tiny", action="store_true", help="sizes at which figures mean nothing: does it run?")
    parser.add_argument("--set", action="append", default=[], metavar="SIZE=VALUE", help="other than FULL's or TINY's")
    parser.add_argument("--no-measure", action="store_true", help="only look at the results that are there")
    parser.add_argument("--folder", type=Path, help="of the results; build/bench, or with --tiny build/tiny")
    asked = parser.parse_args(arguments)
    folder = asked.folder or (results.FOLDER.with_name("tiny") if asked.tiny else results.FOLDER)
    if unknown := [name for name in asked.names if name not in {*BENCHES, *APART}]:
        parser.error(f"no benchmark {unknown[0]!r}: there are {', '.join([*BENCHES, *APART])}")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    failed = []
    for name in () if asked.no_measure else asked.names or BENCHES:
        one = module(name)
        try:
            sizes = sized(one.TINY if asked.tiny else one.FULL, asked.set)
        except ValueError as error:
            parser.error(f"{name}: {error}")
        try:
            measured = one.measure(sizes)
        except Exception:  # noqa: BLE001 - the others are measured all the same
            traceback.print_exc()
            failed.append(name)
            results.forget(name, folder)
            continue
        results.write(measured, folder)
        console.print(table.table(measured))
    if failed:
        print(f"benchmarks: not measured: {', '.join(failed)} (see above)", file=sys.stderr)
    if not asked.check:
        return int(bool(failed))
    judged = goals.judge(goals.GOALS, results.read([*BENCHES, *APART], folder))
    console.print(verdicts(judged))
    return int(bool(failed) or any(one.verdict is goals.Verdict.FAIL for one in judged))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
