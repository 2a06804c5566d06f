# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_info: every form that the server may write, every filter at its edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import KEY, LINK
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import (
    NEVER,
    ONE,
    RECORD,
    THREE,
    TWO,
    row,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    Wire,
    empty,
    failed,
    ok,
    plain_json,
)

Run = Callable[..., dict[str, Any]]

HISTORY = "getbackuphistory"
HOUR, DAY = 3600, 86400


def read(wire: Wire, run: Run, *rows: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Run it over a history of these rows."""
    wire.expect("GET", HISTORY, ok(list(rows)))
    result = run("docspace_backup_info", **options)
    assert result["changed"] is False
    return result


def ids(result: dict[str, Any]) -> list[str]:
    return [backup["id"] for backup in result["backups"]]


def numbered(number: int, **values: Any) -> dict[str, Any]:
    return row(f"00000000-0000-4000-8000-{number:012}", **values)


# --- what the server writes ---


def test_a_record(wire: Wire, run: Run) -> None:
    result = read(wire, run, row())
    assert result["backups"] == [RECORD]
    assert result["latest"] == RECORD
    assert (result["count"], result["total"]) == (1, 1)
    assert (result["schedule"], result["progress"], result["usage"]) == (None, None, None)


def test_no_backup_is_no_error(wire: Wire, run: Run) -> None:
    result = read(wire, run)
    assert (result["backups"], result["latest"]) == ([], None)
    assert (result["count"], result["total"]) == (0, 0)


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_servers_own_backups(check_mode: bool, wire: Wire, run: Run) -> None:
    wire.expect("GET", f"{HISTORY}?Dump=true", ok([row()]))
    assert run("docspace_backup_info", dump=True, check_mode=check_mode)["count"] == 1


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2026-11-04T12:00:00", "2026-11-04T12:00:00Z"),
        ("2026-11-04T12:00:00Z", "2026-11-04T12:00:00Z"),
        ("2026-11-04T12:00:00z", "2026-11-04T12:00:00Z"),
        ("2026-11-04T12:00:00.1Z", "2026-11-04T12:00:00Z"),
        ("2026-11-04T12:00:00.123456Z", "2026-11-04T12:00:00Z"),
        # Cut, not rounded.
        ("2026-11-04T12:00:00.9999999Z", "2026-11-04T12:00:00Z"),
        ("2026-11-04T12:00:00.9999999", "2026-11-04T12:00:00Z"),
        ("2026-11-04T15:00:00+03:00", "2026-11-04T12:00:00Z"),
        ("2026-11-04T06:30:00.0000000-05:30", "2026-11-04T12:00:00Z"),
        ("2026-11-05T01:00:00+13:00", "2026-11-04T12:00:00Z"),
        ("2008-04-10T06:30:00.0000000+04:00", "2008-04-10T02:30:00Z"),
        ("2024-02-29T23:59:59", "2024-02-29T23:59:59Z"),
    ],
)
def test_times(written: str, read_as: str, wire: Wire, run: Run) -> None:
    result = read(wire, run, row(createdOn=written, expiresOn=written))
    (backup,) = result["backups"]
    assert (backup["created_on"], backup["expires_on"]) == (read_as, read_as)
    assert isinstance(backup["age_seconds"], int)


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "yesterday",
        "2026-13-01T00:00:00",
        "2026-02-30T00:00:00",
        "2026-11-04T25:00:00",
        "9999-12-31T23:59:59-05:00",
        "04/11/2026",
        1762257600,
        True,
        {"date": "2026-11-04"},
    ],
)
def test_a_time_that_cant_be_read_is_null_and_last(written: Any, wire: Wire, run: Run) -> None:
    result = read(wire, run, row(TWO, createdOn=written), row(age=9 * DAY))
    assert ids(result) == [ONE, TWO]
    assert result["backups"][1]["created_on"] is None
    assert result["backups"][1]["age_seconds"] is None
    assert result["latest"]["id"] == ONE


@pytest.mark.parametrize("written", [None, "", NEVER, f"{NEVER}Z", "0001-01-01T00:00:00+03:00"])
def test_copies_that_never_expire(written: Any, wire: Wire, run: Run) -> None:
    assert read(wire, run, row(expiresOn=written))["backups"] == [RECORD]


def test_a_row_without_expiry_never_expires(wire: Wire, run: Run) -> None:
    plain = row()
    del plain["expiresOn"]
    assert read(wire, run, plain)["backups"] == [RECORD]


@pytest.mark.parametrize("written", ["soon", 7, "2026-02-30T00:00:00"])
def test_an_expiry_that_cant_be_read_is_never_latest(written: Any, wire: Wire, run: Run) -> None:
    """It must not be taken for a lasting copy."""
    result = read(wire, run, row(expiresOn=written), row(TWO, age=9 * DAY))
    assert result["latest"]["id"] == TWO


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (0, "documents"),
        (1, "third_party_documents"),
        (2, "custom_cloud"),
        (3, "local"),
        (4, "data_store"),
        (5, "third_party_consumer"),
        ("0", "documents"),
        ("5", "third_party_consumer"),
        ("Documents", "documents"),
        ("ThridpartyDocuments", "third_party_documents"),
        ("CustomCloud", "custom_cloud"),
        ("Local", "local"),
        ("local", "local"),
        ("DataStore", "data_store"),
        ("ThirdPartyConsumer", "third_party_consumer"),
        (99, "99"),
        (-1, "-1"),
        ("99", "99"),
        ("Tape", "Tape"),
    ],
)
def test_storage_types(written: Any, read_as: str, wire: Wire, run: Run) -> None:
    result = read(wire, run, row(storageType=written), row(TWO, storageType="Elsewhere"))
    assert result["backups"][0]["storage_type"] == read_as
    found = read(
        wire, run, row(storageType=written), row(TWO, storageType="Elsewhere"), storage_type=read_as
    )
    assert ids(found) == [ONE]


@pytest.mark.parametrize(("written", "read_as"), [(None, ""), ("", ""), ("ä 日.tar", "ä 日.tar")])
def test_file_names(written: Any, read_as: str, wire: Wire, run: Run) -> None:
    assert read(wire, run, row(fileName=written))["backups"][0]["file_name"] == read_as


# --- order, latest, limit, count ---


def test_newest_first_whatever_the_server_does(wire: Wire, run: Run) -> None:
    rows = [numbered(age // HOUR, age=age) for age in (3 * HOUR, HOUR, 9 * HOUR, 2 * HOUR)]
    result = read(wire, run, *rows)
    assert [backup["age_seconds"] // HOUR for backup in result["backups"]] == [1, 2, 3, 9]


def test_equal_times_are_in_the_order_of_their_ids(wire: Wire, run: Run) -> None:
    rows = [numbered(number, age=DAY) for number in (3, 1, 2)]
    result = read(wire, run, *rows)
    assert ids(result) == [numbered(number)["id"] for number in (1, 2, 3)]


def test_latest_is_never_dated_in_the_future(wire: Wire, run: Run) -> None:
    result = read(wire, run, row(TWO, age=-301), row(age=0), row(THREE, age=DAY))
    assert ids(result) == [TWO, ONE, THREE]
    assert result["backups"][0]["age_seconds"] == -301
    assert result["latest"]["id"] == ONE
    assert result["latest"]["age_seconds"] == 0


def test_latest_is_null_when_all_is_in_the_future_or_undated(wire: Wire, run: Run) -> None:
    result = read(wire, run, row(age=-DAY), row(TWO, createdOn=NEVER))
    assert result["latest"] is None
    assert result["count"] == 2


def test_latest_is_one_of_the_matching(wire: Wire, run: Run) -> None:
    rows = row(age=HOUR, storageType=4), row(TWO, age=DAY)
    assert read(wire, run, *rows)["latest"]["id"] == ONE
    assert read(wire, run, *rows, storage_type=["local"])["latest"]["id"] == TWO


@pytest.mark.parametrize(("limit", "shown"), [(1, 1), (2, 2), (3, 3), (4, 3)])
def test_limit(limit: int, shown: int, wire: Wire, run: Run) -> None:
    rows = [numbered(number, age=number * DAY) for number in (1, 2, 3)]
    result = read(wire, run, *rows, row(storageType=0), limit=limit, storage_type="local")
    assert ids(result) == [numbered(number)["id"] for number in range(1, shown + 1)]
    assert (result["count"], result["total"]) == (3, 4)


def test_limit_does_not_hide_the_latest(wire: Wire, run: Run) -> None:
    result = read(wire, run, row(TWO, age=-DAY), row(age=DAY), limit=1)
    assert ids(result) == [TWO]
    assert result["latest"]["id"] == ONE


# --- filters ---


def test_by_id(wire: Wire, run: Run) -> None:
    result = read(wire, run, row(), row(TWO), id=ONE.upper())
    assert ids(result) == [ONE]
    assert (result["count"], result["total"]) == (1, 2)
    assert ids(read(wire, run, row(TWO), id=ONE)) == []


def test_by_several_storage_types(wire: Wire, run: Run) -> None:
    rows = [numbered(number, storageType=number) for number in range(6)]
    result = read(wire, run, *rows, storage_type=["documents", "data_store", "99"])
    assert ids(result) == [rows[0]["id"], rows[4]["id"]]


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*", True),
        ("workspace.tar.gz", True),
        ("work*", True),
        ("*.gz", True),
        ("workspace.tar.g?", True),
        ("[a-w]orkspace.tar.gz", True),
        ("[!w]orkspace.tar.gz", False),
        ("work", False),
        ("WORK*", False),
        ("Workspace.tar.gz", False),
        ("workspace", False),
        ("workspace.tar.gz?", False),
        ("workspace.tar.*g", False),
        ("^work.*", False),
    ],
)
def test_by_name(pattern: str, matches: bool, wire: Wire, run: Run) -> None:
    assert read(wire, run, row(), name_pattern=pattern)["count"] == int(matches)


# A backup of 2026-11-04T12:00:00Z, exactly a day old.
@pytest.mark.parametrize(
    ("option", "value", "matches"),
    [
        ("created_after", "2026-11-04T12:00:00Z", True),
        ("created_after", "2026-11-04T12:00:01Z", False),
        ("created_after", "2026-11-04T11:59:59", True),
        ("created_after", "2026-11-04T12:00:00", True),
        ("created_after", "2026-11-04 12:00:00", True),
        ("created_after", "2026-11-04T14:00:00+02:00", True),
        ("created_after", "2026-11-04T12:00:00-00:30", False),
        ("created_after", "2026-11-04", True),
        ("created_after", "2026-11-05", False),
        ("created_before", "2026-11-04T12:00:00Z", False),
        ("created_before", "2026-11-04T12:00:01Z", True),
        ("created_before", "2026-11-04T14:00:00+02:00", False),
        ("created_before", "2026-11-04", False),
        ("created_before", "2026-11-05", True),
        ("newer_than", "1d", False),
        ("newer_than", "86401", True),
        ("newer_than", 86401, True),
        ("newer_than", "86400", False),
        ("newer_than", "1d1h", True),
        ("newer_than", "25h", True),
        ("newer_than", "24h", False),
        ("newer_than", "1w", True),
        ("newer_than", "1y", True),
        ("newer_than", "0", False),
        ("newer_than", "9999999y", True),
        ("older_than", "1d", True),
        ("older_than", "86401", False),
        ("older_than", "86400", True),
        ("older_than", "0", True),
        ("older_than", "23h", True),
        ("older_than", "1w", False),
        ("older_than", "9999999y", False),
    ],
)
def test_by_time(option: str, value: Any, matches: bool, wire: Wire, run: Run) -> None:
    result = read(wire, run, row(), **{option: value})
    assert result["count"] == int(matches)
    assert result["total"] == 1


@pytest.mark.parametrize("option", ["created_after", "created_before", "newer_than", "older_than"])
def test_what_has_no_time_matches_none(option: str, wire: Wire, run: Run) -> None:
    value = "2026-01-01" if option.startswith("created") else "1d"
    result = read(wire, run, row(createdOn=NEVER), **{option: value})
    assert (result["count"], result["total"]) == (0, 1)


def test_a_fraction_of_a_second_is_cut_before_it_is_compared(wire: Wire, run: Run) -> None:
    late = row(createdOn="2026-11-04T12:00:00.9999999Z")
    assert read(wire, run, late, created_before="2026-11-04T12:00:01Z")["count"] == 1
    assert read(wire, run, late, older_than="86400")["count"] == 1


def test_filters_all_hold_at_once(wire: Wire, run: Run) -> None:
    rows = [
        numbered(1, age=2 * DAY),
        numbered(2, age=2 * DAY, storageType=0),
        numbered(3, age=2 * DAY, fileName="other.zip"),
        numbered(4, age=9 * DAY),
        numbered(5, age=HOUR),
    ]
    result = read(
        wire,
        run,
        *rows,
        storage_type="local",
        name_pattern="work*",
        newer_than="5d",
        older_than="1d",
        created_after="2026-11-01",
        created_before="2026-11-05",
    )
    assert ids(result) == [rows[0]["id"]]


# --- gather ---

TASK = {
    "isCompleted": False,
    "progress": 45,
    "error": "",
    "link": "",
    "tenantId": 1,
    "backupProgressEnum": 0,
    "status": 1,
    "taskId": ONE.upper(),
}
SEEN = {"id": ONE, "progress": 45, "status": "running", "warning": None, "error": None}


def progress(wire: Wire, run: Run, backup: Any, restore: Any = None) -> dict[str, Any]:
    wire.expect("GET", "getbackupprogress", ok(backup), headers={"Authorization": f"Bearer {KEY}"})
    wire.expect(
        "GET", "getrestoreprogress?Dump=false", ok(restore), headers={"Authorization": None}
    )
    result = run("docspace_backup_info", gather=["progress"])
    assert result["backups"] is None and result["count"] is None
    assert set(result["progress"]) == {"backup", "restore"}
    found: dict[str, Any] = result["progress"]
    return found


def test_nothing_runs(wire: Wire, run: Run) -> None:
    assert progress(wire, run, None) == {"backup": None, "restore": None}


def test_both_run(wire: Wire, run: Run) -> None:
    restore = {**TASK, "taskId": TWO, "progress": 7, "backupProgressEnum": 1}
    assert progress(wire, run, TASK, restore) == {
        "backup": SEEN,
        "restore": {**SEEN, "id": TWO, "progress": 7},
    }


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        ({"status": 0, "progress": 0}, {"status": "created", "progress": 0}),
        ({"isCompleted": True, "status": 2, "progress": 100}, {"status": "completed"}),
        ({"isCompleted": True, "status": 3}, {"status": "cancelled"}),
        ({"isCompleted": True, "status": 4}, {"status": "failed"}),
        # A failed task says that it is completed; its error decides (C23).
        (
            {"isCompleted": True, "status": 2, "error": "Disk full."},
            {"status": "failed", "error": "Disk full."},
        ),
        (
            {"isCompleted": True, "status": 2, "warning": "2 files are missing."},
            {"status": "completed", "warning": "2 files are missing."},
        ),
        # As the vendor's description has it: no status, much that may be null, names for numbers.
        ({"status": None}, {}),
        ({"isCompleted": True, "status": None}, {"status": "completed"}),
        ({"error": None, "warning": None, "link": None}, {}),
        ({"backupProgressEnum": "Backup"}, {}),
        ({"progress": 1234}, {"progress": 100}),
        ({"taskId": None}, {"id": ""}),
    ],
)
def test_forms_of_a_task(
    values: dict[str, Any], seen: dict[str, Any], wire: Wire, run: Run
) -> None:
    found = progress(wire, run, {**TASK, **values})["backup"]
    assert {key: found[key] for key in seen} == seen
    assert set(found) == set(SEEN)


def test_the_signed_link_of_a_finished_task_is_not_shown(wire: Wire, run: Run) -> None:
    """`run` looks for it in all that is shown (C25)."""
    done = {**TASK, "isCompleted": True, "status": 2, "progress": 100, "link": LINK}
    assert progress(wire, run, done, done)["backup"]["status"] == "completed"


@pytest.mark.parametrize("answer", [ok([]), ok("none"), ok(7), ok({}), ok({"progress": 1})])
def test_a_task_that_cant_be_read(answer: Any, wire: Wire, run: Run) -> None:
    wire.expect("GET", "getbackupprogress", answer)
    assert run("docspace_backup_info", gather=["progress"])["failure"]["code"] == "protocol"


def test_tasks_of_the_server(wire: Wire, run: Run) -> None:
    wire.expect("GET", "getbackupprogress?Dump=true", ok(TASK))
    wire.expect("GET", "getrestoreprogress?Dump=true", ok())
    result = run("docspace_backup_info", gather=["progress"], dump=True)
    assert result["progress"]["backup"] == SEEN


def schedule(wire: Wire, run: Run, response: Any) -> Any:
    wire.expect("GET", "getbackupschedule", ok(response))
    result = run("docspace_backup_info", gather=["schedule"])
    return result.get("schedule", result.get("failure"))


PLAN = {
    "storageType": 3,
    "storageParams": {"filePath": "/srv/backup", "folderId": "/srv/backup"},
    "cronParams": {"period": 0, "hour": 3, "day": 0},
    "backupsStored": 5,
    "lastBackupTime": NEVER,
    "dump": False,
}
PLANNED = {
    "storage_type": "local",
    "storage_params": {"filePath": "/srv/backup"},
    "period": "daily",
    "hour": 3,
    "weekday": None,
    "monthday": None,
    "backups_stored": 5,
}


def cron(**values: Any) -> dict[str, Any]:
    return {"cronParams": {**PLAN["cronParams"], **values}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        ({}, {}),
        (cron(day=None), {}),
        # Sunday is the server's first day (C28).
        (cron(period=1, day=1), {"period": "weekly", "weekday": "sunday"}),
        (cron(period=1, day=2), {"period": "weekly", "weekday": "monday"}),
        (cron(period=1, day=7), {"period": "weekly", "weekday": "saturday"}),
        (cron(period=2, day=31), {"period": "monthly", "monthday": 31}),
        # As the vendor's description has it: names for numbers, much that may be null.
        (cron(period="EveryDay"), {}),
        (cron(period="EveryWeek", day=4), {"period": "weekly", "weekday": "wednesday"}),
        (cron(period="EveryMonth", day=1), {"period": "monthly", "monthday": 1}),
        ({"storageType": "Local"}, {}),
        (
            {"storageType": 4, "storageParams": {"folderId": None}},
            {"storage_type": "data_store", "storage_params": {}},
        ),
        (
            {"storageType": "DataStore", "storageParams": None},
            {"storage_type": "data_store", "storage_params": {}},
        ),
        ({"storageParams": [{"key": "filePath", "value": "/srv/backup"}]}, {}),
        (
            {"storageType": 0, "storageParams": {"folderId": "12"}},
            {"storage_type": "documents", "storage_params": {"folderId": "12"}},
        ),
        ({"storageType": 99, "storageParams": {}}, {"storage_type": "99", "storage_params": {}}),
        ({"backupsStored": None}, {"backups_stored": 1}),
        ({"storageParams": {"filePath": "/srv/backup", "tenantId": "-1"}, "dump": True}, {}),
    ],
)
def test_forms_of_a_schedule(
    values: dict[str, Any], seen: dict[str, Any], wire: Wire, run: Run
) -> None:
    assert schedule(wire, run, {**PLAN, **values}) == {**PLANNED, **seen}


@pytest.mark.parametrize(
    "name", ["secretkey", "secretaccesskey", "password", "accessToken", "privateKey", "json"]
)
def test_secrets_in_a_schedule_are_masked(name: str, wire: Wire, run: Run) -> None:
    params = {"module": "s3", "bucket": "backups", name: "51gned1ink"}
    found = schedule(wire, run, {**PLAN, "storageType": 5, "storageParams": params})
    assert found["storage_params"] == {"module": "s3", "bucket": "backups", name: "********"}


def test_no_schedule(wire: Wire, run: Run) -> None:
    assert schedule(wire, run, None) is None


@pytest.mark.parametrize(
    "response",
    [
        [],
        "none",
        {},
        {**PLAN, "cronParams": None},
        {**PLAN, "storageType": None, "cronParams": {}},
        {**PLAN, **cron(period="EveryCentury")},
        {**PLAN, **cron(period=3)},
        {**PLAN, **cron(hour=None)},
        {**PLAN, **cron(hour="three")},
        {**PLAN, "backupsStored": "many"},
    ],
)
def test_a_schedule_that_cant_be_read(response: Any, wire: Wire, run: Run) -> None:
    assert schedule(wire, run, response)["code"] == "protocol"


def test_the_servers_schedule(wire: Wire, run: Run) -> None:
    wire.expect("GET", "getbackupschedule?Dump=true", ok(PLAN))
    result = run("docspace_backup_info", gather=["schedule"], dump=True)
    assert result["schedule"] == PLANNED


# Without `paid` the server counts the free ones only (C52).
FREE, PAID = "getbackupscount?paid=false", "getbackupscount?paid=true"


def test_usage_counts_free_and_paid_backups(wire: Wire, run: Run) -> None:
    wire.expect("GET", FREE, ok(4))
    wire.expect("GET", PAID, ok(2))
    wire.expect("GET", "getservicestate", ok({"enabled": False}))
    result = run("docspace_backup_info", gather=["usage"])
    assert result["usage"] == {
        "free_backups_this_month": 4,
        "paid_backups_this_month": 2,
        "paid_service_enabled": False,
    }


def test_no_backup_this_month(wire: Wire, run: Run) -> None:
    wire.expect("GET", FREE, ok(0))
    wire.expect("GET", PAID, ok(0))
    wire.expect("GET", "getservicestate", ok({"enabled": True}))
    result = run("docspace_backup_info", gather="usage")
    assert result["usage"] == {
        "free_backups_this_month": 0,
        "paid_backups_this_month": 0,
        "paid_service_enabled": True,
    }


@pytest.mark.parametrize(
    ("free", "paid", "state"),
    [
        (ok("4"), None, None),
        (ok(), None, None),
        (ok(True), None, None),
        (ok(-1), None, None),
        (ok(4), ok("2"), None),
        (ok(4), ok(), None),
        (ok(4), ok(2), ok({})),
        (ok(4), ok(2), ok()),
        (ok(4), ok(2), ok({"enabled": "yes"})),
        (ok(4), ok(2), ok(True)),
    ],
)
def test_usage_that_cant_be_read(free: Any, paid: Any, state: Any, wire: Wire, run: Run) -> None:
    answers = {FREE: free, PAID: paid, "getservicestate": state}
    for call, answer in answers.items():
        if answer is not None:
            wire.expect("GET", call, answer)
    assert run("docspace_backup_info", gather=["usage"])["failure"]["code"] == "protocol"


def test_all_at_once(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([row()]))
    wire.expect("GET", "getbackupschedule", ok(PLAN))
    wire.expect("GET", "getbackupprogress", ok(TASK))
    wire.expect("GET", "getrestoreprogress?Dump=false", ok())
    wire.expect("GET", FREE, ok(4))
    wire.expect("GET", PAID, ok(2))
    wire.expect("GET", "getservicestate", ok({"enabled": True}))
    result = run("docspace_backup_info", gather=["usage", "progress", "history", "schedule"])
    assert result["backups"] == [RECORD]
    assert result["schedule"] == PLANNED
    assert result["progress"] == {"backup": SEEN, "restore": None}
    assert result["usage"]["free_backups_this_month"] == 4
    assert wire.connections == 1


@pytest.mark.parametrize(
    ("call", "gather"),
    [
        (HISTORY, "history"),
        ("getbackupschedule", "schedule"),
        ("getbackupprogress", "progress"),
        (FREE, "usage"),
    ],
)
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (empty(401), "auth"),
        (failed(500), "server"),
        (plain_json({"status": 0, "statusCode": 500}), "protocol"),
    ],
)
def test_each_reading_may_fail(
    answer: Any, code: str, gather: str, call: str, wire: Wire, run: Run
) -> None:
    wire.expect("GET", call, answer)
    if (gather, code) == ("progress", "auth"):
        # A restore that runs would be the reason.
        wire.expect("GET", "getrestoreprogress?Dump=false", ok())
        wire.expect("GET", "getrestoreprogress?Dump=true", ok())
    result = run("docspace_backup_info", gather=[gather])
    assert result["failure"]["code"] == code
    assert result["failure"]["path"] == f"/api/2.0/backup/{call}"


def test_gather_takes_no_other_word(run: Run) -> None:
    result = run("docspace_backup_info", gather=["everything"])
    assert result["failed"] and "failure" not in result


@pytest.mark.parametrize(("expires", "found"), [(None, [ONE, TWO]), (False, [ONE]), (True, [TWO])])
def test_backups_that_expire_or_not(
    expires: bool | None, found: list[str], wire: Wire, run: Run
) -> None:
    wire.expect(
        "GET", HISTORY, ok([row(age=60), row(TWO, age=90, expiresOn="2026-11-06T12:00:00")])
    )
    options = {} if expires is None else {"expires": expires}
    result = run("docspace_backup_info", **options)
    assert ids(result) == found and result["latest"]["id"] == found[0]
    assert (result["count"], result["total"]) == (len(found), 2)
