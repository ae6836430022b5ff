"""Writes docs/api.md, the public Python API with its docstrings: python tools/api_page.py (`make docs`)."""

from __future__ import annotations

import ast
import enum
import functools
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import c4trace
from c4trace import events
from c4trace.factories import WebSocketFactory
from c4trace.host import Leaks
from c4trace.host_socket import Anomaly, Closed, Counts, HostSocket, Response, SocketClosed, Tally
from c4trace.recording import schema
from c4trace.segment import snapshot

PAGE: Final = Path(__file__).parents[1] / "docs/api.md"
HEAD: Final = """\
# Python API

    import c4trace

Everything here is typed (`py.typed`), and every parameter is explained where its function is. This page is what the
docstrings say, written by `make docs`. Rule ids (C4S-nnn) name clauses of [the contract](contract.md).
"""
CHAPTERS: Final[dict[str, list[Any]]] = {
    "Tracing": [c4trace.Tracer, c4trace.Traced],
    "Factories in Python": [
        c4trace.SocketFactory,
        c4trace.Socket,
        c4trace.Address,
        c4trace.Framing,
        c4trace.ErrorDomain,
        WebSocketFactory,
    ],
    "A host without LiteCore": [
        c4trace.EmbeddedHost,
        HostSocket,
        Response,
        Closed,
        Counts,
        Tally,
        Anomaly,
        Leaks,
        SocketClosed,
    ],
    "Recordings": [
        c4trace.open_recording,
        c4trace.Recording,
        schema.Header,
        schema.LiteCore,
        schema.Clock,
        events.Event,
        events.EventKind,
        events.ErrorInfo,
        events.Return,
        events.Gap,
        schema.Footer,
        c4trace.Rotation,
    ],
    "What a snapshot holds": [
        snapshot.Snapshot,
        snapshot.ProcessInfo,
        snapshot.FactoryTotals,
        snapshot.Cell,
        snapshot.SessionView,
        snapshot.Flow,
        snapshot.Slices,
        snapshot.InFlight,
        snapshot.Exemplar,
        events.SessionState,
        events.Latency,
    ],
    "Errors": [c4trace.TraceError, c4trace.RecordingError],
}
MADE: Final = {c4trace.Tracer, c4trace.EmbeddedHost, c4trace.Rotation, WebSocketFactory}
"""Classes of which users make objects; those of all others are given to them."""

INSIDE: Final = {
    "Tracer.forget",
    "Tracer.upcalls_of",
    "HostSocket.detach",
    "HostSocket.take_event",
    "Rotation.check",
    "Rotation.is_due",
    "Rotation.prune",
}
"""What parts of c4trace need of one another."""

HOMES: Final = {
    **{getattr(c4trace, name): "c4trace" for name in c4trace.__all__},
    WebSocketFactory: "c4trace.factories",
}
PROPERTIES: Final = (property, functools.cached_property)
ALIASES: Final = {
    "PathLike": "str | os.PathLike[str]",
    "Place": 'Literal["thread", "process"]',
    "HasAddress": "Traced",
    "BridgedSocket": "Socket",
    "Annotated[dt.datetime, msgspec.Meta(tz=True)]": "datetime.datetime",
    "Count": "int",
    "Code": "int",
}


def page() -> str:
    """The whole page."""
    chapters = (f"## {title}\n\n" + "\n".join(_thing(thing) for thing in things) for title, things in CHAPTERS.items())
    return "\n".join([HEAD, *chapters]).rstrip("\n") + "\n"


def _thing(thing: Any) -> str:
    name = thing.__name__
    home = HOMES.get(thing, thing.__module__)
    parts = [f"### {name}\n"]
    if home != "c4trace":
        parts.append(f"    from {home} import {name}\n")
    if not inspect.isclass(thing) or thing in MADE:
        parts.append(_code(f"c4trace.{name}" if home == "c4trace" else name, thing))
    parts.append(prose(thing))
    if inspect.isclass(thing) and thing not in MADE:
        parts.append(_fields(thing))
    if inspect.isclass(thing):
        if issubclass(thing, enum.Enum):
            parts.append("".join(f"- `{member.name}` = {member.value}\n" for member in thing))
        parts += [_member(name, member, said) for member, said in _attributes(thing)]
        parts += [_method(name, member, value) for member, value in _methods(thing)]
    return "\n".join(part for part in parts if part)


