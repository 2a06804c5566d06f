# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_prune: the whole module against a scripted portal, strict about each request."""

from __future__ import annotations

import json
import signal
import ssl
import threading
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup import delete
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.client import Client
from ansible_collections.onlyoffice.docspace.plugins.modules import docspace_backup_prune
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import Clock
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import NEVER, row
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    CLOSE,
    RESET,
    SILENCE,
    Answer,
    Request,
    Wire,
    empty,
    failed,
    html,
    is_clear,
    ok,
)

Run = Callable[..., dict[str, Any]]

HISTORY = "getbackuphistory"
DAY = 86400
VECTORS = json.loads(
    (Path(__file__).parents[1] / "module_utils" / "retention-vectors.json").read_text("utf-8")
)
TRUE = ok(True)
KEYS = {"changed", "kept", "removed", "failures", "absent", "counts", "schedule", "diff"}


def uid(number: int) -> str:
    """An id: those of younger copies come first in this file, and so does their number."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def copy(day: int, **values: Any) -> dict[str, Any]:
    """A local copy of 03:00, so many days ago; its number is the day's."""
    values = {"fileName": f"day{day}.tar.gz", **values}
    return row(uid(day), age=day * DAY + 9 * 3600, **values)


def days(*numbers: int) -> list[dict[str, Any]]:
    """Copies of these days."""
    return [copy(number) for number in numbers]


def ids(records: Iterable[dict[str, Any]]) -> list[str]:
    return [record["id"] for record in records]


def numbers(records: Iterable[dict[str, Any]]) -> list[int]:
    """The days of copies, as `copy` takes them."""
    return [int(record["id"][:8], 16) for record in records]


def reasons(records: Iterable[dict[str, Any]]) -> dict[int, list[str]]:
    return {int(record["id"][:8], 16): record["reasons"] for record in records}


def counts(total: int, considered: int, kept: int, removed: int) -> dict[str, int]:
    """With nothing failed and nothing absent."""
    there = {"total": total, "considered": considered, "kept": kept, "removed": removed}
    return {**there, "failures": 0, "absent": 0}


def prune(run: Run, **options: Any) -> dict[str, Any]:
    """Run it to a good end, and check what holds for each: every copy is accounted for once."""
    result = run("docspace_backup_prune", **options)
    assert "failed" not in result, result.get("msg")
    check_account(result)
    assert result["failures"] == []
    assert result["changed"] is bool(result["removed"])
    return result


def fail(run: Run, code: str, **options: Any) -> dict[str, Any]:
    """Run it to a failure."""
    result = run("docspace_backup_prune", **options)
    assert result.get("failed") is True
    assert result["failure"]["code"] == code, result["msg"]
    return result


def incomplete(run: Run, code: str, **options: Any) -> dict[str, Any]:
    """Run it to a failure in the middle, which tells all that a good end tells."""
    result = fail(run, code, **options)
    ansibles = {"warnings", "log", "invocation"}  # the last not in every version
    assert set(result) - ansibles == KEYS | {"failed", "msg", "failure"}
    check_account(result)
    assert result["changed"] is (bool(result["removed"]) or "may not have been" in result["msg"])
    assert len(result["failures"]) > 0
    for record in result["failures"]:
        assert set(record["failure"]) == {"code", "title", "status", "method", "path", "detail"}
        assert "reasons" not in record and "failed" not in record
    return result


def check_account(result: dict[str, Any]) -> None:
    parts = {name: result[name] for name in ("kept", "removed", "failures", "absent")}
    counts = result["counts"]
    assert {name: counts[name] for name in parts} == {name: len(parts[name]) for name in parts}
    listed = [*ids(result["kept"]), *ids(result["removed"]), *ids(result["failures"])]
    listed += result["absent"]
    assert len(listed) == len(set(listed)), "a copy stands in two lists"


def nothing_read(run: Run, code: str, *mentions: str, **options: Any) -> None:
    """It fails before anything is sent: the wire expects nothing."""
    for check_mode in (False, True):
        result = fail(run, code, check_mode=check_mode, **options)
        assert result["changed"] is False
        for mention in mentions:
            assert mention in result["msg"]


def deletes(wire: Wire, numbers: Iterable[int], answer: Answer = TRUE, **options: Any) -> None:
    for number in numbers:
        wire.expect("DELETE", f"deletebackup/{uid(number)}", answer, **options)


# --- a policy ---


def test_a_policy(wire: Wire, run: Run) -> None:
    """Worked out by hand: the clock stands at Thursday 5 November 2026, noon."""
    wire.expect("GET", HISTORY, ok(days(9, 3, 0, 13, 5, 1, 7, 2, 12, 4, 11, 6, 10, 8)))
    deletes(wire, [13, 12, 11, 10, 9, 8, 7, 6, 5, 3])
    result = prune(run, keep_last=2, keep_daily=3, keep_weekly=2, concurrency=1)
    assert reasons(result["kept"]) == {
        0: ["last", "daily", "weekly"],
        1: ["last", "daily"],
        2: ["daily"],
        4: ["weekly"],  # Sunday: the newest of the week before
    }
    assert numbers(result["kept"]) == [0, 1, 2, 4], "newest first"
    assert numbers(result["removed"]) == [13, 12, 11, 10, 9, 8, 7, 6, 5, 3], "oldest first"
    assert {tuple(record["reasons"]) for record in result["removed"]} == {("not kept by any rule",)}
    assert result["counts"] == counts(14, 14, 4, 10)
    assert set(result) - {"invocation"} == KEYS
    assert result["removed"][-1] == {
        "id": uid(3),
        "file_name": "day3.tar.gz",
        "storage_type": "local",
        "created_on": "2026-11-02T03:00:00Z",
        "expires_on": None,
        "age_seconds": 3 * DAY + 9 * 3600,
        "age": "3 days",
        "reasons": ["not kept by any rule"],
    }


