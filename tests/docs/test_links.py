"""Links, and names of files, in every Markdown file of the repository."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tests.docs.pages import ROOT, anchors, links, markdown_files, running_text

PAGES = markdown_files()
FOLDERS = "c4trace|docs|tests|examples|recordings|dashboards|benchmarks|tools"


def test_every_link_within_the_repository_leads_somewhere() -> None:
    dead = []
    for page in PAGES:
        for link in links(page):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if "://" in link or link.startswith("mailto:"):
                continue
            if not target.exists() or (anchor and anchor not in anchors(target)):
                dead.append(f"{page.relative_to(ROOT)}: {link}")
    assert dead == []
    assert sum(len(links(page)) for page in PAGES) > 50


def test_every_link_to_elsewhere_is_a_whole_address() -> None:
    outward = [link for page in PAGES for link in links(page) if "://" in link]
    assert outward
    assert [
        link for link in outward if urlsplit(link).scheme != "https" or "." not in (urlsplit(link).hostname or "")
    ] == []


def test_every_file_of_the_repository_that_a_page_names_is_there() -> None:
    named = {
        (page.name, path)
        for page in PAGES
        if page.name != "CHANGELOG.md"
        for path in re.findall(rf"`((?:{FOLDERS})/[\w./-]+)`", running_text(page))
    }
    assert len(named) > 20
    assert [f"{page}: {path}" for page, path in sorted(named) if not (ROOT / path).exists()] == []
