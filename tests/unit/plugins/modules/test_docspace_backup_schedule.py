# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_schedule: what is wanted, against all that the server may have written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import Clock
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    CLOSE,
    RESET,
    SILENCE,
    Answer,
    Wire,
    empty,
    failed,
    html,
    ok,
    patience,
    redirect,
)

Run = Callable[..., dict[str, Any]]

READ, WRITE, REMOVE = "getbackupschedule", "createbackupschedule", "deletebackupschedule"
PAIRS = [{"key": "filePath", "value": "/srv/backup"}]
WANTED: dict[str, Any] = {
    "storage_type": "local",
    "path": "/srv/backup",
    "period": "weekly",
    "weekday": "sunday",
    "hour": 3,
    "backups_stored": 5,
}
BODY = {
    "storageType": "Local",
    "storageParams": PAIRS,
    "backupsStored": 5,
    "cronParams": {"period": "EveryWeek", "hour": 3, "day": 1},
    "dump": False,
}
# The same as the server has it (C27).
THERE = {
    "storageType": 3,
    "storageParams": {"filePath": "/srv/backup", "folderId": "/srv/backup"},
    "cronParams": {"period": 1, "hour": 3, "day": 1},
    "backupsStored": 5,
    "lastBackupTime": "0001-01-01T00:00:00",
    "dump": False,
}
SHOWN = {
    "storage_type": "local",
    "storage_params": {"filePath": "/srv/backup"},
    "period": "weekly",
    "hour": 3,
    "weekday": "sunday",
    "monthday": None,
    "backups_stored": 5,
}
DAILY = {"period": "daily", "weekday": None}
MONTHLY = {"period": "monthly", "weekday": None, "monthday": 28}
WEEK = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]

# What may come in place of the answer to a write that was taken all the same.
LOST = [
    pytest.param(CLOSE, "connection", id="closed"),
    pytest.param(RESET, "connection", id="reset"),
    pytest.param(SILENCE, "timeout", id="silence"),
    pytest.param(Answer(200, b"x" * 100, {}, "cut"), "connection", id="cut off"),
    pytest.param(html(502), "server", id="502"),
    pytest.param(html(503), "server", id="503"),
    pytest.param(html(504), "server", id="504"),
    pytest.param(html(200), "protocol", id="page"),
    pytest.param(redirect("/login"), "protocol", id="redirect"),
    pytest.param(ok(None), "protocol", id="nothing"),
    pytest.param(ok(False), "protocol", id="false"),
]


def cron(**values: Any) -> dict[str, Any]:
    return {**THERE, "cronParams": {**THERE["cronParams"], **values}}  # type: ignore[dict-item]


def plan(run: Run, **options: Any) -> dict[str, Any]:
    return run("docspace_backup_schedule", **{**WANTED, **options})


def refused(result: dict[str, Any], code: str, changed: bool = False) -> str:
    assert result["failed"] is True
    assert result["failure"]["code"] == code
    assert result["changed"] is changed
    return str(result["msg"])


# --- present ---


def test_what_is_as_wanted_is_one_request(wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(THERE))
    result = plan(run)
    assert result["changed"] is False
    assert result["schedule"] == SHOWN
    assert result["diff"] == {"before": SHOWN, "after": SHOWN}
    assert "warnings" not in result


def test_none_is_there_yet(wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(None))
    wire.expect("POST", WRITE, ok(True), body=BODY)
    result = plan(run)
    assert result["changed"] is True
    assert result["schedule"] == SHOWN
    assert result["diff"] == {"before": {}, "after": SHOWN}
    assert "warnings" not in result


@pytest.mark.parametrize("before", [None, THERE, cron(hour=4)])
def test_a_dry_run_only_reads_and_says_the_same(before: Any, wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(before))
    dry = plan(run, check_mode=True, diff=True)
    wire.expect("GET", READ, ok(before))
    if before != THERE:
        wire.expect("POST", WRITE, ok(True), body=BODY)
    assert plan(run, diff=True) == dry


