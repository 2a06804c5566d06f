# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_restore on the simulator: what keeps it from starting, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.contract.driven import (
    TASK_SECONDS,
    Stage,
    failure,
    simulator,
)

ONE = "10000000-0000-4000-8000-000000000001"
DUMPED = "10000000-0000-4000-8000-000000000002"
HISTORY, PROGRESS, RESTORE = (
    "GET getbackuphistory",
    "GET getbackupprogress",
    "GET getrestoreprogress?Dump=false",
)
DUMP, START = "?Dump=true", "POST startrestore"
CHECKS = sorted([HISTORY, PROGRESS, PROGRESS + DUMP, RESTORE, f"GET getrestoreprogress{DUMP}"])
ROWS = [
    {"id": ONE, "storage_type": "Local", "age_days": 3},
    {"id": DUMPED, "storage_type": "Local", "age_days": 4, "owner": "server (dump)"},
]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with simulator(seed=ROWS) as sim:
        yield Stage(sim, monkeypatch)


def restore(stage: Stage, **options: Any) -> dict[str, Any]:
    given = {"id": ONE, "confirm": "127.0.0.1", **options}
    return stage.run("docspace_backup_restore", **given)


def untouched(stage: Stage) -> bool:
    """Whether nothing but reading was done."""
    return {item.method for item in stage.sim.requests} <= {"GET"}


# --- restored ---


def test_restored_and_each_request_that_it_costs(stage: Stage) -> None:
    result = restore(stage, poll_interval=60)
    assert result["changed"] is True
    assert result["task"]["status"] == "completed"
    assert result["backup"]["id"] == ONE
    assert "warnings" not in result
    assert stage.sim.count("POST", "startrestore") == 1
    assert {item.authorization for item in stage.sim.log.find("GET", "getrestoreprogress")} == {""}
    asked = stage.asked()
    assert sorted(asked[:5]) == CHECKS
    assert asked[5:] == [START, RESTORE, RESTORE, HISTORY]


def test_a_dry_run_makes_all_checks_and_starts_nothing(stage: Stage) -> None:
    result = restore(stage, check_mode=True)
    assert (result["changed"], result["task"]) == (True, None)
    assert sorted(stage.asked()) == CHECKS
    assert stage.sim.state()["restore"] is None


def test_twice_restores_twice(stage: Stage) -> None:
    first, second = restore(stage), restore(stage)
    assert first["task"]["id"] != second["task"]["id"]
    assert (first["changed"], second["changed"]) == (True, True)
    assert stage.sim.count("POST") == 2


def test_a_backup_of_the_whole_server(stage: Stage) -> None:
    result = restore(stage, id=DUMPED, dump=True)
    assert result["task"]["status"] == "completed"
    assert all(item.query == "Dump=true" for item in stage.sim.log.find(path="getbackuphistory"))


def test_without_waiting_the_restore_goes_on(stage: Stage) -> None:
    result = restore(stage, wait=False)
    assert result["changed"] is True
    assert stage.sim.state()["restore"]["taskId"] == result["task"]["id"]
    assert stage.clock.sleeps == []


def test_a_warning_of_the_task(stage: Stage) -> None:
    stage.sim.set(task_end="warning", task_warning="2 users were left out")
    assert any("2 users" in warning for warning in restore(stage)["warnings"])


# --- nothing by accident ---


@pytest.mark.parametrize("confirm", ["", "localhost", "127.0.0.1:80", "127.0.0.2", " 127.0.0.1"])
@pytest.mark.parametrize("check_mode", [False, True])
def test_nothing_is_asked_unless_confirmed(stage: Stage, check_mode: bool, confirm: str) -> None:
    failure(restore(stage, confirm=confirm, check_mode=check_mode), "guard")
    assert stage.sim.count() == 0


def test_a_backup_of_another_list_is_not_found(stage: Stage) -> None:
    failure(restore(stage, id=DUMPED), "not_found")
    failure(restore(stage, dump=True), "not_found")
    assert untouched(stage)


