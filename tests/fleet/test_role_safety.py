# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's rule of safety, fault by fault: what goes, what stays, and what the report says.

All portals are served in one play: once dry, once for real, and once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ansible_collections.onlyoffice.docspace.tests.fleet.nights import (
    LOCAL,
    Fleet,
    Run,
    copies,
    file_of,
    problems,
    uuid,
)

KEEP_TWO = {"keep_last": 2}
# Where off-site copies are what counts, backups on the portal may be older.
RELAXED = {**KEEP_TWO, "require_newer_than": "30d"}
# Those of which a dry run and a second night tell something of their own.
DRY = (
    *("fresh", "stale", "makes", "makes_elsewhere", "offsite", "fetches", "broken_only", "guarded"),
    *("shared", "null_prune", "twin_one", "twin_two"),
)
AGAIN = ("fresh", "makes", "offsite", "fetches")
HOSTILE = "{{ lookup('ansible.builtin.pipe', 'touch hacked') }}.tar.gz"


class Nights(NamedTuple):
    """Three runs over the same portals."""

    fleet: Fleet
    folder: Path
    dry: Run
    real: Run
    again: Run
    writes_dry: dict[str, list[str]]
    ids: dict[str, set[int]]
    files: dict[str, set[str]]

    def problems(self, name: str) -> list[str]:
        """Those of the real run."""
        return problems(self.real.reports[name])


def make(hours: str = "20h") -> dict[str, Any]:
    """Options for a backup that is there soon."""
    return {**LOCAL, "max_age": hours, "poll_interval": 1, "wait_timeout": 30}


def off(folder: Path, name: str, **more: Any) -> dict[str, Any]:
    """Options for the files of a portal, of which one is fresh enough not to fetch another."""
    place = folder / f"files-{name}"
    place.mkdir(exist_ok=True)
    return {"dest": str(place), "max_age": "30d", **more}


