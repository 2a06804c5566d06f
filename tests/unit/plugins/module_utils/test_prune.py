# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans of what goes, their guards, the account and the table: values in, values out."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.delete import Outcome
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.prune import (
    DIFF_LINES,
    Plan,
    check_limits,
    diff_table,
    plan_named,
    plan_policy,
    prune_result,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.record import (
    Record,
    newest_first,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.retention import Policy
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.errors import (
    DocSpaceError,
)

NOW = datetime(2026, 11, 5, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def record(number: int, **values: Any) -> Record:
    """A copy made so many days ago."""
    made = Record(f"id{number:06}", f"f{number}.gz", "local", NOW - number * 24 * HOUR, None)
    return made._replace(**values)


def history(*numbers: int) -> list[Record]:
    return newest_first(record(number) for number in numbers)


def ids(rows: list[tuple[Record, list[str]]]) -> list[str]:
    return [one.id for one, _reasons in rows]


def test_named_ones_are_planned_oldest_first() -> None:
    undated = record(9, created_on=None)
    plan = plan_named([*history(3, 1, 2), undated], ["id000001", "idx", "id000009", "id000003"])
    assert ids(plan.remove) == ["id000009", "id000003", "id000001"]
    assert [reasons for _record, reasons in plan.remove] == [["named"]] * 3
    assert plan.keep == []
    assert plan.absent == ["idx"]


def test_named_twice_is_planned_once() -> None:
    plan = plan_named(history(1), ["id000001", "idx", "idx", "id000001"])
    assert ids(plan.remove) == ["id000001"]
    assert plan.absent == ["idx"]


def test_equal_times_go_in_one_order() -> None:
    same = [record(number, created_on=NOW) for number in (2, 0, 1, 3)]
    plan = plan_policy(newest_first(same), Policy({"keep_last": 1}), NOW)
    assert ids(plan.keep) == ["id000000"]
    assert ids(plan.remove) == ["id000003", "id000002", "id000001"]
    assert ids(plan_named(newest_first(same), [one.id for one in same]).remove) == [
        *("id000003", "id000002", "id000001", "id000000")
    ]


def test_a_policy_sees_storage_and_expiry() -> None:
    records = [
        record(0, expires_on=NOW + HOUR),
        record(1),
        record(2, storage_type="documents"),
        record(3),
    ]
    plan = plan_policy(records, Policy({"keep_last": 1}), NOW)
    assert [(one.id, reasons) for one, reasons in plan.keep] == [
        ("id000000", ["expires"]),
        ("id000001", ["last"]),
        ("id000002", ["last"]),
    ]
    assert ids(plan.remove) == ["id000003"]
    assert plan.absent == []


def test_an_undated_record_is_named() -> None:
    records = [record(1), record(2, created_on=None, file_name="y" * 1000)]
    with pytest.raises(DocSpaceError) as raised:
        plan_policy(records, Policy({"keep_last": 1}), NOW)
    assert raised.value.code == "protocol"
    assert "id000002" in raised.value.message and "yyy" in raised.value.message
    assert len(raised.value.message) < 1000


@pytest.mark.parametrize(("limit", "passes"), [(None, True), (3, True), (2, False), (0, False)])
def test_max_delete(limit: int | None, passes: bool) -> None:
    plan = plan_named(history(1, 2, 3), ["id000001", "id000002", "id000003"])
    if passes:
        assert check_limits(plan, history(1, 2, 3), [], limit) is None
        return
    with pytest.raises(DocSpaceError) as raised:
        check_limits(plan, history(1, 2, 3), ["idx"], limit)
    assert raised.value.code == "guard"
    assert "3 backups" in raised.value.message and f"{limit} are allowed" in raised.value.message


def test_max_delete_of_0_allows_to_remove_nothing() -> None:
    assert check_limits(Plan([], [], []), [], [], 0) is None


def test_protected_ids_that_protect_nothing() -> None:
    plan = plan_named([], [])
    assert check_limits(plan, history(1), ["id000001"], None) is None
    warning = check_limits(plan, history(1), ["idx", "id000001", "idy"], None)
    assert warning is not None
    assert "idx" in warning and "idy" in warning and "id000001" not in warning
    many = check_limits(plan, [], [f"{number:036}" for number in range(5000)], None)
    assert many is not None and len(many) < 1000


def test_the_account() -> None:
    rows = [(one, ["not kept by any rule"]) for one in history(1, 2, 3, 4, 5)[::-1]]
    plan = Plan(rows, [(record(0), ["last", "daily"])], ["idx"])
    error = DocSpaceError("server", "Broken.", status=500, detail="why")
    outcome = Outcome({"id000001", "id000003"}, {"id000004": error}, ["id000005"], [])
    result = prune_result(plan, outcome, 10, NOW)
    assert [one["id"] for one in result["removed"]] == ["id000003", "id000001"]
    assert result["removed"][0] == {
        "id": "id000003",
        "file_name": "f3.gz",
        "storage_type": "local",
        "created_on": "2026-11-02T12:00:00Z",
        "expires_on": None,
        "age_seconds": 3 * 86400,
        "age": "3 days",
        "reasons": ["not kept by any rule"],
    }
    assert result["kept"] == [{**record(0).result(NOW), "reasons": ["last", "daily"]}]
    assert result["failures"] == [{**record(4).result(NOW), "failure": error.failure}]
    assert result["absent"] == ["idx", "id000005"]
    assert result["counts"] == {
        "total": 10,
        "considered": 6,
        "kept": 1,
        "removed": 2,
        "failures": 1,
        "absent": 2,
    }


def test_the_table() -> None:
    plan = Plan(
        [
            (record(0, created_on=None, file_name="undated"), ["named"]),
            (record(400), ["not kept by any rule"]),
        ],
        [
            (record(0, created_on=NOW + HOUR, storage_type="99"), ["future", "expires"]),
            (record(0, created_on=NOW - 25.5 * HOUR), ["within 7d"]),
        ],
        ["idx"],
    )
    lines = diff_table(plan, NOW).splitlines()
    assert [line.split() for line in lines] == [
        ["-", "id000000", "undated", "?", "local", "named"],
        ["-", "id000400", "f400.gz", "400d", "0h", "local", *["not", "kept", "by", "any", "rule"]],
        ["id000000", "f0.gz", "future", "99", "future,", "expires"],
        ["id000000", "f0.gz", "1d", "1h", "local", "within", "7d"],
    ]
    columns = [(line.index("local"), line.rindex("  ")) for line in lines if "local" in line]
    assert len(set(columns)) == 1, "they stand below each other"
    assert [line[:2] for line in lines] == ["- ", "- ", "  ", "  "]


def test_an_empty_table() -> None:
    assert diff_table(Plan([], [], ["idx"]), NOW) == ""


@pytest.mark.parametrize("kept", [0, 30])
@pytest.mark.parametrize("more", [-1, 0, 1, 7])
def test_a_long_table_ends(more: int, kept: int) -> None:
    removed = [(record(number), ["named"]) for number in range(DIFF_LINES + more - kept)]
    lines = diff_table(Plan(removed, [(record(9), ["last"])] * kept, []), NOW).splitlines()
    assert DIFF_LINES == 1000
    if more <= 0:
        assert len(lines) == DIFF_LINES + more
        return
    assert len(lines) == DIFF_LINES + 1
    assert lines[-1].strip() == f"and {more} more"


def test_a_long_file_name_doesnt_widen_the_table() -> None:
    rows = [(record(1, file_name="x" * 5000), ["named"]), (record(2), ["named"])]
    long, short = diff_table(Plan(rows, [], []), NOW).splitlines()
    assert "x" * 5000 in long
    assert len(short) < 200
