# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_prune on the simulator: what is gone afterwards, and what it took."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.filter.backup_retention import (
    backup_retention,
)
from ansible_collections.onlyoffice.docspace.tests import simulator as simulator_package
from ansible_collections.onlyoffice.docspace.tests.contract.driven import Stage, simulator
from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator, app, limits
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import NOW

# .../ansible_collections/onlyoffice/docspace/tests/simulator/__init__.py, links left as they are
COLLECTIONS = Path(str(simulator_package.__file__)).parents[5]
HISTORY = "GET getbackuphistory"
KINDS = ("Documents", "ThridpartyDocuments", "Local", "DataStore", "ThirdPartyConsumer")


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with simulator() as sim:
        yield Stage(sim, monkeypatch)


def prune(stage: Stage, **options: Any) -> dict[str, Any]:
    """To a good end: what it says is what is there."""
    before = set(stage.sim.portal.ids())
    result = stage.run("docspace_backup_prune", **options)
    assert "failed" not in result, result.get("msg")
    if not options.get("check_mode"):
        check(stage, result, before)
    return result


def prune_in_part(stage: Stage, code: str, **options: Any) -> dict[str, Any]:
    before = set(stage.sim.portal.ids())
    result = stage.run("docspace_backup_prune", **options)
    assert result["failure"]["code"] == code, result["msg"]
    check(stage, result, before)
    assert result["changed"] is (bool(result["removed"]) or "may not have been" in result["msg"])
    return result


def check(stage: Stage, result: dict[str, Any], before: set[str]) -> None:
    now = set(stage.sim.portal.ids())
    assert not now & set(ids(result["removed"])), "it isn't removed"
    assert set(ids(result["failures"])) <= now, "nothing failed there"
    assert set(ids(result["kept"])) <= now, "what was to be kept is gone"
    went_by_itself = set(result["absent"])
    assert before - now <= set(ids(result["removed"])) | went_by_itself


def ids(records: Iterable[dict[str, Any]]) -> list[str]:
    return [record["id"] for record in records]


def deletes(stage: Stage) -> list[str]:
    """The ids of all DELETEs so far, in the order of their coming."""
    return [item.path.rpartition("/")[2] for item in stage.sim.requests if item.method == "DELETE"]


def mixed(size: int, seed: int) -> list[dict[str, Any]]:
    """Copies of two years in several storages, some at the same second, one in the future."""
    dice = random.Random(seed)
    hours = [dice.randrange(1, 24 * 730) for _copy in range(size - 2)]
    ages = [*hours, hours[0], -5]
    return [
        {"storage_type": dice.choice(KINDS), "age_seconds": age * 3600 + dice.randrange(2)}
        for age in ages
    ]


POLICIES: list[dict[str, Any]] = [
    {"keep_last": 3},
    {"keep_daily": 2, "keep_weekly": 4, "keep_monthly": 6, "timezone": "Europe/Berlin"},
    {"keep_within": "2m", "keep_within_monthly": "1y", "keep_yearly": 3, "group_by": "none"},
    {"keep_hourly": 2, "min_keep": 5, "timezone": "Pacific/Auckland"},
]


@pytest.mark.parametrize("policy", POLICIES, ids=",".join)
def test_it_removes_what_the_filter_would(stage: Stage, policy: dict[str, Any]) -> None:
    made = stage.sim.seed(mixed(60, seed=5))
    policy = {**policy, "protect_ids": [made[7].upper()]}
    backups = stage.run("docspace_backup_info")["backups"]
    wanted = backup_retention(backups, now=NOW.isoformat(), **policy)
    assert len(wanted["remove"]) > 5
    stage.asked()
    dry = prune(stage, check_mode=True, **policy)
    assert stage.asked() == [HISTORY]
    result = prune(stage, concurrency=1, **policy)
    for seen in (result, dry):
        seen.pop("invocation", None)  # Ansible's own: it tells of check mode, where it is there
    assert result == dry
    assert result["kept"] == wanted["keep"]
    assert result["removed"] == wanted["remove"]
    assert deletes(stage) == ids(wanted["remove"]), "oldest first"
    assert set(stage.sim.portal.ids()) == set(ids(wanted["keep"]))


