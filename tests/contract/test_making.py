# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup makes backups on the simulator: each end of a task, and what each run costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.contract.driven import (
    MAKE,
    TASK_SECONDS,
    Stage,
    failure,
    simulator,
)

HISTORY, PROGRESS, START = "GET getbackuphistory", "GET getbackupprogress", "POST startbackup"
DUMP = "?Dump=true"
KINDS: dict[str, dict[str, Any]] = {
    "documents": {"folder_id": "7"},
    "third_party_documents": {"folder_id": "sbox-1"},
    "local": {"path": "/srv/backup"},
    "data_store": {},
    "third_party_consumer": {"storage_params": {"module": "s3"}},
}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with simulator() as sim:
        yield Stage(sim, monkeypatch)


def make(stage: Stage, **options: Any) -> dict[str, Any]:
    return stage.run("docspace_backup", **{**MAKE, **options})


# --- how a task ends ---


@pytest.mark.parametrize("kind", KINDS)
def test_completed(stage: Stage, kind: str) -> None:
    result = stage.run("docspace_backup", storage_type=kind, **KINDS[kind])
    assert result["changed"] is True and result["joined"] is False
    assert result["task"]["status"] == "completed"
    assert result["backup"]["id"] == result["task"]["id"] == stage.sim.portal.ids()[0]
    assert result["backup"]["storage_type"] == kind
    assert (result["backup"]["expires_on"] is not None) == (kind == "data_store")
    assert "warnings" not in result
    assert stage.sim.count("POST") == 1


def test_a_folder_of_the_server_that_is_not_there_shows_in_the_end(stage: Stage) -> None:
    assert "Directory not found." in failure(make(stage, path="/nosuch"))


def test_a_storage_that_the_server_has_no_code_for(stage: Stage) -> None:
    params = {"module": "nosuch"}
    options = {"storage_type": "third_party_consumer", "path": None, "storage_params": params}
    assert "failed at 0 %" in failure(make(stage, **options))


@pytest.mark.parametrize("returns", [1, 6, 9.5])
def test_cancelled_comes_back_to_say_so(stage: Stage, returns: float) -> None:
    stage.sim.set(cancelled_returns_after_ms=int(returns * 1000))
    stage.at(40, lambda: stage.send("POST", "cancelbackup"))
    assert "was cancelled at" in failure(make(stage))


def test_another_one_in_its_place_after_it_was_done(stage: Stage) -> None:
    """Somebody starts the next one right after ours, before we look again."""
    stage.at(TASK_SECONDS, stage.backup)
    result = make(stage)
    assert result["changed"] is True
    assert result["backup"]["id"] == result["task"]["id"] == stage.sim.portal.ids()[0]


@pytest.mark.parametrize(
    ("end", "says"), [("never_starts", "hasn't started"), ("stalls", "is at 27 %")]
)
def test_takes_too_long_and_is_joined_by_the_next_run(stage: Stage, end: str, says: str) -> None:
    stage.sim.set(task_end=end)
    first = make(stage, wait_timeout=300)
    assert f"{says} after 300 s" in failure(first, changed=True)
    second = make(stage, wait_timeout=60)
    failure(second, changed=False)
    assert second["joined"] is True
    assert first["task"] == second["task"]
    assert stage.sim.count("POST") == 1
    assert sum(stage.clock.sleeps) == pytest.approx(360)


def test_goes_on_after_the_wait(stage: Stage) -> None:
    first = make(stage, wait_timeout=30)
    failure(first, changed=True)
    second = make(stage)
    assert (second["changed"], second["joined"]) == (False, True)
    assert second["backup"]["id"] == first["task"]["id"]
    assert sum(stage.clock.sleeps) <= TASK_SECONDS + 5


def test_a_portal_that_was_stopped(stage: Stage) -> None:
    stage.at(20, stage.sim.stop)
    stage.at(60, stage.sim.start)
    assert make(stage)["changed"] is True


def test_without_waiting_the_next_run_joins(stage: Stage) -> None:
    first = make(stage, wait=False)
    assert (first["changed"], first["backup"]) == (True, None)
    assert first["task"]["status"] == "created"
    second = make(stage, wait=False)
    assert (second["changed"], second["joined"]) == (False, True)
    assert second["task"]["id"] == first["task"]["id"]
    assert stage.clock.sleeps == []


# --- joined ---


