# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a rotation: their order, their options, and the report."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._rotation import (
    INTERRUPTED,
    Rotation,
    parse_options,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._rotation_report import (
    report,
    sentences,
    step_summary,
)

HOUR = 3600
URL = "https://docs.example.com"
PRUNE = {"keep_last": 2}
BACKUP = {"storage_type": "local", "path": "/srv/backup"}
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
    """A valid off-site copy."""
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
    """The result of pruning backups."""
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
    """The result of pruning copies."""
    verified = {**kept[0], "valid": True} if removed else None
    return {**pruned(kept, removed), "problems": [], "verified": verified, **more}


CONNECTION = {"url": URL, "api_key": "sk-x"}
AS_EVER = {"require_newer_than": "26h", "gather": ["schedule"]}
OLD = [record(2, 48), record(3, 72), record(4, 96)]
RECENT = record(1, 2)
STARTED: dict[str, Any] = {
    "changed": True,
    "backup": None,
    "joined": False,
    "task": {"id": "id-9", "status": "created"},
}
CREATED: dict[str, Any] = {"changed": False, "backup": record(9, 0), "task": None, "joined": False}
GUARD: dict[str, Any] = {**SERVER, "failure": {"code": "guard", "title": "refused by a guard"}}
DIED: dict[str, Any] = {**SERVER, "failure": {"code": "task_failed", "title": "task failed"}}
CUT: dict[str, Any] = {"failed": True, "msg": "Cut short.", "failure": INTERRUPTED}
KILLED: dict[str, Any] = {"failed": True, "msg": "MODULE FAILURE", "module_stdout": "", "rc": 1}
TYPO: dict[str, Any] = {"failed": True, "msg": "Unsupported parameters: kep_last"}


class Run:
    """A rotation whose modules answer in turn, each with the next of its results.

    Two tasks do it: what the first returned is all that the second knows.
    """

    def __init__(
        self,
        results: dict[str, list[dict[str, Any]]],
        *,
        dry: bool = False,
        inspects: bool = False,
        error: str | None = None,
        **given: Any,
    ) -> None:
        given = {"connection": CONNECTION, "max_age": "26h", **given}
        self.asked: list[tuple[str, dict[str, Any]]] = []

        def run_module(_step: str, module: str, options: dict[str, Any]) -> dict[str, Any]:
            name = module.rpartition(".")[2].replace("docspace_", "")
            self.asked.append((name, options))
            return dict(results[name].pop(0))

        options = parse_options(given, error)
        rotation = Rotation(options, run_module, dry=dry)
        if inspects:
            rotation.inspect()
        else:
            rotation.start()
            self.started = len(self.asked)
            started, rotation = rotation.results, Rotation(options, run_module, dry=dry)
            rotation.run(started)
        assert not any(results.values()), f"not run: {results}"
        self.report = report(rotation, "sales")

    @property
    def names(self) -> list[str]:
        return [name for name, _options in self.asked]

    @property
    def problems(self) -> list[str]:
        return [f"{one['step']} {one['code']}" for one in self.report["problems"]]


def test_all_steps_in_their_order() -> None:
    results = {
        "backup_schedule": [{"changed": True, "schedule": {"period": "weekly"}}],
        "backup": [STARTED, CREATED],
        "backup_download": [{"changed": False, "sha256": "ab", "dest": "/srv/1.tar.gz"}],
        "backup_prune": [pruned([record(9, 0), OLD[0]], OLD[1:])],
        "backup_file_prune": [files_pruned([file(1, 2), file(2, 48)], [file(3, 72)])],
        "backup_file_info": [{"changed": False, "files": [file(1, 2), file(2, 48)], "count": 2}],
    }
    backup = {**BACKUP, "max_age": "20h", "wait_timeout": 9000, "poll_interval": 7}
    run = Run(
        results,
        schedule={"state": "present"},
        backup=backup,
        download={"dest": "~/$COPIES"},
        prune=PRUNE,
        download_prune={"keep_last": 2},
    )
    assert run.names == [
        *("backup_schedule", "backup", "backup", "backup_download", "backup_prune"),
        *("backup_file_prune", "backup_file_info"),
    ]
    assert run.started == 2
    asked = [options for _name, options in run.asked]
    assert asked[1] == {**backup, "wait": False, **CONNECTION}
    wait = {"task_id": "id-9", "wait_timeout": 9000, "poll_interval": 7}
    assert asked[2] == {**wait, **CONNECTION}
    assert asked[4] == {**PRUNE, **AS_EVER, "require_id": "id-9", **CONNECTION}
    copies = {"path": "~/$COPIES", "portal": URL}
    assert asked[5] == {"keep_last": 2, "dump": False, "require_newer_than": "26h", **copies}
    assert asked[6] == {**copies, "verify": False}
    told = run.report
    assert (told["made"], told["removed"], told["offsite_removed"]) == (True, 2, 1)
    assert (told["count"], told["problems"]) == (2, [])
    assert told["newest"] == record(9, 0)
    assert told["newest_offsite"]["id"] == "id-1"
    assert told["schedule"] == {"period": "daily"}
    assert [one["where"] for one in told["copies"]].count("offsite") == 2