@pytest.mark.parametrize(
    "before",
    [
        cron(hour=4),
        cron(day=2),
        cron(period=0, day=0),
        cron(period=2, day=1),
        {**THERE, "backupsStored": 4},
        {**THERE, "storageType": 4},
        {**THERE, "storageType": 99},
        {**THERE, "storageParams": {"filePath": "/srv/other", "folderId": "/srv/other"}},
        {**THERE, "storageParams": {"filePath": None}},
        {**THERE, "storageParams": {}},
        {**THERE, "storageParams": None},
    ],
)
def test_each_difference_is_a_change(before: dict[str, Any], wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(before))
    wire.expect("POST", WRITE, ok(True), body=BODY)
    result = plan(run)
    assert result["changed"] is True
    assert result["diff"]["before"] != result["diff"]["after"] == SHOWN


@pytest.mark.parametrize(
    "same",
    [
        cron(period="EveryWeek"),
        cron(period="everyweek"),
        cron(period="1"),
        cron(hour="3", day="1"),
        {**THERE, "storageType": "Local"},
        {**THERE, "storageType": "local"},
        {**THERE, "storageType": "3"},
        {**THERE, "backupsStored": "5"},
        {**THERE, "storageParams": PAIRS},
        {**THERE, "storageParams": {"filePath": "/srv/backup"}},
        {
            **THERE,
            "storageParams": {"filePath": "/srv/backup", "tenantId": "1", "subdir": "backup"},
        },
        {**THERE, "lastBackupTime": "2026-11-05T03:00:00", "more": 1},
    ],
)
def test_the_same_in_another_form(same: dict[str, Any], wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(same))
    result = plan(run)
    assert result["changed"] is False
    assert result["diff"]["before"] == result["diff"]["after"]


def test_a_number_is_read_back_as_text(wire: Wire, run: Run) -> None:
    params = {"module": "s3", "port": 9000, "usehttp": True}
    kept = {"module": "s3", "port": "9000", "usehttp": "true", "subdir": "backup"}
    wire.expect("GET", READ, ok({**THERE, "storageType": 5, "storageParams": kept}))
    options = {"storage_type": "third_party_consumer", "path": None, "storage_params": params}
    assert plan(run, **options)["changed"] is False


def test_one_copy_is_kept_where_none_is_said(wire: Wire, run: Run) -> None:
    """As the server does it when it is left out (C28)."""
    stored = {key: value for key, value in THERE.items() if key != "backupsStored"}
    for before in (stored, {**stored, "backupsStored": None}):
        wire.expect("GET", READ, ok(before))
        assert plan(run, backups_stored=1)["changed"] is False


@pytest.mark.parametrize(("day", "weekday"), list(enumerate(WEEK, start=1)))
def test_the_servers_week_begins_with_sunday(day: int, weekday: str, wire: Wire, run: Run) -> None:
    """1 = Sunday to 7 = Saturday, whatever its web page shows (C28)."""
    body = {**BODY, "cronParams": {"period": "EveryWeek", "hour": 3, "day": day}}
    wire.expect("GET", READ, ok(None))
    wire.expect("POST", WRITE, ok(True), body=body)
    assert plan(run, weekday=weekday)["changed"] is True
    wire.expect("GET", READ, ok(cron(day=day)))
    assert plan(run, weekday=weekday)["changed"] is False


def test_a_daily_one_has_no_day(wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(None))
    wire.expect(
        "POST", WRITE, ok(True), body={**BODY, "cronParams": {"period": "EveryDay", "hour": 3}}
    )
    result = plan(run, **DAILY)
    assert (result["schedule"]["weekday"], result["schedule"]["monthday"]) == (None, None)
    wire.expect("GET", READ, ok(cron(period=0, day=0)))
    assert plan(run, **DAILY)["changed"] is False
    wire.expect("GET", READ, ok(cron(period=0, day=5)))
    assert plan(run, **DAILY)["changed"] is False


@pytest.mark.parametrize("monthday", [1, 28, 29, 31])
def test_a_monthly_one(monthday: int, wire: Wire, run: Run) -> None:
    times = {"period": "EveryMonth", "hour": 3, "day": monthday}
    wire.expect("GET", READ, ok(None))
    wire.expect("POST", WRITE, ok(True), body={**BODY, "cronParams": times})
    result = plan(run, **{**MONTHLY, "monthday": monthday})
    assert result["schedule"]["monthday"] == monthday
    warnings = result.get("warnings", [])
    assert len(warnings) == (monthday > 28)
    assert all(warning.startswith("monthday: ") for warning in warnings)
    wire.expect("GET", READ, ok(cron(period=2, day=monthday)))
    assert plan(run, **{**MONTHLY, "monthday": monthday})["changed"] is False


