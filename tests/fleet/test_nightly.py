# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nightly and fleet_report: every portal has its row, and none waits for another."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ansible_collections.onlyoffice.docspace.tests.fleet.nights import (
    LOCAL,
    NIGHTLY,
    REPORT,
    Fleet,
    Run,
    copies,
    file_of,
    problems,
    row,
)

MAKE = {**LOCAL, "max_age": "20h", "poll_interval": 1, "wait_timeout": 30}
PRUNE = {"keep_last": 2}
HANG = 4
VAULTED = "!vault $ANSIBLE_VAULT;1.1;AES256\n" + "3" * 60 + "\n"
# Hosts whose variables don't fit, with what they are and what is said.
ODD: dict[str, tuple[dict[str, Any], str]] = {
    "typo": ({"backup_rotation_prune": {"keep_dayly": 7}}, "keep_dayly"),
    "typo_in_keep": (
        {"backup_rotation_download": {"dest": "/srv", "keep": {"kep_last": 1}}},
        "kep_last",
    ),
    "typo_in_connection": (
        {"backup_rotation_connection": {"url": "http://127.0.0.1:1", "api_kee": "sk-typed"}},
        "api_kee",
    ),
    "undefined": (
        {
            "backup_rotation_connection": {
                "url": "http://127.0.0.1:1",
                "api_key": "{{ nobody_set_it }}",
            }
        },
        "nobody_set_it",
    ),
    "no_connection": ({"backup_rotation_connection": {}}, "url"),
    "null_connection": ({"backup_rotation_connection": None}, "it is null"),
    "sealed": (
        {"backup_rotation_connection": {"url": "http://127.0.0.1:1", "api_key": VAULTED}},
        "vault",
    ),
    "unreadable_host": ({"ansible_host": "{{ nobody_set_that }}"}, "variables of this host"),
}


class Nights(NamedTuple):
    """A dry night, a real one, and the one after it."""

    fleet: Fleet
    ids: dict[str, set[int]]
    dry: Run
    real: Run
    again: Run


def five(fleet: Fleet) -> None:
    """One down, one refuses, one has only temporary copies, one is stale, one is well."""
    fleet.add_closed("down")
    refused = fleet.add("refused", copies(2, 48, 72))
    fleet.host("refused", refused.url, "sk-" + "0" * 64)
    fleet.add("temporary", copies(3, storage_type="DataStore"))
    fleet.add("stale", copies(216, 240, 264, 288))
    fleet.add("well", copies(2, 48, 72, 96))


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """Five portals; nothing is made, so that what is stale stays stale."""
    with Fleet(tmp_path_factory.mktemp("five"), backup_rotation_prune=PRUNE) as fleet:
        five(fleet)
        dry = fleet.play(NIGHTLY, "--check")
        assert {name: fleet.writes(name) for name in fleet.portals if fleet.writes(name)} == {}
        real = fleet.play(NIGHTLY)
        ids = {name: fleet.ids(name) for name in fleet.portals}
        yield Nights(fleet, ids, dry, real, fleet.play(NIGHTLY))


def test_what_is_left_on_each(nights: Nights) -> None:
    left = {"refused": {1, 2, 3}, "temporary": {1}, "stale": {1, 2, 3, 4}, "well": {1, 2}}
    assert nights.ids == left
    assert {name: nights.fleet.ids(name) for name in nights.fleet.portals} == left


SAID = {
    "down": ["prune prune_skipped", "read connection"],
    "refused": ["prune prune_skipped", "read auth"],
    "temporary": ["prune prune_skipped", "fresh stale"],
    "stale": ["prune prune_skipped", "fresh stale"],
    "well": [],
}


def test_what_the_json_says(nights: Nights) -> None:
    for run in (nights.real, nights.again):
        assert {host: problems(report) for host, report in run.reports.items()} == SAID
    assert {
        host: one["removed"] for host, one in nights.real.reports.items() if one["removed"]
    } == {"well": 2}
    assert {
        host: one["removed"] for host, one in nights.again.reports.items() if one["removed"]
    } == {}
    counts = {host: one["count"] for host, one in nights.real.reports.items()}
    assert counts == {"down": None, "refused": None, "temporary": 1, "stale": 4, "well": 2}