def furnish(fleet: Fleet, folder: Path) -> None:
    """All that can be wrong, a portal each."""

    def add(name: str, seed: list[dict[str, Any]], **variables: Any) -> None:
        fleet.add(name, seed, **{"backup_rotation_prune": KEEP_TWO, **variables})

    def files(name: str, *hours: float, **more: Any) -> dict[str, Any]:
        options = off(folder, name)
        place, url = Path(options["dest"]), fleet.portals[name].url
        for number, age in enumerate(hours, 1):
            file_of(place, url, age, number, **(more if number == 1 else {}))
        fleet.hosts[name]["backup_rotation_download"] = options
        fleet.hosts[name]["backup_rotation_download_prune"] = KEEP_TWO
        return options

    add("fresh", copies(2, 48, 72, 96))
    add("temporary", copies(200, 224, 248) + copies(1, storage_type="DataStore", first=9))
    add("stale", copies(30, 72, 96))
    add("future", copies(-48, 72, 96))
    add("limit_longer", copies(30, 72, 96), backup_rotation_max_age="1d7h")
    add("unreadable", copies(2, 48, 72))
    fleet.portals["unreadable"].fault("status", path="getbackuphistory", status=500)
    files("unreadable", 2, 48, 72)
    add("make_fails", copies(2, 48, 72), backup_rotation_backup=make("1h"))
    fleet.portals["make_fails"].set(task_fails_with="No space left on device")
    add("makes", copies(72, 96, 120), backup_rotation_backup=make())
    temporary = {key: value for key, value in make().items() if key != "path"}
    temporary["storage_type"] = "data_store"
    add("makes_temporary", copies(72, 96, 120), backup_rotation_backup=temporary)
    add("makes_elsewhere", copies(72, 96, 120), backup_rotation_backup=make())
    fleet.hosts["makes_elsewhere"]["backup_rotation_prune"] = {
        **KEEP_TWO,
        "storage_type": ["documents"],
    }
    add("guarded", copies(2, 48, 72, 96), backup_rotation_prune={**KEEP_TWO, "max_delete": 1})
    add("sticks", copies(2, 48, 72, 96))
    fleet.portals["sticks"].fault(
        "status", method="DELETE", path=f"deletebackup/{uuid(3)}", status=500
    )
    add("policy", copies(2, 48, 72), backup_rotation_prune={"keep_last": 0})
    add("hostile", [{**copies(2)[0], "file_name": HOSTILE}])
    add("offsite", copies(72, 96, 120), backup_rotation_prune=RELAXED)
    files("offsite", 2, 48, 72)
    add("fetches", copies(72, 96, 120), backup_rotation_prune=RELAXED)
    options = files("fetches", 48, 72, 96)
    options["max_age"] = "20h"
    options["poll_interval"] = 1
    add("broken_only", copies(72, 96, 120))
    files("broken_only", 2, 48, 72, broken="flipped")
    add("broken_beside", copies(2, 48, 72))
    files("broken_beside", 2, 48, 72, broken="flipped")
    add("cut", copies(2, 48, 72))
    files("cut", 2, 48, 72, 96, broken="cut")
    add("shared", copies(2, 48))
    place = Path(files("shared", 2, 48, 72, 96)["dest"])
    for number in (50, 51, 52):
        file_of(place, "https://other.example.com", 100 + number, number)
    file_of(place, fleet.portals["shared"].url, 48, 2, name="twice.tar.gz")
    file_of(place, fleet.portals["shared"].url, 96, 4, name="twice-old.tar.gz")
    (place / "notes.tar.gz").write_bytes(b"no manifest")
    add("policy_of_files", copies(2, 48, 72))
    files("policy_of_files", 2, 48, 72)
    mars = {"keep_last": 2, "timezone": "Mars/Base"}
    fleet.hosts["policy_of_files"]["backup_rotation_download_prune"] = mars
    add("two_kinds", copies(2, 48, 72), backup_rotation_backup={**make(), "dump": True})
    add(
        "null_prune", copies(72, 96, 120), backup_rotation_prune=None, backup_rotation_backup=make()
    )
    files("null_prune", 2, 48, 72)
    add("null_keep", copies(2, 48, 72))
    files("null_keep", 2, 48, 72)
    fleet.hosts["null_keep"]["backup_rotation_download_prune"] = None
    add("null_age", copies(2, 48, 72), backup_rotation_max_age=None)
    add("odd_age", copies(2, 48, 72), backup_rotation_max_age="30m")
    add("null_connection", copies(2, 48, 72), backup_rotation_connection=None)
    add("twin_one", copies(2, 48, 72))
    url = fleet.portals["twin_one"].url
    key = fleet.portals["twin_one"].key
    fleet.host(
        "twin_two",
        f"HTTP://localhost.:0{url.rpartition(':')[2]}/x/..//",
        key,
        backup_rotation_prune=KEEP_TWO,
    )
    fleet.host("secret_url", f"http://{key}@127.0.0.1:1", key, backup_rotation_prune=KEEP_TWO)


def names_of(folder: Path) -> dict[str, set[str]]:
    """The files of each portal."""
    return {
        place.name.partition("-")[2]: {one.name for one in place.iterdir()}
        for place in folder.glob("files-*")
    }


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """All of it."""
    folder = tmp_path_factory.mktemp("nights")
    with Fleet(folder) as fleet:
        furnish(fleet, folder)
        before = ({name: fleet.ids(name) for name in fleet.portals}, names_of(folder))
        dry = fleet.rotate("--check", "--diff", "--limit", ",".join((*DRY, "localhost")))
        assert before == ({name: fleet.ids(name) for name in fleet.portals}, names_of(folder))
        writes = {name: fleet.writes(name) for name in fleet.portals}
        real = fleet.rotate()
        ids, files = {name: fleet.ids(name) for name in fleet.portals}, names_of(folder)
        again = fleet.rotate("--limit", ",".join((*AGAIN, "localhost")))
        yield Nights(fleet, folder, dry, real, again, writes, ids, files)


def test_every_host_has_a_report(nights: Nights) -> None:
    runs = ((nights.dry, DRY), (nights.again, AGAIN), (nights.real, nights.fleet.hosts))
    for run, hosts in runs:
        assert set(run.reports) == set(hosts), run.text
        assert run.code == 0, run.text