@pytest.mark.parametrize("policy", [*POLICIES[:2], {"ids": "all"}], ids=",".join)
def test_the_second_run_has_nothing_to_do(stage: Stage, policy: dict[str, Any]) -> None:
    made = stage.sim.seed(mixed(40, seed=8))
    policy = {"ids": made[:30]} if "ids" in policy else policy
    assert prune(stage, **policy)["changed"] is True
    stage.asked()
    again = prune(stage, **policy)
    assert again["changed"] is False and again["removed"] == []
    assert stage.asked() == [HISTORY]


@pytest.mark.parametrize("concurrency", [1, 4, 10])
def test_n_deletes_cost_one_read_and_n_requests(stage: Stage, concurrency: int) -> None:
    stage.sim.seed(101)
    result = prune(stage, keep_last=1, concurrency=concurrency)
    assert result["counts"]["removed"] == 100
    assert sorted(deletes(stage)) == sorted(ids(result["removed"]))
    assert stage.asked()[0] == HISTORY
    assert stage.sim.requests == []
    files = [stage.sim.portal.backup(one)["file_exists"] for one in ids(result["removed"])]
    assert not any(files)


def test_the_servers_own_list_is_another(stage: Stage) -> None:
    ours = stage.sim.seed(3)
    servers = stage.sim.seed([{"age_days": day, "dump": True} for day in range(3)])
    result = stage.run("docspace_backup_prune", keep_last=1, dump=True)
    left = {one["id"] for one in stage.sim.state()["backups"] if not one["removed"]}
    assert left == {*ours, servers[0]}
    assert ids(result["removed"]) == [servers[2], servers[1]]
    assert stage.asked()[0] == f"{HISTORY}?Dump=true"


def test_a_lost_file_is_dropped_by_the_reading(stage: Stage) -> None:
    """Nothing that a client could avoid (C14): it is neither kept nor removed."""
    made = stage.sim.seed(4)
    stage.sim.portal.lose_files(made[3])
    result = stage.run("docspace_backup_prune", keep_last=1)
    assert result["counts"]["total"] == 3
    assert ids(result["removed"]) == [made[2], made[1]]


# --- faults ---


@pytest.mark.parametrize(
    ("switches", "kind", "words"),
    [
        ({"documents_delete_fails": True}, "Documents", "file dao delete fails"),
        ({"object_store_delete_fails": True}, "ThirdPartyConsumer", "object store refuses delete"),
        ({"local_folders": ["/elsewhere"]}, "Local", "part of the path"),
    ],
)
def test_a_storage_that_refuses(
    stage: Stage, switches: dict[str, Any], kind: str, words: str
) -> None:
    """The record is gone, and the file is still there (C18)."""
    others = [one for one in ("Documents", "ThirdPartyConsumer", "Local") if one != kind]
    made = stage.sim.seed(
        [
            {"storage_type": kind, "age_days": 9},
            {"storage_type": others[0], "age_days": 8},
            {"storage_type": kind, "age_days": 7},
            {"storage_type": others[1], "age_days": 1},
        ]
    )
    stage.sim.set(**switches)
    result = prune(stage, keep_last=1, group_by="none", concurrency=1)
    assert ids(result["removed"]) == made[:3]
    assert len(result["warnings"]) == 2
    for one, warning in zip((made[0], made[2]), result["warnings"]):
        assert one in warning and words in warning and "may remain" in warning
        assert stage.sim.portal.backup(one)["file_exists"] is True
    assert [name.split()[0] for name in stage.asked()] == ["GET", *["DELETE"] * 3, "GET"]


