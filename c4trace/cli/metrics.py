"""`c4trace metrics`: the page that Prometheus scrapes, printed once or served."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

import click
from prometheus_client import CollectorRegistry, exposition, openmetrics

from c4trace.cli.ending import UNREACHED, BadInput, Unreached
from c4trace.cli.notices import notice, say_how_it_ended
from c4trace.cli.number import Number
from c4trace.cli.target import is_file, nothing_traced, segment_of
from c4trace.cli.verb import verb
from c4trace.recording.reader import open_recording
from c4trace.report.process import process_of
from c4trace.report.running_totals import RunningTotals
from c4trace.segment.all_processes import AllProcesses
from c4trace.segment.attach import attach
from c4trace.segment.snapshot import Snapshot
from c4trace.sinks.metrics import MetricsCollector
from c4trace.sinks.scrape import MetricsServer

__all__ = ["command"]

Snapshots = Callable[[], Snapshot | list[Snapshot]]

_FORGET_DEAD_AFTER_S = 300.0  # as Prometheus does with series that are no longer there; one scrape has the last counts


@verb(
    """
    c4trace metrics --all --port 9464
    c4trace metrics orders | promtool check metrics
    c4trace metrics orders --port 9464
    c4trace metrics orders.jsonl
    """
)
@click.argument("source", metavar="[FILE|PID|NAME]", type=click.Path(), required=False)
@click.option("--all", "everybody", is_flag=True, help="All traced processes of this user, as without a source.")
@click.option("--port", type=Number(0, 65535), help="Serve the page at this port (0: any) until Ctrl-C.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Where to serve it.")
@click.option("--openmetrics", "as_openmetrics", is_flag=True, help="OpenMetrics, with the slowest session of each.")
@click.pass_context
def command(
    ctx: click.Context, *, source: str | None, everybody: bool, port: int | None, address: str, as_openmetrics: bool
) -> None:
    """Print or serve the Prometheus metrics of a traced process.

    With --all, or without a source, those of all traced processes of this user, told apart by the labels name and pid:
    served, they may come and go; one that died is on the page for five minutes more. What cannot be read is left out,
    and said once on stderr.
    """
    if everybody and source is not None:
        raise BadInput(f"--all and {source}: give one of them")
    snapshots = _all(serving=port is not None) if source is None else _one(source, ctx)
    collector = MetricsCollector(snapshots)
    if port is not None:
        _serve(collector, port, address)
        return
    registry = CollectorRegistry()
    registry.register(collector)
    page = _openmetrics(registry) if as_openmetrics else exposition.generate_latest(registry)
    sys.stdout.write(page.decode())


def _openmetrics(registry: CollectorRegistry) -> bytes:
    page: bytes = openmetrics.exposition.generate_latest(registry)  # type: ignore[no-untyped-call]
    return page


def _one(source: str, ctx: click.Context) -> Snapshots:
    if is_file(source):
        totals = _counted(source, ctx)
        return totals.snapshot
    path = segment_of(source)

    def snapshot() -> Snapshot:
        with attach(path) as segment:
            return segment.snapshot()

    snapshot()  # what cannot be read is said now, not at the first scrape
    return snapshot


def _counted(path: str, ctx: click.Context) -> RunningTotals:
    with open_recording(path) as recording:
        totals = RunningTotals(process_of(recording.header, path))
        for line in recording:
            totals.feed(line)
        say_how_it_ended(recording, ctx.exit)
    return totals


def _all(*, serving: bool) -> Snapshots:
    processes = AllProcesses(notice, forget_dead_after=_FORGET_DEAD_AFTER_S if serving else None)
    if serving:
        return processes.look
    found = processes.look()
    if not found and processes.refused:
        raise click.exceptions.Exit(UNREACHED)  # the reason is said
    if not found:
        raise Unreached(nothing_traced())
    return lambda: found


def _serve(collector: MetricsCollector, port: int, address: str) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with MetricsServer(collector, port, address) as server:
        notice(f"serving {server.url} until Ctrl-C")
        try:
            signal.pause()
        except KeyboardInterrupt:
            return