def test_a_backup_whose_file_is_gone_is_not_found(stage: Stage) -> None:
    """The server would take its id all the same, and fail later."""
    stage.sim.portal.lose_files(ONE)
    failure(restore(stage), "not_found")
    assert untouched(stage)


def running(call: str, age: float, **body: Any) -> Callable[[Stage], None]:
    """Somebody else's task, so old."""

    def begin(stage: Stage) -> None:
        if call == "startrestore":
            stage.send("POST", call, **body)
        else:
            stage.backup(**body)
        stage.sim.advance(age)

    return begin


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("age", [0, 1, 40])
@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("startbackup", {}),
        ("startbackup", {"dump": True}),
        ("startrestore", {"backupId": ONE}),
        ("startrestore", {"backupId": DUMPED, "dump": True}),
    ],
)
def test_nothing_is_started_while_something_runs(
    stage: Stage, call: str, body: dict[str, Any], age: float, check_mode: bool
) -> None:
    """Also when the restore that runs makes the portal refuse all else (C31)."""
    running(call, age, **body)(stage)
    result = restore(stage, check_mode=check_mode)
    message = failure(result, "conflict")
    assert message.startswith("Nothing was restored")
    assert ("restore task" if "restore" in call else "backup task") in message
    assert untouched(stage)


def test_the_servers_own_backups_may_not_be_ours_to_see(stage: Stage) -> None:
    stage.sim.set(limited_access_to_space=True)
    assert restore(stage)["changed"] is True
    failure(restore(stage, id=DUMPED, dump=True), "forbidden")


@pytest.mark.parametrize(
    ("query", "fault", "code"),
    [
        ("getbackuphistory", {"kind": "html"}, "protocol"),
        ("getbackupprogress", {"kind": "status", "status": 403}, "forbidden"),
        ("getbackupprogress", {"kind": "status", "status": 500}, "server"),
        ("getbackupprogress", {"kind": "html", "skip": 1}, "protocol"),
        ("getbackupprogress", {"kind": "status", "status": 500, "skip": 1}, "server"),
        ("getrestoreprogress", {"kind": "html"}, "protocol"),
        ("getrestoreprogress", {"kind": "status", "status": 403, "skip": 1}, "forbidden"),
    ],
)
def test_what_cannot_be_known_starts_nothing(
    stage: Stage, query: str, fault: dict[str, Any], code: str
) -> None:
    stage.sim.fault(**fault, path=query)
    failure(restore(stage), code)
    assert untouched(stage)


def test_what_has_ended_is_in_nobodys_way(stage: Stage) -> None:
    stage.backup()
    stage.backup(dump=True)
    stage.sim.advance(TASK_SECONDS + 1)
    assert restore(stage)["changed"] is True


# --- while the portal is offline ---


@pytest.mark.parametrize(
    "fault",
    [
        *({"kind": "status", "status": status} for status in (401, 403, 404, 429, 500, 502, 503)),
        *({"kind": kind} for kind in ("drop", "reset", "truncate", "html", "redirect")),
    ],
)
def test_a_portal_that_is_offline_meanwhile(stage: Stage, fault: dict[str, Any]) -> None:
    stage.at(5, lambda: stage.sim.fault(**fault, path="getrestoreprogress", times=12))
    result = restore(stage)
    assert result["task"]["status"] == "completed"
    assert stage.sim.faults.pending() == []
    assert stage.sim.count("POST") == 1


def test_a_portal_that_was_stopped(stage: Stage) -> None:
    stage.at(20, stage.sim.stop)
    stage.at(200, stage.sim.start)
    assert restore(stage)["task"]["status"] == "completed"


@pytest.mark.parametrize("seconds", [4, 30, 90])
def test_no_task_to_be_seen_right_after_the_start(stage: Stage, seconds: int) -> None:
    stage.sim.set(restore_hidden_ms=seconds * 1000)
    assert restore(stage)["task"]["status"] == "completed"


