"""A hook of mkdocs: links from docs/ to other files of the repository become text, for the site has docs/ only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

FENCED = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\(([^)\s#]+)(?:#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, **_: object) -> str:
    """The page as it is rendered."""
    docs = Path(config.docs_dir)
    return without_links_out(markdown, docs / page.file.src_uri, docs)


def without_links_out(markdown: str, source: Path, docs: Path) -> str:
    """The text of the page at `source`, in which links to what is there, but outside `docs`, are no links."""

    def text_of(link: re.Match[str]) -> str:
        target = (source.parent / link[2]).resolve()
        goes_out = "://" not in link[2] and not target.is_relative_to(docs) and target.exists()
        return link[1] if goes_out else link[0]

    parts = FENCED.split(markdown)
    return "".join(part if i % 2 else LINK.sub(text_of, part) for i, part in enumerate(parts))
