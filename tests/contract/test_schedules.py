# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_schedule on the simulator: written, read back, and the same again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.contract.driven import (
    Stage,
    failure,
    simulator,
)

SECRET = "st0rage5ecret"
READ, WRITE, REMOVE = (
    "GET getbackupschedule",
    "POST createbackupschedule",
    "DELETE deletebackupschedule",
)
DUMP = "?Dump=true"
WEEK = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
PERIODS: dict[str, dict[str, Any]] = {
    "daily": {},
    **{day: {"period": "weekly", "weekday": day} for day in WEEK},
    **{f"{day}.": {"period": "monthly", "monthday": day} for day in (1, 28, 29, 31)},
}
KINDS: dict[str, dict[str, Any]] = {
    "documents": {"folder_id": "7"},
    "third_party_documents": {"folder_id": "sbox-1"},
    "local": {"path": "/srv/backup"},
    "data_store": {},
    "third_party_consumer": {
        "storage_params": {"module": "s3", "bucket": "backups", "port": 9000},
        "storage_secrets": {"secretaccesskey": SECRET},
    },
}
LOCAL = {"storage_type": "local", "path": "/srv/backup"}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with simulator() as sim:
        yield Stage(sim, monkeypatch)


def plan(stage: Stage, **options: Any) -> dict[str, Any]:
    given = {"period": "daily", "hour": 3, "backups_stored": 5, **options}
    return stage.run("docspace_backup_schedule", secrets=(SECRET,), **given)


def absent(stage: Stage, **options: Any) -> dict[str, Any]:
    return stage.run("docspace_backup_schedule", state="absent", **options)


@pytest.mark.parametrize(
    ("kind", "period", "dump"),
    [
        *((kind, "daily", dump) for kind in KINDS for dump in (False, True)),
        *(("local", period, False) for period in PERIODS if period != "daily"),
    ],
)
def test_written_twice_changes_nothing(stage: Stage, kind: str, period: str, dump: bool) -> None:
    options = {"storage_type": kind, "dump": dump, **PERIODS[period], **KINDS[kind]}
    dry = plan(stage, check_mode=True, **options)
    suffix = DUMP if dump else ""
    assert stage.asked() == [READ + suffix]
    first = plan(stage, **options)
    assert stage.asked() == [READ + suffix, WRITE]
    assert dry == first
    assert first["changed"] is True
    second = plan(stage, **options)
    assert stage.asked() == [READ + suffix]
    assert second["changed"] is False
    assert second["schedule"] == first["schedule"]
    assert second["diff"]["before"] == second["diff"]["after"]
    assert plan(stage, check_mode=True, **options)["changed"] is False
    there = stage.sim.state()["dump_schedule" if dump else "schedule"]
    assert stage.sim.state()["schedule" if dump else "dump_schedule"] is None
    assert there["dump"] is dump


@pytest.mark.parametrize("form", ["list", "defaults"])
def test_what_the_web_page_or_a_script_wrote(stage: Stage, form: str) -> None:
    """With no more than it needs, the server fills in one copy and each day (C27, C28)."""
    cron: dict[str, Any] = {"hour": 3} if form == "defaults" else {"period": "EveryDay", "hour": 3}
    stored = {} if form == "defaults" else {"backupsStored": 1}
    pairs = [{"key": "filePath", "value": "/srv/backup"}]
    body = {"storageType": "Local", "storageParams": pairs, "cronParams": cron, **stored}
    stage.send("POST", "createbackupschedule", **body)
    assert plan(stage, **LOCAL, backups_stored=1)["changed"] is False


@pytest.mark.parametrize("dump", [False, True])
def test_absent(stage: Stage, dump: bool) -> None:
    plan(stage, **LOCAL, dump=dump)
    plan(stage, **LOCAL, dump=not dump)
    stage.asked()
    suffix = DUMP if dump else ""
    dry = absent(stage, dump=dump, check_mode=True)
    assert stage.asked() == [READ + suffix]
    first = absent(stage, dump=dump)
    assert stage.asked() == [READ + suffix, REMOVE + suffix]
    assert dry == first
    assert (first["changed"], first["schedule"]) == (True, None)
    assert len(first["warnings"]) == 1
    second = absent(stage, dump=dump)
    assert stage.asked() == [READ + suffix]
    assert second["changed"] is False and "warnings" not in second
    assert stage.sim.state()["schedule" if dump else "dump_schedule"] is not None


