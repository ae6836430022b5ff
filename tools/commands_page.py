"""Writes docs/commands.md, the help of every verb as a page: python tools/commands_page.py (`make docs`)."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from c4trace.cli.main import VERBS, main

PAGE = Path(__file__).parents[1] / "docs/commands.md"
HEAD = """\
# Commands

`make setup` puts the command into `.venv/bin/c4trace`. This page is what `c4trace VERB --help` says, written by
`make docs`.

| Verb | What it does |
|---|---|
"""
TAIL = """\
## For all of them

Results go to standard output, everything else to standard error, one line each. Colours and cuts at the screen's width
are for terminals only; `NO_COLOR` takes colours away, `FORCE_COLOR` has them anywhere. Segments are looked for in
`$C4TRACE_DIR`, else in `/dev/shm/c4trace-UID`. `C4TRACE_DEBUG=1` shows the traceback of an error. Where
`C4TRACE_CLOCK` is `monotonic`, `tsc` or (arm64) `cntvct`, a traced process stamps events by that clock instead of the
best one that its kernel trusts.

| Exit code | Meaning |
|---|---|
| 0 | fine |
| 1 | findings or differences |
| 2 | usage or bad input; one line says what, where and what to do |
| 3 | the process asked for could not be reached |
| 70 | c4trace itself is wrong: please report it |
| 130 | interrupted |
"""


def page() -> str:
    """The whole page."""
    rows = [f"| [`{name}`](#c4trace-{name}) | {_cell(text)} |\n" for name, text in VERBS.items()]
    verbs = [_section(name, importlib.import_module(f"c4trace.cli.{name}").command) for name in VERBS]
    return "\n".join([HEAD + "".join(rows), *verbs, TAIL])


def _section(name: str, verb: click.Command) -> str:
    context = click.Context(verb, info_name=name, parent=click.Context(main, info_name="c4trace"))
    usage = " ".join(["c4trace", name, *verb.collect_usage_pieces(context)])
    parts = [f"## c4trace {name}\n", f"    {usage}\n", inspect.cleandoc(verb.help or "") + "\n"]
    if rows := list(_options(verb, context)):
        parts.append("| Option | What it does |\n|---|---|\n" + "".join(rows))
    examples = re.findall(r"^\$ (.*)$", inspect.cleandoc(verb.epilog or ""), re.MULTILINE)
    parts.append("".join(["```sh\n", *(f"{example}\n" for example in examples), "```\n"]))
    return "\n".join(parts)


def _options(verb: click.Command, context: click.Context) -> Iterator[str]:
    for option in verb.params:
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record is not None:
            names, text = record
            yield f"| `{_cell(names)}` | {_cell(text)} |\n"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