@pytest.mark.parametrize(("before", "warns"), [(6, True), (30, True), (5, False), (4, False)])
@pytest.mark.parametrize("check_mode", [False, True])
def test_keeping_fewer_copies_warns(
    check_mode: bool, before: int, warns: bool, wire: Wire, run: Run
) -> None:
    wire.expect("GET", READ, ok({**THERE, "backupsStored": before}))
    if before != 5 and not check_mode:
        wire.expect("POST", WRITE, ok(True), body=BODY)
    warnings = plan(run, check_mode=check_mode).get("warnings", [])
    assert len(warnings) == warns
    assert all(str(before) in text and "deletes" in text for text in warnings)


def test_the_servers_own_schedule_is_another_one(wire: Wire, run: Run) -> None:
    params = {"filePath": "/srv/backup", "tenantId": "1", "folderId": "/srv/backup"}
    wire.expect("GET", f"{READ}?Dump=true", ok(None))
    wire.expect("POST", WRITE, ok(True), body={**BODY, "dump": True})
    assert plan(run, dump=True)["changed"] is True
    wire.expect("GET", f"{READ}?Dump=true", ok({**THERE, "storageParams": params, "dump": True}))
    assert plan(run, dump=True)["changed"] is False
    wire.expect("GET", f"{READ}?Dump=true", ok({**THERE, "storageParams": params, "dump": True}))
    wire.expect("DELETE", f"{REMOVE}?Dump=true", ok(True))
    assert run("docspace_backup_schedule", state="absent", dump=True)["changed"] is True


# --- what is refused before a request ---


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"weekday": None}, "weekday"),
        ({**DAILY, "weekday": "sunday"}, "weekday"),
        ({**MONTHLY, "weekday": "sunday"}, "weekday"),
        ({**MONTHLY, "monthday": None}, "monthday"),
        ({**DAILY, "monthday": 1}, "monthday"),
        ({"monthday": 1}, "monthday"),
        ({**MONTHLY, "monthday": 0}, "monthday"),
        ({**MONTHLY, "monthday": 32}, "monthday"),
        ({"hour": -1}, "hour"),
        ({"hour": 24}, "hour"),
        ({"backups_stored": 0}, "backups_stored"),
        ({"backups_stored": 31}, "backups_stored"),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_what_does_not_fit_is_refused(
    check_mode: bool, options: dict[str, Any], option: str, wire: Wire, run: Run
) -> None:
    message = refused(plan(run, check_mode=check_mode, **options), "config")
    assert message.startswith(f"{option}: ")


@pytest.mark.parametrize("option", ["storage_type", "period", "hour", "backups_stored"])
def test_what_is_needed(option: str, wire: Wire, run: Run) -> None:
    """Ansible itself says so."""
    result = plan(run, **{option: None})
    assert result["failed"] is True and option in result["msg"]


@pytest.mark.parametrize("hour", [0, 23])
def test_the_first_and_the_last_hour(hour: int, wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(cron(hour=hour)))
    assert plan(run, hour=hour)["changed"] is False


# --- an answer that can't be read ---


@pytest.mark.parametrize(
    "answer",
    [
        True,
        [],
        [THERE],
        "none",
        {},
        {**THERE, "cronParams": None},
        {**THERE, "cronParams": {}},
        cron(period=3),
        cron(period=None),
        cron(hour=None),
        cron(hour="three"),
        cron(day="first"),
        {**THERE, "backupsStored": "few"},
        {**THERE, "storageParams": "/srv"},
        {**THERE, "storageParams": [1]},
        {key: value for key, value in THERE.items() if key != "storageType"},
    ],
)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_what_cannot_be_read_is_not_replaced(state: str, answer: Any, wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(answer))
    options = WANTED if state == "present" else {}
    refused(run("docspace_backup_schedule", state=state, **options), "protocol")


# --- lost answers ---


@pytest.mark.parametrize(("answer", "code"), LOST)
def test_a_lost_write_that_was_taken(answer: Answer, code: str, wire: Wire, run: Run) -> None:
    """Never sent twice: the schedule that is there decides."""
    wire.expect("GET", READ, ok(None))
    wire.expect("POST", WRITE, answer, body=BODY)
    wire.expect("GET", READ, ok(THERE))
    result = plan(run, timeout=patience(answer))
    assert result["changed"] is True
    (warning,) = result["warnings"]
    assert "as wanted" in warning and "the answer wasn't a success" in warning