# --- writes that aren't answered with success ---


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 500, 501, 505, 520, 524, 599])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_write_that_took_effect_is_a_change_whatever_the_answer(
    stage: Stage, state: str, status: int
) -> None:
    plan(stage, **{**LOCAL, "hour": 4})
    stage.sim.fault("status", status=status, method="POST", times=1, after=True)
    stage.sim.fault("status", status=status, method="DELETE", times=1, after=True)
    result = plan(stage, **LOCAL) if state == "present" else absent(stage)
    assert "failed" not in result, result["msg"]
    assert result["changed"] is True
    assert any("the answer wasn't a success" in warning for warning in result["warnings"])


def test_a_write_that_takes_effect_late(stage: Stage) -> None:
    stage.sim.fault("drop", path="deletebackupschedule", times=1)
    plan(stage, **LOCAL)
    stage.at(0.5, lambda: stage.send("DELETE", "deletebackupschedule"))
    assert absent(stage)["changed"] is True


def test_a_lost_answer_that_cannot_be_looked_up(stage: Stage) -> None:
    stage.sim.fault("drop", path="createbackupschedule", times=1, after=True)
    stage.sim.fault("status", status=500, path="getbackupschedule", skip=1)
    message = failure(plan(stage, **LOCAL), "connection", changed=True)
    assert message.startswith("Not known whether the schedule was changed. Run the task again")
    stage.sim.faults.clear()
    assert plan(stage, **LOCAL)["changed"] is False


# --- the server's refusals ---


@pytest.mark.parametrize(
    ("settings", "options", "code", "says"),
    [
        ({"plan_has_backup": False}, LOCAL, "payment", "pricing plan"),
        ({}, {"storage_type": "documents", "folder_id": "12345"}, "not_found", "'folder_id'"),
        ({}, {"storage_type": "documents", "folder_id": "8"}, "forbidden", "folder"),
        ({"limited_access_to_space": True}, {**LOCAL, "dump": True}, "forbidden", "server"),
    ],
)
def test_a_refusal_is_a_sentence(
    stage: Stage, settings: dict[str, Any], options: dict[str, Any], code: str, says: str
) -> None:
    stage.sim.set(**settings)
    assert says in failure(plan(stage, **options), code)
    assert stage.sim.state()["schedule"] is None
    assert stage.sim.count("POST") <= 1


def test_a_key_that_only_reads(stage: Stage) -> None:
    message = failure(plan(stage, **LOCAL, api_key=stage.sim.portal.read_key), "forbidden")
    assert "'*:write'" in message


def test_a_type_that_only_ones_own_server_has(monkeypatch: pytest.MonkeyPatch) -> None:
    with simulator(kind="saas", hosts=["127.0.0.1"]) as sim:
        stage = Stage(sim, monkeypatch)
        assert "Access denied" in failure(plan(stage, **LOCAL), "server")
        assert plan(stage, storage_type="data_store")["changed"] is True
        assert plan(stage, storage_type="data_store")["changed"] is False


# --- records of an object storage, which the server loses at a listing (C47, C48) ---

S3: dict[str, Any] = {
    "storage_type": "third_party_consumer",
    "storage_params": {"module": "s3", "bucket": "backups", "region": "eu"},
}


def nightly(stage: Stage, dump: bool = False) -> str:
    """The hour of the schedule has come. Gives the id of the backup that it created."""
    made = stage.sim.run_schedule(dump)
    assert made is not None
    stage.sim.finish_tasks()
    return made


def without_subdir(stage: Stage, **params: str) -> None:
    """A schedule as the portal's own web page writes it."""
    pairs = {**S3["storage_params"], **params}
    stage.send(
        "POST",
        "createbackupschedule",
        storageType="ThirdPartyConsumer",
        storageParams=[{"key": key, "value": value} for key, value in pairs.items()],
        backupsStored=5,
        cronParams={"period": "EveryDay", "hour": 3},
    )


def listed(stage: Stage, **options: Any) -> set[str]:
    """What a listing of the history leaves."""
    return {row["id"] for row in stage.run("docspace_backup_info", **options)["backups"]}


def manual(stage: Stage, **options: Any) -> dict[str, Any]:
    return stage.run("docspace_backup", **{**S3, **options})


@pytest.mark.parametrize("dump", [False, True])
@pytest.mark.parametrize("subdir", [None, "copies"])
def test_what_this_collection_writes_loses_no_record(
    stage: Stage, subdir: str | None, dump: bool, tmp_path: Path
) -> None:
    params = {**S3["storage_params"], **({} if subdir is None else {"subdir": subdir})}
    storage = {**S3, "storage_params": params, "dump": dump}
    plan(stage, **storage)
    created = set()
    for _night in range(4):
        created.add(nightly(stage, dump))
        result = stage.run("docspace_backup", **storage)
        created.add(result["backup"]["id"])
        assert "warnings" not in result
        # Its temporary backup is in the history while it is created.
        stage.run("docspace_backup_download", dest=str(tmp_path), dump=dump)
    assert listed(stage, dump=dump) == created and len(created) == 8