def test_what_went_well_is_not_read_again(nights: Nights) -> None:
    """Each of the three nights reads the history to judge, and once more to thin out."""
    assert nights.fleet.portals["well"].count("GET", "getbackuphistory") == 3 * 2


def test_what_the_table_says(nights: Nights) -> None:
    for run, removed in ((nights.dry, "2"), (nights.real, "2"), (nights.again, "0")):
        assert run.code == 2
        assert "4 of 5 portals have problems: down, refused, stale, temporary." in run.text
        assert re.search("not reached", row(run.text, "down"))
        assert re.search("credentials refused", row(run.text, "refused"))
        assert re.search("no lasting copy", row(run.text, "temporary"))
        assert re.search("9 days .* too old", row(run.text, "stale"))
        assert row(run.text, "well").split() == [
            "well",
            "2",
            "hours",
            "none",
            "4" if run is nights.dry else "2",
            removed,
            "none",
        ]
        # Expected trouble isn't a wall of red: one task fails, the last.
        assert run.text.count("fatal: ") == 1


def test_what_a_dry_run_leaves(nights: Nights) -> None:
    assert nights.dry.reports == {}
    assert "changed=1 " in next(
        line for line in nights.dry.text.splitlines() if line.startswith("well ")
    )


def test_hosts_that_can_not_be_served_have_a_row(tmp_path: Path) -> None:
    """Typos, nulls, variables that aren't there, a vault without its password, a host that hangs."""
    with Fleet(tmp_path, backup_rotation_backup=MAKE) as fleet:
        for name, (variables, _said) in ODD.items():
            fleet.host(name, "http://127.0.0.1:1", "sk-x", **variables)
        hangs = fleet.add("hangs", copies(2), backup_rotation_schedule={"state": "absent"})
        hangs.fault("delay", seconds=86400)
        fleet.hosts["hangs"]["backup_rotation_connection"]["timeout"] = HANG
        fleet.add("well", copies(2))
        one, two = fleet.add("twin_one", copies(2)), "HTTP://LOCALHOST:{}/"
        fleet.hosts["twin_one"]["backup_rotation_connection"]["url"] = (
            f"http://localhost:{one.port}"
        )
        fleet.host("twin_two", two.format(one.port), one.key)
        run = fleet.play(NIGHTLY)
        asked = list(one.requests)
    assert set(run.reports) == {*ODD, "hangs", "well", "twin_one", "twin_two"}, run.text
    for name, (_variables, said) in ODD.items():
        assert problems(run.reports[name])[0] == "config config", run.reports[name]
        assert said in run.reports[name]["problems"][0]["msg"].lower(), run.reports[name]
    assert problems(run.reports["hangs"]) == ["schedule timeout", "make timeout", "read timeout"]
    assert problems(run.reports["well"]) == []
    assert (
        problems(run.reports["twin_one"]) == problems(run.reports["twin_two"]) == ["config config"]
    )
    assert asked == []
    assert "sk-typed" not in run.text
    # The one that is well was done long before the one that hangs.
    ends = [line for line in run.text.splitlines() if line.startswith(("TASK", "ok:", "changed:"))]
    last = {
        name: max(at for at, line in enumerate(ends) if f"[{name}]" in line)
        for name in ("well", "hangs")
    }
    assert last["well"] < last["hangs"]


def test_portals_make_their_backups_at_the_same_time(tmp_path: Path) -> None:
    """With one process for all, and the slow one first."""
    with Fleet(tmp_path, backup_rotation_backup=MAKE, backup_rotation_prune=PRUNE) as fleet:
        fleet.add("a-slow", copies(48, 72, 96), task_seconds=8)
        fleet.add("b-quick", copies(48, 72, 96))
        fleet.add("c-same", copies(2, 48, 72))
        run = fleet.play(NIGHTLY, "--forks", "1")
    assert run.code == 0, run.text
    made = {name: run.reports[name]["newest"]["created_on"] for name in ("a-slow", "b-quick")}
    assert made["b-quick"] < made["a-slow"], "it was begun when the first was made"
    told = {name: (one["made"], one["removed"]) for name, one in run.reports.items()}
    assert told == {"a-slow": (True, 2), "b-quick": (True, 2), "c-same": (False, 1)}
    starts = {name: sim.count("POST", "startbackup") for name, sim in fleet.portals.items()}
    assert starts == {"a-slow": 1, "b-quick": 1, "c-same": 0}