@pytest.mark.parametrize("after", [None, cron(hour=4)])
@pytest.mark.parametrize(("answer", "code"), LOST)
def test_a_lost_write_that_was_not_taken(
    answer: Answer, code: str, after: Any, wire: Wire, run: Run, clock: Clock
) -> None:
    wire.expect("GET", READ, ok(after))
    wire.expect("POST", WRITE, answer, body=BODY)
    for _look in range(3):
        wire.expect("GET", READ, ok(after))
    message = refused(plan(run, timeout=patience(answer)), code, changed=True)
    assert message.startswith("Not known whether the schedule was changed.")
    assert sum(clock.sleeps) == pytest.approx(patience(answer)), "it may come late"


@pytest.mark.parametrize("second", [empty(401), failed(500), html(200), ok(True)])
def test_a_lost_write_that_cannot_be_looked_up(second: Answer, wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(None))
    wire.expect("POST", WRITE, CLOSE, body=BODY)
    for _look in range(3):
        wire.expect("GET", READ, second)
    message = refused(plan(run), "connection", changed=True)
    assert message.startswith("Not known whether the schedule was changed. Run the task again")


def test_the_second_reading_is_repeated(wire: Wire, run: Run, clock: Clock) -> None:
    wire.expect("GET", READ, ok(None))
    wire.expect("POST", WRITE, CLOSE, body=BODY)
    wire.expect("GET", READ, html(502))
    wire.expect("GET", READ, ok(THERE))
    assert plan(run)["changed"] is True
    assert len(clock.sleeps) == 1


def test_a_write_that_was_refused_for_the_moment_is_repeated(wire: Wire, run: Run) -> None:
    """429 had no effect (C32)."""
    wire.expect("GET", READ, ok(None))
    wire.expect("POST", WRITE, empty(429), body=BODY)
    wire.expect("POST", WRITE, ok(True), body=BODY)
    result = plan(run)
    assert result["changed"] is True and "warnings" not in result


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (empty(401), "auth"),
        (failed(402, "Your pricing plan does not support this option"), "payment"),
        (empty(403), "forbidden"),
        (failed(403, "Access denied"), "forbidden"),
        (failed(404, "The required folder was not found"), "not_found"),
        (failed(400, "wrong folder type"), "rejected"),
        (failed(500, "The given key 'x' was not present."), "server"),
    ],
)
def test_a_refused_write_that_did_nothing(answer: Answer, code: str, wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(None))
    wire.expect("POST", WRITE, answer, body=BODY)
    wire.expect("GET", READ, ok(None))
    result = plan(run)
    message = refused(result, code)
    assert result["failure"]["method"] == "POST"
    assert (result["failure"]["detail"] or "") in message


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (failed(404, "The required folder was not found"), "not_found"),
        (failed(500, "The given key 'x' was not present."), "server"),
    ],
)
def test_a_refusal_of_the_storage_does_not_blame_the_portal(
    answer: Answer, code: str, wire: Wire, run: Run
) -> None:
    """A folder that isn't there is no wrong 'url', a missing parameter no portal that failed."""
    wire.expect("GET", READ, ok(None))
    wire.expect("POST", WRITE, answer, body=BODY)
    wire.expect("GET", READ, ok(None))
    message = refused(plan(run), code)
    assert "'url'" not in message and "Run again later" not in message


# --- secrets ---

OLD, NEW = "0ld5ecret", "n3w5ecret"
CONSUMER: dict[str, Any] = {
    "storage_type": "third_party_consumer",
    "path": None,
    "storage_params": {"module": "s3"},
    "storage_secrets": {"secretaccesskey": NEW},
}


def consumer(secret: str) -> dict[str, Any]:
    """A schedule of a consumer, as the server has it."""
    return {
        **THERE,
        "storageType": 5,
        "storageParams": {"module": "s3", "secretaccesskey": secret, "subdir": "backup"},
    }