def test_the_records_are_those_of_the_info_module(wire: Wire, run: Run) -> None:
    history = [
        *days(0, 1, 2),
        copy(3, storageType=4, expiresOn="2026-11-06T00:00:00"),
        copy(4, storageType="Documents", createdOn="2026-11-01T03:00:00.1234567Z"),
        row(uid(5), age=-DAY),
    ]
    wire.expect("GET", HISTORY, ok(history))
    shown = run("docspace_backup_info")["backups"]
    wire.expect("GET", HISTORY, ok(history))
    result = prune(run, keep_last=1, check_mode=True)
    listed = [*result["kept"], *reversed(result["removed"])]
    bare = [{key: one[key] for key in one if key != "reasons"} for one in listed]
    assert sorted(bare, key=lambda one: one["age_seconds"]) == shown


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_engines_worked_examples(vector: dict[str, Any], wire: Wire, run: Run) -> None:
    """One letter is one id, in the same order."""
    letters = {backup["id"]: uid(ord(backup["id"])) for backup in vector["backups"]}
    history = [
        {
            "id": letters[backup["id"]],
            "fileName": backup["id"],
            "storageType": backup["storage_type"],
            "createdOn": backup["created_on"],
            "expiresOn": backup.get("expires_on") or NEVER,
        }
        for backup in vector["backups"]
    ]
    options = dict(vector["options"])
    if "protect_ids" in options:
        options["protect_ids"] = [letters[one] for one in options["protect_ids"]]
    gone = [letters[letter] for letter in letters if letter not in vector["kept"]]
    wire.expect("GET", HISTORY, ok(history))
    for one in gone:
        wire.expect("DELETE", f"deletebackup/{one}", TRUE, in_order=False)
    result = prune(run, **vector["policy"], **options, now=vector["now"])
    assert {one["file_name"]: one["reasons"] for one in result["kept"]} == vector["kept"]
    assert sorted(ids(result["removed"])) == sorted(gone)


@pytest.mark.parametrize("check_mode", [False, True])
def test_nothing_to_remove(check_mode: bool, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    result = prune(run, keep_last=5, check_mode=check_mode)
    assert numbers(result["kept"]) == [0, 1]
    wire.expect("GET", HISTORY, ok([]))
    assert prune(run, keep_last=5, check_mode=check_mode)["counts"]["total"] == 0


@pytest.mark.parametrize(
    ("filters", "considered"),
    [
        ({"storage_type": ["documents"]}, [4, 5, 6]),
        ({"storage_type": ["ThridpartyDocuments", "data_store"]}, [7, 8]),
        ({"storage_type": ["99"]}, [9]),
        ({"name_pattern": "day[0-5].*"}, [0, 1, 2, 3, 4, 5]),
        ({"name_pattern": "DAY*"}, []),
        ({"name_pattern": "day?.tar.gz", "storage_type": ["local", "99"]}, [0, 1, 2, 3, 9]),
        ({"name_pattern": "*[24]*", "storage_type": ["documents"]}, [4]),
    ],
)
def test_filters_leave_the_rest_alone(
    filters: dict[str, Any], considered: list[int], wire: Wire, run: Run
) -> None:
    kinds = {4: 0, 5: "Documents", 6: "0", 7: 1, 8: 4, 9: 99}
    history = [copy(day, storageType=kinds.get(day, 3)) for day in range(10)]
    wire.expect("GET", HISTORY, ok(history))
    deletes(wire, reversed(considered[1:]))
    result = prune(run, keep_last=1, group_by="none", concurrency=1, **filters)
    assert numbers(result["kept"]) == considered[:1]
    assert numbers(result["removed"]) == considered[1:][::-1]
    assert result["counts"]["considered"] == len(considered)
    assert result["counts"]["total"] == 10


def test_each_storage_is_judged_alone(wire: Wire, run: Run) -> None:
    history = [*days(0, 1, 2), *(copy(day, storageType=0) for day in (3, 4, 5))]
    wire.expect("GET", HISTORY, ok(history))
    by_default = prune(run, keep_last=1, check_mode=True)
    assert numbers(by_default["kept"]) == [0, 3]
    wire.expect("GET", HISTORY, ok(history))
    by_name = prune(run, keep_last=1, group_by="storage_type", check_mode=True)
    assert numbers(by_name["kept"]) == [0, 3]
    wire.expect("GET", HISTORY, ok(history))
    together = prune(run, keep_last=1, group_by="none", check_mode=True)
    assert numbers(together["kept"]) == [0]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"min_keep": 2}, {0: ["last"], 1: ["min_keep"], 3: ["last"], 4: ["min_keep"]}),
        ({"min_keep": 0}, {0: ["last"], 3: ["last"]}),
        ({}, {0: ["last"], 3: ["last"]}),
        ({"min_keep": 2, "group_by": "none"}, {0: ["last"], 1: ["min_keep"]}),
        # The protected one is counted.
        (
            {"min_keep": 2, "protect_ids": [uid(2)]},
            {0: ["last"], 2: ["protected"], 3: ["last"], 4: ["min_keep"]},
        ),
    ],
)
def test_min_keep_holds_for_each_group(
    options: dict[str, Any], kept: dict[int, list[str]], wire: Wire, run: Run
) -> None:
    history = [*days(0, 1, 2), *(copy(day, storageType=0) for day in (3, 4, 5))]
    wire.expect("GET", HISTORY, ok(history))
    assert reasons(prune(run, keep_last=1, check_mode=True, **options)["kept"]) == kept


@pytest.mark.parametrize(
    ("timezone", "kept"), [(None, [1, 3]), ("Europe/Berlin", [1, 2]), ("America/New_York", [1, 3])]
)
def test_days_begin_in_the_time_zone(
    timezone: str | None, kept: list[int], wire: Wire, run: Run
) -> None:
    """In Berlin, one of two copies late on a day is of the next."""
    history = [
        row(uid(1), createdOn="2026-11-04T23:30:00"),
        row(uid(2), createdOn="2026-11-04T22:30:00"),
        row(uid(3), createdOn="2026-11-03T22:30:00"),
        row(uid(4), createdOn="2026-11-02T12:00:00"),
    ]
    wire.expect("GET", HISTORY, ok(history))
    result = prune(run, keep_daily=2, timezone=timezone, check_mode=True)
    assert numbers(result["kept"]) == kept


