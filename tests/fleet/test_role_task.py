# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role runs: what reaches its modules, and what it tells of them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.fleet import nights
from ansible_collections.onlyoffice.docspace.tests.fleet.nights import (
    LOCAL,
    Fleet,
    copies,
    file_of,
    problems,
    uuid,
)

ROLE = "onlyoffice.docspace.backup_rotation"
PRUNE = {"keep_last": 2, "protect_ids": [uuid(77)]}
# Of a play whose other tasks need them. Each would do harm in a night.
DEFAULTS = {
    "group/onlyoffice.docspace.docspace": {"url": "http://127.0.0.1:1", "api_key": "sk-other"},
    "onlyoffice.docspace.docspace_backup_info": {"limit": 1, "expires": False, "timeout": 0.0001},
    "onlyoffice.docspace.docspace_backup_prune": {"max_delete": 0},
    "onlyoffice.docspace.docspace_backup_file_info": {"newer_than": "1h"},
    "ansible.builtin.file": {"state": "touch"},
}


def play(**more: Any) -> dict[str, Any]:
    """The role, and what its task said."""
    return {
        "hosts": "docspace_portals",
        "gather_facts": False,
        "tasks": [
            {"ansible.builtin.import_role": {"name": ROLE}},
            {"ansible.builtin.set_fact": {"seen": "{{ _backup_rotation_run }}"}},
        ],
        **more,
    }


def off(fleet: Fleet, folder: Path, name: str) -> None:
    """Three files for a portal, of which two stay."""
    folder.mkdir()
    for number, hours in enumerate((2, 48, 72), 1):
        file_of(folder, fleet.portals[name].url, hours, number)
    fleet.hosts[name]["backup_rotation_download"] = {"dest": str(folder), "max_age": "30d"}
    fleet.hosts[name]["backup_rotation_download_prune"] = {"keep_last": 2}


def test_defaults_of_the_play_reach_no_step(tmp_path: Path) -> None:
    with Fleet(tmp_path, backup_rotation_prune=PRUNE, backup_rotation_fail=False) as fleet:
        fleet.add("sales", copies(2, 48, 72, 96))
        off(fleet, tmp_path / "files", "sales")
        run, found = fleet.gather([play(module_defaults=DEFAULTS)], "seen")
        left = fleet.ids("sales")
    assert run.code == 0, run.text
    report = found["sales"]["report"]
    assert (report["problems"], report["count"], report["removed"]) == ([], 2, 2), run.text
    assert left == {1, 2}
    assert report["offsite_removed"] == 1
    assert len(list((tmp_path / "files").iterdir())) == 4


def test_each_step_is_told_and_shown(tmp_path: Path) -> None:
    make = {**LOCAL, "max_age": "20h", "wait": True}
    given = {"backup_rotation_prune": PRUNE, "backup_rotation_backup": make}
    with Fleet(tmp_path, backup_rotation_fail=False, **given) as fleet:
        key = fleet.add("sales", copies(2, 48, 72, 96)).key
        off(fleet, tmp_path / "files", "sales")
        dry, foretold = fleet.gather([play()], "seen", "--check", "--diff", "-vvv")
        run, found = fleet.gather([play()], "seen", "--diff", "-vvv")
        again, unchanged = fleet.gather([play()], "seen", "--diff")
    one = found["sales"]
    assert [f"{step['step']} {step['module'].rpartition('.')[2]}" for step in one["steps"]] == [
        "backup docspace_backup",
        "download docspace_backup_download",
        "prune docspace_backup_prune",
        "download_prune docspace_backup_file_prune",
        "files docspace_backup_file_info",
    ]
    assert [step["changed"] for step in one["steps"]] == [False, False, True, True, False]
    for steps in (one["steps"], foretold["sales"]["steps"]):
        assert [step["msg"] for step in steps][2:4] == ["2 removed, 2 kept.", "1 removed, 2 kept."]
    headers = [part["before_header"] for part in one["diff"] if "before_header" in part]
    assert {header.partition(":")[0] for header in headers} == {"backup", "download"}
    tables = [part["prepared"] for part in one["diff"] if "prepared" in part]
    for table, (step, number) in zip(tables, (("prune", 4), ("download_prune", 3))):
        assert table.startswith(f"{step}:\n- {uuid(number)}")
    assert "copy-3.tar.gz" in tables[1]
    assert "prune:\n- 00000000" in run.text
    # What a module warns of is passed on.
    assert "protect_ids: these backups weren't found" in run.text
    assert "protect_ids: these backups weren't found" in str(one["warnings"])
    assert (one["changed"], foretold["sales"]["changed"]) == (True, True)
    assert unchanged["sales"]["changed"] is False
    for text in (dry.text, run.text, again.text, str(found), str(foretold)):
        assert key not in text