def test_a_dry_run_writes_nothing_and_foretells(nights: Nights) -> None:
    assert {name: sent for name, sent in nights.writes_dry.items() if sent} == {}
    for name in DRY:
        dry, real = nights.dry.reports[name], nights.real.reports[name]
        for key in ("removed", "offsite_removed", "made", "portal"):
            assert dry[key] == real[key], (name, key)
        assert problems(dry) == problems(real), name


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("fresh", {1, 2}),
        ("limit_longer", {1, 2}),
        ("offsite", {1, 2}),
        ("broken_beside", {1, 2}),
        ("cut", {1, 2}),
        ("policy_of_files", {1, 2}),
    ],
)
def test_what_is_thinned_out(nights: Nights, name: str, left: set[int]) -> None:
    assert nights.ids[name] == left
    assert nights.real.reports[name]["removed"] > 0
    assert nights.real.reports[name]["count"] == len(left)


def test_the_next_night_has_nothing_to_remove(nights: Nights) -> None:
    for name in AGAIN:
        report = nights.again.reports[name]
        assert (report["removed"], report["offsite_removed"], report["problems"]) == (0, 0, [])
        assert nights.fleet.ids(name) == nights.ids[name]


SKIPPED = "prune prune_skipped"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("temporary", ["prune guard", "age stale"]),
        ("stale", ["prune guard", "age stale"]),
        ("future", ["prune guard", "age stale"]),
        ("makes_temporary", ["prune guard", "age stale"]),
        ("guarded", ["prune guard"]),
        ("policy", ["prune guard"]),
        ("broken_only", ["prune guard", "download_prune guard", "age stale"]),
        ("two_kinds", ["config config", SKIPPED]),
        ("null_prune", ["config config", SKIPPED]),
        ("null_keep", ["config config", SKIPPED]),
        ("null_age", ["config config", SKIPPED]),
        ("odd_age", ["config config", SKIPPED]),
        ("null_connection", ["config config"]),
        ("twin_one", ["config config"]),
    ],
)
def test_what_stays_whole(nights: Nights, name: str, said: list[str]) -> None:
    assert [one for one in nights.problems(name) if not one.startswith("backup ")] == said
    assert not [
        one for one in nights.fleet.writes(name) if one.startswith("DELETE") or "delete" in one
    ]
    seeded = (
        {1, 2, 3} | ({9} if name == "temporary" else set()) | ({4} if name == "guarded" else set())
    )
    assert nights.ids[name] >= seeded
    assert nights.real.reports[name]["removed"] == 0
    assert nights.real.reports[name]["offsite_removed"] == 0


def test_copies_are_pruned_beside_a_history_that_can_not_be_read(nights: Nights) -> None:
    assert nights.problems("unreadable") == ["prune server", "read server"]
    assert nights.ids["unreadable"] == {1, 2, 3}
    assert nights.real.reports["unreadable"]["offsite_removed"] == 1


def test_a_make_that_fails_does_not_hide_that_another_copy_is_fresh(nights: Nights) -> None:
    assert nights.problems("make_fails") == ["backup task_failed"]
    assert nights.ids["make_fails"] == {1, 2}


def test_a_copy_that_is_made_counts_and_a_dry_run_knows(nights: Nights) -> None:
    for run in (nights.dry, nights.real):
        report = run.reports["makes"]
        assert (report["made"], report["removed"], report["problems"]) == (True, 2, [])
    assert nights.real.reports["makes"]["count"] == 2
    assert nights.again.reports["makes"]["made"] is False
    # One that the policy doesn't look at takes no place in its plan.
    assert nights.dry.reports["makes_elsewhere"]["removed"] == 0
    assert nights.ids["makes_elsewhere"] >= {1, 2, 3}


def test_a_delete_that_fails_is_a_problem_and_the_others_go(nights: Nights) -> None:
    assert nights.problems("sticks") == ["prune server"]
    assert nights.ids["sticks"] == {1, 2, 3}
    assert nights.real.reports["sticks"]["removed"] == 1