def test_what_is_not_given_is_skipped() -> None:
    run = Run({"backup_info": [info(RECENT)]})
    assert run.names == ["backup_info"]
    assert (run.report["made"], run.report["removed"], run.problems) == (False, 0, [])


# --- the backup ---


def test_a_backup_that_is_recent_enough_is_not_waited_for() -> None:
    found = {**CREATED, "backup": RECENT}
    run = Run(
        {"backup": [found], "backup_prune": [pruned([RECENT], OLD)]}, backup=BACKUP, prune=PRUNE
    )
    assert run.asked[1][1] == {**PRUNE, **AS_EVER, **CONNECTION}
    assert (run.report["made"], run.problems) == (False, [])


def test_a_backup_that_expires_is_not_required() -> None:
    expires = record(9, 0, expires_on="2026-11-27T03:00:00Z")
    results = {
        "backup": [STARTED, {**CREATED, "backup": expires}],
        "backup_prune": [GUARD],
        "backup_info": [info(expires, *OLD)],
    }
    run = Run(results, backup={"storage_type": "data_store"}, prune=PRUNE)
    assert "require_id" not in run.asked[2][1]
    assert run.problems == ["prune guard", "age stale"]


def test_a_backup_of_somebody_else_is_waited_for_by_the_whole_module() -> None:
    joined = {**STARTED, "changed": False, "joined": True}
    made = {"changed": True, "backup": record(9, 0), "joined": False}
    results = {"backup": [joined, made], "backup_prune": [pruned([record(9, 0)], OLD)]}
    run = Run(results, backup=BACKUP, prune=PRUNE)
    assert run.asked[1][1] == {**BACKUP, **CONNECTION}
    assert (run.report["made"], run.problems) == (True, [])


@pytest.mark.parametrize("more", [{"wait": True}, {"wait": False}, {"on_timeout": "cancel"}])
def test_options_of_the_wait_leave_all_to_one_module(more: dict[str, Any]) -> None:
    made = {"changed": True, "backup": None, "task": {"id": "id-9"}, "joined": False}
    results = {"backup": [made], "backup_info": [info(RECENT)]}
    # One that was waited for is in the result; one that wasn't is waited for by nobody.
    if more != {"wait": False}:
        made["backup"] = record(9, 0)
    run = Run(results, backup={**BACKUP, **more})
    assert (run.started, run.names) == (0, ["backup", "backup_info"])
    assert run.asked[0][1] == {**BACKUP, **more, **CONNECTION}


@pytest.mark.parametrize(
    ("task", "made"),
    [({"status": "failed"}, False), (None, False), ({"status": "running"}, True)],
)
def test_a_backup_that_fails_leaves_the_decision_to_the_guard(
    task: dict[str, Any] | None, made: bool
) -> None:
    results = {
        "backup": [STARTED, {**DIED, "task": task}],
        "backup_prune": [GUARD],
        "backup_info": [info(*OLD)],
    }
    run = Run(results, backup=BACKUP, prune=PRUNE)
    assert run.asked[2][1] == {**PRUNE, **AS_EVER, **CONNECTION}
    assert run.problems == ["backup task_failed", "prune guard", "age stale"]
    assert (run.report["made"], run.report["removed"], run.report["count"]) == (made, 0, 3)


def test_a_failed_start_is_not_repeated() -> None:
    run = Run({"backup": [SERVER], "backup_info": [info(RECENT)]}, backup=BACKUP)
    assert run.problems == ["backup server"]


