# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second witness: the vendor's own Python client on the simulator, over a real socket.

Its models must accept what comes, and what it reads must be what our module returns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests import simulator
from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator

# .../ansible_collections/onlyoffice/docspace/tests/simulator/__init__.py, links left as they are
COLLECTIONS = Path(str(simulator.__file__)).parents[5]
STORAGE_TYPES = {
    "Documents": "documents",
    "ThridpartyDocuments": "third_party_documents",
    "CustomCloud": "custom_cloud",
    "Local": "local",
    "DataStore": "data_store",
    "ThirdPartyConsumer": "third_party_consumer",
}
STATUSES = ("created", "running", "completed", "cancelled", "failed")
PERIODS = {"EveryDay": "daily", "EveryWeek": "weekly", "EveryMonth": "monthly"}


class _Sdk:
    """The vendor's client, loaded only where a test uses it: it takes seconds."""

    def __getattr__(self, name: str) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # two of its models shadow a method of their base class
            return getattr(import_module("docspace_api_sdk"), name)


sdk = _Sdk()


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator("demo", task_seconds=0) as running:
        yield running


@pytest.fixture
def vendor(sim: Simulator) -> Any:
    return client(sim, sim.key)


def client(sim: Simulator, key: str) -> Any:
    configuration = sdk.Configuration(host=sim.url, access_token=key, retries=0)
    return sdk.BackupApi(sdk.ApiClient(configuration))


def parameters(**values: object) -> list[Any]:
    return [sdk.ItemKeyValuePairObjectObject(key=key, value=value) for key, value in values.items()]


def test_reads_the_history(sim: Simulator, vendor: Any) -> None:
    answer = vendor.get_backup_history()
    assert answer.count == len(answer.response) == 12
    assert {str(item.id) for item in answer.response} == set(sim.portal.ids())
    expiring = [item for item in answer.response if item.expires_on.year > 1]
    assert [item.storage_type.name for item in expiring] == ["DataStore"]


def test_reads_the_servers_own_history(vendor: Any) -> None:
    (row,) = vendor.get_backup_history(dump=True).response
    assert row.file_name.startswith("workspace_")


def test_deletes(sim: Simulator, vendor: Any) -> None:
    first = sim.portal.ids()[0]
    assert vendor.delete_backup(uuid.UUID(first)).response is True
    assert first not in sim.portal.ids()
    assert sim.portal.backup(first)["removed"] is True
    with pytest.raises(sdk.ApiException) as raised:
        vendor.delete_backup(uuid.uuid4())
    assert raised.value.status == 500


def test_a_key_that_only_reads_is_refused(sim: Simulator) -> None:
    vendor = client(sim, sim.portal.read_key)
    assert vendor.get_backup_history().count == 12
    with pytest.raises(sdk.ApiException) as raised:
        vendor.delete_backup(uuid.UUID(sim.portal.ids()[0]))
    assert raised.value.status == 403


def test_starts_a_backup_and_follows_it(vendor: Any) -> None:
    wanted = sdk.BackupDto(
        storageType=sdk.BackupStorageType.Local,
        storageParams=parameters(filePath="/srv/backup"),
    )
    task = vendor.start_backup(wanted).response
    progress = vendor.get_backup_progress().response
    assert progress.task_id == task.task_id
    assert progress.is_completed
    assert task.task_id in {str(item.id) for item in vendor.get_backup_history().response}
    assert vendor.cancel_backup().response is True
    assert vendor.get_backup_progress().response is None


def test_writes_and_reads_a_schedule(vendor: Any) -> None:
    assert vendor.get_backup_schedule().response is None
    assert vendor.create_backup_schedule(weekly()).response is True
    schedule = vendor.get_backup_schedule().response
    assert schedule.storage_type.name == "Local"
    assert schedule.storage_params == {"filePath": "/srv/backup", "folderId": "/srv/backup"}
    assert (schedule.cron_params.hour, schedule.cron_params.day) == (3, 5)
    assert schedule.backups_stored == 4
    assert vendor.delete_backup_schedule().response is True


def weekly() -> Any:
    return sdk.BackupScheduleDto(
        storageType=sdk.BackupStorageType(3),
        storageParams=parameters(filePath="/srv/backup"),
        backupsStored=4,
        cronParams=sdk.Cron(period=sdk.BackupPeriod(1), hour=3, day=5),
    )


def test_counts_and_the_paid_service(sim: Simulator, vendor: Any) -> None:
    sim.reset()
    sim.seed(3)
    since = datetime.now(timezone.utc) - timedelta(hours=36)
    until = datetime.now(timezone.utc) + timedelta(hours=1)
    assert vendor.get_backups_count(var_from=since, to=until).response == 2
    assert vendor.get_backups_service_state().response.enabled is False