@pytest.mark.parametrize(
    "now", ["2026-11-03T12:00:00Z", "2026-11-03T12:00:00", "2026-11-03T14:00:00+02:00"]
)
def test_now_is_the_time_of_judgement(now: str, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3, 4)))
    result = prune(run, keep_last=1, now=now, check_mode=True)
    assert reasons(result["kept"]) == {0: ["future"], 1: ["future"], 2: ["last"]}
    assert [one["age_seconds"] for one in result["kept"]] == [-140400, -54000, 32400]
    assert "future" in result["diff"]["prepared"] and " 0d 9h" in result["diff"]["prepared"]


def test_without_now_it_is_the_present(wire: Wire, run: Run, clock: Clock) -> None:
    ages = (-301, -300, 0)
    wire.expect("GET", HISTORY, ok([row(uid(at), age=age) for at, age in enumerate(ages)]))
    result = prune(run, keep_last=1, check_mode=True)
    # Clocks may differ by five minutes.
    assert reasons(result["kept"]) == {0: ["future"], 1: ["last"]}
    assert [one["age_seconds"] for one in result["kept"]] == [-301, -300]


def test_an_expiring_copy_takes_no_place(wire: Wire, run: Run) -> None:
    history = [copy(0, storageType=4, expiresOn="2026-11-06T03:00:00"), copy(1), copy(2)]
    wire.expect("GET", HISTORY, ok(history))
    deletes(wire, [2])
    result = prune(run, keep_last=1, group_by="none")
    assert reasons(result["kept"]) == {0: ["expires"], 1: ["last"]}
    assert result["kept"][0]["expires_on"] == "2026-11-06T03:00:00Z"


