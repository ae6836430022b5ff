"""Writes docs/c-api.md from the comments of c4trace.h: python tools/c_api_page.py (`make docs`)."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
HEADER: Final = ROOT / "c4trace/native/c4trace.h"
PAGE: Final = ROOT / "docs/c-api.md"
HEAD: Final = """\
# C API

`c4trace.h` and `libc4trace.so` are for hosts in C and C++, and for whatever can call C. This page is what the header
says, written by `make docs`. [Ways in](ways-in.md#c-and-c) shows how to compile and link against it, and
[`examples/c`](../examples/c/traced_echo.c) is a whole program.
"""
COMMENT: Final = r"/\* (?P<{0}>(?:[^*]|\*(?!/))*?) \*/"
FUNCTION: Final = re.compile(
    rf"(?:{COMMENT.format('said')}\n)?C4TRACE_API (?P<declared>[^;]*?(?P<name>c4trace_\w+)\([^;]*);"
)
CONSTANT: Final = re.compile(
    rf"^ +(?P<name>C4TRACE_\w+) = (?P<value>\d+),?(?: +{COMMENT.format('said')})?$", re.MULTILINE
)
FIELD: Final = re.compile(
    rf"^ +(?P<declared>[^/\n]*?(?P<name>\w+)(?:\[\d+\])?); +{COMMENT.format('said')}$", re.MULTILINE
)


class Function(NamedTuple):
    """A function of the header: its name, its declaration without C4TRACE_API, what the comment before it says."""

    name: str
    declared: str
    said: str


def functions(header: str) -> list[Function]:
    """All that the library exports by c4trace.h."""
    return [
        Function(found["name"], re.sub(r"\s+", " ", found["declared"]), _said(found["said"] or ""))
        for found in FUNCTION.finditer(header)
    ]


def page(header: str) -> str:
    """The whole page."""
    return "\n".join([HEAD, *_parts(header)])


def _parts(header: str) -> Iterator[str]:
    yield _introduction(header.partition("\n */")[0])
    config = _body(header, "typedef struct c4trace_config {")
    yield "## c4trace_config\n\n| Field | Type | What it says |\n|---|---|---|\n" + _fields(config)
    yield "`C4TRACE_CONFIG_INIT` sets `size`, the capture level `headers`, and nothing else.\n"
    failure = _body(header, "typedef struct c4trace_failure {")
    yield "## c4trace_failure\n\n| Field | Type | What it says |\n|---|---|---|\n" + _fields(failure)
    yield "## enum c4trace_error\n\n| Error | Number | What is wrong |\n|---|---|---|\n" + "".join(
        f"| `{found['name']}` | {found['value']} | {_said(found['said'] or 'nothing')} |\n"
        for found in CONSTANT.finditer(_body(header, "enum c4trace_error {"))
    )
    yield "## Functions\n"
    for function in functions(header):
        yield f"### {function.name}\n\n```c\n{_broken(function.declared)};\n```\n\n{_wrapped(function.said)}\n"


def _introduction(comment: str) -> str:
    """The first comment: its first line names the file, then come an example and what holds for all functions."""
    lines = [re.sub(r"^ \* ?", "", line) for line in comment.splitlines()[1:]]
    paragraphs = re.split(r"\n{2,}", "\n".join(lines).strip("\n"))
    return (
        "\n\n".join(
            f"```c\n{textwrap.dedent(text)}\n```" if text.startswith("    ") else _wrapped(_said(text))
            for text in paragraphs
        )
        + "\n"
    )


def _body(header: str, start: str) -> str:
    return header.partition(start)[2].partition("\n}")[0] + "\n"


def _fields(body: str) -> str:
    return "".join(
        f"| `{found['name']}` | `{_without(found['declared'], found['name'])}` | {_said(found['said'])} |\n"
        for found in FIELD.finditer(body)
    )


def _without(declared: str, name: str) -> str:
    return re.sub(rf"\b{name}\b", "", declared).replace(" [", "[").strip()


def _said(comment: str) -> str:
    """A comment as one paragraph, names of C in backquotes."""
    text = re.sub(r"\s*\n ?\*? *", " ", comment).strip()
    return re.sub(r"(?<![`\w/$])(c4t(?:race)?_\w+|C4T(?:RACE)?_\w+|sizeof\(\w+\)|NULL)(?![\w`])", r"`\1`", text)


def _wrapped(paragraph: str) -> str:
    return textwrap.fill(paragraph, 120, break_long_words=False, break_on_hyphens=False)


def _broken(declared: str) -> str:
    if len(declared) <= 100:
        return declared
    before, _, after = declared.partition("(")
    return f"{before}(\n    " + after.removesuffix(")").replace(", ", ",\n    ") + ")"


if __name__ == "__main__":
    PAGE.write_text(page(HEADER.read_text(encoding="utf-8")), encoding="utf-8")
