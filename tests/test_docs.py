"""docs/ against the code: what is there is documented, and what is documented is there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric

import c4trace
from c4trace.cli.main import VERBS
from c4trace.decode.errors import ErrorDomain, error_name
from c4trace.events import CALLS, ErrorInfo, Event, EventKind, Gap, Return
from c4trace.recording.schema import Clock, Footer, Header, LiteCore
from c4trace.segment.capture import CAPTURE_LEVELS
from c4trace.segment.take_snapshot import LOSSES
from c4trace.sinks.metrics import MetricsCollector
from tools.commands_page import page

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
METRICS = (DOCS / "metrics.md").read_text(encoding="utf-8")
RECORDING = (DOCS / "recording.md").read_text(encoding="utf-8")
COMMANDS = (DOCS / "commands.md").read_text(encoding="utf-8")


def table(text: str, after: str) -> dict[str, list[str]]:
    """The first table after the line `after`: by first cell, without its backquotes, the others."""
    lines = text.partition(f"\n{after}\n")[2].splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("|---"))
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines[start + 1 : lines.index("", start)]
    ]
    return {key: rest for first, *rest in rows for key in re.findall(r"`([^`]+)`", first) or [first]}


def words(cell: str) -> list[str]:
    """What a cell has in backquotes."""
    return re.findall(r"`([^`]+)`", cell)


def labels(family: Metric) -> tuple[str, ...]:
    names: tuple[str, ...] = family._labelnames  # type: ignore[attr-defined] # prometheus_client tells it nowhere else
    return names


def families() -> Iterator[Metric]:
    yield from MetricsCollector(lambda: ()).describe()


def test_every_metric_is_documented_with_its_type_and_labels() -> None:
    documented = table(METRICS, "## All of them")
    there = {
        family.name + ("_total" if isinstance(family, CounterMetricFamily) else ""): (family.type, list(labels(family)))
        for family in families()
    }
    assert {name: (row[0], words(row[2])) for name, row in documented.items()} == there


def test_the_unit_of_every_metric_is_documented() -> None:
    units = {name: row[1] for name, row in table(METRICS, "## All of them").items()}
    with_units = {family.name.removesuffix("_total"): family.unit for family in families() if family.unit}
    assert with_units
    assert {name: units[name] if name in units else units[f"{name}_total"] for name in with_units} == with_units


def test_every_label_is_documented_with_its_values() -> None:
    documented = table(METRICS, "## Labels")
    assert set(documented) == {name for family in families() for name in labels(family)} | {"pid"}
    assert set(words(documented["call"][0])) - {"c4socket_"} == set(EventKind.__members__)
    domains = {error_name(domain, 1).partition("/")[0] for domain in ErrorDomain}
    assert domains <= set(words(documented["domain"][0]))
    assert {level.replace("bytes", "bytes:N") for level in CAPTURE_LEVELS} == set(words(documented["capture"][0]))


def test_every_reason_of_a_loss_is_documented() -> None:
    assert set(table(METRICS, "## Reasons of a loss")) == {*LOSSES, "not_recorded"}


@pytest.mark.parametrize(
    ("struct", "after"),
    [
        (Header, "## header"),
        (LiteCore, "`litecore`:"),
        (Clock, "`clock`:"),
        (Event, "## event"),
        (ErrorInfo, "`error`:"),
        (Return, "## return"),
        (Gap, "## gap"),
        (Footer, "## footer"),
    ],
)
def test_every_field_of_a_recording_is_documented(struct: type[msgspec.Struct], after: str) -> None:
    there = {field.encode_name for field in msgspec.structs.fields(struct)}
    assert set(table(RECORDING, after)) == there


def test_every_call_and_up_call_of_a_recording_is_documented() -> None:
    documented = {name: row[0] for name, row in table(RECORDING, "`ev` is the C name without `c4socket_`:").items()}
    assert documented == {kind.name: "call" if kind in CALLS else "up-call" for kind in EventKind}


def test_the_example_of_a_recording_is_a_whole_one(tmp_path: Path) -> None:
    example = re.search(r"```jsonl\n(.*?)```", RECORDING, re.DOTALL)
    assert example
    path = tmp_path / "example.jsonl"
    path.write_text(example[1], encoding="utf-8")
    with c4trace.open_recording(path) as recording:
        lines = list(recording)
        assert (recording.torn, recording.mismatches) == (None, ())
    assert {type(line) for line in lines} == {Event, Return, Gap}
    assert unused(Event, [line for line in lines if isinstance(line, Event)]) == {"hostname", "accepted"}


def unused(struct: type[msgspec.Struct], lines: Iterable[msgspec.Struct]) -> set[str]:
    """Fields that no line has."""
    used = {name for line in lines for name in struct.__struct_fields__ if getattr(line, name) is not None}
    return set(struct.__struct_fields__) - used


def test_the_page_of_commands_is_what_they_say_of_themselves() -> None:
    assert page() == COMMANDS, "run `make docs`"
    assert [name for name in VERBS if f"\n## c4trace {name}\n" not in COMMANDS] == []


def test_every_option_says_what_it_does() -> None:
    rows = re.findall(r"^\| `(-[^`]+)` \|(.*)\|$", COMMANDS, re.MULTILINE)
    assert len(rows) > 30
    assert [name for name, said in rows if not said.strip()] == []


@pytest.mark.parametrize("name", ["demo", "show", "live"])
def test_a_picture_needs_nothing_from_elsewhere(name: str) -> None:
    svg = (DOCS / f"{name}.svg").read_text(encoding="utf-8")
    assert f"c4trace&#160;{name}" in svg
    assert re.findall(r"(?:url\(|href=)[\"']?(?!#)", svg) == []


def test_the_layout_in_contributing_is_that_of_the_tree() -> None:
    rows = CONTRIBUTING.partition("\n## Where things are\n")[2].partition("\n### ")[0]
    named = [name for line in rows.splitlines() if line.startswith("| `") for name in words(line.split("|")[1])]
    assert [name for name in named if not (ROOT / name).exists()] == []
    folders = {f"c4trace/{path.parent.name}/" for path in (ROOT / "c4trace").glob("*/*.*") if path.suffix != ".pyc"}
    assert folders - set(named) == set()


def test_every_make_target_is_explained_and_every_one_that_is_named_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    explained = set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE))
    internal = {"test-tools"}
    assert set(re.findall(r"^\.PHONY: (\S+)", makefile, re.MULTILINE)) - internal == explained
    texts = [CONTRIBUTING, COMMANDS, (ROOT / "README.md").read_text(encoding="utf-8")]
    named = {name for text in texts for name in re.findall(r"(?:`|^ *)make ([a-z-]+)", text, re.MULTILINE)}
    assert named - explained == set()
    assert len(named) > 8