def test_the_restore_of_last_time_is_not_ours(stage: Stage) -> None:
    """It is still to be seen when ours isn't yet."""
    old = restore(stage)["task"]
    ended = stage.sim.state()["restore"]
    answer = {"response": ended, "count": 1, "links": [], "status": 0, "statusCode": 200}
    stage.sim.fault("json", path="getrestoreprogress", body=answer, skip=2, times=3)
    begun = sum(stage.clock.sleeps)
    result = restore(stage)
    assert result["task"]["id"] != old["id"]
    assert sum(stage.clock.sleeps) - begun >= TASK_SECONDS


# --- how it ends ---


def test_failed(stage: Stage) -> None:
    stage.sim.set(task_fails_with="Unexpected end of archive")
    result = restore(stage)
    message = failure(result, changed=True)
    assert message.startswith(f"Restore task {result['task']['id']} failed at")
    assert "Unexpected end of archive" in message and "log" in message
    assert result["task"]["status"] == "failed"


@pytest.mark.parametrize("end", ["never_starts", "stalls", "vanishes"])
def test_never_ends(stage: Stage, end: str) -> None:
    stage.sim.set(task_end=end)
    result = restore(stage, wait_timeout=600)
    message = failure(result, changed=True)
    assert "after 600 s ('wait_timeout')" in message and "web page" in message
    assert (result["task"]["status"] == "created") == (end == "never_starts")
    assert sum(stage.clock.sleeps) == pytest.approx(600)
    assert min(stage.clock.sleeps) >= 1.0


@pytest.mark.parametrize("status", [401, 403, 404, 402, 500, 502])
def test_a_portal_that_answers_late(stage: Stage, status: int) -> None:
    stage.sim.fault("status", status=status, path="getbackuphistory", skip=1, times=3)
    result = restore(stage)
    assert result["task"]["status"] == "completed"
    assert "warnings" not in result


def test_a_portal_that_comes_back_after_a_while(stage: Stage) -> None:
    stage.at(TASK_SECONDS + 1, stage.sim.stop)
    stage.at(TASK_SECONDS + 300, stage.sim.start)
    assert restore(stage)["task"]["status"] == "completed"


def test_a_portal_that_never_comes_back(stage: Stage) -> None:
    stage.sim.fault("status", status=500, path="getbackuphistory", skip=1)
    result = restore(stage, wait_timeout=600)
    message = failure(result, changed=True)
    assert "is completed" in message
    assert sum(stage.clock.sleeps) == pytest.approx(600)


def test_the_keys_may_be_others_afterwards(stage: Stage) -> None:
    stage.sim.set(restore_replaces_keys=True)
    result = restore(stage)
    assert result["changed"] is True
    (warning,) = result["warnings"]
    assert "credentials" in warning and stage.sim.key not in warning
    # Not at once: a portal that just starts may refuse for a while.
    assert 30 <= sum(stage.clock.sleeps) - TASK_SECONDS <= 45


# --- a lost answer to the start ---

CUT = [
    {"kind": "drop"},
    {"kind": "reset"},
    {"kind": "status", "status": 502},
    {"kind": "status", "status": 504},
    {"kind": "html"},
]


@pytest.mark.parametrize("hidden", [0, 5])
@pytest.mark.parametrize("fault", [*CUT, {"kind": "truncate"}])
def test_a_start_that_was_taken_is_followed(
    stage: Stage, fault: dict[str, Any], hidden: int
) -> None:
    old = restore(stage)["task"]["id"]
    stage.sim.set(restore_hidden_ms=hidden * 1000)
    stage.sim.fault(**fault, path="startrestore", times=1, after=True)
    result = restore(stage)
    assert result["changed"] is True
    assert result["task"]["status"] == "completed" and result["task"]["id"] != old
    assert stage.sim.count("POST") == 2


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("fault", CUT)
def test_a_start_that_was_not_taken_is_never_sent_again(
    stage: Stage, fault: dict[str, Any], before: bool
) -> None:
    """A restore that had ended before is not taken for ours."""
    if before:
        restore(stage)
    stage.sim.fault(**fault, path="startrestore", times=1)
    result = restore(stage)
    assert result["failed"] and result["changed"] is True, "not known is not no"
    assert result["msg"].startswith("Not known whether the restore was started")
    assert stage.sim.count("POST") == 1 + before