def test_a_run_without_a_start_does_all() -> None:
    done: list[str] = []

    def run_module(step: str, _module: str, _options: dict[str, Any]) -> dict[str, Any]:
        done.append(step)
        return {**CREATED, **info(RECENT)}

    given = {"connection": CONNECTION, "max_age": "26h", "schedule": {}, "backup": BACKUP}
    Rotation(parse_options(given, None), run_module, dry=False).run(None)
    assert done == ["schedule", "backup", "read"]


# --- guards and wrong variables ---


def test_guards_of_the_user_come_first() -> None:
    results = {
        "backup_prune": [pruned([RECENT], [])],
        "backup_file_prune": [files_pruned([file(1, 2)], [])],
        "backup_file_info": [{"files": [file(1, 2)]}],
    }
    mine = {"keep_last": 1, "require_newer_than": "90d"}
    theirs = {**mine, "path": "/copies", "portal": "https://other.example.com"}
    run = Run(results, prune=mine, download_prune=theirs)
    assert run.asked[0][1]["require_newer_than"] == "90d"
    assert run.asked[1][1] == {**mine, "dump": False, "path": "/copies", "portal": URL}
    assert run.asked[2][1] == {"path": "/copies", "portal": URL, "verify": False}


def test_copies_have_a_limit_of_their_own() -> None:
    results = {
        "backup_file_prune": [files_pruned([file(1, 200)], [])],
        "backup_file_info": [{"files": [file(1, 200)]}],
        "backup_info": [info(RECENT)],
    }
    policy = {"keep_last": 1, "path": "/copies"}
    run = Run(results, download_prune=policy, download_max_age="8d")
    assert run.asked[0][1]["require_newer_than"] == "8d"
    assert run.problems == ["age stale"]
    assert "off-site copy is 200 hours old; the limit is 8d" in run.report["problems"][0]["msg"]


@pytest.mark.parametrize("step", ["backup_schedule", "backup", "backup_download"])
def test_nothing_is_pruned_after_a_wrong_option(step: str) -> None:
    results: dict[str, list[dict[str, Any]]] = {
        "backup_schedule": [{"changed": False}],
        "backup": [{**CREATED, "backup": RECENT}],
        "backup_download": [{"changed": False, "sha256": "ab"}],
        "backup_info": [info(RECENT, *OLD)],
        "backup_file_info": [{"files": [file(1, 2)]}],
    }
    results[step] = [TYPO]
    run = Run(
        results,
        schedule={},
        backup=BACKUP,
        download={"dest": "/srv"},
        prune=PRUNE,
        download_prune=PRUNE,
    )
    assert run.problems == [f"{step.replace('backup_', '')} config", "prune prune_skipped"]


def test_copies_stay_after_a_wrong_option_for_backups() -> None:
    results = {
        "backup_prune": [TYPO],
        "backup_info": [info(RECENT)],
        "backup_file_info": [{"files": []}],
    }
    run = Run(results, prune=PRUNE, download_prune={**PRUNE, "path": "/srv"})
    assert run.problems == ["prune config", "prune prune_skipped"]


def test_a_wrong_variable_keeps_backups_and_no_other_step() -> None:
    results = {"backup": [{**CREATED, "backup": RECENT}], "backup_info": [info(RECENT)]}
    run = Run(results, backup=BACKUP, prune=PRUNE, schedule=None)
    assert run.problems == ["config config", "prune prune_skipped"]


def test_nothing_is_sent_to_an_address_that_is_refused() -> None:
    run = Run({}, error="It is another host's.", backup=BACKUP, prune=PRUNE)
    assert run.problems == ["config config"]
    assert (run.report["made"], run.report["removed"], run.report["count"]) == (False, 0, None)
    assert Run({}, inspects=True, error="It is another host's.").problems == ["config config"]


def test_the_connection_comes_before_the_options_of_a_step() -> None:
    results = {"backup": [{"changed": False, "backup": RECENT}], "backup_info": [info(RECENT)]}
    run = Run(results, backup={**BACKUP, "url": "https://other.example.com"})
    assert run.asked[0][1]["url"] == URL


# --- steps that fail or end without a result ---


def test_a_step_that_fails_does_not_keep_the_others() -> None:
    results = {
        "backup_schedule": [SERVER],
        "backup": [DIED],
        "backup_prune": [pruned([RECENT, OLD[0]], OLD[1:])],
    }
    run = Run(results, schedule={}, backup=BACKUP, prune=PRUNE)
    assert run.problems == ["schedule server", "backup task_failed"]
    assert (run.report["removed"], run.report["made"]) == (2, False)


