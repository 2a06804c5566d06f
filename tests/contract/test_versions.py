# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole modules on servers before 3.7, whose progress has no status."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.contract.driven import (
    MAKE,
    Stage,
    failure,
    simulator,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import targz

ID = "10000000-0000-4000-8000-000000000000"
ROWS = [{"id": ID, "storage_type": "Local", "age_days": 3}]


@pytest.fixture(params=["3.1", "3.6", "3.7"])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with simulator(server=request.param, seed=ROWS) as sim:
        yield Stage(sim, monkeypatch)


@pytest.mark.parametrize("before", [False, True])
def test_a_backup_of_ours_is_ours(stage: Stage, before: bool) -> None:
    if before:
        stage.run("docspace_backup", **MAKE)
    result = stage.run("docspace_backup", **MAKE)
    assert (result["changed"], result["joined"]) == (True, False)
    assert result["backup"]["id"] == result["task"]["id"]


def test_somebody_elses_backup_is_joined(stage: Stage) -> None:
    theirs = stage.backup()
    result = stage.run("docspace_backup", **MAKE)
    assert (result["changed"], result["joined"]) == (False, True)
    assert result["task"]["id"] == theirs


def test_somebody_elses_backup_that_is_further_on_is_not_ours(stage: Stage) -> None:
    """It began between our look and our start, whose answer shows it (C22)."""
    stage.sim.set(task_start_delay_ms=0)
    theirs: list[str] = []

    def change(_values: Any) -> None:
        theirs.append(stage.backup())
        stage.sim.advance(60)

    stage.sim.faults.change = change
    stage.sim.fault("change", method="POST", times=1)
    result = stage.run("docspace_backup", **MAKE)
    assert (result["changed"], result["joined"]) == (False, True)
    assert result["task"]["id"] == theirs[0]


@pytest.mark.parametrize("status", [403, 500, 520])
@pytest.mark.parametrize("call", ["startbackup", "startrestore"])
def test_a_start_that_took_effect_is_found(stage: Stage, call: str, status: int) -> None:
    stage.sim.fault("status", status=status, path=call, times=1, after=True)
    if call == "startbackup":
        result = stage.run("docspace_backup", **MAKE)
    else:
        result = stage.run("docspace_backup_restore", id=ID, confirm="127.0.0.1")
    assert (result["changed"], result["task"]["status"]) == (True, "completed")


@pytest.mark.parametrize("before", [False, True])
def test_a_restore_of_ours_is_followed(stage: Stage, before: bool) -> None:
    for _run in range(1 + before):
        result = stage.run("docspace_backup_restore", id=ID, confirm="127.0.0.1")
        assert result["changed"] is True
        assert result["task"]["status"] == "completed"


def backup_file(folder: Path) -> str:
    place = folder / "copy.tar.gz"
    place.write_bytes(targz())
    return str(place)


@pytest.mark.parametrize("before", [False, True])
def test_a_restore_from_a_file_is_followed(stage: Stage, before: bool, tmp_path: Path) -> None:
    src = backup_file(tmp_path)
    for _run in range(1 + before):
        result = stage.run("docspace_backup_restore", src=src, confirm="127.0.0.1")
        assert result["task"]["status"] == "completed" and "warnings" not in result
    known = result["task"]["id"]
    assert stage.run("docspace_backup_restore", task_id=known)["task"]["id"] == known


@pytest.mark.parametrize("taken", [False, True])
def test_a_lost_start_from_a_file(stage: Stage, taken: bool, tmp_path: Path) -> None:
    stage.sim.fault("reset", path="startrestore", times=1, after=taken)
    src = backup_file(tmp_path)
    result = stage.run("docspace_backup_restore", src=src, confirm="127.0.0.1")
    if taken:
        assert result["task"]["status"] == "completed"
    else:
        assert "Not known" in failure(result, "connection", changed=True)
    assert stage.sim.count("POST", "startrestore") == 1


def test_a_restore_that_waits_is_told_only_by_its_status(
    stage: Stage, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    params = [{"key": "filePath", "value": ""}]
    body = {"backupId": "", "storageType": "Local", "storageParams": params}
    known = stage.send("POST", "startrestore", **body)["taskId"]
    src = backup_file(tmp_path)
    result = stage.run("docspace_backup_restore", src=src, confirm="127.0.0.1")
    if request.node.callspec.params["stage"] == "3.7":
        assert result["task"]["id"] == known
    else:
        assert known in failure(result, "conflict")
        assert stage.sim.portal.uploaded is None


def test_a_backup_that_takes_too_long_is_cancelled_or_goes_on(
    stage: Stage, request: pytest.FixtureRequest
) -> None:
    late = stage.run("docspace_backup", **MAKE, wait_timeout=30, on_timeout="cancel")
    can = request.node.callspec.params["stage"] == "3.7"
    message = failure(late, changed=not can)
    assert ("It was cancelled" in message) is can
    assert ("this server can't" in message) is not can


def test_usage_is_null_where_there_is_none(stage: Stage, request: pytest.FixtureRequest) -> None:
    result = stage.run("docspace_backup_info", gather=["history", "usage"])
    assert result["count"] == 1
    assert (result["usage"] is None) is (request.node.callspec.params["stage"] == "3.1")


def test_an_absent_dump_is_believed_only_by_the_history(
    stage: Stage, request: pytest.FixtureRequest
) -> None:
    (dump,) = stage.sim.seed([{"storage_type": "Local", "owner": "server (dump)"}])
    result = stage.run("docspace_backup", id=dump, state="absent", dump=True)
    if request.node.callspec.params["stage"] == "3.1":
        assert "was not deleted" in failure(result, "protocol")
    else:
        assert result["changed"] is True


def test_a_server_without_dumps_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with simulator(server="3.0", seed=ROWS) as sim:
        stage = Stage(sim, monkeypatch)
        result = stage.run("docspace_backup_prune", ids=[ID], dump=True, api_key=sim.portal.token)
        assert "3.1.0" in failure(result, "rejected")
        assert sim.count("DELETE") == 0