def test_starts_a_restore(sim: Simulator, vendor: Any) -> None:
    wanted = sdk.BackupRestoreDto(backupId=sim.portal.ids()[0], notify=False)
    task = vendor.start_backup_restore(wanted).response
    progress = vendor.get_restore_progress().response
    assert progress.task_id == task.task_id
    assert progress.is_completed


def test_reads_what_our_module_returns(sim: Simulator, vendor: Any, tmp_path: Path) -> None:
    vendor.create_backup_schedule(weekly())
    vendor.start_backup(sdk.BackupDto(storageType=sdk.BackupStorageType(4)))
    ours = info(sim, tmp_path, gather=["history", "schedule", "progress", "usage"])
    rows = sorted(vendor.get_backup_history().response, key=lambda row: row.created_on)
    assert [without_age(row) for row in ours["backups"]] == [record(row) for row in reversed(rows)]
    assert ours["total"] == ours["count"] == len(rows) == 13
    assert ours["latest"]["id"] == str(rows[-1].id)
    assert ours["schedule"] == schedule_form(vendor.get_backup_schedule().response)
    assert ours["progress"] == {
        "backup": task_form(vendor.get_backup_progress().response),
        "restore": vendor.get_restore_progress().response,
    }
    assert ours["usage"] == {
        "free_backups_this_month": vendor.get_backups_count().response,
        "paid_backups_this_month": vendor.get_backups_count(paid=True).response,
        "paid_service_enabled": vendor.get_backups_service_state().response.enabled,
    }


def test_reads_what_our_module_returns_of_the_servers_own(
    sim: Simulator, vendor: Any, tmp_path: Path
) -> None:
    ours = info(sim, tmp_path, dump=True)
    rows = vendor.get_backup_history(dump=True).response
    assert [without_age(row) for row in ours["backups"]] == [record(row) for row in rows]


def test_reads_what_our_modules_wrote(sim: Simulator, vendor: Any, tmp_path: Path) -> None:
    goal = {"storage_type": "local", "path": "/srv/backup"}
    when = {"period": "weekly", "weekday": "thursday", "hour": 3, "backups_stored": 4}
    wrote = run(sim, tmp_path, "docspace_backup_schedule", **goal, **when)
    assert wrote["schedule"] == schedule_form(vendor.get_backup_schedule().response)
    made = run(sim, tmp_path, "docspace_backup", **goal, poll_interval=1)
    assert made["task"] == task_form(vendor.get_backup_progress().response)
    (row,) = [r for r in vendor.get_backup_history().response if str(r.id) == made["task"]["id"]]
    assert without_age(made["backup"]) == record(row)


def info(sim: Simulator, home: Path, **options: Any) -> dict[str, Any]:
    return run(sim, home, "docspace_backup_info", **options)


def run(sim: Simulator, home: Path, module: str, **options: Any) -> dict[str, Any]:
    """What a module returns, run by Ansible itself."""
    options = {"url": sim.url, "api_key": sim.key, **options}
    command = [sys.executable, "-m", "ansible.cli.adhoc", "localhost", "-i", "localhost,"]
    command += ["-c", "local", "-e", json.dumps({"ansible_python_interpreter": sys.executable})]
    command += ["-m", f"onlyoffice.docspace.{module}", "-a", json.dumps(options)]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_STDOUT_CALLBACK": "minimal",
    }
    ran = subprocess.run(
        command, env=environment, cwd=home, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    result = json.loads(ran.stdout[ran.stdout.index("{") :])
    assert isinstance(result, dict)
    return result


def without_age(row: dict[str, Any]) -> dict[str, Any]:
    assert isinstance(row["age_seconds"], int)
    return {name: value for name, value in row.items() if name not in ("age_seconds", "age")}


def record(row: Any) -> dict[str, Any]:
    """The vendor's record in our words."""
    return {
        "id": str(row.id),
        "file_name": row.file_name,
        "storage_type": STORAGE_TYPES[row.storage_type.name],
        "created_on": f"{row.created_on:%Y-%m-%dT%H:%M:%SZ}",
        "expires_on": f"{row.expires_on:%Y-%m-%dT%H:%M:%SZ}" if row.expires_on.year > 1 else None,
    }


def task_form(task: Any) -> dict[str, Any]:
    """The vendor's task in our words."""
    return {
        "id": task.task_id,
        "progress": task.progress,
        "status": STATUSES[task.status.value],
        "warning": task.warning or None,
        "error": task.error or None,
    }


def schedule_form(schedule: Any) -> dict[str, Any]:
    """The vendor's weekly schedule in our words, without what the server added (C27)."""
    added = ("folderId", "tenantId")
    params = {k: v for k, v in schedule.storage_params.items() if k not in added}
    days = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
    return {
        "storage_type": STORAGE_TYPES[schedule.storage_type.name],
        "storage_params": params,
        "period": PERIODS[schedule.cron_params.period.name],
        "hour": schedule.cron_params.hour,
        "weekday": days[schedule.cron_params.day - 1],
        "monthday": None,
        "backups_stored": schedule.backups_stored,
    }
