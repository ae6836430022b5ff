"""What tests of the documentation share: the Markdown files of the repository, and what is in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MADE = {".venv", "build", "dist", ".litecore", ".pytest_cache", "c4trace-demo", ".hypothesis"}
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[(?:[^\]\n]|\n(?!\n))*\]\((\S+?)\)")


class Block(NamedTuple):
    """A fenced block: its language, and its text."""

    language: str
    text: str


def markdown_files() -> list[Path]:
    """All that are ours."""
    found = (path for path in ROOT.rglob("*.md") if not MADE & set(path.relative_to(ROOT).parts))
    return sorted(found)


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(*found) for found in FENCED.findall(page.read_text(encoding="utf-8"))]


def running_text(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """The targets of all links and pictures of a page."""
    return LINK.findall(re.sub(r"`[^`\n]*`", "", running_text(page)))


def anchors(page: Path) -> set[str]:
    """What a link into a page may name."""
    headings = re.findall(r"^#+ (.*)$", running_text(page), re.MULTILINE)
    texts = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower()) for text in texts}
