"""Blocks of code on every page: in their language, whether a test runs them or not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks, markdown_files

BLOCKS = [(page, block) for page in markdown_files() for block in blocks(page)]
LANGUAGES = {"c", "dockerfile", "ini", "jsonl", "json", "promql", "python", "rust", "sh", "text", "yaml"}


def of(language: str) -> list[tuple[Path, Block]]:
    return [(page, block) for page, block in BLOCKS if block.language == language]


def test_every_block_names_its_language() -> None:
    assert {(page.name, block.language) for page, block in BLOCKS if block.language not in LANGUAGES} == set()


def test_every_block_of_python_can_be_compiled() -> None:
    python = [(page, block.text) for page, block in of("python") if page.name != "api.md"]  # signatures
    assert len(python) > 5
    for page, text in python:
        compile(text, page.name, "exec")


@pytest.mark.parametrize("page", sorted({page for page, _ in of("sh")}), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_shell_can_be_parsed(page: Path) -> None:
    text = "".join(block.text for where, block in of("sh") if where == page)
    parsed = subprocess.run(["/bin/bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert parsed.stderr == ""
