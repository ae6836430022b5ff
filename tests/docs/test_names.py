"""Names of metrics, verbs and options in running text and examples, on every page."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import click
from prometheus_client.core import CounterMetricFamily

from c4trace.cli.main import VERBS
from c4trace.sinks.metrics import MetricsCollector
from tests.docs.pages import ROOT, blocks, markdown_files, running_text
from tools.c_api_page import HEADER

PAGES = {page: page.read_text(encoding="utf-8") for page in markdown_files()}
METRIC = re.compile(r"\bc4trace_[a-z][a-z_]*[a-z]\b(?!\.|\()")
INLINE = re.compile(r"`c4trace ([a-z]+)([^`\n]*)`")
LINE = re.compile(r"^(?:.*\| *)?c4trace ([a-z]+)(.*)$", re.MULTILINE)


def metrics() -> set[str]:
    """All, under every name that a page of metrics has them."""
    names = set()
    for family in MetricsCollector(lambda: ()).describe():
        total = "_total" if isinstance(family, CounterMetricFamily) else ""
        ends = ("_bucket", "_sum", "_count", "") if family.type == "histogram" else (total,)
        names |= {family.name + end for end in ends}
    return names


def test_every_metric_that_a_page_names_is_there() -> None:
    in_c = set(re.findall(r"\bc4trace_\w+", HEADER.read_text(encoding="utf-8"))) | {"c4trace_linked_upcalls"}
    named = {(page.name, name) for page, text in PAGES.items() for name in METRIC.findall(text)}
    assert len(named) > 30
    assert sorted((page, name) for page, name in named if name not in metrics() | in_c) == []


def test_every_verb_and_option_that_a_page_names_is_there() -> None:
    verbs = {name: importlib.import_module(f"c4trace.cli.{name}").command for name in VERBS}
    options = {name: {word for option in verb.params for word in flags(option)} for name, verb in verbs.items()}
    wrong = []
    count = 0
    for page in PAGES:
        for verb, words in commands(page):
            count += 1
            given = re.findall(r"(?<=\s)--?[a-z][a-z-]*", re.split(r" -- |[|#]", words)[0])
            if verb not in verbs or set(given) - options[verb]:
                wrong.append(f"{page.relative_to(ROOT)}: c4trace {verb}{words}")
    assert wrong == []
    assert count > 80


def commands(page: Path) -> list[tuple[str, str]]:
    """Verb and words of every command in backquotes and in blocks."""
    in_blocks = [command for block in blocks(page) for command in LINE.findall(block.text)]
    return INLINE.findall(running_text(page)) + in_blocks


def flags(option: click.Parameter) -> list[str]:
    return [*option.opts, *option.secondary_opts, "--help"] if isinstance(option, click.Option) else []
