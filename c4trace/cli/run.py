"""`c4trace run`: a command, traced from its start, its code unchanged."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c4trace.cli.capture import Capture
from c4trace.cli.ending import BadInput
from c4trace.cli.number import Number
from c4trace.cli.parts import part_options, rotation_of
from c4trace.cli.verb import verb
from c4trace.destinations import destinations
from c4trace.report.plain import plain
from c4trace.run.command import CommandError, end_as
from c4trace.run.start import run

if TYPE_CHECKING:
    from c4trace.run.beside import Beside

__all__ = ["command"]

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,47}")


@verb(
    """
    c4trace run -- java -jar app.jar
    c4trace run --record orders.jsonl --capture full -- ./orders --once
    c4trace run --name orders --metrics-port 9464 -- ./orders
    c4trace run --live -- ./orders
    c4trace run --record orders.jsonl --keep-size 2GiB -- ./orders
    """,
    no_args_is_help=True,
)
@click.option("--name", help="What the traced processes are called; the command's own name otherwise.")
@click.option("--record", metavar="FILE", type=click.Path(), help="Record all events to FILE (.jsonl or .jsonl.zst).")
@click.option("--metrics-port", type=Number(0, 65535), help="Serve metrics while it runs (0: any port).")
@click.option("--capture", type=Capture(), default="headers", help="off, events, headers (the default), bytes:N, full.")
@click.option("--log", metavar="STYLE|FILE", help="Log sessions: console or json on stderr, or a file.")
@click.option("--live", is_flag=True, help="Watch its sockets meanwhile; its own output to the terminal comes after.")
@click.option(
    "--dlsym",
    is_flag=True,
    envvar="C4TRACE_DLSYM",
    help="See LiteCore's functions also where they are looked up: .NET, JNA, Dart, ctypes, cffi [C4TRACE_DLSYM=1].",
)
@part_options
@click.argument("words", metavar="-- COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    name: str | None,
    record: str | None,
    metrics_port: int | None,
    capture: tuple[int, int],
    log: str | None,
    live: bool,
    dlsym: bool,
    words: tuple[str, ...],
    **parts: Any,
) -> None:
    """Run a command traced, its code unchanged.

    Whatever loads LiteCore in it, a JVM, C++, Rust, is seen in both directions, in its children too; what looks
    LiteCore's functions up (dlsym) only with --dlsym. Files, terminal,
    signals and exit status are the command's own: 126 and 127 mean that it could not be run or found, as in a shell;
    2 that an option is wrong, and nothing was run.

    At the end one line on stderr says what was seen and where it is on record, or why nothing was traced. Meanwhile
    c4trace ps, show and metrics look at it from outside. A process after the first has a recording of its own, with its
    pid in the name.

    With --live the terminal shows its sockets: the command's input from there is empty, and what it writes there is
    kept and comes once the screen is left, by q or Ctrl-C or at the command's end. Redirected files are its own.
    """
    rotation = rotation_of(**parts)
    if rotation is not None and record is None:
        raise BadInput("parts are of a recording, and none is asked for; give --record FILE")
    to = destinations(
        record=record,
        rotation=rotation,
        metrics_port=metrics_port,
        metrics_address="127.0.0.1",
        log=log,
        log_level="info",
    )
    called = _name(name, words[0])
    with _screen(log) if live else contextlib.nullcontext() as screen:
        try:
            status = run(words, name=called, capture=capture, to=to, say=_say, dlsym=dlsym, screen=screen)
        except CommandError as error:
            _say(str(error))
            ctx.exit(error.exit_code)
    ctx.exit(end_as(status))


def _say(line: str) -> None:
    if sys.stderr is not None:  # where it was closed, stdout is not ours to write to
        with contextlib.suppress(OSError):  # nobody listens: the command's status is still to be told
            print(f"c4trace: {plain(line)}", file=sys.stderr, flush=True)


def _screen(log: str | None) -> Beside:
    if log in {"console", "json"} and sys.stderr is not None and sys.stderr.isatty():
        raise BadInput(f"--live draws where --log {log} would write; log to a file")
    from c4trace.run.beside import Beside, NoTerminalError  # noqa: PLC0415 - not needed without a screen

    try:
        return Beside()
    except NoTerminalError as error:
        raise BadInput(str(error)) from None


def _name(asked: str | None, word: str) -> str:
    if asked is None:
        return re.sub(r"[^A-Za-z0-9._-]", "_", Path(word).name).lstrip(".")[:48] or "command"
    if not NAME.fullmatch(asked):
        raise BadInput(f"--name {asked!r} is not 1 to 48 letters, digits, '.', '_' or '-'; give another one")
    return asked


command.allow_interspersed_args = False  # what follows the command's name is its own