@pytest.mark.parametrize(
    "spelled", [uid(2).upper(), uid(2).replace("-", ""), f"{{{uid(2)}}}", f"{{{uid(2).upper()}}}"]
)
def test_protected_ids_stay_however_they_are_written(spelled: str, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2)))
    deletes(wire, [1])
    result = prune(run, keep_last=1, protect_ids=[spelled, uid(2)])
    assert reasons(result["kept"]) == {0: ["last"], 2: ["protected"]}
    assert "warnings" not in result


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("options", [{"keep_last": 9}, {"ids": []}])
def test_a_protected_id_that_isnt_there_is_a_warning(
    options: dict[str, Any], check_mode: bool, wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    result = prune(run, protect_ids=[uid(7), uid(1)], check_mode=check_mode, **options)
    (warning,) = result["warnings"]
    assert uid(7) in warning and "protect_ids" in warning
    assert uid(1) not in warning


def test_a_protected_id_outside_of_the_filter_is_there(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    result = prune(run, keep_last=1, name_pattern="day0*", protect_ids=[uid(1)])
    assert "warnings" not in result


UNDATED = [
    {"createdOn": "0001-01-01T00:00:00"},
    {"createdOn": "soon"},
    {"createdOn": None},
    {"createdOn": "2026-02-30T00:00:00"},
    # Nobody knows whether it lasts.
    {"expiresOn": "soon"},
]


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("values", UNDATED)
def test_a_copy_without_a_time_stops_a_policy(
    values: dict[str, Any], check_mode: bool, wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok([*days(0, 1, 2), copy(3, **values)]))
    result = fail(run, "protocol", keep_last=1, check_mode=check_mode)
    assert uid(3) in result["msg"] and "day3.tar.gz" in result["msg"]
    assert result["changed"] is False


def test_a_copy_without_a_time_can_be_left_out(wire: Wire, run: Run) -> None:
    history = [*days(0, 1), copy(3, createdOn="soon", storageType=0)]
    wire.expect("GET", HISTORY, ok(history))
    deletes(wire, [1])
    result = prune(run, keep_last=1, storage_type=["local"])
    assert result["counts"] == counts(3, 2, 1, 1)


@pytest.mark.parametrize("values", UNDATED)
def test_a_copy_without_a_time_is_deleted_by_its_id(
    values: dict[str, Any], wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok([*days(0, 1), copy(3, **values)]))
    # Nobody knows how old it is: it goes as the oldest.
    deletes(wire, [3, 1])
    result = prune(run, ids=[uid(1), uid(3)], concurrency=1)
    assert result["removed"][0]["created_on"] is None
    assert result["removed"][0]["age_seconds"] is None
    assert "?" in result["diff"]["prepared"]


def test_rows_that_repeat_are_one(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([copy(0), copy(1), copy(0), {**copy(1), "id": uid(1).upper()}]))
    deletes(wire, [1])
    assert prune(run, keep_last=1)["counts"]["total"] == 2


@pytest.mark.parametrize("options", [{"keep_last": 1}, {"ids": [uid(1)]}])
def test_one_id_with_two_contents_removes_nothing(
    options: dict[str, Any], wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok([copy(0), copy(1), copy(1, createdOn="2026-01-01T00:00:00")]))
    assert uid(1) in fail(run, "protocol", **options)["msg"]


def test_the_servers_own_backups(wire: Wire, run: Run) -> None:
    wire.expect("GET", f"{HISTORY}?Dump=true", ok(days(0, 1)))
    deletes(wire, [1], failed(500))
    wire.expect("GET", f"{HISTORY}?Dump=true", ok(days(0)))
    assert prune(run, keep_last=1, dump=True)["changed"] is True


def test_a_true_for_one_of_the_servers_own_is_not_believed(wire: Wire, run: Run) -> None:
    """DocSpace 3.1 says so and keeps it: only the history can tell."""
    servers = f"{HISTORY}?Dump=true"
    wire.expect("GET", servers, ok(days(0, 1)))
    deletes(wire, [1])
    wire.expect("GET", servers, ok(days(0, 1)))
    kept = incomplete(run, "protocol", keep_last=1, dump=True)
    assert "was not deleted" in kept["msg"] and "3.2" in kept["msg"] and kept["changed"] is False
    wire.expect("GET", servers, ok(days(0, 1)))
    deletes(wire, [1])
    wire.expect("GET", servers, empty(401))
    unread = incomplete(run, "protocol", keep_last=1, dump=True)
    assert "ot known whether" in unread["msg"] and unread["changed"] is True


# --- ids ---


def test_named_ones_go_oldest_first(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(1, 0, 3, 2)))
    deletes(wire, [3, 0])
    result = prune(run, ids=[uid(0), uid(3)], concurrency=1)
    assert reasons(result["removed"]) == {3: ["named"], 0: ["named"]}
    assert numbers(result["removed"]) == [3, 0]
    assert result["kept"] == []
    assert result["counts"] == counts(4, 2, 0, 2)


def test_all_may_be_named(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    deletes(wire, [0, 1], in_order=False)
    assert prune(run, ids=[uid(0), uid(1)])["counts"]["removed"] == 2


def test_one_id_in_several_spellings_is_one(wire: Wire, run: Run) -> None:
    spelled = [uid(1), uid(1), uid(1).upper(), uid(1).replace("-", ""), f"{{{uid(1)}}}"]
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    deletes(wire, [1])
    assert prune(run, ids=spelled, max_delete=1)["counts"]["removed"] == 1
    wire.expect("GET", HISTORY, ok(days(0)))
    assert prune(run, ids=spelled)["absent"] == [uid(1)]


def test_absent_ones_are_told(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    deletes(wire, [1])
    result = prune(run, ids=[uid(9), uid(1), uid(5)])
    assert result["absent"] == [uid(9), uid(5)]
    assert result["counts"]["absent"] == 2
    wire.expect("GET", HISTORY, ok(days(0)))
    result = prune(run, ids=[uid(9), uid(1), uid(5)])
    assert result["absent"] == [uid(9), uid(1), uid(5)]
    assert result["changed"] is False


def test_no_ids_are_nothing_to_do(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    result = prune(run, ids=[])
    assert result["counts"] == counts(2, 0, 0, 0)
    assert result["diff"] == {"prepared": ""}


def test_an_id_that_is_protected_too(run: Run) -> None:
    nothing_read(
        run, "guard", uid(1), "protect_ids", ids=[uid(0), uid(1)], protect_ids=[uid(1).upper()]
    )


POLICY_OPTIONS = {
    **dict.fromkeys(("keep_last", "keep_hourly", "keep_daily"), 1),
    **dict.fromkeys(("keep_weekly", "keep_monthly", "keep_yearly"), 0),
    **dict.fromkeys(("keep_within", "keep_within_hourly", "keep_within_daily"), "1d"),
    **dict.fromkeys(("keep_within_weekly", "keep_within_monthly", "keep_within_yearly"), "0"),
    "timezone": "UTC",
    "group_by": "none",
    "storage_type": ["local"],
    "name_pattern": "*",
    "min_keep": 0,
    "now": "2026-11-05",
}


@pytest.mark.parametrize("option", POLICY_OPTIONS)
@pytest.mark.parametrize("named", [[], [uid(1)]])
def test_ids_and_a_policy_exclude_each_other(named: list[str], option: str, run: Run) -> None:
    nothing_read(run, "config", option, "ids", ids=named, **{option: POLICY_OPTIONS[option]})


# --- guards and input ---


@pytest.mark.parametrize("beside", [{}, {"min_keep": 5, "timezone": "UTC"}, {"max_delete": 0}])
def test_neither_ids_nor_a_policy(beside: dict[str, Any], run: Run) -> None:
    nothing_read(run, "config", "ids", "keep_", **beside)


@pytest.mark.parametrize(
    "policy",
    [
        {"keep_last": 0},
        {"keep_within": "0d"},
        {"keep_within": "0", "keep_daily": 0, "keep_within_yearly": "0y0h"},
        {"keep_last": 0, "min_keep": 100, "protect_ids": [uid(1)]},
    ],
)
def test_a_policy_that_keeps_nothing(policy: dict[str, Any], run: Run) -> None:
    nothing_read(run, "guard", "keep", **policy)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("keep_last", -2),
        ("keep_yearly", -100),
        ("keep_within", ""),
        ("keep_within", "-1d"),
        ("keep_within", "1d1d"),
        ("keep_within", "7 d"),
        ("keep_within_monthly", "1.5y"),
        ("keep_within_yearly", "soon"),
        ("timezone", "Europe/Atlantis"),
        ("timezone", ""),
        ("timezone", "localtime"),
        ("timezone", "../../etc/passwd"),
        ("now", "yesterday"),
        ("now", ""),
        ("now", "05.11.2026"),
        ("now", "2026-02-30"),
        ("min_keep", -1),
        ("protect_ids", [""]),
        ("protect_ids", [uid(1), "latest"]),
        ("concurrency", 0),
        ("concurrency", 11),
        ("concurrency", -1),
        ("max_delete", -1),
    ],
)
def test_input_that_a_policy_cant_have(option: str, value: Any, run: Run) -> None:
    nothing_read(run, "config", option, **{"keep_last": 1, option: value})


@pytest.mark.parametrize("now", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_now_leaves_room_for_every_time_zone(now: str, run: Run) -> None:
    """As the filter has it: in Tokyo the one is of the year 10,000, which Python doesn't know."""
    nothing_read(run, "config", "now", keep_last=1, timezone="Asia/Tokyo", now=now)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("ids", [""]),
        ("ids", [uid(1), "*"]),
        ("ids", [f"urn:uuid:{uid(1)}"]),
        ("ids", [uid(1)[:-1]]),
        ("ids", [f"{uid(1)}/"]),
        ("ids", [f"{{{uid(1)}"]),
        ("protect_ids", ["latest"]),
        ("concurrency", 0),
        ("concurrency", 11),
        ("max_delete", -1),
    ],
)
def test_input_that_ids_cant_have(option: str, value: Any, run: Run) -> None:
    nothing_read(run, "config", option, **{"ids": [uid(1)], option: value})


@pytest.mark.parametrize("concurrency", [1, 10])
def test_the_bounds_of_concurrency_are_good(concurrency: int, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    deletes(wire, [1])
    assert prune(run, keep_last=1, concurrency=concurrency)["changed"] is True


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("options", "max_delete"),
    [({"keep_last": 1}, 0), ({"keep_last": 1}, 1), ({"ids": [uid(0), uid(1)]}, 1)],
)
def test_more_than_max_delete_removes_nothing(
    options: dict[str, Any], max_delete: int, check_mode: bool, wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2)))
    result = fail(run, "guard", max_delete=max_delete, check_mode=check_mode, **options)
    assert "2 backups" in result["msg"] and f"{max_delete} are allowed" in result["msg"]
    assert result["changed"] is False


