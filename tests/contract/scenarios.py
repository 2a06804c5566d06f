# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each module is tried with on the simulator. A module that isn't here fails the tests.

Together a module's scenarios must return every key that it documents.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import requests

from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import targz


def numbered(number: int) -> str:
    """An id; in order, as the server lists them."""
    return f"{number}0000000-0000-4000-8000-000000000000"


LOCAL, DATA_STORE, DUMP, NEVER = (numbered(number) for number in (1, 2, 3, 9))
STORAGE_SECRET = "st0rage5ecret"
# Stands for one that is there and empty.
FOLDER = "{folder}"
HISTORY = [
    {"id": LOCAL, "storage_type": "Local", "age_days": 3},
    {"id": DATA_STORE, "storage_type": "DataStore", "age_seconds": 3600},
    {"id": DUMP, "storage_type": "Local", "age_days": 4, "owner": "server (dump)"},
    {"id": numbered(4), "storage_type": "Local", "age_days": 5},
    {"id": numbered(5), "storage_type": "Local", "age_days": 6},
    {"id": numbered(6), "storage_type": "Local", "age_days": 40},
]
MAKE = {"storage_type": "local", "path": "/srv/backup"}
PLAN = {**MAKE, "period": "weekly", "weekday": "sunday", "hour": 3, "backups_stored": 5}
CONSUMER = {
    "storage_type": "third_party_consumer",
    "storage_params": {"module": "s3", "bucket": "backups"},
    "storage_secrets": {"secretaccesskey": STORAGE_SECRET},
}


class Scenario(NamedTuple):
    """One use of a module on a portal with `HISTORY`.

    options: a function is called with the simulator for the value. arrange: what happens on the
    portal before. changed: what the real run reports. code: that of its failure. surprises: whether
    only a real run can find that out. unknown: result keys with values that only the server can
    give. repeats: whether a second run changes as much again; None where it can't be run at once.
    """

    module: str
    name: str
    options: dict[str, Any]
    changed: bool = False
    arrange: Callable[[Simulator], Any] = lambda sim: None
    code: str | None = None
    surprises: bool = False
    unknown: tuple[str, ...] = ()
    repeats: bool | None = False


def post(call: str, **body: Any) -> Callable[[Simulator], Any]:
    """Somebody else does something on the portal."""

    def send(sim: Simulator) -> None:
        url = f"{sim.url}/api/2.0/backup/{call}"
        headers = {"Authorization": f"Bearer {sim.key}"}
        requests.post(url, json=body, headers=headers, timeout=30).raise_for_status()

    return send


SOMEBODY_ELSES = post(
    "startbackup", storageType="Local", storageParams=[{"key": "filePath", "value": "/srv/backup"}]
)
SCHEDULED = post(
    "createbackupschedule",
    storageType="Local",
    storageParams=[{"key": "filePath", "value": "/srv/backup"}],
    backupsStored=5,
    cronParams={"period": "EveryWeek", "hour": 3, "day": 1},
)
MADE = ("backup", "task", "diff")
FETCHED = (*MADE, "dest", "size", "sha256")


_FOLDER = tempfile.TemporaryDirectory(prefix="docspace-scenarios-")


def backup_file(_sim: Simulator) -> str:
    """A whole backup file, without a manifest."""
    place = Path(_FOLDER.name, "backup.tar.gz")
    place.write_bytes(targz())
    return str(place)


def refused_delete(sim: Simulator) -> None:
    """One backup can't be deleted."""
    sim.fault("status", method="DELETE", path=f"deletebackup/{LOCAL}", status=500)