STEPS = ("schedule", "backup", "wait", "download", "prune", "download_prune", "read", "files")


@pytest.mark.parametrize("cut", STEPS)
def test_a_step_that_is_cut_short_is_the_last_and_numbers_are_not_invented(cut: str) -> None:
    results: dict[str, list[dict[str, Any]]] = {
        "backup_schedule": [{"changed": False}],
        "backup": [STARTED, CREATED],
        "backup_download": [{"changed": False, "sha256": "ab"}],
        "backup_prune": [pruned([record(9, 0)], OLD[2:], total=6)],
        "backup_file_prune": [files_pruned([file(1, 2)], [file(2, 48)])],
        "backup_info": [info(record(9, 0), *OLD[:2])],
        "backup_file_info": [{"files": [file(1, 2)]}],
    }
    modules = [*list(results)[:2], *list(results)[1:]]
    at = STEPS.index(cut)
    for module in modules[at + 1 :]:
        results[module] = [] if module != modules[at] else results[module]
    results[modules[at]][-1 if cut != "backup" else 0] = CUT
    if cut == "backup":
        results["backup"] = [CUT]
    run = Run(
        results,
        schedule={},
        backup=BACKUP,
        download={"dest": "/srv"},
        prune=PRUNE,
        download_prune={"keep_last": 1},
    )
    step = {"wait": "backup", "files": "download"}.get(cut, cut)
    assert run.problems == [f"{step} interrupted"]
    told = run.report
    assert told["made"] is (False if at < 1 else None if at < 3 else True)
    assert told["removed"] == (0 if at < 4 else None if at == 4 else 1)
    assert told["offsite_removed"] == (0 if at < 5 else None if at == 5 else 1)
    assert told["count"] == (3 if cut == "files" else None)


@pytest.mark.parametrize("lost", [KILLED, {"unreachable": True, "msg": "gone"}])
def test_numbers_of_a_step_without_a_result_are_not_known(lost: dict[str, Any]) -> None:
    results = {"backup": [lost], "backup_prune": [lost], "backup_info": [info(RECENT)]}
    run = Run(results, backup=BACKUP, prune=PRUNE)
    assert (run.report["made"], run.report["removed"], run.report["count"]) == (None, None, 1)
    code = "task_failed" if lost is KILLED else "connection"
    assert run.problems == [f"backup {code}", f"prune {code}"]


def test_what_crashed_is_no_wrong_option() -> None:
    assert Run({"backup_info": [KILLED]}).problems == ["read task_failed"]
    assert Run({"backup_info": [TYPO]}).problems == ["read config"]
    long = {"failed": True, "msg": "x" * 3000}
    assert len(Run({"backup_info": [long]}).report["problems"][0]["msg"]) == 990


def test_a_history_that_can_not_be_read() -> None:
    run = Run({"backup_prune": [SERVER], "backup_info": [SERVER]}, prune=PRUNE)
    assert run.problems == ["prune server", "read server"]
    assert run.report["problems"][1]["msg"] == "The portal failed. Try again."
    assert run.report["count"] is None
    text = "read: portal failed: The portal failed. Try again."
    assert sentences(run.report["problems"])[1] == text


def test_a_delete_that_failed_is_read_after() -> None:
    partly = {**SERVER, **pruned([RECENT], OLD[1:]), "failed": True, "changed": True}
    results = {"backup_prune": [partly], "backup_info": [info(RECENT, OLD[0])]}
    run = Run(results, prune=PRUNE)
    assert (run.report["removed"], run.report["count"], run.problems) == (2, 2, ["prune server"])


def test_a_policy_for_some_backups_needs_one_more_read() -> None:
    part = pruned([record(1, 0)], OLD[2:], total=6)
    results = {"backup_prune": [part], "backup_info": [info(record(1, 0), *OLD[:2])]}
    run = Run(results, prune={**PRUNE, "storage_type": ["local"]})
    assert (run.report["count"], run.report["removed"], run.problems) == (3, 1, [])


def test_a_time_of_the_policy_is_none_of_the_report() -> None:
    results = {"backup_prune": [pruned([RECENT], OLD)], "backup_info": [info(RECENT)]}
    run = Run(results, prune={**PRUNE, "now": "2026-11-30T00:00:00Z"})
    assert (run.report["count"], run.report["newest"]) == (1, RECENT)


# --- off-site copies ---


