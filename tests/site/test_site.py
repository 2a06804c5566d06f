# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation as a site: complete, without a dead link, and right in a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from ansible_collections.onlyoffice.docspace.tests.preview.browser import Browser
from ansible_collections.onlyoffice.docspace.tests.site.build import build

ROOT = Path(__file__).resolve().parents[2]


class Page(HTMLParser):
    """Where a page leads, and which places in it have a name."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names: set[str] = {"", "top"}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.names |= {str(said[key]) for key in ("id", "name") if said.get(key)}
        if tag == "a" and said.get("href"):
            self.links.append(str(said["href"]))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built anew. DOCSPACE_SITE names the folder where it is to stay."""
    chosen = os.environ.get("DOCSPACE_SITE")
    folder = Path(chosen) if chosen else tmp_path_factory.mktemp("docs") / "site"
    build(ROOT.parents[2], folder)
    return folder


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html")}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    reason = os.environ.get("PREVIEW_SKIP_BROWSER")
    if reason:
        pytest.skip(f"PREVIEW_SKIP_BROWSER: {reason}")
    with Browser() as opened:
        yield opened


def show(browser: Browser, page: Path, width: int = 1280) -> None:
    """Open a page, and let the scripts of the theme have their turn."""
    browser.open(page, width=width)
    ready = "new Promise(done => jQuery(() => setTimeout(done)))"
    browser.call("Runtime.evaluate", expression=ready, awaitPromise=True)


def goals(path: Path, page: Page) -> Iterator[tuple[Path, str]]:
    """The files and places that a page's links lead to, as far as they are ours."""
    for link in page.links:
        parts = urlsplit(link)
        if not parts.scheme and not parts.netloc:
            goal = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            yield goal, unquote(parts.fragment)


def test_every_page_is_reached_from_the_index(site: Path, pages: dict[Path, Page]) -> None:
    reached, new = set(), {site / "index.html"}
    while new:
        reached |= new
        new = {goal for path in new for goal, _name in goals(path, pages[path])} - reached
    assert set(pages) - reached <= {site / "search.html"}


def test_no_link_is_dead(site: Path, pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        for goal, name in goals(path, page):
            assert goal in pages, f"{path.relative_to(site)} leads to {goal}"
            assert name in pages[goal].names, f"{path.relative_to(site)}: {goal.name}#{name}"


def test_all_that_there_is_has_a_page(site: Path) -> None:
    kinds = {"modules": "module", "filter": "filter"}
    for folder, kind in kinds.items():
        for plugin in (ROOT / "plugins" / folder).glob("[!_]*.py"):
            assert (site / f"{plugin.stem}_{kind}.html").exists()
    for role in (ROOT / "roles").glob("*/meta/argument_specs.yml"):
        assert (site / f"{role.parents[1].name}_role.html").exists()
    for guide in (ROOT / "docs" / "docsite" / "rst").glob("*.rst"):
        assert (site / "docsite" / f"{guide.stem}.html").exists()
    playbooks = Page(site / "docsite" / "playbooks.html").names
    for playbook in (ROOT / "playbooks").glob("*.yml"):
        assert playbook.stem.replace("_", "-") in playbooks


@pytest.mark.parametrize("width", [1280, 420])
@pytest.mark.parametrize(
    "name", ["index.html", "docspace_backup_module.html", "docsite/versions.html"]
)
def test_a_page_in_a_browser(site: Path, browser: Browser, name: str, width: int) -> None:
    show(browser, site / name, width)
    assert browser.complaints() == []
    # Neither the page itself nor its scripts, styles and fonts come from elsewhere.
    outside = [one for one in browser.requests() if not one.startswith(site.as_uri() + "/")]
    assert browser.requests() and not outside
    # The menu has an entry for each page and for a module's parts, and shows where one is.
    entries = browser.value("document.querySelectorAll('nav .toctree-l1 > a').length")
    assert entries >= 15
    if name != "index.html":
        assert browser.value("document.querySelectorAll('nav .current > a').length") >= 1
    # On a phone it is behind a button.
    left = "document.querySelector('nav.wy-nav-side').getBoundingClientRect().left"
    assert (browser.value(left) >= 0) is (width > 768)
    if width <= 768:
        browser.value("document.querySelector('.wy-nav-top i').click()")
        assert browser.value("document.querySelector('nav.wy-nav-side').matches('.shift')")


def test_a_module_has_its_options_in_a_table(site: Path, browser: Browser) -> None:
    show(browser, site / "docspace_backup_module.html")
    rows = "document.querySelectorAll('table.ansible-option-table tbody tr').length"
    assert browser.value(rows) > 20
    shown = "document.querySelector('#parameter-on_timeout').closest('tr').offsetHeight"
    assert browser.value(shown) > 20


@pytest.mark.parametrize("width", [1280, 420])
def test_no_table_is_wider_than_its_page(site: Path, browser: Browser, width: int) -> None:
    show(browser, site / "docsite" / "versions.html", width)
    wide = """[...document.querySelectorAll('.wy-table-responsive')]
        .filter(box => box.scrollWidth > box.clientWidth + 1).length"""
    assert browser.value("document.querySelectorAll('.wy-table-responsive table').length") == 2
    if width > 768:
        assert browser.value(wide) == 0
    assert browser.value("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_seealso_leads_to_a_guide_that_is_there() -> None:
    """Where there is no site, ansible-doc shows which file of the collection to open."""
    seen = 0
    for path in [
        *(ROOT / "plugins").glob("modules/*.py"),
        *(ROOT / "plugins").glob("filter/*.py"),
        *(ROOT / "plugins").glob("doc_fragments/*.py"),
    ]:
        text = path.read_text(encoding="utf-8").partition('DOCUMENTATION = r"""')[2]
        documentation = yaml.safe_load(text.partition('"""')[0]) or {}
        for item in documentation.get("seealso", []):
            assert "ref" not in item, f"{path.name}: for a ref, ansible-doc shows a dead address"
            if "link" in item:
                guide = item["link"].removeprefix("docsite/").removesuffix(".html")
                place = f"docs/docsite/rst/{guide}.rst"
                assert (ROOT / place).exists() and f"C({place})" in item["description"], item
                title = item["name"].removeprefix("Guide: ")
                assert f"\n{title}\n===" in (ROOT / place).read_text(encoding="utf-8"), title
                seen += 1
    assert seen >= 6