def test_all_hosts_wrong_is_no_empty_report(tmp_path: Path) -> None:
    with Fleet(tmp_path, backup_rotation_prune={"keep_dayly": 7}) as fleet:
        fleet.host("one", "http://127.0.0.1:1", "sk-x")
        fleet.host("two", "{{ not_there }}", "sk-x")
        run = fleet.play(NIGHTLY)
    assert set(run.reports) == {"one", "two"}, run.text
    assert "2 of 2 portals have problems" in run.text


def test_a_look_at_the_fleet_changes_nothing(tmp_path: Path) -> None:
    with Fleet(tmp_path, backup_rotation_backup=MAKE, backup_rotation_prune=PRUNE) as fleet:
        five(fleet)
        place = tmp_path / "files"
        place.mkdir()
        file_of(place, fleet.portals["stale"].url, 3, 1)
        before = sorted(place.iterdir())
        run = fleet.play(REPORT, report_max_age="300h", report_offsite=str(place))
        assert {name: fleet.writes(name) for name in fleet.portals if fleet.writes(name)} == {}
        assert sorted(place.iterdir()) == before
    assert {host: problems(report) for host, report in run.reports.items()} == {
        "down": ["read connection"],
        "refused": ["read auth"],
        "temporary": ["fresh stale"],
        "stale": [],
        "well": [],
    }, run.text
    assert run.reports["stale"]["newest_offsite"] is not None
    assert run.code == 2


def test_slices_come_together(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    with Fleet(tmp_path, backup_rotation_prune=PRUNE) as fleet:
        five(fleet)
        for name, hosts in (("one", "down:refused"), ("two", "temporary:stale:well")):
            run = fleet.play(
                NIGHTLY, nightly_hosts=hosts, nightly_part=name, nightly_report_dir=str(parts)
            )
            assert run.code == 2, run.text
        assert sorted(one.name for one in parts.iterdir()) == ["part-one.json", "part-two.json"]
        asked = {name: len(sim.requests) for name, sim in fleet.portals.items()}
        joined = fleet.play(REPORT, report_from=str(parts))
        assert {name: len(sim.requests) for name, sim in fleet.portals.items()} == asked
        assert {host: problems(report) for host, report in joined.reports.items()} == SAID, (
            joined.text
        )
        assert "4 of 5 portals have problems: down, refused, stale, temporary." in joined.text
        shutil.copy(parts / "part-two.json", parts / "part-old.json")
        twice = fleet.play(REPORT, report_from=str(parts))
        (parts / "part-old.json").write_text("[")
        odd = fleet.play(REPORT, report_from=str(parts))
        none = fleet.play(REPORT, report_from=str(tmp_path))
    assert "part-old.json and part-two.json both have the portal" in twice.text
    assert "part-old.json is no JSON" in odd.text
    assert "there is no part-NAME.json in" in none.text
    assert (twice.code, odd.code, none.code) == (2, 2, 2)
    assert twice.reports == odd.reports == none.reports == {}


def test_nobody_to_serve_is_a_sentence(tmp_path: Path) -> None:
    with Fleet(tmp_path) as fleet:
        fleet.host("one", "http://127.0.0.1:1", "sk-x")
        none = fleet.play(NIGHTLY, nightly_hosts="elsewhere")
        unnamed = fleet.play(NIGHTLY, nightly_part="../x")
        limited = fleet.play(NIGHTLY, "--limit", "one")
    assert "No host matches 'elsewhere'" in none.text
    assert "name other hosts in nightly_hosts" in none.text
    assert "nightly_part: give a name of letters" in unnamed.text
    # Without localhost nobody shows the table, so the host itself fails.
    assert limited.code == 2
    assert re.search("fatal: .one.*can't be reached", limited.text)
    assert [json.dumps(run.reports) for run in (none, unnamed, limited)] == ["{}"] * 3