def test_joined_one_of_another_type(stage: Stage) -> None:
    running = stage.backup(storageType="DataStore")
    result = make(stage)
    assert (result["changed"], result["joined"]) == (True, False)
    assert result["backup"]["storage_type"] == "local"
    assert sorted(stage.sim.portal.ids()) == sorted([running, result["backup"]["id"]])
    assert stage.sim.count("POST") == 1
    assert 2 * TASK_SECONDS <= sum(stage.clock.sleeps) <= 2 * TASK_SECONDS + 40


def test_a_dump_is_another_one(stage: Stage) -> None:
    stage.backup(dump=True)
    result = make(stage)
    assert result["joined"] is False
    dumped = make(stage, dump=True)
    assert dumped["backup"]["id"] not in stage.sim.portal.ids()
    assert dumped["backup"]["id"] != result["backup"]["id"]


def test_somebody_else_starts_between_our_look_and_our_start(stage: Stage) -> None:
    """Their task has begun by the time our start comes, and the server answers with it (C22)."""
    stage.sim.set(task_start_delay_ms=0)
    theirs: list[str] = []

    def change(values: Any) -> None:
        theirs.append(stage.backup(storageType="DataStore"))
        stage.sim.advance(1)

    # It comes with our start, just before that takes effect.
    stage.sim.faults.change = change
    stage.sim.fault("change", method="POST", path="startbackup", times=1)
    result = make(stage)
    assert (result["changed"], result["joined"]) == (True, False)
    assert len(theirs) == 1 and result["backup"]["id"] not in theirs
    assert result["backup"]["storage_type"] == "local"


# --- a start that isn't answered with success ---


@pytest.mark.parametrize(
    "status", [400, 401, 402, 403, 404, 408, 409, 500, 501, 502, 505, 511, 520, 522, 524, 599]
)
def test_a_start_that_took_effect_is_ours_whatever_the_answer(stage: Stage, status: int) -> None:
    stage.sim.fault("status", status=status, path="startbackup", times=1, after=True)
    result = make(stage)
    assert "failed" not in result, result["msg"]
    assert (result["changed"], result["joined"]) == (True, False)
    assert stage.sim.count("POST") == 1


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_refused_start_that_cannot_be_looked_up_is_not_known(stage: Stage, status: int) -> None:
    stage.sim.fault("status", status=status, path="startbackup", times=1)
    stage.sim.fault("status", status=status, path="getbackupprogress", skip=1)
    result = make(stage)
    assert result["failed"] and result["changed"] is True
    assert result["msg"].startswith("Not known whether the backup was started")


def test_a_cancelled_task_that_comes_back_is_not_ours(stage: Stage) -> None:
    """It is gone at once, and shows again seconds later (C24)."""
    stage.sim.set(cancelled_returns_after_ms=2000)
    stage.backup()
    stage.send("POST", "cancelbackup")
    stage.sim.fault("drop", path="startbackup", times=1)
    result = make(stage)
    assert result["failed"] and result["msg"].startswith("Not known whether the backup was started")


def test_a_start_that_begins_after_the_time_out_is_found(stage: Stage) -> None:
    """The server takes it late, as behind a database that is slow (C33)."""
    stage.sim.fault("drop", path="startbackup", times=1)
    stage.at(4, stage.backup)
    result = make(stage)
    assert stage.sim.count("POST") == 1
    assert (result["changed"], result["joined"]) == (True, False)


# --- pace ---


@pytest.mark.parametrize("wait_timeout", [1, 61, 7149])
@pytest.mark.parametrize("poll_interval", [1, 45])
def test_never_more_than_one_look_in_a_second(
    stage: Stage, poll_interval: int, wait_timeout: int
) -> None:
    stage.sim.set(task_end="stalls")
    failure(make(stage, wait_timeout=wait_timeout, poll_interval=poll_interval), changed=True)
    assert sum(stage.clock.sleeps) == pytest.approx(wait_timeout)
    assert min(stage.clock.sleeps) >= 1.0
    assert max(stage.clock.sleeps) <= max(30.0, poll_interval)


def test_a_long_wait_costs_little(stage: Stage) -> None:
    stage.sim.set(task_end="stalls")
    failure(make(stage, wait_timeout=7200), changed=True)
    assert stage.sim.count() < 300


