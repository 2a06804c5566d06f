# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README leads to all there is."""

from __future__ import annotations

import re

import pytest

from ansible_collections.onlyoffice.docspace.tests.docs.examples import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTENT = {
    "module": "plugins/modules/*.py",
    "inventory plugin": "plugins/inventory/*.py",
    "filter": "plugins/filter/*.py",
    "playbook": "playbooks/*.yml",
    "role": "roles/*",
}


@pytest.mark.parametrize("kind", CONTENT)
def test_all_content_is_named(kind: str) -> None:
    there = {path.stem for path in ROOT.glob(CONTENT[kind])}
    assert there
    assert set(re.findall(rf"^\| {kind} `(\w+)` \|", README, re.MULTILINE)) == there


def test_all_pages_are_named() -> None:
    folder = ROOT / "docs" / "docsite"
    listed = (folder / "extra-docs.yml").read_text(encoding="utf-8")
    for page in sorted((folder / "rst").glob("*.rst")):
        assert f"](docs/docsite/rst/{page.name})" in README
        assert f"- {page.stem}\n" in listed


def test_all_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