def test_too_many_in_a_minute(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers wait and go on. Here a minute passes as fast as they sleep."""
    monkeypatch.setattr(limits, "PER_MINUTE", 11)
    stage.sim.set(rate_limits=True)
    stage.sim.seed(31)
    result = prune(stage, keep_last=1, concurrency=4, retries=50)
    statuses = [item.status for item in stage.sim.requests if item.method == "DELETE"]
    assert statuses.count(200) == result["counts"]["removed"] == 30
    assert statuses.count(429) >= 8, "each of four workers, for both minutes"
    assert "warnings" not in result
    assert any("rate_limited" in line for line in result["log"])
    assert [item.method for item in stage.sim.requests].count("GET") == 1


def test_too_many_at_a_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """One works on the server until another was refused, which comes again later."""
    monkeypatch.setattr(limits, "WRITES_AT_A_TIME", 1)
    refused, perform, enter = threading.Event(), app.Application.perform, limits.Limits.enter

    def slow(self: Any, incoming: Any, *rest: Any) -> Any:
        if incoming.method == "DELETE":
            assert refused.wait(20), "nobody else came"
        return perform(self, incoming, *rest)

    def watched(self: Any, *who: Any) -> bool:
        entered = enter(self, *who)
        if not entered:
            refused.set()
        return entered

    monkeypatch.setattr(app.Application, "perform", slow)
    monkeypatch.setattr(limits.Limits, "enter", watched)
    stage.sim.set(rate_limits=True)
    stage.sim.seed(9)
    result = prune(stage, keep_last=1, concurrency=2, retries=1000)
    assert result["counts"]["removed"] == 8
    assert refused.is_set()


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_copy_that_vanishes_in_between(stage: Stage, concurrency: int) -> None:
    """The server says `true` to its delete; it is gone either way."""
    made = stage.sim.seed(9)
    stage.sim.fault("change", method="DELETE", times=1, change={"remove": [made[1], made[4]]})
    result = prune(stage, keep_last=1, concurrency=concurrency)
    assert set(ids(result["removed"])) == set(made[1:])
    assert "warnings" not in result


@pytest.mark.parametrize("concurrency", [2, 4])
def test_a_key_that_only_reads_costs_one_try_of_each_worker_at_most(
    stage: Stage, concurrency: int
) -> None:
    stage.sim.seed(31)
    result = prune_in_part(
        stage, "forbidden", keep_last=1, concurrency=concurrency, api_key=stage.sim.portal.read_key
    )
    tried = [one for one in result["failures"] if one["failure"]["detail"] != "not tried"]
    assert 1 <= len(deletes(stage)) <= concurrency
    assert len(tried) == len(deletes(stage))
    assert result["failure"] in [one["failure"] for one in tried]


def test_the_portal_isnt_paid_for_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then its history can't be read either (C26)."""
    with simulator(licence=True) as sim:
        stage = Stage(sim, monkeypatch)
        sim.seed(9)
        unpaid = {"set": {"tariff_state": "NotPaid"}}
        sim.fault("change", method="DELETE", skip=3, times=1, change=unpaid)
        result = prune_in_part(stage, "payment", keep_last=1, concurrency=1)
        assert result["counts"]["removed"] == 3
        assert "ot known" in result["msg"]
        assert [one["failure"]["detail"] for one in result["failures"]][1:] == ["not tried"] * 4
        assert len(deletes(stage)) == 4


def test_interrupted_and_started_again_it_finishes(stage: Stage) -> None:
    stage.sim.seed(mixed(50, seed=3))
    policy = {"keep_daily": 3, "keep_monthly": 2, "concurrency": 1}
    wanted = prune(stage, check_mode=True, **policy)
    stage.sim.fault("reset", method="DELETE", skip=10)
    first = prune_in_part(stage, "connection", **policy)
    assert ids(first["removed"]) == ids(wanted["removed"])[:10]
    assert len(deletes(stage)) == 13, "three lost connections are enough"
    assert first["changed"] is True
    stage.sim.faults.clear()
    second = prune(stage, **policy)
    assert ids(first["removed"]) + ids(second["removed"]) == ids(wanted["removed"])
    # The second run is later, so ages differ.
    for result in (second, wanted):
        for record in result["kept"]:
            del record["age"], record["age_seconds"]
    assert second["kept"] == wanted["kept"]


# The module in a process of its own. Ansible would put it into a session of its own, too.
ALONE = """
import json, sys, pytest
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import run_module

run_module("docspace_backup_prune", json.loads(sys.argv[1]), monkeypatch=pytest.MonkeyPatch())
"""


def test_killed_and_started_again_it_finishes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed while the server works on its sixth delete."""
    made = stage.sim.seed(20)
    reached, killed, done = threading.Event(), threading.Event(), threading.Event()
    perform = app.Application.perform

    def held(self: Any, incoming: Any, *rest: Any) -> Any:
        if incoming.method != "DELETE" or len(deletes(stage)) != 6 or killed.is_set():
            return perform(self, incoming, *rest)
        reached.set()
        killed.wait(20)
        try:
            return perform(self, incoming, *rest)
        finally:
            done.set()

    monkeypatch.setattr(app.Application, "perform", held)
    options = {"url": stage.sim.url, "api_key": stage.sim.key, "keep_last": 5, "concurrency": 1}
    environment = {**os.environ, "PYTHONPATH": str(COLLECTIONS)}
    command = [sys.executable, "-c", ALONE, json.dumps(options)]
    with subprocess.Popen(command, env=environment) as alone:
        try:
            assert reached.wait(60)
        finally:
            alone.kill()
    killed.set()
    assert done.wait(20)
    assert len(stage.sim.portal.ids()) == 14, "what had arrived was done"
    result = prune(stage, keep_last=5)
    assert ids(result["removed"]) == made[:4:-1][6:]
    assert ids(result["kept"]) == made[:5]
    assert set(stage.sim.portal.ids()) == set(made[:5])


@pytest.mark.parametrize("module", ["docspace_backup", "docspace_backup_prune"])
@pytest.mark.parametrize("late", [True, False])
def test_a_delete_that_takes_effect_after_the_time_out(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, late: bool, module: str
) -> None:
    """Half a second after it. One that doesn't by the end of another time-out isn't known."""
    (oldest, *_others) = stage.sim.seed(2)[::-1]
    released, done = threading.Event(), threading.Event()
    perform = app.Application.perform

    def held(self: Any, incoming: Any, *rest: Any) -> Any:
        if incoming.method != "DELETE":
            return perform(self, incoming, *rest)
        released.wait(30)
        try:
            return perform(self, incoming, *rest)
        finally:
            done.set()

    def release() -> None:
        released.set()
        assert done.wait(30)

    monkeypatch.setattr(app.Application, "perform", held)
    stage.at(0.5 if late else 100, release)
    options: dict[str, Any] = {"keep_last": 1}
    if module == "docspace_backup":
        options = {"id": oldest, "state": "absent", "retries": 0}
    result = stage.run(module, timeout=1, **options)
    release()
    assert result["changed"] is True
    assert result.get("failed", False) is not late
    if late:
        assert "may remain" in result["warnings"][0]
    else:
        assert "Not known whether" in result["msg"] and "was not deleted" not in result["msg"]


def test_the_portal_goes_away_and_comes_back(stage: Stage) -> None:
    """Refused connections, also for the second read: it isn't known, and a second run finishes."""
    stage.sim.seed(12)
    ended = stop_at(stage.sim, 4)
    first = stage.run("docspace_backup_prune", keep_last=1, concurrency=1, retries=1)
    assert first["failure"]["code"] == "connection"
    assert "ot known" in first["msg"]
    assert first["changed"] is True
    assert ended.wait(20), "what had arrived is done before the second run counts"
    stage.sim.start()
    second = prune(stage, keep_last=1)
    assert len(stage.sim.portal.ids()) == 1
    assert len(first["removed"]) + len(second["removed"]) >= 10


def stop_at(sim: Simulator, number: int) -> threading.Event:
    """The portal stops to serve while it works on this delete, and says when that has ended."""
    served, app_before, ended = [0], sim.faults.app, threading.Event()

    def counting(environ: Any, start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] == "DELETE":
            served[0] += 1
            if served[0] == number:
                sim.faults.app = app_before
                sim.stop()
                try:
                    return app_before(environ, start_response)
                finally:
                    ended.set()
        return app_before(environ, start_response)

    sim.faults.app = counting
    return ended