CONSUMER_BODY = {
    **BODY,
    "storageType": "ThirdPartyConsumer",
    "storageParams": [
        {"key": "module", "value": "s3"},
        {"key": "subdir", "value": "backup"},
        {"key": "secretaccesskey", "value": NEW},
    ],
}


def secretly(run: Run, **options: Any) -> dict[str, Any]:
    given = {**CONSUMER, "diff": True, "verbosity": 3, **options}
    return plan(run, secrets=(OLD, NEW), **given)


def test_a_secret_that_changes_shows_in_the_diff_but_not_its_value(wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(consumer(OLD)))
    wire.expect("POST", WRITE, ok(True), body=CONSUMER_BODY)
    result = secretly(run)
    assert result["changed"] is True
    before, after = result["diff"]["before"], result["diff"]["after"]
    assert before["storage_params"].keys() == after["storage_params"].keys()
    assert before["storage_params"]["secretaccesskey"].strip("*") == ""
    assert before["storage_params"]["secretaccesskey"] != after["storage_params"]["secretaccesskey"]
    assert result["schedule"]["storage_params"]["secretaccesskey"].strip("*") == ""
    assert result["schedule"]["storage_params"]["module"] == "s3"


def test_a_secret_that_stays_shows_no_difference(wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(consumer(NEW)))
    result = secretly(run)
    assert result["changed"] is False
    assert result["diff"]["before"] == result["diff"]["after"]
    wire.expect("GET", READ, ok({**consumer(NEW), "backupsStored": 4}))
    result = secretly(run, check_mode=True)
    before, after = result["diff"]["before"], result["diff"]["after"]
    assert before["storage_params"] == after["storage_params"]


def test_a_secret_that_is_not_there_yet_shows_as_new(wire: Wire, run: Run) -> None:
    params = {"module": "s3", "secretaccesskey": None, "subdir": "backup"}
    without = {**consumer(OLD), "storageParams": params}
    wire.expect("GET", READ, ok(without))
    wire.expect("POST", WRITE, ok(True), body=CONSUMER_BODY)
    result = secretly(run)
    assert "secretaccesskey" not in result["diff"]["before"]["storage_params"]
    assert result["diff"]["after"]["storage_params"]["secretaccesskey"].startswith("*")


def test_absent_shows_no_secret_that_it_cannot_know(wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(consumer(OLD)))
    wire.expect("DELETE", REMOVE, ok(True))
    options = {"state": "absent", "diff": True, "verbosity": 3, "secrets": (OLD,)}
    shown = run("docspace_backup_schedule", **options)["diff"]["before"]["storage_params"]
    assert shown["module"] == "s3"
    assert shown["secretaccesskey"].strip("*") == ""


def test_a_server_that_repeats_secrets_is_not_quoted(wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(None))
    wire.expect("POST", WRITE, failed(500, f"Wrong key {NEW}"), body=CONSUMER_BODY)
    wire.expect("GET", READ, ok(None))
    assert "Wrong key" in refused(secretly(run), "server")


def test_a_warning_that_repeats_secrets_is_not_quoted(wire: Wire, run: Run) -> None:
    odd = ok({"message": f"Weak key {NEW}"}, status=1)
    wire.expect("GET", READ, ok(None))
    wire.expect("POST", WRITE, odd, body=CONSUMER_BODY)
    wire.expect("GET", READ, ok(consumer(NEW)))
    assert "Weak key" in secretly(run)["warnings"][0]


# --- absent ---


def test_absent_and_not_there_is_one_request(wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(None))
    result = run("docspace_backup_schedule", state="absent")
    assert (result["changed"], result["schedule"]) == (False, None)
    assert result["diff"] == {"before": {}, "after": {}}
    assert "warnings" not in result


@pytest.mark.parametrize("check_mode", [False, True])
def test_absent_and_there(check_mode: bool, wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(THERE))
    if not check_mode:
        wire.expect("DELETE", REMOVE, ok(True))
    result = run("docspace_backup_schedule", state="absent", check_mode=check_mode)
    assert (result["changed"], result["schedule"]) == (True, None)
    assert result["diff"] == {"before": SHOWN, "after": {}}
    (warning,) = result["warnings"]
    assert "are kept" in warning