def test_just_max_delete_is_allowed(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2)))
    deletes(wire, [2, 1], in_order=False)
    assert prune(run, keep_last=1, max_delete=2)["counts"]["removed"] == 2
    wire.expect("GET", HISTORY, ok(days(0)))
    assert prune(run, keep_last=1, max_delete=0)["counts"]["kept"] == 1


# --- a dry run ---


@pytest.mark.parametrize(
    "options",
    [
        {"keep_last": 1, "protect_ids": [uid(3), uid(77)]},
        {"keep_daily": 2, "storage_type": ["local"], "min_keep": 3},
        {"ids": [uid(2), uid(8), uid(1)]},
    ],
)
def test_a_dry_run_only_reads_and_foretells_the_real_one(
    options: dict[str, Any], wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3, 4)))
    dry = prune(run, check_mode=True, diff=True, **options)
    wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3, 4)))
    deletes(wire, numbers(dry["removed"]), in_order=False)
    assert prune(run, diff=True, **options) == dry
    assert dry["changed"] is True


def test_the_diff_is_a_table(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([copy(0), copy(1, storageType=1), copy(2), copy(40)]))
    result = prune(run, keep_last=1, protect_ids=[uid(2)], check_mode=True, diff=True)
    gap = " " * 2
    assert result["diff"]["prepared"].splitlines() == [
        gap.join([f"- {uid(40)}", "day40.tar.gz", "   40d 9h", f"{'local':21}"])
        + f"{gap}not kept by any rule",
        gap.join([f"  {uid(0)}", "day0.tar.gz ", "    0d 9h", f"{'local':21}"]) + f"{gap}last",
        gap.join([f"  {uid(1)}", "day1.tar.gz ", "    1d 9h", f"{'third_party_documents':21}"])
        + f"{gap}last",
        gap.join([f"  {uid(2)}", "day2.tar.gz ", "    2d 9h", f"{'local':21}"]) + f"{gap}protected",
    ]


def test_the_sample_of_the_diff_is_what_is_printed(wire: Wire, run: Run) -> None:
    described = yaml.safe_load(docspace_backup_prune.RETURN)
    gone = described["removed"]["sample"][0]
    old = row(gone["id"], fileName=gone["file_name"], createdOn=gone["created_on"][:-1])
    wire.expect("GET", HISTORY, ok([old, copy(0)]))
    result = prune(run, keep_last=1, now="2026-11-06T03:00:00Z", check_mode=True, diff=True)
    sample = described["diff"]["sample"]["prepared"]
    assert result["diff"]["prepared"].splitlines(True)[0] == sample


# --- deletes ---


