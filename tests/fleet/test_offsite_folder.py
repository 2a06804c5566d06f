# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role removes from a folder of copies whose names somebody else has chosen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from ansible_collections.onlyoffice.docspace.tests.fleet import nights
from ansible_collections.onlyoffice.docspace.tests.fleet.nights import (
    Fleet,
    Run,
    copies,
    file_of,
    problems,
)

# Names of old copies that something could take for another path. EMPTY is set, but empty.
NAMES = {
    "empty": "$NO_PROXY",
    "braces": "${EMPTY}",
    "home": "$HOME",
    "name": "~",
    "user": "~root",
    "template": "{{ 7 * 7 }}.tar.gz",
    "quotes": "a'b\"c `id`.tar.gz",
    "line": "a\nb.tar.gz",
}


class Night(NamedTuple):
    """A run over hosts that share a folder's parent, and what it left."""

    run: Run
    before: dict[str, set[str]]
    after: dict[str, set[str]]


def names_of(folder: Path) -> dict[str, set[str]]:
    return {place.name: {one.name for one in place.iterdir()} for place in folder.iterdir()}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Each host has a folder with one recent copy, and an old copy with an odd name."""
    folder = tmp_path_factory.mktemp("night")
    places = folder / "copies"
    places.mkdir()
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "kept.txt").write_text("not a copy")
    usual = nights.environment
    patch = pytest.MonkeyPatch()
    empty = {"NO_PROXY": "", "EMPTY": "", "HOME": str(folder / "elsewhere")}
    patch.setattr(nights, "environment", lambda home: {**usual(home), **empty})
    with patch.context(), Fleet(folder, backup_rotation_fail=False) as fleet:
        for number, host in enumerate([*NAMES, "slash", "linked_file", "linked_folder", "folder"]):
            sim = fleet.add(host, copies(2))
            place = places / host
            place.mkdir()
            fleet.hosts[host] |= {
                "backup_rotation_download": {"dest": str(place), "max_age": "30d"},
                "backup_rotation_download_prune": {"keep_last": 1},
            }
            file_of(place, sim.url, 2, 1)
            old = file_of(place, sim.url, 48, 2, name=NAMES.get(host, "old.tar.gz"))
            file_of(place, "https://other.example.com", 96, number + 100)
            if host == "slash":
                manifest = old.with_name("old.tar.gz.json")
                fields = json.loads(manifest.read_text())
                manifest.write_text(json.dumps({**fields, "file_name": "../../elsewhere/kept.txt"}))
            elif host == "linked_file":
                old.rename(folder / "elsewhere" / "old.tar.gz")
                old.symlink_to(folder / "elsewhere" / "old.tar.gz")
            elif host in ("linked_folder", "folder"):
                old.unlink()
                if host == "folder":
                    old.mkdir()
                    (old / "inside.txt").write_text("not a copy")
                else:
                    old.symlink_to(folder / "elsewhere")
        before = names_of(places)
        run = fleet.rotate()
        after = names_of(places)
    patch.undo()
    assert (folder / "elsewhere" / "kept.txt").exists()
    return Night(run, before, after)


@pytest.mark.parametrize("host", [*NAMES, "slash"])
def test_a_copy_is_removed_by_its_exact_name_and_nothing_else_is(night: Night, host: str) -> None:
    old = NAMES.get(host, "old.tar.gz")
    assert night.before[host] - night.after[host] == {old, f"{old}.json"}, night.run.text
    assert night.run.reports[host]["offsite_removed"] == 1


@pytest.mark.parametrize("host", ["linked_file", "linked_folder", "folder"])
def test_what_is_not_a_regular_file_is_a_problem_and_stays(night: Night, host: str) -> None:
    assert night.after[host] == night.before[host], night.run.text
    report = night.run.reports[host]
    assert report["offsite_removed"] == 0
    assert problems(report) == ["download protocol"]
    assert "old.tar.gz" in report["problems"][0]["msg"]
