# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of portals and files is never rendered as a template on the controller.

Every text is a template that creates a file. The sessions untrusted-* run this on older ansible-core,
which renders whatever isn't marked as unsafe.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._untrusted import untrusted
from ansible_collections.onlyoffice.docspace.tests.preview.playing import ROOT, Play, play
from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator

HASTE = str(ROOT / "tests" / "haste")
FILTERS = [ROOT / "plugins/filter/backup_retention.py"]
FILTERS += sorted((ROOT / "playbooks" / "filter_plugins").glob("*.py"))
# Without blanks and slashes, so that it fits into addresses and names of files too.
EVIL = "{{lookup('pipe','touch${IFS}$CANARY')}}"
NAMESPACE = "onlyoffice.docspace"
RECORD = {
    "id": EVIL,
    "fileName": EVIL,
    "storageType": EVIL,
    "createdOn": "2026-11-01T02:15:00",
    "expiresOn": "0001-01-01T00:00:00",
    EVIL: EVIL,
}


class Stage(NamedTuple):
    """A portal, a folder, and the file that no run may create."""

    sim: Simulator
    folder: Path
    canary: Path

    def inventory(self, **portal: Any) -> str:
        """An inventory with one portal."""
        host = {
            "ansible_connection": "local",
            "backup_rotation_connection": {"url": self.sim.url, "api_key": self.sim.key},
            **portal,
        }
        file = self.folder / "inventory.json"
        group = {"docspace_portals": {"hosts": {"portal": host}}}
        file.write_text(json.dumps({"all": {"children": group}}), encoding="utf-8")
        return str(file)

    def play(self, playbook: str, *options: str, **given: Any) -> Play:
        """Run a playbook of the collection. It must not create the file."""
        environ = {"CANARY": str(self.canary), "PYTHONPATH": HASTE}
        name = playbook if "/" in playbook else f"{NAMESPACE}.{playbook}"
        done = play(self.folder, *options, playbook=name, environ=environ, **given)
        assert not self.canary.exists(), done.text
        assert "Traceback" not in done.text, done.text
        return done


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    folder = tmp_path / "work"
    folder.mkdir()
    with Simulator(2, task_seconds=1) as sim:
        yield Stage(sim, folder, tmp_path / "canary")


def refuse(sim: Simulator, path: str, status: int = 400, **more: Any) -> None:
    """Have a call fail with a message that is a template."""
    body = {"error": {"message": EVIL, "type": EVIL}, "status": 1, "statusCode": status, EVIL: EVIL}
    headers = {"Content-Type": "application/json"}
    sim.fault("answer", path=path, status=status, body=body, headers=headers, **more)


def report(host: str) -> dict[str, Any]:
    """What nightly writes of a portal, with a template wherever a text may be."""
    evil = {"created_on": EVIL, "storage_type": EVIL, "file_name": EVIL, EVIL: [EVIL, {EVIL: EVIL}]}
    return {
        "host": host,
        "portal": EVIL,
        "checked_on": EVIL,
        "newest": evil,
        "newest_offsite": evil,
        "count": 1,
        "made": EVIL,
        "removed": EVIL,
        "schedule": {"period": EVIL, "weekday": EVIL, "hour": EVIL, EVIL: EVIL},
        "copies": [{"created_on": EVIL, "where": EVIL, "lasting": EVIL}, EVIL],
        "problems": [{"step": EVIL, "code": EVIL, "title": EVIL, "msg": EVIL, EVIL: EVIL}, EVIL],
        EVIL: EVIL,
    }


def test_the_template_does_run_where_it_is_trusted(stage: Stage) -> None:
    """Otherwise nothing below could fail."""
    playbook = stage.folder / "trusted.yml"
    task = {"ansible.builtin.debug": {"msg": EVIL}}
    playbook.write_text(
        json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]),
        encoding="utf-8",
    )
    with pytest.raises(AssertionError):
        stage.play(str(playbook))
    assert stage.canary.exists()