class Meeting(Wire):
    """Answers deletes only when `size` of them are there at the same time."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.at_once = 0
        self.most = 0
        self._count = threading.Lock()
        # A client with fewer at a time breaks it, and the test fails. Nobody waits if all is well.
        self._barrier = threading.Barrier(size, timeout=20)

    def answer(self, request: Request) -> Answer:
        if request.method != "DELETE":
            return super().answer(request)
        with self._count:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        try:
            self._barrier.wait()
            return super().answer(request)
        finally:
            # Before the client has its answer, so that what it sends next comes later.
            with self._count:
                self.at_once -= 1


@pytest.mark.parametrize(("options", "size"), [({}, 4), ({"concurrency": 2}, 2)])
def test_that_many_at_a_time_each_on_its_own_connection(
    options: dict[str, Any], size: int, run: Run
) -> None:
    portal = Meeting(size)
    with portal:
        portal.expect("GET", HISTORY, ok(days(*range(3 * size + 1))))
        deletes(portal, range(1, 3 * size + 1), in_order=False)
        prune(run, keep_last=1, url=portal.url, **options)
        portal.verify()
    assert portal.most == size
    # A connection carries one request at a time, so there can't have been more.
    assert portal.connections == size


def test_no_more_workers_than_there_is_work(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    deletes(wire, [1])
    prune(run, keep_last=1, concurrency=10)
    assert wire.connections == 1


def test_without_threads_they_go_one_at_a_time(
    wire: Wire, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoThread(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    has = types.SimpleNamespace(Lock=threading.Lock, Thread=NoThread)
    monkeypatch.setattr(delete, "threading", has)
    wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3)))
    deletes(wire, [3, 2, 1])
    result = prune(run, keep_last=1, concurrency=4, verbosity=1)
    assert numbers(result["removed"]) == [3, 2, 1]
    assert result["log"] == ["no more than 1 deletes at a time: no thread left"]


def test_what_a_worker_that_dies_had_taken_is_looked_up(
    wire: Wire, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = threading.Event()

    def dying(_client: Client, *_rest: Any, **_more: Any) -> bool:
        if threading.current_thread() is threading.main_thread():
            return died.wait(20)
        died.set()
        raise SystemExit

    monkeypatch.setattr(Client, "delete", dying)
    wire.expect("GET", HISTORY, ok(days(0, 1, 2)))
    wire.expect("GET", HISTORY, ok(days(0)))
    result = prune(run, keep_last=1, concurrency=2, verbosity=1)
    assert sorted(numbers(result["removed"])) == [1, 2]
    (warning,) = result["warnings"]
    assert "got no answer" in warning and "may remain" in warning
    assert result["log"] == ["a worker ended: SystemExit"]


# What a delete may be answered with that is no `true`, but doesn't speak for the others. One backup
# is deleted by the same code: the whole list is in test_misbehaviour.py.
ODD = [
    pytest.param(failed(500, "The disk is read-only."), "server", id="500"),
    pytest.param(failed(404, "/mnt/gone"), "not_found", id="404"),
    pytest.param(empty(429, Retry_After="3600"), "rate_limited", id="429 for an hour"),
    pytest.param(ok(False), "protocol", id="false"),
    pytest.param(CLOSE, "connection", id="closed"),
]


@pytest.mark.parametrize(("answer", "code"), ODD)
def test_after_a_failure_the_others_go_on_and_the_history_decides(
    answer: Answer, code: str, wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3)))
    deletes(wire, [3])
    deletes(wire, [2], answer)
    deletes(wire, [1])
    for _look in range(1 if is_clear(answer) else 3):
        wire.expect("GET", HISTORY, ok(days(0, 2)))
    result = incomplete(run, code, keep_last=1, concurrency=1, verbosity=3)
    assert numbers(result["removed"]) == [3, 1]
    assert numbers(result["failures"]) == [2]
    assert result["changed"] is True
    assert result["failures"][0]["failure"] == result["failure"]
    assert result["failure"]["method"] == "DELETE"
    assert result["failure"]["path"].endswith(uid(2))
    assert "1 backup" in result["msg"]
    assert ("was not deleted" if is_clear(answer) else "Not known whether") in result["msg"]
    assert "warnings" not in result


@pytest.mark.parametrize(("answer", "code"), ODD)
def test_gone_all_the_same_is_removed_with_a_warning(
    answer: Answer, code: str, wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2)))
    deletes(wire, [2], answer)
    deletes(wire, [1])
    wire.expect("GET", HISTORY, ok(days(0)))
    result = prune(run, keep_last=1, concurrency=1)
    assert numbers(result["removed"]) == [2, 1]
    (warning,) = result["warnings"]
    assert uid(2) in warning and "day2.tar.gz" in warning and "may remain" in warning
    if code == "server" and answer.status == 500:
        assert "The disk is read-only." in warning


def test_a_warning_isnt_lost_when_something_else_failed(wire: Wire, run: Run) -> None:
    """The next run will not see the copy that is gone, so nobody would look for its file."""
    wire.expect("GET", HISTORY, ok(days(0, 1, 2)))
    deletes(wire, [2, 1], failed(500))
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    result = incomplete(run, "server", keep_last=1, concurrency=1, protect_ids=[uid(77)])
    assert numbers(result["removed"]) == [2]
    warnings = result.get("warnings", [])
    assert any(uid(2) in warning and "may remain" in warning for warning in warnings), warnings
    assert any(uid(77) in warning for warning in warnings), warnings


def test_a_lost_answer_isnt_followed_by_a_second_delete(wire: Wire, run: Run, clock: Clock) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    deletes(wire, [1], html(504))
    wire.expect("GET", HISTORY, ok(days(0)))
    prune(run, keep_last=1, retries=5)
    assert clock.sleeps == []


def test_too_many_requests_are_repeated(wire: Wire, run: Run, clock: Clock) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2)))
    deletes(wire, [2], empty(429))
    deletes(wire, [2], empty(429, Retry_After="7"))
    deletes(wire, [2, 1])
    result = prune(run, keep_last=1, concurrency=1, verbosity=1)
    assert len(clock.sleeps) == 2 and clock.sleeps[1] == 7
    assert len(result["log"]) == 2 and "rate_limited" in result["log"][0]


def test_too_many_requests_for_too_long(wire: Wire, run: Run, clock: Clock) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2)))
    deletes(wire, [2, 2, 2], empty(429))
    deletes(wire, [1])
    wire.expect("GET", HISTORY, ok(days(0, 2)))
    result = incomplete(run, "rate_limited", keep_last=1, concurrency=1, retries=2)
    assert numbers(result["failures"]) == [2]
    assert len(clock.sleeps) == 2


# --- what stops the rest ---


@pytest.mark.parametrize(
    ("answer", "code"),
    [(empty(401), "auth"), (failed(403, "Access denied"), "forbidden"), (empty(402), "payment")],
)
def test_no_more_are_sent_when_none_can_succeed(
    answer: Answer, code: str, wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3, 4)))
    deletes(wire, [4])
    deletes(wire, [3], answer)
    wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3)))
    result = incomplete(run, code, keep_last=1, concurrency=1)
    assert numbers(result["removed"]) == [4]
    assert numbers(result["failures"]) == [3, 2, 1]
    tried, *rest = [record["failure"] for record in result["failures"]]
    assert result["failure"] == tried
    assert (tried["code"], tried["status"]) == (code, answer.status)
    assert tried["detail"] != "not tried"
    nothing = {"status": None, "method": None, "path": None, "title": tried["title"]}
    assert rest == [{"code": code, **nothing, "detail": "not tried"}] * 2
    assert "3 backups" in result["msg"]


def test_no_more_are_sent_without_trust(tmp_path: Path, run: Run) -> None:
    """The portal shows another certificate from the second connection on."""
    known, unknown = trustme.CA(), trustme.CA()
    known.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    def context(authority: trustme.CA) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(made)
        return made

    class Replaced(Wire):
        def wrap(self, connection: Any) -> Any:
            self._context = context(unknown if self.connections else known)
            return super().wrap(connection)

    with Replaced(context(known)) as portal:
        last = ok(days(0, 1, 2, 3))
        portal.expect("GET", HISTORY, last._replace(headers={"Connection": "close"}))
        result = incomplete(
            run,
            "tls",
            keep_last=1,
            concurrency=1,
            url=portal.url,
            ca_path=str(tmp_path / "ca.pem"),
        )
        portal.verify()
    assert result["changed"] is False
    assert [record["failure"]["detail"] for record in result["failures"]][1:] == ["not tried"] * 2
    # The first connection was trusted, and closed. Those of the delete and of the second read aren't.
    assert portal.connections == 3


@pytest.mark.parametrize("answers", [[CLOSE, RESET, CLOSE], [RESET, CLOSE, SILENCE]])
def test_three_lost_connections_in_a_row_stop_the_rest(
    answers: list[Answer], wire: Wire, run: Run
) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3, 4, 5)))
    for number, answer in zip([5, 4, 3], answers):
        deletes(wire, [number], answer)
    for _look in range(3):
        wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3, 4)))
    timeout = 0.5 if SILENCE in answers else None
    result = incomplete(run, "connection", keep_last=1, concurrency=1, timeout=timeout)
    # The first had its effect before its answer was lost.
    assert numbers(result["removed"]) == [5]
    assert [record["failure"]["detail"] == "not tried" for record in result["failures"]] == [
        *(False, False, True, True)
    ]
    assert result["failure"] == result["failures"][0]["failure"]


def test_three_refusals_in_a_row_for_too_many_requests_stop_the_rest(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3, 4, 5)))
    deletes(wire, [5, 4, 3], empty(429, Retry_After="99"))
    wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3, 4, 5)))
    result = incomplete(run, "rate_limited", keep_last=1, concurrency=1)
    assert [record["failure"]["detail"] == "not tried" for record in result["failures"]] == [
        *(False, False, False, True, True)
    ]


@pytest.mark.parametrize("between", [TRUE, failed(500), empty(429, Retry_After="99")])
def test_an_answer_in_between_starts_the_count_again(between: Answer, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(*range(7))))
    deletes(wire, [6, 5], CLOSE)
    deletes(wire, [4], between)
    deletes(wire, [3, 2], RESET)
    deletes(wire, [1])
    wire.expect("GET", HISTORY, ok(days(0)))
    result = prune(run, keep_last=1, concurrency=1)
    assert result["counts"]["removed"] == 6


def test_a_copy_that_went_by_itself_before_it_was_tried(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3)))
    deletes(wire, [3], empty(401))
    wire.expect("GET", HISTORY, ok(days(0, 2, 3)))
    result = incomplete(run, "auth", keep_last=1, concurrency=1)
    assert numbers(result["failures"]) == [3, 2]
    assert result["absent"] == [uid(1)]
    assert result["changed"] is False


def test_a_failure_that_stops_but_all_are_gone(wire: Wire, run: Run) -> None:
    """Somebody else removed them in the meantime: what was wanted is so."""
    wire.expect("GET", HISTORY, ok(days(0, 1, 2)))
    deletes(wire, [2], empty(403))
    wire.expect("GET", HISTORY, ok(days(0)))
    result = prune(run, keep_last=1, concurrency=1)
    assert numbers(result["removed"]) == [2]
    assert result["absent"] == [uid(1)]


def test_the_one_that_stopped_the_rest_is_gone_itself(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3)))
    deletes(wire, [3], failed(403, "Access denied"))
    wire.expect("GET", HISTORY, ok(days(0, 1, 2)))
    result = incomplete(run, "forbidden", keep_last=1, concurrency=1)
    assert numbers(result["removed"]) == [3]
    assert [record["failure"]["detail"] for record in result["failures"]] == ["not tried"] * 2
    assert "Access denied" in result["warnings"][0]


# --- the second read ---


def test_the_history_that_changes_between_the_reads(wire: Wire, run: Run) -> None:
    """A new copy, an old one gone by itself, and one that is written in another way."""
    wire.expect("GET", HISTORY, ok(days(1, 2, 3, 4)))
    deletes(wire, [4], failed(500))
    deletes(wire, [3], failed(500))
    deletes(wire, [2])
    wire.expect("GET", HISTORY, ok([copy(0), {**copy(3), "id": uid(3).upper()}]))
    result = incomplete(run, "server", keep_last=1, concurrency=1)
    assert numbers(result["removed"]) == [4, 2]
    assert numbers(result["failures"]) == [3]
    assert numbers(result["kept"]) == [1], "as judged"
    assert result["counts"]["total"] == 4


SECOND = [
    pytest.param(empty(401), id="401"),
    pytest.param(CLOSE, id="closed"),
    pytest.param(ok([copy(1), copy(1, fileName="other")]), id="two contents"),
]


@pytest.mark.parametrize("second", SECOND)
def test_when_the_second_read_fails_nothing_is_known(second: Answer, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1, 2, 3)))
    deletes(wire, [3], failed(500, "The disk is read-only."))
    deletes(wire, [2])
    deletes(wire, [1], CLOSE)
    for _look in range(3):
        wire.expect("GET", HISTORY, second)
    result = incomplete(run, "server", keep_last=1, concurrency=1, retries=0)
    assert numbers(result["removed"]) == [2]
    assert numbers(result["failures"]) == [3, 1]
    assert [one["failure"]["code"] for one in result["failures"]] == ["server", "connection"]
    assert "ot known whether" in result["msg"] and "Run the task again" in result["msg"]
    assert "was not deleted" not in result["msg"], "nobody knows"
    assert "The disk is read-only." in result["msg"], "the first failure is the one to tell"
    assert result["changed"] is True


def test_what_is_not_known_may_be_a_change(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    deletes(wire, [1], RESET)
    for _look in range(3):
        wire.expect("GET", HISTORY, empty(401))
    assert incomplete(run, "connection", keep_last=1)["changed"] is True


def test_the_second_read_is_repeated_like_any_other(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    deletes(wire, [1], RESET)
    wire.expect("GET", HISTORY, html(503))
    wire.expect("GET", HISTORY, CLOSE)
    wire.expect("GET", HISTORY, ok(days(0)))
    assert prune(run, keep_last=1)["counts"]["removed"] == 1


def test_the_history_has_the_last_word_also_on_a_true(wire: Wire, run: Run) -> None:
    """`true` is what a portal says that deletes nothing (C17); what is listed isn't removed."""
    wire.expect("GET", HISTORY, ok(days(0, 1, 2)))
    deletes(wire, [2])
    deletes(wire, [1], failed(500))
    wire.expect("GET", HISTORY, ok(days(0, 1, 2)))
    result = incomplete(run, "protocol", keep_last=1, concurrency=1)
    assert numbers(result["removed"]) == []
    assert numbers(result["failures"]) == [2, 1]
    assert [one["failure"]["code"] for one in result["failures"]] == ["protocol", "server"]
    assert result["changed"] is False


