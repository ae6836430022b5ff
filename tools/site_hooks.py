"""Hooks of mkdocs, for what is to look otherwise on the site than in the repository.

Links from docs/ to other files of the repository become text, for the site has docs/ only. Ids of rules become links to
what docs/contract.md says of them. A bar in a table's code, which others escape, needs no backslash.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

CODE = re.compile(r"(^ *```.*?^ *```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
FENCED = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
RULE = re.compile(r"(?<![\w#[-])(C4S-\d{3})\b")
ROW = re.compile(r"^\| C4S-(\d{3}) \|", re.MULTILINE)
CONTRACT = "contract.md"


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, **_: object) -> str:
    """The page as it is rendered."""
    docs, source = Path(config.docs_dir), page.file.src_uri
    return with_rules_linked(without_links_out(markdown, docs / source, docs), source)


def on_page_content(html: str, **_: object) -> str:
    """What it was rendered to."""
    return re.sub(r"<td>.*?</td>", lambda cell: cell[0].replace(r"\|", "|"), html)


def without_links_out(markdown: str, source: Path, docs: Path) -> str:
    """The text of the page at `source`, in which links to what is there, but outside `docs`, are no links."""

    def text_of(link: re.Match[str]) -> str:
        target = (source.parent / link[2]).resolve()
        goes_out = "://" not in link[2] and not target.is_relative_to(docs) and target.exists()
        return link[1] if goes_out else link[0]

    parts = FENCED.split(markdown)
    return "".join(part if i % 2 else LINK.sub(text_of, part) for i, part in enumerate(parts))


def with_rules_linked(markdown: str, source: str) -> str:
    """The text of the page at `source` in docs/, in which ids of rules lead to their row in the contract."""
    if source == CONTRACT:
        return ROW.sub(r'| <span class="rule" id="c4s-\1">C4S-\1</span> |', markdown)
    contract = "../" * source.count("/") + CONTRACT
    parts = CODE.split(markdown)
    return "".join(
        part if i % 2 else RULE.sub(lambda rule: f"[{rule[1]}]({contract}#{rule[1].lower()})", part)
        for i, part in enumerate(parts)
    )