def test_reports_that_an_earlier_run_has_written(stage: Stage) -> None:
    """Those of hosts that this run leaves out are kept."""
    content = {"format": 1, "portals": [report("one"), report("localhost")], EVIL: EVIL}
    (stage.folder / "fleet.json").write_text(json.dumps(content), encoding="utf-8")
    inventory = stage.inventory()
    hosts = ("--inventory", "one,", "--inventory", inventory)
    done = stage.play("fleet_report", *hosts, report_dir=str(stage.folder))
    written = json.loads((stage.folder / "fleet.json").read_text(encoding="utf-8"))
    kept = {one["host"]: one for one in written["portals"]}
    assert kept["one"]["problems"][0]["msg"] == EVIL, done.text


@pytest.mark.parametrize("content", ["[", json.dumps({"portals": [report("one")]})])
def test_a_report_that_can_not_be_read_is_named(stage: Stage, content: str) -> None:
    folder = stage.folder / "site"
    folder.mkdir()
    (folder / "fleet.json").write_text(content, encoding="utf-8")
    done = stage.play("fleet_report", "--inventory", stage.inventory(), report_dir=str(folder))
    assert done.code == 2 and "fleet.json can't be read" in done.text, done.text


@pytest.mark.parametrize("playbook", ["nightly", "fleet_report"])
def test_answers_of_a_portal(stage: Stage, playbook: str) -> None:
    """First everything is refused, then everything is answered."""
    local = {"storage_type": "local", "path": "/srv/backup"}
    schedule = {"period": "daily", "hour": 3, "backups_stored": 5, **local}
    copies = stage.folder / EVIL
    copies.mkdir()
    (copies / f"{EVIL}.tar.gz").write_bytes(b"\x1f\x8b")
    (copies / f"{EVIL}.tar.gz.json").write_text(json.dumps({EVIL: EVIL}), encoding="utf-8")
    inventory = stage.inventory(
        backup_rotation_schedule=schedule,
        backup_rotation_backup=local,
        backup_rotation_download={"dest": {"__ansible_unsafe": str(copies)}},
        backup_rotation_prune={"keep_last": 1, "max_delete": 1},
    )
    prefix = "nightly" if playbook == "nightly" else "report"
    given = {f"{prefix}_report_dir" if prefix == "nightly" else "report_dir": str(stage.folder)}
    for path in ("getbackuphistory", "getbackupschedule", "createbackupschedule", "startbackup"):
        refuse(stage.sim, path)
    done = stage.play(playbook, "--inventory", inventory, **given)
    assert done.code == 2 and EVIL in (stage.folder / "fleet.json").read_text(encoding="utf-8")
    stage.sim.faults.clear()
    plan = {"storageType": 3, "cronParams": {"period": EVIL, "hour": EVIL, "day": EVIL}}
    plan.update(storageParams={EVIL: EVIL}, backupsStored=5, lastBackupTime=EVIL)
    stage.sim.fault("json", path="getbackupschedule", body={"response": plan})
    stage.sim.fault("json", path="getbackuphistory", body={"response": [RECORD]})
    stage.play(playbook, "--inventory", inventory, **given)


def test_an_address_that_came_from_outside(stage: Stage) -> None:
    """The addresses of all hosts are found by a filter, which passes them on."""
    inventory = stage.inventory(
        backup_rotation_connection={"url": {"__ansible_unsafe": f"http://127.0.0.1:9/{EVIL}"}}
    )
    done = stage.play("fleet_report", "--inventory", inventory)
    assert done.code == 2 and "1 portal, 1 with problems" in done.text, done.text


@pytest.mark.parametrize("field", ["id", "created_on", "file_name", "storage_type", EVIL])
def test_a_history_in_a_file(stage: Stage, field: str) -> None:
    backup = {"id": "1", "created_on": "2026-11-01T02:15:00Z", "storage_type": "local", field: EVIL}
    file = stage.folder / f"{EVIL}.json"
    file.write_text(json.dumps({EVIL: EVIL, "backups": [backup]}), encoding="utf-8")
    given = {"__ansible_unsafe": str(file)}
    stage.play("retention_preview", preview_file=given)