def test_twins_are_found_where_the_role_is_told_the_address(tmp_path: Path) -> None:
    """Not in the inventory, where other hosts would find it."""
    with Fleet(tmp_path, backup_rotation_prune=PRUNE, backup_rotation_fail=False) as fleet:
        sim = fleet.add("one", copies(2, 48, 72))
        fleet.host("two", sim.url, sim.key)
        other = fleet.add("other", copies(2, 48, 72))
        for name in fleet.hosts:
            portal = other if name == "other" else sim
            fleet.hosts[name] = {"portal": portal.url, "key": portal.key}
        connection = {"url": "{{ portal }}", "api_key": "{{ key }}"}
        task = {
            "ansible.builtin.import_role": {"name": ROLE},
            "vars": {"backup_rotation_connection": connection},
        }
        mine = {"hosts": "docspace_portals", "gather_facts": False, "tasks": [task]}
        run, reports = fleet.gather([mine], "backup_rotation_report")
        assert run.code == 0, run.text
        assert sim.requests == []
    assert {name: problems(one) for name, one in reports.items()} == {
        "one": ["config config"],
        "two": ["config config"],
        "other": [],
    }
    assert reports["other"]["removed"] == 1


def test_a_dump_is_looked_for_where_dumps_are(tmp_path: Path) -> None:
    """The step that says so isn't done in a look, but it says which history is meant."""
    with Fleet(tmp_path, backup_rotation_backup={**LOCAL, "dump": True}) as fleet:
        sim = fleet.add("sales", copies(2))
        play = {
            "hosts": "docspace_portals",
            "gather_facts": False,
            "tasks": [{"ansible.builtin.import_role": {"name": ROLE, "tasks_from": "report"}}],
        }
        run, _reports = fleet.gather([play], "backup_rotation_report")
        asked = [f"{one.path.rpartition('/')[2]}?{one.query}" for one in sim.requests]
    assert asked == [f"getbackup{what}?Dump=true" for what in ("history", "schedule")], run.text


@pytest.mark.parametrize("piped", [None, False])
def test_the_key_is_in_no_file_unless_somebody_wants_files(
    piped: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ansible's default is a file for each module, its options in it."""
    usual = nights.environment
    files = {"ANSIBLE_PIPELINING": "false"}
    monkeypatch.setattr(nights, "environment", lambda home: {**usual(home), **files})
    place, ended = tmp_path / "remote", threading.Event()
    found: set[str] = set()

    def look() -> None:
        while not ended.wait(0.005):
            found.update(path.name for path in place.glob("*/AnsiballZ_*"))

    watch = threading.Thread(target=look)
    with Fleet(tmp_path, backup_rotation_backup=LOCAL, ansible_remote_tmp=str(place)) as fleet:
        fleet.add("sales", copies(2), **({} if piped is None else {"ansible_pipelining": piped}))
        watch.start()
        run = fleet.rotate()
        ended.set()
        watch.join()
    assert run.code == 0, run.text
    assert run.reports["sales"]["made"]
    ours = {name for name in found if "docspace" in name}
    assert bool(ours) is (piped is False)


def test_no_address_is_used_that_the_play_has_not_compared(tmp_path: Path) -> None:
    with Fleet(tmp_path, backup_rotation_prune=PRUNE, backup_rotation_fail=False) as fleet:
        sim = fleet.add("sales", copies(2, 48, 72))
        late = "onlyoffice.docspace.backup_rotation : Rotate the backups"
        run = fleet.rotate("--start-at-task", late)
        assert problems(run.reports["sales"]) == ["config config"], run.text
        assert sim.requests == []


@pytest.mark.parametrize(
    ("keyword", "served"), [({"serial": 1}, ["one"]), ({"strategy": "ansible.builtin.free"}, [])]
)
def test_duplicate_hosts_that_are_not_compared_together(
    keyword: dict[str, Any], served: list[str], tmp_path: Path
) -> None:
    """With `serial` the first host can't know of the second one."""
    with Fleet(tmp_path, backup_rotation_prune=PRUNE, backup_rotation_fail=False) as fleet:
        sim = fleet.add("one", copies(2, 48, 72))
        fleet.host("two", sim.url.replace("127.0.0.1", "LOCALHOST"), sim.key)
        run, reports = fleet.gather([play(**keyword)], "backup_rotation_report")
    assert run.code == 0, run.text
    assert [name for name, one in reports.items() if not one["problems"]] == served
    assert sim.count("DELETE") == len(served)


def test_a_task_that_takes_too_long_leaves_a_report(tmp_path: Path) -> None:
    with Fleet(tmp_path, backup_rotation_prune=PRUNE, backup_rotation_fail=False) as fleet:
        sim = fleet.add("sales", copies(2, 48, 72))
        fleet.hosts["sales"]["backup_rotation_connection"]["timeout"] = 90
        sim.fault("delay", path="getbackuphistory", seconds=60)
        run, reports = fleet.gather([play(timeout=10)], "backup_rotation_report")
    report = reports["sales"]
    assert problems(report) == ["prune interrupted"], run.text
    assert (report["made"], report["removed"], report["count"]) == (False, None, None)
    assert run.code == 0