def test_a_newest_copy_that_is_corrupt_counts_for_nothing() -> None:
    corrupt = file(1, 2, valid=False, problems=["cut"])
    results = {
        "backup_file_prune": [{**GUARD, "verified": corrupt}],
        "backup_info": [info(*OLD)],
        "backup_file_info": [{"files": [file(1, 2), file(2, 48), file(3, 72)]}],
    }
    run = Run(results, download_prune={"keep_last": 2, "path": "/srv"})
    assert run.problems == ["download_prune guard", "age stale"]
    assert run.report["newest_offsite"] is None


def test_a_copy_is_as_good_as_a_backup_for_the_age() -> None:
    results = {"backup_info": [info(*OLD)], "backup_file_info": [{"files": [file(1, 2)]}]}
    assert Run(results, inspects=True, download={"dest": "/srv"}).problems == []


def test_a_copy_that_others_can_change_does_not_count() -> None:
    files = [file(1, 2, valid=None, problems=["mode 0666"])]
    results = {"backup_info": [info(*OLD)], "backup_file_info": [{"files": files}]}
    run = Run(results, inspects=True, download={"dest": "/srv"})
    assert run.problems == ["download protocol", "age stale"]
    assert run.report["newest_offsite"] is None


def test_a_copy_that_could_not_be_removed_is_a_problem() -> None:
    results = {
        "backup_file_prune": [{**files_pruned([file(1, 2)], [file(3, 72)]), **DIED}],
        "backup_info": [info(RECENT)],
        "backup_file_info": [{"files": [file(1, 2), file(2, 48)]}],
    }
    run = Run(results, download_prune={"keep_last": 1, "path": "/srv"})
    assert (run.problems, run.report["offsite_removed"]) == (["download_prune task_failed"], 1)


def test_invalid_files_are_named_once() -> None:
    folder = [file(1, 2), file(2, 48, valid=False, problems=["cut"], path="/srv/cut")]
    folder += [file(3, 49, problems=["rename it"], path="/srv/$X")]
    folder += [file(4, 50, problems=["no manifest"], manifest=False, path="/srv/bare")]
    problems = [{"path": "/srv/cut", "problem": "cut"}, {"path": "/srv/link", "problem": "a link"}]
    results = {
        "backup_info": [info(RECENT)],
        "backup_file_info": [{"files": folder}],
        "backup_file_prune": [files_pruned([file(1, 2)], [], problems=problems)],
    }
    run = Run(results, download_prune={"keep_last": 1, "path": "/srv"})
    assert run.problems == ["download protocol"]
    said = "Check these files: /srv/cut (cut); /srv/$X (rename it); /srv/link (a link)."
    assert run.report["problems"][0]["msg"] == said


@pytest.mark.parametrize(("seconds", "counts"), [(-300, True), (-301, False)])
def test_clocks_may_differ_by_five_minutes(seconds: int, counts: bool) -> None:
    ahead = {"age_seconds": seconds}
    results = {
        "backup_info": [info(record(1, 0, **ahead), *OLD)],
        "backup_file_info": [{"files": [file(1, 0, **ahead), file(2, 48)]}],
    }
    run = Run(results, inspects=True, download={"dest": "/srv"}, download_max_age="26h")
    assert run.problems == ([] if counts else ["age stale", "age stale"])
    assert (run.report["newest"]["id"] == "id-1") is counts
    assert (run.report["newest_offsite"]["id"] == "id-1") is counts


# --- dry runs and inspections ---


def test_a_dry_run_has_the_modules_assume_what_it_would_create() -> None:
    assumed = {**record(9, 0), "id": None, "file_name": None}
    results = {
        "backup": [{**STARTED, "task": None}],
        "backup_download": [{"changed": True, "sha256": None, "dest": None}],
        "backup_prune": [pruned([assumed, OLD[0]], OLD[1:])],
        "backup_file_prune": [files_pruned([file(1, 50)], [file(2, 72)])],
        "backup_file_info": [{"files": [file(1, 50), file(2, 72)]}],
    }
    prune = {**PRUNE, "max_delete": 5}
    run = Run(
        results,
        dry=True,
        backup=BACKUP,
        prune=prune,
        download={"dest": "/srv"},
        download_prune={"keep_last": 1},
    )
    assert run.asked[2][1] == {**prune, **AS_EVER, "assume_new": "local", **CONNECTION}
    assert run.asked[3][1]["assume_new"] == "data_store"
    told = run.report
    assert (told["removed"], told["offsite_removed"], told["made"]) == (2, 1, True)
    # As after the real run.
    assert (run.problems, told["count"]) == ([], 2)
    assert (told["newest"]["id"], told["newest"]["assumed"]) == (None, True)
    assert told["newest"]["storage_type"] == "local"
    assert (told["newest_offsite"]["path"], told["newest_offsite"]["assumed"]) == (None, True)
    assert [one["where"] for one in told["copies"]].count("portal") == 2
    assert [one["where"] for one in told["copies"]].count("offsite") == 2


