"""The site that `make docs` builds: without a warning, without a dead link, without anything from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import DOCS, ROOT
from tools.site_hooks import with_rules_linked, without_links_out

LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "use": "href"}


class Page(HTMLParser):
    """What one page links to, loads, and can be linked to at."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value for name, value in attrs if value}
        self.ids |= {known[name] for name in ("id", "name") if name in known}
        if tag == "a" and "href" in known:
            self.links.add(known["href"])
        if tag in LOADED and LOADED[tag] in known:
            self.loaded.add(known[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # the theme's advertisement of its successor
    built = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "WARN" not in built.stderr.upper() + built.stdout.upper(), built.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html")}


def target(site: Path, page: Path, link: str) -> Path:
    """The file of the site that a link leads to."""
    path = unquote(urlsplit(link).path)
    start = site if path.startswith("/") else page.parent
    found = (start / path.lstrip("/")).resolve() if path else page
    return found / "index.html" if found.is_dir() else found


def test_every_page_is_on_the_site(site: Path, pages: dict[Path, Page]) -> None:
    sources = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    assert sources == {path.relative_to(site) for path in pages if path.name != "404.html"}


def test_every_link_of_the_site_leads_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    dead = []
    for path, page in pages.items():
        for link in page.links | page.loaded:
            if urlsplit(link).scheme:
                continue
            file = target(site, path, link)
            anchor = unquote(urlsplit(link).fragment)
            there = file.exists() and (not anchor or file not in pages or anchor in pages[file].ids)
            if not there and link != ".":
                dead.append(f"{path.relative_to(site)}: {link}")
    assert dead == []


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Page]) -> None:
    assert sum(len(page.loaded) for page in pages.values()) > len(pages)
    assert [url for page in pages.values() for url in page.loaded if urlsplit(url).scheme or url.startswith("//")] == []


def test_a_bar_in_a_table_has_no_backslash(site: Path) -> None:
    commands = (site / "commands.html").read_text(encoding="utf-8")
    assert "STYLE|FILE</code>" in commands
    assert [path.name for path in site.rglob("*.html") if r"\|" in path.read_text(encoding="utf-8")] == []


def test_a_link_out_of_the_folder_of_pages_becomes_its_text() -> None:
    out, within, dead = "[the example](../examples/c/traced_echo.c)", "[metrics](metrics.md)", "[none](../none.md)"
    markdown = f"See {out}, {within}, {dead}.\n```\n[x](../README.md)\n```\n"
    rendered = without_links_out(markdown, DOCS / "index.md", DOCS)
    assert rendered == markdown.replace(out, "the example")


def test_a_rule_is_linked_to_what_the_contract_says_of_it(site: Path, pages: dict[Path, Page]) -> None:
    assert "contract.html#c4s-051" in pages[site / "troubleshooting.html"].links
    assert "c4s-051" in pages[site / "contract.html"].ids
    linked = with_rules_linked("As C4S-050 says, not `C4S-051`.", "runbooks/stuck.md")
    assert linked == "As [C4S-050](../contract.md#c4s-050) says, not `C4S-051`."
