# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tasks/fleet_publish.yml, included by a playbook of the collection and run for real."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.preview import reports
from ansible_collections.onlyoffice.docspace.tests.preview.playing import (
    ROOT,
    Play,
    load_filter,
    play,
)

FILES = ["docspace_backups.prom", "fleet.html", "fleet.json"]
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  connection: local
  tasks:
    - ansible.builtin.include_tasks: tasks/fleet_publish.yml
      vars:
        publish_reports: "{{ lookup('ansible.builtin.file', 'reports.json' | realpath) | from_json }}"
"""
IMPORT = "- ansible.builtin.import_playbook: onlyoffice.docspace.show\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection, with one more playbook."""
    place = tmp_path_factory.mktemp("collection")
    shutil.copytree(ROOT / "playbooks", place / "playbooks")
    (place / "playbooks" / "show.yml").write_text(PLAYBOOK)
    for name in ("galaxy.yml", "meta", "plugins"):
        (place / name).symlink_to(ROOT / name)
    return place


def show(root: Path, folder: Path, given: object, *options: str, **variables: Any) -> Play:
    (folder / "reports.json").write_text(json.dumps(given))
    environ = {"ANSIBLE_SHOW_CUSTOM_STATS": "true"}
    playbook = variables.pop("playbook", "onlyoffice.docspace.show")
    return play(folder, *options, playbook=playbook, root=root, environ=environ, **variables)


def test_all_that_is_published(root: Path, tmp_path: Path) -> None:
    # Ansible itself refuses half characters.
    given = json.loads(json.dumps(reports.fleet() + reports.hostile()).replace("\\ud800", "?"))
    made = load_filter("docspace_fleet", "docspace_fleet")(given)
    (tmp_path / "site.yml").write_text(IMPORT)  # as in a playbook of somebody's own
    done = show(root, tmp_path, given, "-v", playbook="site.yml", publish_dir="out/deep")
    assert (done.code, done.changed) == (0, 2), done.text
    # Each line of the table stands in a line of its own, as it is.
    lines = [line.strip().rstrip(",").strip('"') for line in done.text.splitlines()]
    start = lines.index(made["lines"][0])
    assert lines[start : start + len(made["lines"])] == made["lines"]
    assert "<article" not in done.text
    folder = tmp_path / "out" / "deep"
    assert sorted(file.name for file in folder.iterdir()) == FILES
    for name, what in zip(FILES, ("metrics", "page", "json")):
        assert (folder / name).read_text() == made[what] + "\n"
        assert (folder / name).stat().st_mode & 0o777 == 0o644
    assert json.loads((folder / "fleet.json").read_text())["portals"][1]["host"] == "bravo"
    assert '"docspace_backups": {' in done.text
    assert '"offsite_removed": 12' in done.text

    before = [(file.read_bytes(), file.stat().st_ino) for file in sorted(folder.iterdir())]
    again = show(root, tmp_path, given, publish_dir="out/deep")
    assert (again.code, again.changed) == (0, 0), again.text
    # What is new comes in the old one's place in one step: it is another file.
    other = show(root, tmp_path, reports.fleet(), publish_dir=str(folder), publish_title="Mine")
    assert (other.code, other.changed) == (0, 1), other.text
    after = [(file.read_bytes(), file.stat().st_ino) for file in sorted(folder.iterdir())]
    for one, two in zip(before, after):
        assert one[0] != two[0]
        assert one[1] != two[1]
    assert "<h1>Mine</h1>" in (folder / "fleet.html").read_text()


def test_a_dry_run_writes_nothing(root: Path, tmp_path: Path) -> None:
    done = show(root, tmp_path, reports.fleet(), "--check", "--diff", publish_dir="out")
    assert done.code == 0, done.text
    assert "as of 2026-11-05 03:40 UTC. This was a dry run: nothing was changed." in done.text
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    done = show(root, tmp_path, reports.fleet(), "--check", "--diff", publish_dir="out")
    assert (done.code, done.changed) == (0, 1), done.text
    assert list((tmp_path / "out").iterdir()) == []
    assert "<article" not in done.text


@pytest.mark.parametrize("folder", [None, ""])
def test_the_screen_alone(root: Path, tmp_path: Path, folder: str | None) -> None:
    done = show(root, tmp_path, reports.fleet(), publish_dir=folder)
    assert (done.code, done.changed) == (0, 0), done.text
    assert "PORTAL   NEWEST   OFF SITE" in done.text
    assert [file.name for file in tmp_path.iterdir()] == ["reports.json"]


def test_no_list_is_said_so(root: Path, tmp_path: Path) -> None:
    done = show(root, tmp_path, {"host": "alpha"}, publish_dir="out")
    assert (done.code, done.changed) == (2, 0)
    assert "publish_reports must be a list of reports." in done.text
    assert not (tmp_path / "out").exists()