@pytest.mark.parametrize(("answer", "code"), LOST)
def test_a_lost_removal(answer: Answer, code: str, wire: Wire, run: Run) -> None:
    for after in (None, THERE):
        wire.expect("GET", READ, ok(THERE))
        wire.expect("DELETE", REMOVE, answer)
        for _look in range(1 if after is None else 3):
            wire.expect("GET", READ, ok(after))
        result = run("docspace_backup_schedule", state="absent", timeout=patience(answer))
        assert result["changed"] is True
        if after is None:
            assert "the answer wasn't a success" in json.dumps(result["warnings"])
        else:
            message = refused(result, code, changed=True)
            assert message.startswith("Not known whether the schedule was changed.")


def test_a_refused_removal(wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(THERE))
    wire.expect("DELETE", REMOVE, empty(403))
    wire.expect("GET", READ, ok(THERE))
    refused(run("docspace_backup_schedule", state="absent"), "forbidden")


# --- the folder in an object storage ---

S3 = {"storage_type": "third_party_consumer", "path": None}


def in_bucket(**params: str) -> dict[str, Any]:
    """A schedule of an object storage, as the server has it."""
    return {**THERE, "storageType": 5, "storageParams": {"module": "s3", "bucket": "a", **params}}


def written(**params: str) -> dict[str, Any]:
    """The body that writes one."""
    pairs = {"module": "s3", "bucket": "a", **params}
    sent = [{"key": key, "value": value} for key, value in pairs.items()]
    return {**BODY, "storageType": "ThirdPartyConsumer", "storageParams": sent}


def plan_s3(run: Run, **options: Any) -> dict[str, Any]:
    params = {"module": "s3", "bucket": "a", **options.pop("params", {})}
    return plan(run, **{**S3, "storage_params": params, **options})


@pytest.mark.parametrize("dump", [False, True])
@pytest.mark.parametrize("before", [None, THERE, {**THERE, "storageType": 4, "storageParams": {}}])
def test_a_new_one_gets_the_folder_of_manual_copies(
    before: Any, dump: bool, wire: Wire, run: Run
) -> None:
    """The server adds it for a manual backup only (C47)."""
    wire.expect("GET", f"{READ}?Dump=true" if dump else READ, ok(before))
    wire.expect("POST", WRITE, ok(True), body={**written(subdir="backup"), "dump": dump})
    result = plan_s3(run, dump=dump, hour=3)
    assert result["schedule"]["storage_params"]["subdir"] == "backup"
    assert "warnings" not in result


@pytest.mark.parametrize("before", [None, in_bucket(), in_bucket(subdir="backup")])
def test_a_folder_that_is_given_is_taken(before: Any, wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(before))
    wire.expect("POST", WRITE, ok(True), body=written(subdir="copies"))
    result = plan_s3(run, params={"subdir": "copies"})
    assert result["schedule"]["storage_params"]["subdir"] == "copies"
    if before is None:
        assert "warnings" not in result
    else:
        (warning,) = result["warnings"]
        assert "subdir changes" in warning and "server can restore from them" in warning


@pytest.mark.parametrize("subdir", ["backup", "copies"])
def test_the_folder_of_the_schedule_that_is_there_is_kept(
    subdir: str, wire: Wire, run: Run
) -> None:
    wire.expect("GET", READ, ok(in_bucket(subdir=subdir)))
    assert plan_s3(run)["changed"] is False
    wire.expect("GET", READ, ok(in_bucket(subdir=subdir)))
    wire.expect(
        "POST",
        WRITE,
        ok(True),
        body={
            **written(subdir=subdir),
            "cronParams": {"period": "EveryWeek", "hour": 4, "day": 1},
        },
    )
    result = plan_s3(run, hour=4)
    assert result["changed"] is True and "warnings" not in result


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("hour", [3, 4])
@pytest.mark.parametrize("params", [{}, {"Subdir": "backup"}])
def test_a_schedule_without_the_folder_is_left_without_and_told_of(
    params: dict[str, str], hour: int, check_mode: bool, wire: Wire, run: Run
) -> None:
    """Another folder would cost the records of all its copies (C48). Keys have a case (C20)."""
    wire.expect("GET", READ, ok(in_bucket(**params)))
    if hour == 4 and not check_mode:
        cron_params = {"period": "EveryWeek", "hour": 4, "day": 1}
        wire.expect("POST", WRITE, ok(True), body={**written(), "cronParams": cron_params})
    result = plan_s3(run, hour=hour, check_mode=check_mode)
    assert result["changed"] is (hour == 4)
    (warning,) = result["warnings"]
    assert "without 'subdir'" in warning and "Set 'subdir: backup'" in warning
    assert "drops their records" in warning and "server can restore from them" in warning


