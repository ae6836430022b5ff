"""The pages of the APIs against the code."""

from __future__ import annotations

import enum
import inspect
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import c4trace
import c4trace._native
from c4trace import events, host_socket
from c4trace.factories import WebSocketFactory
from c4trace.host_socket import HostSocket
from c4trace.recording import schema
from c4trace.segment import snapshot
from tests.docs.pages import DOCS
from tools import api_page, c_api_page

PYTHON = (DOCS / "api.md").read_text(encoding="utf-8")
C = (DOCS / "c-api.md").read_text(encoding="utf-8")
HEADER = c_api_page.HEADER.read_text(encoding="utf-8")
FOR_OURSELVES = {"c4trace_looked_up"}
"""What libc4trace_dlsym.so asks of libc4trace.so."""
GIVEN = {"Traced", "Recording", "RecordingError", "TraceError", "Socket"}


def callables() -> Iterator[tuple[str, Callable[..., object], str]]:
    """Every public function and method, with all that is said of its parameters."""
    things = {name: getattr(c4trace, name) for name in c4trace.__all__}
    for name, thing in {**things, "WebSocketFactory": WebSocketFactory, "HostSocket": HostSocket}.items():
        if inspect.isfunction(thing):
            yield name, thing, inspect.getdoc(thing) or ""
        elif not issubclass(thing, enum.Enum):
            about = inspect.getdoc(thing) or ""
            if name not in GIVEN | {"HostSocket"}:
                yield name, thing, about
            for method, function in vars(thing).items():
                if inspect.isfunction(function) and f"\n#### {name}.{method}\n" in PYTHON:
                    yield f"{name}.{method}", function, f"{about} {inspect.getdoc(function)}"


CALLABLES = list(callables())


def test_the_page_of_the_python_api_is_what_the_docstrings_say() -> None:
    assert api_page.page() == PYTHON, "run `make docs`"


def test_the_page_of_the_c_api_is_what_the_header_says() -> None:
    assert c_api_page.page(HEADER) == C, "run `make docs`"


@pytest.mark.parametrize("name", c4trace.__all__)
def test_a_public_name_is_on_the_page(name: str) -> None:
    assert f"\n### {name}\n" in PYTHON


@pytest.mark.parametrize("module", [events, host_socket, schema, snapshot], ids=lambda module: module.__name__)
def test_every_class_of_what_users_are_given_is_on_the_page(module: ModuleType) -> None:
    classes = {name for name in module.__all__ if inspect.isclass(getattr(module, name))}
    assert classes
    assert {name for name in classes if f"\n### {name}\n" not in PYTHON} == set()


def test_only_what_is_named_as_inside_is_left_out() -> None:
    left_out = {
        f"{name}.{member}"
        for name in [*c4trace.__all__, "HostSocket"]
        for member, value in vars(getattr(c4trace, name, HostSocket)).items()
        if not member.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, api_page.PROPERTIES))
        and f"\n#### {name}.{member}\n" not in PYTHON
    }
    assert left_out == api_page.INSIDE


@pytest.mark.parametrize(("name", "function", "said"), CALLABLES, ids=[name for name, _, _ in CALLABLES])
def test_every_parameter_is_explained(name: str, function: Callable[..., Any], said: str) -> None:
    parameters = set(inspect.signature(function).parameters) - {"self"}
    assert {word for word in parameters if not re.search(rf"`[^`]*\b{word}\b[^`]*`", said)} == set()
    assert name in PYTHON


def test_every_function_the_library_exports_is_on_the_page_and_explained() -> None:
    library = Path(c4trace._native.__file__).with_name("libc4trace.so")
    listed = subprocess.check_output(["/usr/bin/env", "nm", "-D", "--defined-only", library], text=True)
    exported = {line.split()[-1] for line in listed.splitlines()}
    public = {name for name in exported if name.startswith("c4trace_")} - FOR_OURSELVES
    functions = {function.name: function for function in c_api_page.functions(HEADER)}
    assert set(functions) == public
    assert all(function.said for function in functions.values())
    assert all(f"\n### {name}\n" in C for name in public)


def test_every_field_and_every_error_of_the_c_api_is_on_the_page() -> None:
    config = HEADER.partition("typedef struct c4trace_config {")[2].partition("}")[0]
    fields = re.findall(r"^    [^/]*?(\w+);", config, re.MULTILINE)
    errors = re.findall(r"^    (C4TRACE_\w+) = ", HEADER, re.MULTILINE)
    assert len(fields) == 9
    assert len(errors) == 9
    assert [name for name in fields + errors if f"| `{name}` |" not in C] == []


def test_everything_that_an_object_has_is_on_the_page(tmp_path: Path) -> None:
    with c4trace.EmbeddedHost() as host, c4trace.Tracer("orders", litecore=host, folder=tmp_path) as tracer:
        for thing in (host, tracer, tracer.wrap(WebSocketFactory())):
            kind = type(thing).__name__
            missing = {
                f"{kind}.{name}"
                for name in dir(thing)
                if not name.startswith("_") and f"\n#### {kind}.{name}\n" not in PYTHON
            }
            assert missing - api_page.INSIDE <= {
                "EmbeddedHost.factory_size",
                "Tracer.name",
                "Traced.label",
                "Traced.native",
            }