@pytest.mark.parametrize(
    ("scheduled", "differs"),
    [
        ({}, "subdir"),
        ({"subdir": "copies"}, "subdir"),
        ({"subdir": "backup", "bucket": "other"}, "bucket"),
        ({"subdir": "backup", "region": "us"}, "region"),
        ({"subdir": "backup", "module": "googlecloud"}, "module"),
    ],
)
def test_a_schedule_elsewhere_loses_records_and_is_told_of(
    stage: Stage, scheduled: dict[str, str], differs: str
) -> None:
    without_subdir(stage, **scheduled)
    created = {nightly(stage)}
    result = manual(stage, check_mode=True)
    assert f"{differs} differs" in result["warnings"][0]
    result = manual(stage, wait=False)
    assert f"{differs} differs" in result["warnings"][0]
    stage.sim.finish_tasks()
    created.add(result["task"]["id"])
    left = listed(stage)
    assert len(left) == 1 and left < created
    assert all(stage.sim.portal.backup(one)["file_exists"] for one in created)


def test_the_first_record_decides_for_all_others(stage: Stage) -> None:
    """In the order of ids, which is not that of time (C13)."""
    ids = [f"{number}0000000-0000-4000-8000-000000000000" for number in range(1, 6)]
    params = {"module": "s3", "bucket": "a"}
    rows: list[dict[str, Any]] = [
        {"id": ids[0], "storage_type": "Local"},
        {"id": ids[1], "storage_params": params},
        {"id": ids[2], "storage_params": {**params, "bucket": "b"}},
        {"id": ids[3], "storage_params": params, "scheduled": True},
        {"id": ids[4], "storage_params": params},
    ]
    stage.sim.seed([{"storage_type": "ThirdPartyConsumer", **row} for row in rows])
    assert listed(stage) == {ids[0], ids[1], ids[4]}


@pytest.mark.parametrize(("temporary", "scheduled", "left"), [(1, 2, 1), (2, 1, 2)])
def test_a_temporary_backup_hides_copies_without_the_folder_after_it(
    stage: Stage, temporary: int, scheduled: int, left: int
) -> None:
    rows: list[dict[str, Any]] = [
        {"id": f"{temporary}0000000-0000-4000-8000-000000000000", "storage_type": "DataStore"},
        {
            "id": f"{scheduled}0000000-0000-4000-8000-000000000000",
            "storage_type": "ThirdPartyConsumer",
            "scheduled": True,
        },
    ]
    stage.sim.seed(rows)
    assert len(listed(stage)) == left


def scheduled_row(first: str, **values: Any) -> dict[str, Any]:
    """A copy of a schedule without `subdir`. first: the digit of its id, which is its place."""
    return {
        "id": f"{first}" * 8 + "-0000-4000-8000-000000000000",
        "storage_type": "ThirdPartyConsumer",
        "storage_params": S3["storage_params"],
        "scheduled": True,
        **values,
    }


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_off_site_copy_costs_no_record_unless_that_is_allowed(
    stage: Stage, check_mode: bool, tmp_path: Path
) -> None:
    without_subdir(stage)
    created = set(stage.sim.seed([scheduled_row("f")]))
    dest = str(tmp_path)
    tasks: dict[str, dict[str, Any]] = {
        "docspace_backup_download": {"dest": dest},
        "docspace_backup": {"storage_type": "data_store"},
    }
    for module, options in tasks.items():
        failure(stage.run(module, check_mode=check_mode, **options), "guard")
    assert listed(stage) == created
    if not check_mode:
        stage.run("docspace_backup_download", dest=dest, allow_lost_records=True)
        assert listed(stage) == set()
        assert stage.sim.portal.backup(created.pop())["file_exists"]


@pytest.mark.parametrize(("place", "lost"), [("f", "earlier"), ("0", "next")])
def test_a_schedule_that_is_switched_to_the_other_folder(
    stage: Stage, place: str, lost: str
) -> None:
    """A listing drops the earlier copies, or the next ones while a record of the earlier is first."""
    without_subdir(stage)
    (earlier,) = stage.sim.seed([scheduled_row(place)])
    params = {**S3["storage_params"], "subdir": "backup"}
    (warning,) = plan(stage, **{**S3, "storage_params": params})["warnings"]
    assert "subdir changes" in warning
    first = nightly(stage)
    assert listed(stage) == {first if lost == "earlier" else earlier}
    stage.sim.portal.remove(earlier)
    following = {nightly(stage), nightly(stage)}
    assert listed(stage) >= following
