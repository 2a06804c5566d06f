# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of a night, when it thins out and when it doesn't, and what it reports."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._rotation import read_wishes
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._rotation_night import Night
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._rotation_report import (
    account,
    report,
    sentences,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._rotation_state import State

HOUR = 3600
URL = "https://docs.example.com"
PRUNE = {"keep_last": 2}
MAKE = {"storage_type": "local", "path": "/srv/backup"}
SERVER: dict[str, Any] = {
    "failed": True,
    "msg": "The portal failed.\nTry again.",
    "changed": False,
    "failure": {"code": "server", "title": "portal failed"},
}


def record(number: int, hours: float, **more: Any) -> dict[str, Any]:
    """A backup, or the facts of one that a file has."""
    return {
        "id": f"id-{number}",
        "created_on": f"2026-11-{26 - int(hours) // 24:02}T03:00:00Z",
        "expires_on": None,
        "age_seconds": int(hours * HOUR),
        "age": f"{hours} hours",
        "storage_type": "local",
        **more,
    }


def file(number: int, hours: float, **more: Any) -> dict[str, Any]:
    """A file off site that is what its manifest says."""
    facts: dict[str, Any] = {
        "path": f"/srv/{number}.tar.gz",
        "valid": True,
        "problems": [],
        "kind": "portal",
    }
    return {**record(number, hours), **facts, "manifest": True, "matches_manifest": True, **more}


def info(*records: dict[str, Any]) -> dict[str, Any]:
    """A history."""
    return {
        "changed": False,
        "backups": list(records),
        "count": len(records),
        "total": len(records),
        "schedule": {"period": "daily"},
    }


def pruned(
    kept: list[dict[str, Any]], removed: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    """What thinning out came to."""
    total = len(kept) + len(removed)
    counts = {"total": total, "considered": total, "kept": len(kept), "removed": len(removed)}
    reasons = {"reasons": ["last"]}
    return {
        "changed": bool(removed),
        "kept": [{**one, **reasons} for one in kept],
        "removed": [{**one, **reasons} for one in removed],
        "absent": [],
        "counts": {**counts, **more},
        "schedule": {"period": "daily"},
    }


def files_pruned(
    kept: list[dict[str, Any]], removed: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    """What pruning files came to."""
    verified = {**kept[0], "valid": True} if removed else None
    return {**pruned(kept, removed), "problems": [], "verified": verified, **more}


class Run:
    """A night whose modules answer in turn, each with what is left of its results."""

    def __init__(
        self,
        results: dict[str, list[dict[str, Any]]],
        *,
        dry: bool = False,
        looks: bool = False,
        begins: bool = False,
        **given: Any,
    ) -> None:
        connection = {"connection": {"url": URL, "api_key": "sk-x"}, "max_age": "26h"}
        wishes = read_wishes({**connection, **given}, lambda _address: [])
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.state = State(wishes, dry=dry, looks=looks)

        def start(_step: str, module: str, options: dict[str, Any]) -> dict[str, Any]:
            name = module.rpartition(".")[2].replace("docspace_", "")
            self.asked.append((name, options))
            return results[name].pop(0)

        night = Night(self.state, start)
        if looks:
            night.look()
        elif begins:
            # Two tasks: what the first gave is all that the second knows.
            begun = night.begin()
            self.begun = len(self.asked)
            self.state = State(wishes, dry=dry, looks=looks)
            Night(self.state, start).serve(begun)
        else:
            night.serve()
        assert not any(results.values()), "a module that should have been run wasn't"
        self.report = report(self.state, "sales")

    @property
    def names(self) -> list[str]:
        return [name for name, _options in self.asked]

    @property
    def problems(self) -> list[str]:
        return [f"{one['step']} {one['code']}" for one in self.report["problems"]]


OLD = [record(2, 48), record(3, 72), record(4, 96)]
FRESH = record(1, 2)
AT_ONCE = {"gather": ["schedule"], "require_newer_than": "26h"}


def test_a_night_of_one_that_is_made_needs_two_starts() -> None:
    made = {"changed": True, "backup": record(9, 0), "task": {"id": "id-9"}, "joined": False}
    after = pruned([record(9, 0), OLD[0]], OLD[1:])
    run = Run({"backup": [made], "backup_prune": [after]}, make=MAKE, prune=PRUNE)
    assert run.names == ["backup", "backup_prune"]
    assert run.asked[1][1] == {**PRUNE, **AT_ONCE, "url": URL, "api_key": "sk-x"}
    told = run.report
    assert (told["made"], told["removed"], told["count"], told["problems"]) == (True, 2, 2, [])
    assert told["newest"] == record(9, 0)
    assert told["schedule"] == {"period": "daily"}
    assert [one["created_on"] for one in told["copies"]] == [
        record(9, 0)["created_on"],
        OLD[0]["created_on"],
    ]


# --- the backup begun by a task of its own ---


BEGUN: dict[str, Any] = {
    "changed": True,
    "backup": None,
    "task": {"id": "id-9", "status": "created"},
}
NOT_YET: dict[str, Any] = {**SERVER, "failure": {"code": "guard", "title": "refused by a guard"}}
DIED: dict[str, Any] = {**SERVER, "failure": {"code": "task_failed", "title": "task failed"}}
CONNECTION = {"url": URL, "api_key": "sk-x"}


def begin(results: dict[str, list[dict[str, Any]]], **given: Any) -> Run:
    return Run(results, begins=True, **{"make": MAKE, "prune": PRUNE, **given})


def test_a_copy_that_is_there_by_now_needs_two_starts() -> None:
    results = {
        "backup_schedule": [{"changed": True, "schedule": {"period": "weekly"}}],
        "backup": [BEGUN],
        "backup_prune": [pruned([record(9, 0), OLD[0]], OLD[1:])],
    }
    make = {**MAKE, "max_age": "20h", "wait_timeout": 9000}
    run = begin(results, schedule={"state": "present"}, make=make)
    assert run.names == ["backup_schedule", "backup", "backup_prune"]
    assert run.begun == 2
    assert run.asked[1][1] == {**make, "wait": False, **CONNECTION}
    assert run.asked[2][1] == {**PRUNE, **AT_ONCE, "require_id": "id-9", **CONNECTION}
    told = run.report
    assert (told["made"], told["removed"], told["count"], told["problems"]) == (True, 2, 2, [])


def test_one_that_is_not_there_yet_is_waited_for() -> None:
    waited = {"changed": False, "backup": record(9, 0), "task": None, "joined": False}
    results = {
        "backup": [BEGUN, waited],
        "backup_prune": [NOT_YET, pruned([record(9, 0)], OLD)],
    }
    make = {**MAKE, "wait_timeout": 9000, "poll_interval": 7, "dump": True}
    run = begin(results, make=make, prune={**PRUNE, "dump": True})
    assert run.names == ["backup", "backup_prune", "backup", "backup_prune"]
    follow = {"task_id": "id-9", "wait_timeout": 9000, "poll_interval": 7, "dump": True}
    assert run.asked[2][1] == {**follow, **CONNECTION}
    assert "require_id" not in run.asked[3][1]
    assert (run.report["made"], run.report["removed"], run.problems) == (True, 3, [])


@pytest.mark.parametrize(
    "given",
    [
        {"prune": {}},
        {"prune": {**PRUNE, "now": "2026-11-30T00:00:00Z"}},
        {"offsite": {"dest": "/srv"}},
    ],
)
def test_where_more_is_to_be_judged_it_is_waited_for_at_once(given: dict[str, Any]) -> None:
    waited = {"changed": False, "backup": record(9, 0), "task": None, "joined": False}
    results: dict[str, list[dict[str, Any]]] = {
        "backup": [BEGUN, waited],
        "backup_download": [],
        "backup_info": [info(record(9, 0), *OLD)],
        "backup_file_info": [],
        "backup_prune": [] if given.get("prune") == {} else [pruned([record(9, 0)], OLD)],
    }
    if "offsite" in given:
        results["backup_download"] = [{"changed": False, "sha256": "ab", "dest": "/srv/1.tar.gz"}]
        results["backup_file_info"] = [{"changed": False, "files": [], "count": 0}]
    run = begin(results, **given)
    assert run.names[:2] == ["backup", "backup"]
    assert (run.report["made"], run.problems) == (True, [])


def test_one_that_came_and_proves_nothing_is_looked_for_in_the_history() -> None:
    waited = {"changed": False, "backup": record(9, -1), "task": None, "joined": False}
    results = {
        "backup": [BEGUN, waited],
        "backup_prune": [NOT_YET],
        "backup_info": [info(record(9, -1), *OLD)],
    }
    run = begin(results)
    assert run.problems == ["prune prune_skipped", "fresh stale"]
    assert run.report["removed"] == 0


def test_one_that_is_young_enough_is_not_waited_for() -> None:
    found = {"changed": False, "backup": FRESH, "task": None, "joined": False}
    run = begin({"backup": [found], "backup_prune": [pruned([FRESH], OLD)]})
    assert "require_id" not in run.asked[1][1]
    assert (run.report["made"], run.report["problems"]) == (False, [])


@pytest.mark.parametrize(
    ("task", "made"),
    [({"status": "failed"}, False), (None, False), ({"status": "running"}, True)],
)
def test_one_that_does_not_come_is_told_of_and_nothing_goes(
    task: dict[str, Any] | None, made: bool
) -> None:
    results = {
        "backup": [BEGUN, {**DIED, "task": task}],
        "backup_prune": [NOT_YET],
        "backup_info": [info(*OLD)],
    }
    run = begin(results)
    assert run.problems == ["make task_failed", "prune prune_skipped", "fresh stale"]
    assert (run.report["made"], run.report["removed"], run.report["count"]) == (made, 0, 3)


def test_the_copy_of_yesterday_still_counts() -> None:
    results = {
        "backup": [BEGUN, DIED],
        "backup_prune": [NOT_YET, pruned([FRESH], OLD)],
        "backup_info": [info(FRESH, *OLD)],
    }
    run = begin(results)
    assert run.names == ["backup", "backup_prune", "backup", "backup_info", "backup_prune"]
    assert (run.problems, run.report["removed"]) == (["make task_failed"], 3)


def test_a_backup_of_somebody_else_is_waited_for_as_ever() -> None:
    joined = {**BEGUN, "changed": False, "joined": True}
    made = {"changed": True, "backup": record(9, 0), "joined": False}
    run = begin({"backup": [joined, made], "backup_prune": [pruned([record(9, 0)], OLD)]})
    assert run.names == ["backup", "backup", "backup_prune"]
    assert "wait" not in run.asked[1][1]
    assert (run.report["made"], run.problems) == (True, [])


def test_a_start_that_failed_is_not_tried_again() -> None:
    results = {
        "backup": [SERVER],
        "backup_info": [info(FRESH)],
        "backup_prune": [pruned([FRESH], [])],
    }
    run = begin(results)
    assert run.names == ["backup", "backup_info", "backup_prune"]
    assert run.problems == ["make server"]


def test_a_portal_that_fails_when_it_is_thinned_out() -> None:
    results = {"backup": [BEGUN], "backup_prune": [SERVER], "backup_info": [info(FRESH, *OLD)]}
    assert begin(results).problems == ["prune server"]


@pytest.mark.parametrize("again", [True, False])
def test_what_refuses_is_told_once(again: bool) -> None:
    """For want of a young copy, which is told anyway; or for another reason."""
    waited = {"changed": False, "backup": record(9, 0), "task": None, "joined": False}
    left = OLD if again else [FRESH, *OLD]
    results = {
        "backup": [BEGUN, waited],
        "backup_prune": [NOT_YET, NOT_YET],
        "backup_info": [info(*left)],
    }
    run = begin(results)
    want = ["prune prune_skipped", "fresh stale"] if again else ["prune guard"]
    assert (run.problems, run.report["removed"]) == (want, 0)


@pytest.mark.parametrize(
    ("given", "dry"),
    [
        ({}, True),
        ({"make": None}, False),
        ({"make": {**MAKE, "wait": True}}, False),
        ({"make": {**MAKE, "on_timeout": "cancel"}}, False),
        ({"make": {"storage_type": "data_store"}}, False),
        ({"make": {"max_age": "20h"}}, False),
        ({"max_age": "soon"}, False),
        ({"connection": {"api_key": "sk-x"}}, False),
        ({"schedule": None}, False),
    ],
)
def test_where_more_is_to_be_decided_nothing_is_begun(given: dict[str, Any], dry: bool) -> None:
    options = {"connection": {"url": URL}, "max_age": "26h", "make": MAKE, "prune": PRUNE, **given}
    state = State(read_wishes(options, lambda _address: []), dry=dry)
    assert Night(state, lambda *_step: pytest.fail("it was begun")).begin() == {}


# --- what is looked at ---


@pytest.mark.parametrize(
    "backup",
    [
        None,
        record(9, 0, expires_on="2026-11-27T03:00:00Z"),
        record(9, 30),
        record(9, -1),
        record(9, 0, created_on=None, age_seconds=None),
    ],
)
def test_what_proves_nothing_is_looked_for_in_the_history(backup: dict[str, Any] | None) -> None:
    made = {"changed": True, "backup": backup, "joined": False}
    results = {"backup": [made], "backup_info": [info(*OLD)]}
    run = Run(results, make=MAKE, prune=PRUNE)
    assert run.names == ["backup", "backup_info"]
    assert run.problems == ["prune prune_skipped", "fresh stale"]


def test_a_policy_that_looks_at_a_part_needs_one_more_look() -> None:
    made = {"changed": True, "backup": record(9, 0), "joined": False}
    part = pruned([record(9, 0)], OLD[2:], total=6)
    results = {
        "backup": [made],
        "backup_prune": [part],
        "backup_info": [info(record(9, 0), *OLD[:2])],
    }
    run = Run(results, make=MAKE, prune={**PRUNE, "storage_type": ["local"]})
    assert (run.report["count"], run.report["removed"], run.problems) == (3, 1, [])


def test_a_time_of_the_policy_is_none_of_the_report() -> None:
    made = {"changed": False, "backup": FRESH, "joined": False}
    results = {
        "backup": [made],
        "backup_info": [info(FRESH, *OLD)],
        "backup_prune": [pruned([FRESH], OLD)],
    }
    run = Run(results, make=MAKE, prune={**PRUNE, "now": "2026-11-30T00:00:00Z"})
    assert run.names == ["backup", "backup_info", "backup_prune"]
    assert (run.report["count"], run.report["newest"]) == (1, FRESH)


def test_all_steps_in_their_order() -> None:
    results = {
        "backup_schedule": [{"changed": True, "schedule": {"period": "weekly"}}],
        "backup": [{"changed": False, "backup": FRESH, "joined": False}],
        "backup_download": [{"changed": False, "sha256": "ab", "dest": "/srv/1.tar.gz"}],
        "backup_info": [info(FRESH, *OLD)],
        "backup_file_info": [
            {"changed": False, "files": [file(1, 2), file(2, 48), file(3, 72)], "count": 3},
        ],
        "backup_file_prune": [files_pruned([file(1, 2), file(2, 48)], [file(3, 72)])],
        "backup_prune": [pruned([FRESH, OLD[0]], OLD[1:])],
    }
    offsite = {"dest": "~/$COPIES", "keep": {"keep_last": 2}}
    run = Run(results, schedule={"state": "present"}, make=MAKE, offsite=offsite, prune=PRUNE)
    assert run.names == [
        *("backup_schedule", "backup", "backup_download", "backup_info", "backup_file_info"),
        *("backup_file_prune", "backup_prune"),
    ]
    assert run.asked[5][1] == {"keep_last": 2, "path": "~/$COPIES", "portal": URL, "dump": False}
    assert (run.report["removed"], run.report["offsite_removed"], run.problems) == (2, 1, [])
    assert run.report["newest_offsite"]["id"] == "id-1"


def test_a_history_that_can_not_be_read_proves_nothing() -> None:
    run = Run({"backup_info": [dict(SERVER)]}, prune=PRUNE)
    assert run.names == ["backup_info"]
    assert run.problems == ["prune prune_skipped", "read server"]
    assert run.report["problems"][1]["msg"] == "The portal failed. Try again."
    assert run.report["count"] is None
    assert (
        sentences(run.report["problems"])[1] == "read: portal failed: The portal failed. Try again."
    )


def test_a_step_that_fails_does_not_keep_the_others() -> None:
    results = {
        "backup_schedule": [dict(SERVER)],
        "backup": [{"unreachable": True, "msg": "gone"}],
        "backup_info": [info(FRESH, *OLD)],
        "backup_prune": [pruned([FRESH, OLD[0]], OLD[1:])],
    }
    run = Run(results, schedule={}, make=MAKE, prune=PRUNE)
    assert run.problems == ["schedule server", "make connection"]
    assert (run.report["removed"], run.report["made"]) == (2, False)


def test_a_mistake_stops_what_removes_and_nothing_else() -> None:
    made = {"changed": True, "backup": record(9, 0), "joined": False}
    results = {"backup": [made], "backup_info": [info(record(9, 0), *OLD)]}
    run = Run(results, make=MAKE, prune=PRUNE, schedule=None)
    assert run.names == ["backup", "backup_info"]
    assert run.problems == ["config config", "prune prune_skipped"]


INVALID = file(1, 2, valid=False, problems=["cut"])
REFUSED = {**SERVER, "failure": {"code": "guard", "title": "refused by a guard"}}


def test_nothing_is_removed_for_a_file_that_is_not_valid() -> None:
    """Neither a file nor a backup of the portal; the file is read once."""
    results = {
        "backup_download": [{"changed": False, "sha256": "ab"}],
        "backup_info": [info(*OLD)],
        "backup_file_info": [{"files": [file(1, 2), file(2, 48), file(3, 72)]}],
        "backup_file_prune": [{**REFUSED, "verified": INVALID}],
    }
    run = Run(results, offsite={"dest": "/srv", "keep": {"keep_last": 2}}, prune=PRUNE)
    assert run.asked[-1][1]["require_newer_than"] == "26h"
    assert run.problems == ["prune prune_skipped", "prune protocol", "fresh stale"]
    assert run.report["newest_offsite"] is None


@pytest.mark.parametrize("proof", [{"files": [INVALID]}, {"files": []}, dict(SERVER)])
@pytest.mark.parametrize("keep", [{}, {"keep_last": 2}])
def test_a_portal_is_not_pruned_for_a_file_that_is_not_valid(
    proof: dict[str, Any], keep: dict[str, Any]
) -> None:
    """It is named by the folder that was typed, and its id: nothing expands these."""
    results: dict[str, list[dict[str, Any]]] = {
        "backup_download": [{"changed": False, "sha256": "ab"}],
        "backup_info": [info(*OLD)],
        "backup_file_info": [{"files": [file(1, 2, path="/srv/$X"), file(2, 48)]}, proof],
        "backup_file_prune": [files_pruned([file(1, 2), file(2, 48)], [])] if keep else [],
    }
    offsite: dict[str, Any] = {"dest": "/srv", **({"keep": keep} if keep else {})}
    run = Run(results, offsite=offsite, prune=PRUNE)
    assert run.asked[-1][1] == {"path": "/srv", "portal": URL, "ids": ["id-1"]}
    assert run.problems == ["prune prune_skipped", "prune protocol", "fresh stale"]


def test_a_valid_file_is_read_once_and_the_portal_is_pruned() -> None:
    done = files_pruned([file(1, 2)], [file(2, 48)], verified=file(1, 2, valid=True))
    results = {
        "backup_download": [{"changed": False, "sha256": "ab"}],
        "backup_info": [info(*OLD)],
        "backup_file_info": [{"files": [file(1, 2), file(2, 48)]}],
        "backup_file_prune": [done],
        "backup_prune": [pruned(OLD[:2], OLD[2:])],
    }
    run = Run(results, offsite={"dest": "/srv", "keep": {"keep_last": 1}}, prune=PRUNE)
    assert (run.report["removed"], run.report["offsite_removed"], run.problems) == (1, 1, [])
    assert [one["where"] for one in run.report["copies"]].count("offsite") == 1


def test_a_file_that_could_not_be_removed_is_a_problem() -> None:
    stuck = {**SERVER, "failure": {"code": "task_failed", "title": "task failed"}}
    partly = files_pruned([file(1, 2)], [file(3, 72)])
    results = {
        "backup_download": [{"changed": False, "sha256": "ab"}],
        "backup_info": [info(FRESH)],
        "backup_file_info": [{"files": [file(1, 2), file(2, 48), file(3, 72)]}],
        "backup_file_prune": [{**partly, **stuck}],
    }
    run = Run(results, offsite={"dest": "/srv", "keep": {"keep_last": 1}})
    assert (run.problems, run.report["offsite_removed"]) == (["prune task_failed"], 1)


def test_a_file_that_others_can_change_proves_nothing() -> None:
    """As the download counts it: no backup is deleted because it is there, even if it is valid now."""
    results = {
        "backup_download": [{"changed": False, "sha256": "ab"}],
        "backup_info": [info(*OLD)],
        "backup_file_info": [{"files": [file(1, 2, valid=None, problems=["mode 0666"])]}],
    }
    run = Run(results, offsite={"dest": "/srv"}, prune=PRUNE)
    assert run.problems == ["offsite protocol", "prune prune_skipped", "fresh stale"]
    assert run.report["newest_offsite"] is None


def test_odd_files_are_told_once() -> None:
    folder = [file(1, 2), file(2, 48, valid=False, problems=["cut"], path="/srv/cut")]
    folder += [file(3, 49, problems=["rename it"], path="/srv/$X")]
    folder += [file(4, 50, problems=["no manifest"], manifest=False, path="/srv/bare")]
    problems = [{"path": "/srv/cut", "problem": "cut"}, {"path": "/srv/link", "problem": "a link"}]
    results = {
        "backup_download": [{"changed": False, "sha256": "ab"}],
        "backup_info": [info(FRESH)],
        "backup_file_info": [{"files": folder}],
        "backup_file_prune": [files_pruned([file(1, 2)], [], problems=problems)],
    }
    run = Run(results, offsite={"dest": "/srv", "keep": {"keep_last": 1}})
    assert run.problems == ["offsite protocol"]
    said = "Check these files: /srv/cut (cut); /srv/$X (rename it); /srv/link (a link)."
    assert run.report["problems"][0]["msg"] == said


def test_a_delete_that_failed_is_read_after() -> None:
    partly = {**SERVER, **pruned([FRESH], OLD[1:]), "failed": True, "changed": True}
    results = {"backup_info": [info(FRESH, *OLD), info(FRESH, OLD[0])], "backup_prune": [partly]}
    run = Run(results, prune=PRUNE)
    assert (run.report["removed"], run.report["count"], run.problems) == (2, 2, ["prune server"])


def test_a_dry_run_has_the_modules_assume_what_it_would_create() -> None:
    made = {"changed": True, "backup": None, "joined": False}
    results = {
        "backup": [made],
        "backup_download": [{"changed": True, "sha256": None, "dest": None}],
        "backup_info": [info(*OLD)],
        "backup_file_info": [{"files": [file(1, 50), file(2, 72)]}],
        "backup_file_prune": [files_pruned([file(1, 50)], [file(2, 72)])],
        "backup_prune": [pruned([record(9, 0), OLD[0]], OLD[1:])],
    }
    prune = {**PRUNE, "storage_type": "local,documents", "max_delete": 5}
    offsite = {"dest": "/srv", "keep": {"keep_last": 1}}
    run = Run(results, dry=True, make=MAKE, prune=prune, offsite=offsite)
    assert run.names[-2:] == ["backup_file_prune", "backup_prune"]
    assert run.asked[-2][1]["assume_new"] == "data_store"
    assert run.asked[-1][1] == {**prune, "assume_new": "local", **CONNECTION}
    told = run.report
    assert (told["removed"], told["offsite_removed"], told["made"]) == (2, 1, True)
    assert (run.problems, told["count"]) == ([], 3)


def test_a_dry_run_that_can_not_tell_says_so() -> None:
    made = {"changed": True, "backup": None, "joined": False}
    results = {"backup": [made], "backup_info": [info(*OLD)], "backup_prune": [dict(SERVER)]}
    assert Run(results, dry=True, make=MAKE, prune=PRUNE).problems == ["prune server"]


def test_a_look_writes_nothing_whatever_is_wanted() -> None:
    results = {"backup_info": [info(*OLD)], "backup_file_info": [{"files": [file(1, 2)]}]}
    offsite = {"dest": "/srv", "keep": {"keep_last": 1}}
    run = Run(results, looks=True, make=MAKE, prune=PRUNE, offsite=offsite)
    assert run.names == ["backup_info", "backup_file_info"]
    assert run.problems == []
    assert run.report["newest_offsite"]["id"] == "id-1"


def test_what_crashed_is_no_wrong_option() -> None:
    crashed = {"failed": True, "msg": "MODULE FAILURE", "module_stdout": "Traceback", "rc": 1}
    assert Run({"backup_info": [crashed]}).problems == ["read task_failed"]
    refused = {"failed": True, "msg": "Unsupported parameters"}
    assert Run({"backup_info": [refused]}).problems == ["read config"]
    long = {"failed": True, "msg": "x" * 3000}
    assert len(Run({"backup_info": [long]}).report["problems"][0]["msg"]) == 990


def test_a_connection_comes_before_what_a_step_says() -> None:
    results = {"backup": [{"changed": False, "backup": FRESH}], "backup_info": [info(FRESH)]}
    run = Run(results, make={**MAKE, "url": "https://other.example.com"})
    assert run.asked[0][1]["url"] == URL


@pytest.mark.parametrize(
    ("module", "result", "said"),
    [
        ("docspace_backup", {"changed": True, "backup": {"id": "id-9"}}, "Made id-9."),
        ("docspace_backup", {"changed": True, "backup": None, "task": None}, "Made a backup."),
        (
            "docspace_backup",
            {"changed": True, "backup": None, "task": {"id": "id-9"}},
            "Began id-9.",
        ),
        ("docspace_backup", {"changed": False, "backup": {"id": "id-1"}}, "id-1 is there."),
        ("docspace_backup", {"changed": False, "joined": True}, "A backup was running already."),
        ("docspace_backup_prune", pruned([FRESH], OLD), "3 removed, 1 kept."),
        ("docspace_backup_info", info(FRESH), "1 of 1 backups."),
        ("docspace_backup_schedule", {"changed": False}, "It is as wanted."),
        ("docspace_backup_download", {"changed": True, "dest": "/srv/a"}, "Fetched: /srv/a."),
        ("docspace_backup_file_prune", files_pruned([FRESH], OLD), "3 removed, 1 kept."),
        ("docspace_backup", {"failed": True, "msg": "No."}, "No."),
    ],
)
def test_each_step_in_words(module: str, result: dict[str, Any], said: str) -> None:
    told = account("make", f"onlyoffice.docspace.{module}", result)
    assert told["msg"] == said
    assert told["changed"] is bool(result.get("changed"))


# --- backups in an object storage, when a dry run would change the schedule ---

PLANNED = {
    "storage_type": "third_party_consumer",
    "storage_params": {"module": "s3", "bucket": "b", "subdir": "backup"},
}
IN_FOLDER: dict[str, Any] = {**PLANNED, "storage_params": {"module": "s3", "bucket": "b"}}
ELSEWHERE = {**PLANNED, "storage_params": {"module": "s3", "bucket": "b", "subdir": "daily"}}
OPEN = {**PLANNED, "storage_params": {"module": "s3", "bucket": "b"}}
TO_LOCAL = {"storage_type": "local", "storage_params": {"filePath": "/srv/backup"}}


@pytest.mark.parametrize(
    ("dry", "planned", "make", "skips"),
    [
        (True, {"changed": True, "schedule": PLANNED}, IN_FOLDER, [True, True]),
        (True, {"changed": True, "schedule": TO_LOCAL}, IN_FOLDER, [True, True]),
        (True, {"changed": True, "schedule": None}, IN_FOLDER, [True, True]),
        (True, {"changed": True, "schedule": ELSEWHERE}, IN_FOLDER, [False, True]),
        (True, {"changed": True, "schedule": OPEN}, IN_FOLDER, [False, False]),
        (True, {"changed": True, "schedule": OPEN}, {"storage_type": "data_store"}, [False, False]),
        (True, {"changed": False, "schedule": PLANNED}, IN_FOLDER, [False, False]),
        (True, {**SERVER, "changed": True}, IN_FOLDER, [False, False]),
        (False, {"changed": True, "schedule": PLANNED}, IN_FOLDER, [False, False]),
    ],
)
def test_a_dry_run_takes_the_planned_schedule_into_account(
    dry: bool, planned: dict[str, Any], make: dict[str, Any], skips: list[bool]
) -> None:
    """The modules read the schedule that the portal has, which a real run would have changed (C48)."""
    run = Run(
        {
            "backup_schedule": [planned],
            "backup": [{"changed": True, "backup": None, "task": None, "joined": False}],
            "backup_download": [{"changed": True, "sha256": None}],
            "backup_info": [info(FRESH)],
            "backup_file_info": [{"files": []}],
        },
        dry=dry,
        schedule={"storage_type": "local"},
        make=make,
        offsite={"dest": "/srv"},
    )
    asked = dict(run.asked)
    steps = (asked["backup"], asked["backup_download"])
    assert ["allow_lost_records" in options for options in steps] == skips