class Overtaken(Wire):
    """The delete of the oldest is answered last."""

    def __init__(self) -> None:
        super().__init__()
        self.others = threading.Event()

    def answer(self, request: Request) -> Answer:
        if request.target.endswith(uid(3)):
            assert self.others.wait(20)
        answer = super().answer(request)
        if request.target.endswith(uid(1)):
            self.others.set()
        return answer


def test_the_failure_told_is_that_of_the_first_tried(run: Run) -> None:
    """Also when it was answered last. The next of a worker is sent when it has its answer."""
    with Overtaken() as portal:
        portal.expect("GET", HISTORY, ok(days(0, 1, 2, 3)))
        deletes(portal, [2], failed(500, "Second."), in_order=False)
        deletes(portal, [1], failed(500, "Third."), in_order=False)
        deletes(portal, [3], failed(500, "First."), in_order=False)
        portal.expect("GET", HISTORY, ok(days(0, 1, 2, 3)))
        result = incomplete(run, "server", keep_last=1, concurrency=2, url=portal.url)
        portal.verify()
    details = [record["failure"]["detail"] for record in result["failures"]]
    assert details == ["First.", "Second.", "Third."], "in the order of deletion"
    assert result["failure"] == result["failures"][0]["failure"]


@pytest.mark.parametrize(("count", "more"), [(20, 0), (21, 1), (30, 10)])
def test_many_warnings_of_a_kind_are_summed_up(count: int, more: int, wire: Wire, run: Run) -> None:
    old = list(range(count, 0, -1))
    wire.expect("GET", HISTORY, ok(days(0, *old)))
    deletes(wire, old, failed(500))
    wire.expect("GET", HISTORY, ok(days(0)))
    warnings = prune(run, keep_last=1, concurrency=1, protect_ids=[uid(77)])["warnings"]
    assert len(warnings) == 21 + bool(more), "that on the protected id, 20 of these, and a last one"
    assert (warnings[-1] == f"The same holds for {more} more of these backups.") is bool(more)