# What a portal, a proxy or a CDN may answer to a start that took effect.
LATE = [
    *(400, 401, 402, 403, 404, 405, 408, 409, 413, 415, 422),
    *(500, 501, 502, 503, 504, 505, 508, 511, 520, 522, 524, 599),
]
ERROR = {"message": "It broke.", "type": "System.Exception", "stack": "", "hresult": -1}


def in_envelope(status: int) -> dict[str, Any]:
    """The API's own error."""
    return {"error": ERROR, "status": 1, "statusCode": status}


@pytest.mark.parametrize("status", LATE)
@pytest.mark.parametrize("by_api", [False, True])
def test_a_start_that_took_effect_is_followed_whatever_the_answer(
    stage: Stage, status: int, by_api: bool
) -> None:
    body = in_envelope(status) if by_api else None
    stage.sim.fault("status", status=status, body=body, path="startrestore", times=1, after=True)
    result = restore(stage)
    assert "failed" not in result, result["msg"]
    assert (result["changed"], result["task"]["status"]) == (True, "completed")
    assert stage.sim.count("POST") == 1


@pytest.mark.parametrize("status", [401, 403, 404, 408, 500, 520])
def test_a_start_that_took_effect_may_show_late(stage: Stage, status: int) -> None:
    """A portal that is being restored refuses what a proxy sends it a second time (C31)."""
    stage.sim.set(restore_hidden_ms=5000)
    stage.sim.fault("status", status=status, path="startrestore", times=1, after=True)
    assert restore(stage)["task"]["status"] == "completed"


@pytest.mark.parametrize("kind", ["redirect", "json"])
def test_a_start_with_a_senseless_answer(stage: Stage, kind: str) -> None:
    stage.sim.fault(kind, body={"ok": True}, path="startrestore", times=1, after=True)
    assert restore(stage)["task"]["status"] == "completed"


@pytest.mark.parametrize(
    ("status", "by_api", "changed", "seconds"),
    [
        (400, True, False, 0),
        (402, True, False, 0),
        (404, True, False, 0),
        (413, False, False, 0),
        (403, False, False, 9),
        (500, True, False, 9),
        (408, False, True, 9),
        (500, False, True, 9),
        (520, False, True, 9),
        (524, False, True, 9),
    ],
)
def test_a_start_without_effect(
    stage: Stage, status: int, by_api: bool, changed: bool, seconds: int
) -> None:
    body = in_envelope(status) if by_api else None
    stage.sim.fault("status", status=status, body=body, path="startrestore", times=1)
    result = restore(stage)
    assert result["failed"] and result["changed"] is changed
    assert result["msg"].startswith("Not known whether the restore was started") is changed
    assert sum(stage.clock.sleeps) == seconds


@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_start_that_cannot_be_looked_up_is_not_known(stage: Stage, status: int) -> None:
    body = in_envelope(status)
    stage.sim.fault("status", status=status, body=body, path="startrestore", times=1)
    stage.sim.fault("status", status=500, path="getrestoreprogress", skip=2)
    result = restore(stage)
    assert result["failed"] and result["changed"] is True
    assert result["msg"].startswith("Not known whether the restore was started")


# --- two restores at once ---