def test_requests_of_each_case(stage: Stage) -> None:
    stage.sim.set(task_start_delay_ms=0, task_step_ms=0)
    make(stage)
    assert stage.asked() == [PROGRESS, START, PROGRESS, HISTORY]
    make(stage, max_age="1d")
    assert stage.asked() == [HISTORY]
    make(stage, max_age="1d", check_mode=True)
    assert stage.asked() == [HISTORY]
    make(stage, max_age="1")
    assert stage.asked() == [HISTORY, PROGRESS, START, PROGRESS, HISTORY]
    make(stage, check_mode=True)
    assert stage.asked() == [PROGRESS]
    make(stage, wait=False)
    assert stage.asked() == [PROGRESS, START]
    stage.sim.set(task_start_delay_ms=1000)
    stage.backup()
    make(stage)
    assert stage.asked() == [PROGRESS, PROGRESS, HISTORY]
    make(stage, dump=True)
    assert stage.asked() == [PROGRESS + DUMP, START, PROGRESS + DUMP, HISTORY + DUMP]


# --- fresh enough ---


def test_a_backup_no_older_than_a_day(stage: Stage) -> None:
    stage.sim.seed([{"storage_type": "Local", "age_days": 2}])
    first = make(stage, max_age="1d")
    assert first["changed"] is True
    second = make(stage, max_age="1d")
    assert (second["changed"], second["backup"]["id"]) == (False, first["backup"]["id"])
    stage.sim.advance(86400)
    stage.clock.sleep(86400)
    assert make(stage, max_age="1d")["changed"] is True
    assert len(stage.sim.portal.ids()) == 3


# --- cancelled when it takes too long ---


@pytest.mark.parametrize("status", [400, 403, 404, 500, 501, 504, 520, 524])
def test_a_cancel_that_took_effect_is_one_whatever_the_answer(stage: Stage, status: int) -> None:
    stage.sim.fault("status", status=status, path="cancelbackup", times=1, after=True)
    message = failure(make(stage, wait_timeout=60, on_timeout="cancel"), changed=False)
    assert "It was cancelled" in message
    assert stage.sim.count("POST", "cancelbackup") == 1


@pytest.mark.parametrize("status", [500, 520])
def test_a_cancel_that_may_not_have_taken_effect(stage: Stage, status: int) -> None:
    stage.sim.fault("status", status=status, path="cancelbackup", times=1)
    message = failure(make(stage, wait_timeout=60, on_timeout="cancel"), changed=True)
    assert "Not known whether it was cancelled" in message


def test_a_backup_that_takes_the_place_of_ours_is_named(stage: Stage) -> None:
    stage.sim.set(task_end="replaced")
    result = make(stage)
    message = failure(result)
    assert "replaced it" in message and result["task"]["id"] in message
    assert sum(stage.clock.sleeps) < TASK_SECONDS


def test_on_timeout_ours_is_cancelled(stage: Stage) -> None:
    stage.sim.set(task_end="stalls")
    message = failure(make(stage, wait_timeout=60, on_timeout="cancel"), changed=False)
    assert "It was cancelled" in message
    assert stage.sim.count("POST", "cancelbackup") == 1
    assert stage.sim.state()["task"] is None


# --- the server's refusals ---


@pytest.mark.parametrize(
    ("settings", "options", "code", "says"),
    [
        ({}, {"storage_type": "documents", "folder_id": "12345"}, "not_found", "'folder_id'"),
        ({}, {"storage_type": "documents", "folder_id": "8"}, "forbidden", "access to this folder"),
        ({"free_backups": 0}, MAKE, "payment", "quota"),
        ({"limited_access_to_space": True}, {**MAKE, "dump": True}, "forbidden", "server"),
    ],
)
def test_a_refusal_is_a_sentence(
    stage: Stage, settings: dict[str, Any], options: dict[str, Any], code: str, says: str
) -> None:
    stage.sim.set(**settings)
    result = stage.run("docspace_backup", **options)
    assert says in failure(result, code)
    assert stage.clock.sleeps == []
    assert stage.sim.portal.ids() == []


def test_a_key_that_only_reads(stage: Stage) -> None:
    result = make(stage, api_key=stage.sim.portal.read_key)
    assert "'*:write'" in failure(result, "forbidden")


def test_a_type_that_only_ones_own_server_has(monkeypatch: pytest.MonkeyPatch) -> None:
    with simulator(kind="saas", hosts=["127.0.0.1"]) as sim:
        result = make(Stage(sim, monkeypatch))
        message = failure(result, "server")
        assert "Access denied" in message
        assert make(Stage(sim, monkeypatch), storage_type="data_store", path=None)["changed"]