def test_a_dry_run_without_a_policy_assumes_the_same() -> None:
    results = {"backup": [{**STARTED, "task": None}], "backup_info": [info(*OLD)]}
    run = Run(results, dry=True, backup=BACKUP)
    assert (run.report["count"], run.report["newest"]["assumed"], run.problems) == (4, True, [])


def test_a_dry_run_assumes_no_backup_that_expires() -> None:
    results = {
        "backup": [{**STARTED, "task": None}],
        "backup_prune": [GUARD],
        "backup_info": [info(*OLD)],
    }
    run = Run(results, dry=True, backup={"storage_type": "data_store"}, prune=PRUNE)
    assert "assume_new" not in run.asked[1][1]
    assert run.problems == ["prune guard", "age stale"]


def test_a_dry_run_removes_from_the_history_what_it_would_delete() -> None:
    part = pruned([OLD[0]], OLD[1:], total=4)
    results = {"backup_prune": [part], "backup_info": [info(RECENT, *OLD)]}
    run = Run(results, dry=True, prune={**PRUNE, "storage_type": ["local"]})
    assert (run.report["count"], len(run.report["copies"])) == (2, 2)


def test_an_inspection_only_reads() -> None:
    results = {"backup_info": [info(*OLD)], "backup_file_info": [{"files": [file(1, 2)]}]}
    given: dict[str, Any] = {"backup": {**BACKUP, "dump": True}, "prune": {**PRUNE, "dump": True}}
    given |= {"download": {"dest": "/srv", "dump": True}, "download_prune": {"keep_last": 1}}
    run = Run(results, inspects=True, **given)
    assert run.names == ["backup_info", "backup_file_info"]
    assert run.asked[0][1] == {"gather": ["history", "schedule"], "dump": True, **CONNECTION}


@pytest.mark.parametrize(
    ("module", "result", "said"),
    [
        ("docspace_backup", {"changed": True, "backup": {"id": "id-9"}}, "Created id-9."),
        ("docspace_backup", {"changed": True, "backup": None, "task": None}, "Created a backup."),
        ("docspace_backup", STARTED, "Started backup id-9."),
        ("docspace_backup", {"backup": {"id": "id-1"}}, "id-1 is recent enough."),
        ("docspace_backup", {"changed": False, "joined": True}, "A backup was running already."),
        ("docspace_backup_prune", pruned([RECENT], OLD), "3 removed, 1 kept."),
        ("docspace_backup_info", info(RECENT), "1 of 1 backups."),
        ("docspace_backup_schedule", {"changed": False}, "Nothing to change."),
        ("docspace_backup_download", {"changed": True, "dest": "/srv/a"}, "Downloaded: /srv/a."),
        ("docspace_backup_file_prune", files_pruned([RECENT], OLD), "3 removed, 1 kept."),
        ("docspace_backup", {"failed": True, "msg": "No."}, "No."),
    ],
)
def test_the_summary_of_a_step(module: str, result: dict[str, Any], said: str) -> None:
    told = step_summary("backup", f"onlyoffice.docspace.{module}", result)
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
    ("dry", "planned", "backup", "skips"),
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
    dry: bool, planned: dict[str, Any], backup: dict[str, Any], skips: list[bool]
) -> None:
    """Modules read the schedule that the portal has, which a real run would have changed (C48)."""
    run = Run(
        {
            "backup_schedule": [planned],
            "backup": [{"changed": True, "backup": None, "task": None, "joined": False}],
            "backup_download": [{"changed": True, "sha256": None}],
            "backup_info": [info(RECENT)],
            "backup_file_info": [{"files": []}],
        },
        dry=dry,
        schedule={"storage_type": "local"},
        backup=backup,
        download={"dest": "/srv"},
    )
    asked = dict(run.asked)
    steps = (asked["backup"], asked["backup_download"])
    assert ["allow_lost_records" in options for options in steps] == skips
