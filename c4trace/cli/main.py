"""The command `c4trace` itself: its options, its verbs, and how it ends."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import rich_click as click

from c4trace.cli.ending import report_error
from c4trace.cli.verb import HELP_STYLE

__all__ = ["VERBS", "main"]

VERBS = {
    "demo": "Trace twenty real sockets, with no LiteCore needed.",
    "doctor": "Tell whether this machine is fit for tracing.",
    "bench": "Tell what tracing costs on this machine.",
    "run": "Run a command traced, its code unchanged.",
    "live": "Watch open sockets.",
    "ps": "List traced processes.",
    "ctl": "Turn what a traced process captures.",
    "record": "Record a traced process, its code unchanged.",
    "show": "Show the events of a recording or of a traced process.",
    "metrics": "Print or serve the Prometheus metrics of a traced process.",
    "replay": "Play a recording again, through metrics and logs.",
    "completion": "Print the completion script of a shell.",
}
"""Every verb and its help line: a verb's module is imported only when the verb is used."""

PANELS = [
    {"name": "Begin here", "commands": ["demo", "doctor", "bench", "completion"]},
    {"name": "Trace", "commands": ["run", "record", "ctl"]},
    {"name": "Look at a process or a recording", "commands": ["live", "ps", "show", "metrics", "replay"]},
]


class LazyGroup(click.RichGroup):
    """A group that knows its verbs by name and help line, and imports the one that is run."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Verbs in the order the help shows them."""
        return list(VERBS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give the verb's name and help line, which is all that help and completion of names need."""
        if cmd_name not in VERBS:
            return None
        return click.RichCommand(name=cmd_name, help=VERBS[cmd_name])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that is to run, and import it."""
        name, verb, rest = super().resolve_command(ctx, args)
        if name is not None and verb is not None:
            verb = importlib.import_module(f"c4trace.cli.{name}").command
        return name, verb, rest

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's signature
        **extra: Any,
    ) -> Any:
        """Run, and end with one of the exit codes the README promises."""
        words = sys.argv[1:] if args is None else list(args)
        if not standalone_mode:
            return super().main(words, prog_name or "c4trace", complete_var, standalone_mode=False, **extra)
        self._main_shell_completion(extra, "c4trace", complete_var)
        return self._run_to_the_end(words, extra)

    def _run_to_the_end(self, words: list[str], extra: dict[str, Any]) -> NoReturn:
        code = 0
        debug = "--debug" in words or bool(os.environ.get("C4TRACE_DEBUG"))
        _have_streams()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # what a terminal cannot show is no reason to fail
        try:
            with self.make_context("c4trace", words, **extra) as ctx:
                self.invoke(ctx)
            sys.stdout.flush()
        except BaseException as error:  # noqa: BLE001 - the one place where every error becomes a line and a code
            code = report_error(error, debug=debug)
        sys.exit(code)


def _have_streams() -> None:
    """Write what goes to a closed stream (`>&-`) nowhere, and keep its number from files that are opened later."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as we run
            setattr(sys, name, nowhere)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.rich_config({"command_groups": {"c4trace": PANELS}, **HELP_STYLE})
@click.version_option(package_name="c4trace", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, hidden=True, expose_value=False, help="Show the traceback of an error.")
def main() -> None:
    """Trace the socket factories of Couchbase LiteCore: every call counted, timed and on record.

    Exit codes: 0 fine, 1 findings or differences, 2 usage or bad input, 3 process not reached.
    """
