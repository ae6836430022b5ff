"""`c4trace doctor`: is this machine fit for tracing?"""

from __future__ import annotations

from pathlib import Path

import click

from c4trace.cli.ending import FINDINGS
from c4trace.cli.number import Number
from c4trace.cli.verb import verb
from c4trace.doctor.check import Check, Verdict
from c4trace.doctor.litecore import check_litecore
from c4trace.doctor.machine import check_clock, check_folder, check_port, check_room, check_tracing
from c4trace.doctor.packages import check_extras, check_native, check_packages, check_python
from c4trace.doctor.trial import attempt
from c4trace.report.plain import plain
from c4trace.report.screen import Screen, Span

__all__ = ["command"]

STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}


@verb(
    """
    c4trace doctor
    c4trace doctor --litecore /opt/app/libLiteCore.so --port 9464
    """
)
@click.option("--litecore", metavar="PATH", type=click.Path(), help="Look at this libLiteCore.so, too.")
@click.option("--port", type=Number(0, 65535), help="Look whether metrics can be served at this port.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def command(ctx: click.Context, *, litecore: str | None, port: int | None, as_json: bool) -> None:
    """Tell whether this machine is fit for tracing.

    Every line says ok, warn (it works, at a cost) or fail, and what to do. Exit code 1 where anything is to be done.
    """
    litecore = None if litecore is None else str(Path(litecore).absolute())  # a bare name is no path to the loader
    trial = attempt(None)
    checks = [
        check_python(),
        check_packages(),
        *check_extras(),
        check_native(),
        check_folder(),
        check_room(),
        check_tracing(trial),
        check_clock(trial),
        check_litecore(litecore, None if litecore is None else attempt(litecore)),
        check_port(port),
    ]
    screen = Screen()
    if as_json:
        for check in checks:
            screen.json(check)
    else:
        screen.facts([fact for check in checks for fact in _facts(check)])
    if any(check.verdict is not Verdict.OK for check in checks):
        ctx.exit(FINDINGS)


def _facts(check: Check) -> list[tuple[Span, list[Span]]]:
    style = STYLES[check.verdict]
    facts: list[tuple[Span, list[Span]]] = [
        ((f"{check.verdict:<4}", style), [(f"{check.name}: ", "bold"), (plain(check.found), "")])
    ]
    if check.advice:
        facts.append((("", ""), [(f"do: {plain(check.advice)}", style)]))
    return facts