def _member(owner: str, name: str, said: str) -> str:
    return f"#### {owner}.{name}\n\n{said}"


def _method(owner: str, name: str, value: Any) -> str:
    function = value.fget if isinstance(value, property) else getattr(value, "func", value)
    heading = f"#### {owner}.{name}\n"
    shown = (
        f"```python\n{owner.lower()}.{name}: {_type(function)}\n```\n"
        if isinstance(value, PROPERTIES)
        else _code(name, value)
    )
    return "\n".join([heading, shown, prose(function)])


def _fields(thing: type) -> str:
    """What every object of a data class holds."""
    names = [*getattr(thing, "__dataclass_fields__", ()), *getattr(thing, "__struct_fields__", ())]
    if not names:
        return ""
    lines = (f"    {name}: {_readable(thing.__annotations__[name])}\n" for name in names)
    return f"```python\nclass {thing.__name__}:\n{''.join(lines)}```\n"


def _type(function: Any) -> str:
    return _readable(inspect.signature(function).return_annotation)


def _attributes(thing: type) -> Iterator[tuple[str, str]]:
    """Attributes with a docstring below them, in the class or in its __init__."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    for owner in ast.walk(tree):
        if not isinstance(owner, ast.ClassDef) and not (
            isinstance(owner, ast.FunctionDef) and owner.name == "__init__"
        ):
            continue
        for statement, after in itertools.pairwise(owner.body):
            target = getattr(statement, "target", None) or next(iter(getattr(statement, "targets", [])), None)
            name = target.id if isinstance(target, ast.Name) else getattr(target, "attr", "")
            if not name or name.startswith("_"):
                continue
            if (
                isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            ):
                yield name, _fenced(inspect.cleandoc(after.value.value)) + "\n"


def _methods(thing: type) -> Iterator[tuple[str, Any]]:
    for name, value in vars(thing).items():
        is_said_before = any(hasattr(base, name) for base in thing.__bases__)
        hidden = name.startswith("_") or is_said_before or f"{thing.__name__}.{name}" in INSIDE
        if not hidden and (inspect.isfunction(value) or isinstance(value, PROPERTIES)):
            yield name, value


def _code(name: str, thing: Any) -> str:
    """A signature, a parameter a line where it is long; none for a class without parameters."""
    signature = inspect.signature(thing)
    parameters = [p for p in signature.parameters.values() if p.name != "self"]
    words = list(_parameters(parameters))
    result = "" if inspect.isclass(thing) else f" -> {_readable(signature.return_annotation)}"
    line = f"{name}({', '.join(words)}){result}"
    if len(line) > 100:
        line = "\n".join([f"{name}(", *(f"    {word}," for word in words), f"){result}"])
    return f"```python\n{line}\n```\n"


def _parameters(parameters: list[inspect.Parameter]) -> Iterator[str]:
    starred = False
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        default = f'"{p.default}"' if isinstance(p.default, str) else repr(p.default)
        yield f"{p.name}: {_readable(p.annotation)}" + ("" if p.default is p.empty else f" = {default}")


def _readable(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = text.replace("'", '"')
    for alias, meaning in ALIASES.items():
        text = re.sub(rf"(?<![\w.]){re.escape(alias)}(?!\w)", meaning, text)
    return text


def prose(thing: Any) -> str:
    """A docstring as Markdown: its examples become blocks of Python."""
    return _fenced(inspect.getdoc(thing) or "") + "\n"


def _fenced(text: str) -> str:
    paragraphs = re.split(r"\n{2,}", text)
    return "\n\n".join(
        f"```python\n{textwrap.dedent(paragraph)}\n```" if paragraph.startswith("    ") else paragraph
        for paragraph in paragraphs
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