@pytest.mark.parametrize("told", [False, True])
def test_a_restore_that_somebody_else_started_first_is_not_ours(stage: Stage, told: bool) -> None:
    """Servers before 3.7 give no status, but ours would stand at 0 per cent (C22)."""
    task = {
        "isCompleted": False,
        "progress": 0 if told else 7,
        "error": "",
        "tenantId": 1,
        "backupProgressEnum": 1,
        "taskId": DUMPED,
        **({"status": 1} if told else {}),
    }
    answer = {"response": task, "count": 1, "links": [], "status": 0, "statusCode": 200}
    stage.sim.fault("json", path="startrestore", times=1, body=answer)
    result = restore(stage)
    message = failure(result, "conflict", changed=False)
    assert f"'task_id: {DUMPED}'" in message
    assert result["task"]["id"] == DUMPED
    assert stage.clock.sleeps == []


def test_a_refused_start_with_a_new_restore_says_that_it_may_be_anothers(stage: Stage) -> None:
    """The answer doesn't tell: the portal refuses everything while it is restored (C31)."""
    stage.sim.set(task_start_delay_ms=0)
    theirs: list[str] = []

    def change(_values: Any) -> None:
        theirs.append(stage.send("POST", "startrestore", backupId=ONE)["taskId"])
        stage.sim.advance(20)

    # It comes with our start, just before that would take effect.
    stage.sim.faults.change = change
    stage.sim.fault("change", method="POST", path="startrestore", times=1)
    result = restore(stage)
    assert (result["changed"], result["task"]["id"]) == (True, theirs[0])
    (warning,) = result["warnings"]
    assert theirs[0] in warning and "somebody else" in warning


def test_a_restore_that_takes_the_place_of_ours_ends_the_wait(stage: Stage) -> None:
    stage.sim.set(task_end="replaced")
    result = restore(stage)
    message = failure(result, "conflict", changed=True)
    theirs = stage.sim.state()["restore"]["taskId"]
    assert theirs in message and result["task"]["id"] in message and theirs != result["task"]["id"]
    assert sum(stage.clock.sleeps) < TASK_SECONDS


def test_a_restore_of_the_whole_server_does_not_hide_the_portals_own(stage: Stage) -> None:
    """One that ended within a day is what the server shows without `Dump` (C53)."""
    stage.send("POST", "startrestore", backupId=DUMPED, dump=True)
    stage.sim.finish_restores()
    result = restore(stage)
    assert result["task"]["status"] == "completed"
    own = result["task"]["id"]
    shown = stage.run("docspace_backup_info", gather=["progress"])["progress"]["restore"]
    assert shown["id"] == own
    followed = stage.run("docspace_backup_restore", task_id=own)
    assert followed["task"]["status"] == "completed"
    queries = {item.query for item in stage.sim.log.find("GET", "getrestoreprogress")}
    assert queries <= {"Dump=false", "Dump=true"}


def test_a_restore_of_the_whole_server_is_seen_while_it_keeps_the_portal_offline(
    stage: Stage,
) -> None:
    task = stage.send("POST", "startrestore", backupId=DUMPED, dump=True)["taskId"]
    stage.sim.advance(40)
    progress = stage.run("docspace_backup_info", gather=["progress"])["progress"]
    assert progress["restore"]["id"] == task and progress["backup"] is None


def test_a_licence_that_is_gone_after_a_restore_of_the_whole_server(stage: Stage) -> None:
    stage.sim.fault("status", status=402, path="getbackuphistory", skip=1)
    (warning,) = restore(stage, id=DUMPED, dump=True)["warnings"]
    assert "deletes the server's licence" in warning and "machinekey" not in warning


# --- the server's refusals ---


def test_a_plan_without_restore(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": ONE, "storage_type": "DataStore", "age_seconds": 60}]
    with simulator(kind="saas", hosts=["127.0.0.1"], seed=rows) as sim:
        sim.set(plan_has_backup=False)
        assert "pricing plan" in failure(restore(Stage(sim, monkeypatch)), "payment")


def test_a_key_that_only_reads(stage: Stage) -> None:
    message = failure(restore(stage, api_key=stage.sim.portal.read_key), "forbidden")
    assert "'*:write'" in message
    assert stage.sim.state()["restore"] is None
