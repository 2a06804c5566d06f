# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tasks/publish_report.yml, imported by a playbook of the collection and run for real."""

from __future__ import annotations

import ctypes
import json
import os
import re
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
from ansible_collections.onlyoffice.docspace.tests.preview.reports import report

FILES = ["docspace_backups.prom", "fleet.html", "fleet.json"]
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact:
        backup_rotation_report: "{{ (lookup('ansible.builtin.file', 'reports.json' | realpath) | from_json)[inventory_hostname[4:] | int] }}"
        docspace_report_dir: "{{ report_folder | default('', true) }}"
    - ansible.builtin.import_tasks: tasks/publish_report.yml
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


def show(root: Path, folder: Path, given: list[Any], *options: str, **variables: Any) -> Play:
    """Publish the reports, each that of one host."""
    (folder / "reports.json").write_text(json.dumps(given))
    environ = {"ANSIBLE_SHOW_CUSTOM_STATS": "true"}
    playbook = variables.pop("playbook", "onlyoffice.docspace.show")
    hosts = "".join(f"host{number}," for number in range(len(given)))
    options = ("--inventory", hosts, "--limit", "!localhost", *options)
    done = play(folder, *options, playbook=playbook, root=root, environ=environ, **variables)
    changed = re.findall(r"^host\d+ .*changed=(\d+)", done.text, re.MULTILINE)
    return done._replace(changed=sum(map(int, changed)))


def test_all_that_is_published(root: Path, tmp_path: Path) -> None:
    # Ansible itself refuses half characters.
    given = json.loads(json.dumps(reports.fleet() + reports.hostile()).replace("\\ud800", "?"))
    made = load_filter("docspace_report", "docspace_report")(given)
    (tmp_path / "site.yml").write_text(IMPORT)  # as in a playbook of somebody's own
    done = show(root, tmp_path, given, "-v", playbook="site.yml", report_folder="out/deep")
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
    again = show(root, tmp_path, given, report_folder="out/deep")
    assert (again.code, again.changed) == (0, 0), again.text
    # What is new comes in the old one's place in one step: it is another file.
    other = show(root, tmp_path, reports.fleet(), report_folder=str(folder))
    assert (other.code, other.changed) == (0, 1), other.text
    after = [(file.read_bytes(), file.stat().st_ino) for file in sorted(folder.iterdir())]
    for one, two in zip(before, after):
        assert one[0] != two[0]
        assert one[1] != two[1]


def test_no_temporary_file_looks_like_metrics(root: Path, tmp_path: Path) -> None:
    """node_exporter reads each name that ends in .prom, also while it is written."""
    libc = ctypes.CDLL(None)
    descriptor = libc.inotify_init1(os.O_NONBLOCK)
    created = 0x100
    assert libc.inotify_add_watch(descriptor, os.fsencode(tmp_path), created) > 0
    done = show(root, tmp_path, reports.fleet(), report_folder=str(tmp_path))
    assert done.code == 0, done.text
    events = os.read(descriptor, 1024 * 1024)
    os.close(descriptor)
    assert b"ansible-tmp-" in events, "nothing was seen"
    assert b".prom" not in events
    assert sorted(file.name for file in tmp_path.iterdir()) == [*FILES, "reports.json"]


def test_reports_of_hosts_that_were_left_out(root: Path, tmp_path: Path) -> None:
    given = [report(f"host{number}") for number in range(3)]
    assert show(root, tmp_path, given, report_folder=str(tmp_path)).code == 0
    done = show(root, tmp_path, given, "--limit", "host1", report_folder=str(tmp_path))
    assert (done.code, done.changed) == (0, 0), done.text
    assert "1 portal, none with problems" in done.text
    # host2 isn't in the inventory any more.
    done = show(root, tmp_path, given[:2], "--limit", "host1", report_folder=str(tmp_path))
    content = json.loads((tmp_path / "fleet.json").read_text())
    assert [one["host"] for one in content["portals"]] == ["host0", "host1"]
    (tmp_path / "fleet.json").write_text("[")
    done = show(root, tmp_path, given, "--limit", "host1", report_folder=str(tmp_path))
    assert done.code == 2 and "fleet.json can't be read" in done.text
    assert "PORTAL  NEWEST" in done.text and (tmp_path / "fleet.json").read_text() == "["


def test_a_dry_run_writes_nothing(root: Path, tmp_path: Path) -> None:
    done = show(root, tmp_path, reports.fleet(), "--check", "--diff", report_folder="out")
    assert done.code == 0, done.text
    assert "as of 2026-11-05 03:40 UTC. This was a dry run: nothing was changed." in done.text
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    done = show(root, tmp_path, reports.fleet(), "--check", "--diff", report_folder="out")
    assert (done.code, done.changed) == (0, 1), done.text
    assert list((tmp_path / "out").iterdir()) == []
    assert "<article" not in done.text


@pytest.mark.parametrize("folder", [None, ""])
def test_the_screen_alone(root: Path, tmp_path: Path, folder: str | None) -> None:
    done = show(root, tmp_path, reports.fleet(), report_folder=folder)
    assert (done.code, done.changed) == (0, 0), done.text
    assert "PORTAL   NEWEST   OFF SITE" in done.text
    assert [file.name for file in tmp_path.iterdir()] == ["reports.json"]