def test_switching_to_the_folder_says_what_it_means(wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(in_bucket()))
    wire.expect("POST", WRITE, ok(True), body=written(subdir="backup"))
    (warning,) = plan_s3(run, params={"subdir": "backup"})["warnings"]
    assert "subdir changes" in warning and "The files remain" in warning


@pytest.mark.parametrize(
    ("params", "name"),
    [({"bucket": "b"}, "bucket"), ({"region": "b"}, "region"), ({"module": "selectel"}, "module")],
)
def test_another_place_says_what_it_means(
    params: dict[str, str], name: str, wire: Wire, run: Run
) -> None:
    wire.expect("GET", READ, ok(in_bucket(subdir="backup")))
    result = plan_s3(run, params=params, check_mode=True)
    (warning,) = result["warnings"]
    assert f"{name} changes" in warning and "drops the records" in warning


def test_what_the_task_leaves_out_is_no_change_of_the_place(wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(in_bucket(subdir="backup", region="eu")))
    result = plan_s3(run)
    assert result["changed"] is False and "warnings" not in result


@pytest.mark.parametrize(("subdir", "told"), [({}, True), ({"subdir": "backup"}, False)])
def test_temporary_copies_after_those_without_the_folder(
    subdir: dict[str, str], told: bool, wire: Wire, run: Run
) -> None:
    """A temporary backup hides copies without `subdir` (C48)."""
    wire.expect("GET", READ, ok(in_bucket(**subdir)))
    result = plan(run, storage_type="data_store", path=None, check_mode=True)
    assert ["data_store" in warning for warning in result.get("warnings", [])] == [True] * told


# --- the hour ---


def cron_of(options: dict[str, Any]) -> dict[str, Any]:
    """The times of a schedule, as they are sent."""
    if options["period"] == "daily":
        return {"period": "EveryDay", "hour": options["hour"]}
    if options["period"] == "weekly":
        day = WEEK.index(options["weekday"]) + 1
        return {"period": "EveryWeek", "hour": options["hour"], "day": day}
    return {"period": "EveryMonth", "hour": options["hour"], "day": options["monthday"]}


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("options", "due"),
    [
        ({**DAILY, "hour": 11}, True),
        ({**DAILY, "hour": 12}, True),
        ({**DAILY, "hour": 13}, False),
        # It is Thursday, the 5th of November, 12:00 UTC.
        ({"weekday": "thursday"}, True),
        ({"weekday": "wednesday"}, False),
        ({"weekday": "thursday", "hour": 13}, False),
        ({**MONTHLY, "monthday": 5}, True),
        ({**MONTHLY, "monthday": 6}, False),
    ],
)
def test_a_server_wide_schedule_whose_hour_has_passed_runs_soon(
    options: dict[str, Any], due: bool, check_mode: bool, wire: Wire, run: Run
) -> None:
    """A schedule that is written forgets when it ran last, and its hours are in UTC (C56)."""
    wire.expect("GET", f"{READ}?Dump=true", ok(None))
    if not check_mode:
        times = cron_of({**WANTED, **options})
        wire.expect("POST", WRITE, ok(True), body={**BODY, "cronParams": times, "dump": True})
    result = plan(run, dump=True, check_mode=check_mode, **options)
    told = ["within 15 minutes" in warning for warning in result.get("warnings", [])]
    assert told == [True] * due


def test_a_server_wide_schedule_that_stays_runs_when_it_would(wire: Wire, run: Run) -> None:
    there = {**cron(period=0, day=0), "dump": True}
    wire.expect("GET", f"{READ}?Dump=true", ok(there))
    result = plan(run, dump=True, **DAILY)
    assert result["changed"] is False and "warnings" not in result


def test_the_hour_of_a_portal_is_in_a_time_zone_that_is_not_known(wire: Wire, run: Run) -> None:
    wire.expect("GET", READ, ok(None))
    daily = {**BODY, "cronParams": {"period": "EveryDay", "hour": 3}}
    wire.expect("POST", WRITE, ok(True), body=daily)
    assert "warnings" not in plan(run, **DAILY)