@pytest.mark.parametrize("verbosity", [0, 3])
def test_long_names_and_words_keep_the_messages_short(verbosity: int, wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok([copy(0), copy(1), copy(2, fileName="x" * 4000)]))
    deletes(wire, [2], failed(500, "y" * 4000))
    deletes(wire, [1], failed(500, "y" * 4000))
    wire.expect("GET", HISTORY, ok([copy(0), copy(1)]))
    result = incomplete(run, "server", ids=[uid(1), uid(2)], concurrency=1, verbosity=verbosity)
    assert all(len(warning) < 1000 for warning in result.get("warnings", []))


# --- what else is read ---


def test_the_schedule_is_read_before_the_first_delete(wire: Wire, run: Run) -> None:
    cron = {"period": 0, "hour": 3, "day": 0}
    plan = {"storageType": 3, "storageParams": [], "cronParams": cron, "backupsStored": 5}
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    wire.expect("GET", "getbackupschedule", ok(plan))
    deletes(wire, [1])
    result = prune(run, keep_last=1, gather=["schedule"])
    assert (result["schedule"]["period"], result["schedule"]["hour"]) == ("daily", 3)
    wire.expect("GET", HISTORY, ok(days(0)))
    assert prune(run, keep_last=1)["schedule"] is None


def test_a_schedule_that_can_not_be_read_removes_nothing(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(0, 1)))
    wire.expect("GET", "getbackupschedule", failed(500))
    fail(run, "server", keep_last=1, gather=["schedule"])


# --- interrupted ---


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_tells_whether_anything_was_sent(
    number: signal.Signals, wire: Wire, run: Run, clock: Clock
) -> None:
    clock.on_sleep = lambda _seconds: signal.raise_signal(number)
    wire.expect("GET", HISTORY, html(503))
    early = fail(run, "task_failed", keep_last=1)
    assert early["msg"].startswith(f"Interrupted by {number.name}")
    assert "Earlier requests" not in early["msg"] and early["changed"] is False
    wire.expect("GET", HISTORY, ok(days(0, 1, 2)))
    deletes(wire, [2])
    deletes(wire, [1], empty(429))
    late = fail(run, "task_failed", keep_last=1, concurrency=1)
    assert "Earlier requests" in late["msg"] and "Run the task again" in late["msg"]
    assert late["changed"] is True


# --- a backup that will be there ---


@pytest.mark.parametrize(
    ("kind", "more", "gone"),
    [
        ("local", {}, [3, 2]),
        ("local", {"storage_type": ["Local", "documents"]}, [3, 2]),
        ("local", {"name_pattern": "day*"}, [3, 2]),
        # Each of these takes no place of the rule.
        ("documents", {}, [3]),
        ("data_store", {}, [3]),
        ("documents", {"storage_type": ["local"], "group_by": "none"}, [3]),
        ("data_store", {"group_by": "none"}, [3]),
        ("documents", {"group_by": "none"}, [3, 2]),
    ],
)
def test_a_dry_run_may_assume_a_new_backup(
    wire: Wire, run: Run, kind: str, more: dict[str, Any], gone: list[int]
) -> None:
    wire.expect("GET", HISTORY, ok(days(1, 2, 3)))
    options = {"keep_last": 2, "assume_new": kind, **more}
    result = run("docspace_backup_prune", check_mode=True, **options)
    assert numbers(result["removed"]) == gone
    assumed = [one for one in result["kept"] if one["id"] is None]
    left_out = kind == "documents" and "storage_type" in more
    assert len(assumed) == (0 if left_out else 1)
    for one in assumed:
        assert (one["file_name"], one["storage_type"], one["age_seconds"]) == (None, kind, 0)
        assert bool(one["expires_on"]) is (kind == "data_store")
    assert result["counts"]["total"] == 4
    assert ("(assumed new backup)" in result["diff"]["prepared"]) is not left_out


@pytest.mark.parametrize(("kind", "refused"), [("local", False), ("data_store", True)])
def test_an_assumed_backup_is_new_enough_if_it_lasts(
    wire: Wire, run: Run, kind: str, refused: bool
) -> None:
    wire.expect("GET", HISTORY, ok(days(3, 4)))
    options = {"require_newer_than": "26h", "now": "2026-10-20T00:00:00Z", "assume_new": kind}
    result = run("docspace_backup_prune", check_mode=True, keep_last=1, **options)
    assert bool(result.get("failed")) is refused


def test_without_check_mode_nothing_is_assumed(wire: Wire, run: Run) -> None:
    wire.expect("GET", HISTORY, ok(days(1, 2, 3)))
    wire.expect("DELETE", f"deletebackup/{uid(3)}", TRUE)
    assert numbers(prune(run, keep_last=2, assume_new="local")["removed"]) == [3]


def test_an_assumed_backup_belongs_to_a_policy(run: Run) -> None:
    result = fail(run, "config", ids=[uid(1)], assume_new="local")
    assert "assume_new: can't be combined with ids" in result["msg"]
