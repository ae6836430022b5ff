"""`c4trace demo`: real sockets, traced from end to end."""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import sys
import time
from pathlib import Path

import click

from c4trace.cli.ending import FINDINGS, BadInput
from c4trace.cli.notices import notice
from c4trace.cli.verb import verb
from c4trace.demo.run import LOG, PAGE, RECORDING, Outcome, run
from c4trace.demo.script import Script, own_script, read_script
from c4trace.report.screen import Screen, Span
from c4trace.report.summary import summarize
from c4trace.report.summary_table import print_summary

__all__ = ["command"]

SOCKETS = 20


@verb(
    """
    c4trace demo
    c4trace demo --live
    c4trace demo --folder /tmp/demo
    c4trace demo --litecore /opt/app/libLiteCore.so
    """
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("c4trace-demo"),
    show_default=True,
    help="Where recording, metrics page and log are left; those of the last demo are replaced.",
)
@click.option("--litecore", metavar="PATH", type=click.Path(), help="Replicate documents by this libLiteCore.so (3.0).")
@click.option("--peer", type=click.Path(), help="Play the first session of this recording instead of our own.")
@click.option("--live", is_flag=True, help="Watch it on the live screen, at a pace for people.")
@click.pass_context
def command(ctx: click.Context, *, folder: Path, litecore: str | None, peer: str | None, live: bool) -> None:
    """Trace twenty real sockets, with no LiteCore needed.

    A host that plays LiteCore's part drives the traced WebSocketFactory over TCP to a WebSocket server, which says what
    a real peer said to a real LiteCore. All that was recorded, measured and counted is then compared. With --litecore
    real documents are replicated between two databases instead.
    """
    if litecore is not None and peer is not None:
        raise BadInput("--litecore brings its own peer; leave out --peer")
    litecore = None if litecore is None else str(Path(litecore).absolute())  # a bare name is no path to the loader
    if live:
        from c4trace.tui.terminal import can_show, why_not  # noqa: PLC0415 - as below

        if not can_show(sys.stdout):
            raise BadInput(f"--live draws on a terminal, and {why_not(sys.stdout)}; leave it out")
    script = own_script() if peer is None else read_script(peer)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder}: cannot be made: {error.strerror}; choose another with --folder") from error
    screen = Screen()
    began = time.monotonic()
    outcome = _work(script, folder, litecore, screen, live=live)
    print_summary(summarize(outcome.totals), screen)
    _end(screen, outcome, folder, time.monotonic() - began)
    if outcome.complaints:
        screen.flush()
        for complaint in outcome.complaints:
            notice(complaint)
        ctx.exit(FINDINGS)


def _work(script: Script, folder: Path, litecore: str | None, screen: Screen, *, live: bool) -> Outcome:
    if litecore is not None:
        work = _replicating(litecore, folder, screen)
    else:
        screen.text(f"{SOCKETS} sockets at once through a traced WebSocketFactory", "dim")
        work = functools.partial(run, script, folder, SOCKETS)
    if not live:
        return work()
    from c4trace.demo.watched import Pace, watched  # noqa: PLC0415 - not needed without a screen

    pace = Pace()
    return watched(work if litecore is not None else functools.partial(work, pace.wait), pace)


def _replicating(litecore: str, folder: Path, screen: Screen) -> functools.partial[Outcome]:
    from c4trace.demo.litecore.run import DOCUMENTS, replicate  # noqa: PLC0415 - not needed without a LiteCore

    what = f"{DOCUMENTS} documents and a blob each way between two databases, through a traced WebSocketFactory"
    screen.text(what, "dim")
    return functools.partial(replicate, litecore, folder)


def _end(screen: Screen, outcome: Outcome, folder: Path, seconds: float) -> None:
    facts: list[tuple[Span, list[Span]]] = []
    if not outcome.complaints:
        first, *others = outcome.compared
        facts.append((("equal", "green"), [(f"{first}, {' and '.join(others)}: every count, all bytes", "")]))
    facts.append((("took", "dim"), [(f"{seconds:.1f} s, all set-up included", "")]))
    facts.append((("left", "dim"), [(f"{folder}{os.sep}: {RECORDING}, {PAGE}, {LOG}", "")]))
    recording = shlex.quote(str(folder / RECORDING))
    for number, what in enumerate((f"show {recording} --session 1", f"replay {recording}", f"metrics {recording}")):
        facts.append((("" if number else "next", "dim"), [(f"{_own_name()} {what}", "bold")]))
    screen.text("")
    screen.facts(facts)


def _own_name() -> str:
    """What to type to start this command again: its name where the shell finds it by that, else its path."""
    started, found = Path(sys.argv[0]), shutil.which("c4trace")
    if not started.is_file() or (found is not None and started.samefile(found)):
        return "c4trace"
    return shlex.quote(str(started))