FILES = {f"copy-{number}.tar.gz{end}" for number in (1, 2, 3) for end in ("", ".json")}
NEWEST_TWO = FILES - {"copy-3.tar.gz", "copy-3.tar.gz.json"}


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("offsite", NEWEST_TWO),
        ("unreadable", NEWEST_TWO),
        ("broken_only", FILES),
        ("broken_beside", FILES),
        ("policy_of_files", FILES),
        ("null_keep", FILES),
        ("null_prune", FILES),
    ],
)
def test_which_files_are_left(nights: Nights, name: str, left: set[str]) -> None:
    assert nights.files[name] == left


def test_a_broken_newest_file_stops_what_would_go_for_its_sake(nights: Nights) -> None:
    assert nights.problems("broken_beside") == ["download_prune guard"]
    assert nights.real.reports["broken_beside"]["newest_offsite"] is None
    assert "the newest copy that would be kept, isn't valid" in nights.real.text


def test_a_file_that_was_cut_counts_for_nothing(nights: Nights) -> None:
    assert nights.problems("cut") == ["download protocol", "download_prune guard"]
    assert nights.real.reports["cut"]["newest_offsite"]["id"] == uuid(2)
    # No copy that matches is recent enough for the others to be removed.
    assert nights.files["cut"] == FILES | {"copy-4.tar.gz", "copy-4.tar.gz.json"}


def test_a_shared_folder_is_judged_per_portal_and_id(nights: Nights) -> None:
    left = nights.files["shared"]
    assert {"copy-50.tar.gz", "copy-51.tar.gz", "copy-52.tar.gz", "notes.tar.gz"} <= left
    assert {"copy-1.tar.gz", "copy-2.tar.gz", "twice.tar.gz"} <= left
    assert not left & {"copy-3.tar.gz", "copy-4.tar.gz", "copy-4.tar.gz.json", "twice-old.tar.gz"}
    assert nights.real.reports["shared"]["offsite_removed"] == 3


def test_a_copy_that_is_fetched_counts_and_a_dry_run_knows(nights: Nights) -> None:
    for run in (nights.dry, nights.real):
        report = run.reports["fetches"]
        assert (report["removed"], report["offsite_removed"]) == (1, 2), report
    assert nights.problems("fetches") == []
    assert nights.ids["fetches"] == {1, 2}
    assert len(nights.files["fetches"]) == 4


def test_twins_get_no_request(nights: Nights) -> None:
    assert nights.fleet.portals["twin_one"].requests == []
    for name, other in (("twin_one", "twin_two"), ("twin_two", "twin_one")):
        (problem,) = nights.real.reports[name]["problems"]
        assert problem["msg"].endswith(f"The same portal: {other}.")


def test_an_address_with_credentials_is_shown_nowhere(nights: Nights) -> None:
    assert nights.problems("secret_url") == ["config config"]
    key = nights.fleet.portals["twin_one"].key
    assert key not in nights.real.text
    assert key not in str(nights.real.reports)


def test_text_of_the_server_is_never_run(nights: Nights) -> None:
    assert nights.real.reports["hostile"]["newest"]["file_name"] == HOSTILE
    assert not (nights.folder / "hacked").exists()


def test_what_a_report_holds(nights: Nights) -> None:
    report = nights.real.reports["shared"]
    assert set(report) == {
        *("host", "portal", "checked_on", "newest", "newest_offsite", "count", "made", "removed"),
        *("offsite_removed", "schedule", "copies", "problems"),
    }
    assert (report["host"], report["portal"]) == ("shared", nights.fleet.portals["shared"].url)
    assert (report["newest"]["id"], report["newest_offsite"]["id"]) == (uuid(1), uuid(1))
    assert (report["count"], report["made"], report["schedule"]) == (2, False, None)
    assert sorted((one["where"], one["lasting"]) for one in report["copies"]) == [
        *[("offsite", True)] * 3,
        *[("portal", True)] * 2,
    ]
    assert nights.real.reports["unreadable"]["count"] is None
    temporary = nights.real.reports["temporary"]
    assert (temporary["count"], temporary["newest"]["id"]) == (4, uuid(1))
    assert [one["lasting"] for one in temporary["copies"]] == [False, True, True, True]
    assert set(nights.real.reports["stale"]["problems"][0]) == {"step", "code", "title", "msg"}