SCENARIOS = [
    Scenario("docspace_backup", "gone", {"id": LOCAL, "state": "absent"}, True),
    Scenario("docspace_backup", "was gone", {"id": NEVER, "state": "absent"}),
    Scenario("docspace_backup", "dump gone", {"id": DUMP, "state": "absent", "dump": True}, True),
    Scenario("docspace_backup", "there", {"id": LOCAL}),
    Scenario("docspace_backup", "not there", {"id": NEVER}, code="not_found"),
    Scenario("docspace_backup", "made", MAKE, True, unknown=MADE, repeats=True),
    Scenario("docspace_backup", "begun", {**MAKE, "wait": False}, True, unknown=MADE),
    Scenario("docspace_backup", "too old", {**MAKE, "max_age": "1d"}, True, unknown=MADE),
    Scenario("docspace_backup", "fresh", {**MAKE, "max_age": "4d"}),
    Scenario("docspace_backup", "waited for", {"task_id": LOCAL}),
    Scenario("docspace_backup", "not to come", {"task_id": NEVER}, code="not_found"),
    Scenario(
        "docspace_backup",
        "joined",
        {**MAKE, "max_age": "1d"},
        arrange=SOMEBODY_ELSES,
        unknown=("backup", "task"),
    ),
    Scenario(
        "docspace_backup",
        "made elsewhere",
        {"storage_type": "documents", "folder_id": "7"},
        True,
        unknown=MADE,
        repeats=True,
    ),
    Scenario(
        "docspace_backup",
        "made with a secret",
        CONSUMER,
        True,
        unknown=MADE,
        repeats=True,
    ),
    Scenario(
        "docspace_backup",
        "not made",
        {**MAKE, "path": "/nowhere"},
        code="task_failed",
        surprises=True,
    ),
    Scenario(
        "docspace_backup_download", "fetched", {"dest": FOLDER}, True, unknown=FETCHED, repeats=True
    ),
    Scenario(
        "docspace_backup_download",
        "of the whole server, and kept there",
        {"dest": FOLDER, "dump": True, "keep_on_portal": True},
        True,
        unknown=FETCHED,
        repeats=True,
    ),
    Scenario(
        "docspace_backup_download",
        "none that is young",
        {"dest": FOLDER, "max_age": "1d"},
        True,
        unknown=FETCHED,
    ),
    Scenario(
        "docspace_backup_download",
        "after another that runs",
        {"dest": FOLDER, "max_age": "1d"},
        True,
        arrange=SOMEBODY_ELSES,
        unknown=(*FETCHED, "joined"),
    ),
    Scenario(
        "docspace_backup_download", "no link", {"dest": FOLDER, "id": LOCAL}, code="not_found"
    ),
    Scenario("docspace_backup_info", "history", {}),
    Scenario(
        "docspace_backup_info",
        "everything",
        {"gather": ["history", "schedule", "progress", "usage"]},
        arrange=lambda sim: (SCHEDULED(sim), SOMEBODY_ELSES(sim)),
    ),
    Scenario("docspace_backup_info", "dump", {"dump": True}),
    Scenario("docspace_backup_prune", "policy", {"keep_last": 2}, True),
    Scenario("docspace_backup_prune", "nothing to do", {"keep_last": 9}),
    Scenario("docspace_backup_prune", "named", {"ids": [LOCAL, NEVER]}, True),
    Scenario("docspace_backup_prune", "no one", {"ids": []}),
    Scenario("docspace_backup_prune", "typo", {"ids": [LOCAL], "protect_ids": [NEVER]}, True),
    Scenario("docspace_backup_prune", "too many", {"keep_last": 1, "max_delete": 1}, code="guard"),
    Scenario(
        "docspace_backup_prune",
        "none that is young",
        {"keep_last": 2, "require_newer_than": "1h"},
        code="guard",
    ),
    Scenario(
        "docspace_backup_prune",
        "for the sake of none",
        {"keep_last": 2, "require_id": NEVER},
        code="guard",
    ),
    Scenario(
        "docspace_backup_prune",
        "in part",
        {"keep_last": 1, "group_by": "none", "min_keep": 0, "now": "2026-11-05T12:00:00Z"},
        arrange=lambda sim: sim.fault("status", method="DELETE", status=500, times=1),
        code="server",
        surprises=True,
    ),
    Scenario(
        "docspace_backup_prune",
        "read only",
        {"ids": [LOCAL]},
        code="server",
        surprises=True,
        arrange=refused_delete,
    ),
    Scenario("docspace_backup_schedule", "set", PLAN, True),
    Scenario("docspace_backup_schedule", "was set", PLAN, arrange=SCHEDULED),
    Scenario("docspace_backup_schedule", "fewer", {**PLAN, "backups_stored": 2}, True, SCHEDULED),
    Scenario(
        "docspace_backup_schedule",
        "with a secret",
        {**CONSUMER, "period": "monthly", "monthday": 31, "hour": 0, "backups_stored": 1},
        True,
        SCHEDULED,
    ),
    Scenario("docspace_backup_schedule", "removed", {"state": "absent"}, True, SCHEDULED),
    Scenario("docspace_backup_schedule", "none", {"state": "absent"}),
    Scenario(
        "docspace_backup_restore",
        "restored",
        {"id": LOCAL, "confirm": "127.0.0.1"},
        True,
        unknown=("task",),
        repeats=True,
    ),
    Scenario(
        "docspace_backup_restore",
        "begun",
        {"id": LOCAL, "confirm": "127.0.0.1", "wait": False, "notify": True},
        True,
        unknown=("task",),
        repeats=None,
    ),
    Scenario(
        "docspace_backup_restore", "other host", {"id": LOCAL, "confirm": "a.b"}, code="guard"
    ),
    Scenario(
        "docspace_backup_restore",
        "no such",
        {"id": NEVER, "confirm": "127.0.0.1"},
        code="not_found",
    ),
    Scenario(
        "docspace_backup_restore",
        "busy",
        {"id": LOCAL, "confirm": "127.0.0.1"},
        arrange=SOMEBODY_ELSES,
        code="conflict",
    ),
    Scenario(
        "docspace_backup_restore",
        "from a file",
        {"src": backup_file, "confirm": "127.0.0.1"},
        True,
        unknown=("task",),
        repeats=True,
    ),
    Scenario(
        "docspace_backup_restore",
        "from a file of unknown age",
        {"src": backup_file, "confirm": "127.0.0.1", "max_age": "1d"},
        code="guard",
    ),
    Scenario(
        "docspace_backup_restore",
        "followed",
        {"task_id": lambda sim: sim.state()["restore"]["taskId"]},
        arrange=post("startrestore", backupId=LOCAL, storageType="Local", storageParams=[]),
        unknown=("task",),
    ),
]
