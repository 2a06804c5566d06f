# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nightly and fleet_report: every portal has its row, and none waits for another."""

from __future__ import annotations

import json
import re
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
        {"backup_rotation_download_prune": {"path": "/", "kep_last": 1}},
        "kep_last",
    ),
    "typo_in_connection": (
        {"backup_rotation_connection": {"url": "http://127.0.0.1:3", "api_kee": "sk-typed"}},
        "api_kee",
    ),
    "undefined": (
        {
            "backup_rotation_connection": {
                "url": "http://127.0.0.1:4",
                "api_key": "{{ nobody_set_it }}",
            }
        },
        "nobody_set_it",
    ),
    "no_connection": ({"backup_rotation_connection": {}}, "url"),
    "null_connection": ({"backup_rotation_connection": None}, "must not be null"),
    "sealed": (
        {"backup_rotation_connection": {"url": "http://127.0.0.1:5", "api_key": VAULTED}},
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
    "down": ["prune connection", "read connection"],
    "refused": ["prune auth", "read auth"],
    "temporary": ["prune guard", "age stale"],
    "stale": ["prune guard", "age stale"],
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
    """Each of the three runs reads the history once: pruning returns all that the report needs."""
    assert nights.fleet.portals["well"].count("GET", "getbackuphistory") == 3


def test_what_the_table_says(nights: Nights) -> None:
    for run, removed in ((nights.dry, "2"), (nights.real, "2"), (nights.again, "0")):
        assert run.code == 2
        assert "5 portals, 4 with problems" in run.text
        assert re.search("not reached", row(run.text, "down"))
        assert re.search("credentials refused", row(run.text, "refused"))
        assert re.search("no backup or off-site copy", row(run.text, "temporary"))
        assert re.search("9 days .* too old", row(run.text, "stale"))
        assert row(run.text, "well").split() == [
            "well",
            "2",
            "hours",
            "none",
            "2",
            "no",
            removed,
            "none",
        ]
        # Only the last task fails, on each host that has problems.
        failed = re.findall(r"fatal: \[([^]]+)\]", run.text)
        assert sorted(failed) == ["down", "refused", "stale", "temporary"]


def test_what_a_dry_run_leaves(nights: Nights) -> None:
    assert nights.dry.reports == {}
    assert "changed=1 " in next(
        line for line in nights.dry.text.splitlines() if line.startswith("well ")
    )


def test_hosts_that_can_not_be_served_have_a_row(tmp_path: Path) -> None:
    """Typos, nulls, variables that aren't there, a vault without its password, a host that hangs."""
    with Fleet(tmp_path, backup_rotation_backup=MAKE) as fleet:
        for number, (name, (variables, _said)) in enumerate(ODD.items()):
            fleet.host(name, f"http://127.0.0.1:{number + 20}", "sk-x", **variables)
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
        found = [one for one in run.reports[name]["problems"] if one["code"] == "config"]
        assert any(said in one["msg"].lower() for one in found), run.reports[name]
    assert problems(run.reports["hangs"]) == ["schedule timeout", "backup timeout", "read timeout"]
    assert problems(run.reports["well"]) == []
    assert (
        problems(run.reports["twin_one"]) == problems(run.reports["twin_two"]) == ["config config"]
    )
    assert asked == []
    assert "sk-typed" not in run.text
    # The one that is well was done long before the one that hangs.
    rotation = run.text.partition("PLAY [Rotate the backups]")[2].partition("PLAY [Report]")[0]
    ends = [line for line in rotation.splitlines() if line.startswith(("TASK", "ok:", "changed:"))]
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
    assert "2 portals, 2 with problems" in run.text


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
        "temporary": ["age stale"],
        "stale": [],
        "well": [],
    }, run.text
    assert run.reports["stale"]["newest_offsite"] is not None
    assert run.code == 2


@pytest.mark.parametrize("playbook", [NIGHTLY, REPORT])
def test_a_part_of_the_hosts(tmp_path: Path, playbook: str) -> None:
    """Whatever the pattern is: the table shows this run's hosts, the files keep the others."""
    site = str(tmp_path / "site")
    with Fleet(tmp_path) as fleet:
        fleet.add("well", copies(2))
        fleet.add("stale", copies(99))
        fleet.add_closed("docspace.localhost")
        (tmp_path / "hosts").write_text("stale\n")
        given = {"nightly_report_dir": site, "report_dir": site}
        assert fleet.play(playbook, **given).code == 2
        names = {
            "well": ["well"],
            "docspace.localhost": ["docspace.localhost"],
            "all:!localhost:!well": ["docspace.localhost", "stale"],
            f"@{tmp_path / 'hosts'}": ["stale"],
        }
        for limit, hosts in names.items():
            run = fleet.play(playbook, "--limit", limit, **given)
            assert run.code == (0 if hosts == ["well"] else 2), run.text
            portals = "1 portal" if len(hosts) == 1 else f"{len(hosts)} portals"
            assert f"{portals}, " in run.text
            recap = run.text[run.text.index("PLAY RECAP") :]
            assert sorted(re.findall(r"^(\S+) +: ok=", recap, re.MULTILINE)) == hosts
            content = json.loads((tmp_path / "site" / "fleet.json").read_text())
            assert len(content["portals"]) == 3


def test_variables_in_the_inventory(tmp_path: Path) -> None:
    """They count, or nothing is sent."""
    with Fleet(tmp_path) as fleet:
        sim = fleet.add("one", copies(2), report_max_age=60)
        aged = fleet.play(REPORT)
        asked = len(sim.requests)
        fleet.hosts["one"]["nightly_hosts"] = "elsewhere"
        hosts = fleet.play(NIGHTLY)
        fleet.hosts["one"] |= {"nightly_hosts": "docspace_portals", "report_hosts": ["one"]}
        hosts_of_report = fleet.play(REPORT)
        assert len(sim.requests) == asked
    assert aged.code == 2 and problems(aged.reports["one"]) == ["age stale"], aged.text
    assert "nightly_hosts has no effect in the inventory" in hosts.text
    assert "report_hosts has no effect in the inventory" in hosts_of_report.text
    assert (hosts.code, hosts_of_report.code) == (2, 2)


def test_no_hosts(tmp_path: Path) -> None:
    with Fleet(tmp_path) as fleet:
        fleet.host("one", "http://127.0.0.1:1", "sk-x")
        none = fleet.play(NIGHTLY, nightly_hosts="elsewhere")
    assert none.code == 2 and "No host matches 'elsewhere'" in none.text
    assert "set nightly_hosts to another group" in none.text