def test_a_history_of_a_portal(stage: Stage) -> None:
    connection = {"url": stage.sim.url, "api_key": stage.sim.key}
    stage.sim.fault("json", path="getbackuphistory", body={"response": [RECORD]})
    done = stage.play("retention_preview", preview_portal=True, preview_connection=connection)
    assert done.code in (0, 2)
    stage.sim.faults.clear()
    refuse(stage.sim, "getbackuphistory")
    done = stage.play("retention_preview", preview_portal=True, preview_connection=connection)
    assert done.code == 2 and EVIL in done.text, done.text


@pytest.mark.parametrize("step", ["history", "restore", "afterwards"])
def test_a_drill(stage: Stage, step: str) -> None:
    copies = stage.folder / "copies"
    copies.mkdir()
    row = {"id": "30000000-0000-4000-8000-000000000000", "storage_type": "Local", "age_days": 3}
    with Simulator([row], task_seconds=1) as second:
        if step == "history":
            refuse(second, "getbackuphistory")
        elif step == "restore":
            second.set(task_fails_with=EVIL)
        else:
            refuse(second, "getbackupschedule")
        done = stage.play(
            "restore_drill",
            drill_source={"url": stage.sim.url, "api_key": stage.sim.key},
            drill_portal={"url": second.url, "api_key": second.key},
            drill_confirm="127.0.0.1",
            drill_dir=str(copies),
            drill_wait_timeout=60,
        )
    assert done.code == 2, done.text
    written = json.loads((copies / "drill.json").read_text(encoding="utf-8"))
    assert EVIL in written["problem"]["msg"]


def never_a_template(value: Any) -> bool:
    """Whether no text in a value would be rendered by the ansible-core that runs this."""
    if isinstance(value, dict):
        return all(map(never_a_template, [*value, *value.values()]))
    if isinstance(value, (list, tuple)):
        return all(map(never_a_template, value))
    if not isinstance(value, str):
        return True
    try:
        from ansible.template import is_trusted_as_template
    except ImportError:
        return hasattr(value, "__UNSAFE__")
    return not is_trusted_as_template(value)


@pytest.mark.parametrize("path", FILTERS, ids=lambda path: path.stem)
def test_what_every_filter_returns(path: Path, tmp_path: Path) -> None:
    inputs: dict[str, Callable[[Any], Any]] = {
        "backup_retention": lambda run: run(
            [{"id": EVIL, "created_on": "2026-11-01", EVIL: EVIL}], keep_last=1
        ),
        "docspace_compare_portals": lambda run: run(*[{"backups": [], "progress": {}}] * 3),
        "docspace_collect": lambda run: run({EVIL: {"docspace_failure": {"msg": EVIL}}}, [EVIL]),
        "docspace_compare_counts": lambda run: run(*[{"people": 1, "rooms": 2, "backups": 3}] * 2),
        "docspace_counts": lambda run: run({}, 1),
        "docspace_report": lambda run: run([report(EVIL)]),
        "docspace_policy_option": lambda run: run({"now": EVIL}, "now"),
        "docspace_portal": lambda run: run("https://docs.example.com"),
        "docspace_retention_page": lambda run: run(
            [{"id": EVIL, "created_on": "2026-11-01"}], {"keep_last": 1}, "2026-11-02"
        ),
        "docspace_same_portal": lambda run: run("http://localhost", "https://127.1"),
    }
    package = "ansible_collections.onlyoffice.docspace.plugins.filter."
    name = f"{package}{path.stem}" if "playbooks" not in path.parts else path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, function in module.FilterModule().filters().items():
        found = inputs[name](function)
        assert found and never_a_template(found), name


def test_other_values_stay_what_they_are() -> None:
    value = {"a": [1, True, None, 1.5, ("x",)], "b": {}}
    assert untrusted(value) == value
