# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ansible_collections.onlyoffice.docspace.plugins.doc_fragments._retention import (
    ModuleDocFragment,
)
from ansible_collections.onlyoffice.docspace.plugins.filter import backup_retention as file
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.retention import OPTIONS

ID = "5d6f0a3e-8d3c-4f7a-9a51-0c5c1de0b1f7"
NOW = "2026-09-05T00:00:00Z"
NAIVE = datetime(2026, 9, 2, 3)  # noqa: DTZ001 - as YAML has it

judge = file.FilterModule().filters()["backup_retention"]


def item(name: object, created_on: object, **more: object) -> dict[str, Any]:
    return {"id": name, "created_on": created_on, **more}


def ids(rows: list[dict[str, Any]]) -> list[object]:
    return [row["id"] for row in rows]


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda _self, text: said.append(text))
    return said


@pytest.fixture
def zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone that must not matter."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XYZ-5")
        time.tzset()
        yield
    time.tzset()


def test_items_come_back_as_they_came_with_reasons() -> None:
    rows = [
        item("a", "2026-09-01T03:00:00.1234567", file_name="a.gz", more={"deep": [1]}),
        item("B", NAIVE, storage_type="local", age_seconds=5),
        item(7, date(2026, 9, 3), expires_on=None, reasons=["old"]),
        item("x", "2026-09-04", expires_on="2026-09-06"),
    ]
    before = copy.deepcopy(rows)
    plan = judge(rows, keep_last=1, group_by="none", now=NOW)
    assert plan == {
        "keep": [
            {**before[3], "reasons": ["expires"]},
            {**before[2], "created_on": "2026-09-03", "reasons": ["last"]},
        ],
        "remove": [
            {**before[0], "reasons": ["not kept by any rule"]},
            {**before[1], "created_on": "2026-09-02T03:00:00", "reasons": ["not kept by any rule"]},
        ],
    }
    assert rows == before
    assert plan["remove"][0]["reasons"] is not plan["remove"][1]["reasons"]


def test_groups_by_storage_and_none_is_a_storage_too() -> None:
    rows = [
        item("a", "2026-09-01", storage_type="local"),
        item("b", "2026-09-02", storage_type="local"),
        item("c", "2026-09-01"),
        item("d", "2026-09-02", storage_type=None),
    ]
    assert ids(judge(rows, keep_last=1, now=NOW)["remove"]) == ["c", "a"]


def test_fractions_count() -> None:
    rows = [item("b", "2026-09-01T00:00:00.2"), item("a", "2026-09-01T00:00:00.1")]
    assert ids(judge(rows, keep_last=1, now=NOW)["keep"]) == ["b"]


@pytest.mark.usefixtures("zone_of_the_machine")
@pytest.mark.parametrize(
    "now",
    [
        *("2026-09-02", "2026-09-02T02:00:00+02:00", NAIVE.replace(hour=0), date(2026, 9, 2)),
        datetime(2026, 9, 1, 20, tzinfo=timezone(timedelta(hours=-4))),
    ],
)
def test_now_is_read_in_utc(now: object) -> None:
    rows = [
        item("a", "2026-09-01T23:59:59"),
        item("b", "2026-09-02"),
        item("c", "2026-09-02T00:00:01"),
    ]
    plan = judge(rows, keep_last=1, now=now)
    assert {row["id"]: row["reasons"] for row in plan["keep"]} == {"c": ["future"], "b": ["last"]}


def test_now_is_the_present_by_default() -> None:
    present = datetime.now(timezone.utc)
    rows = [
        item("past", present - timedelta(hours=1)),
        item("future", present + timedelta(hours=1)),
    ]
    plan = judge(rows, keep_last=1)
    assert [row["reasons"] for row in plan["keep"]] == [["future"], ["last"]]


@pytest.mark.parametrize("spelling", [ID.upper(), ID.replace("-", ""), "{" + ID + "}"])
def test_uuids_are_compared_normalised(spelling: str, warnings: list[str]) -> None:
    rows = [item(spelling, "2026-09-01"), item("b", "2026-09-02")]
    plan = judge(rows, keep_last=1, protect_ids=[ID], now=NOW)
    assert plan["keep"][1] == {**rows[0], "reasons": ["protected"]}
    with pytest.raises(AnsibleFilterError, match=f"{ID} is listed twice"):
        judge([*rows, item(ID, "2026-09-03")], keep_last=1, now=NOW)
    assert warnings == []


def test_other_ids_are_compared_as_they_are(warnings: list[str]) -> None:
    rows = [item("A", "2026-09-01"), item("a", "2026-09-01"), item(12, "2026-09-01")]
    plan = judge(rows, keep_last=1, protect_ids=["a", "12", "no"], now=NOW)
    assert [(row["id"], row["reasons"]) for row in plan["keep"]] == [
        (12, ["protected"]),
        ("A", ["last"]),
        ("a", ["protected"]),
    ]
    assert warnings == ["backup_retention: not among the backups: protect_ids ['no']"]


@pytest.mark.parametrize("rows", [[], [item("a", "2026-09-01")]])
@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "policy"),
        ({"keep_daily": 0}, "policy"),
        ({"keep_dialy": 1}, "keep_dialy"),
        ({"keep_daily": -2}, "keep_daily"),
        ({"keep_daily": "many"}, "keep_daily"),
        ({"keep_within": "7q"}, "keep_within"),
        ({"keep_within_daily": -1}, "keep_within_daily"),
        ({"keep_last": 1, "min_keep": -1}, "min_keep"),
        ({"keep_last": 1, "timezone": "Mars/Olympus"}, "timezone"),
        ({"keep_last": 1, "group_by": "portal"}, "group_by"),
        ({"keep_last": 1, "protect_ids": "a"}, "protect_ids"),
        ({"keep_last": 1, "protect_ids": 5}, "protect_ids"),
        ({"keep_last": 1, "protect_ids": [None]}, "protect_ids"),
        ({"keep_last": 1, "protect_ids": [" "]}, "protect_ids"),
        ({"keep_last": 1, "protect_ids": [True]}, "protect_ids"),
        ({"keep_last": 1, "now": "today"}, "now"),
        ({"keep_last": 1, "now": 5}, "now"),
        ({"keep_last": 1, "now": "9999-12-31"}, "now"),
    ],
)
def test_errors_name_the_option_also_without_backups(
    rows: list[Any], options: dict[str, Any], named: str
) -> None:
    with pytest.raises(AnsibleFilterError, match=f"^backup_retention: {named}: "):
        judge(rows, **options)


@pytest.mark.parametrize("option", [*OPTIONS, "now"])
def test_an_option_that_came_out_empty_is_refused(option: str) -> None:
    problem = f"^backup_retention: {option}: it is (null|empty). Leave it out, or use omit"
    for value in (None, "", " "):
        for rows in ([], [item("a", "2026-09-01")]):
            with pytest.raises(AnsibleFilterError, match=problem):
                judge(rows, **{"keep_last": 1, option: value})


class Omit:
    """What `omit` is since ansible-core 2.19; it was a text before."""

    def __str__(self) -> str:
        return "<<Omit>>"


@pytest.mark.parametrize("omit", [Omit(), "__omit_place_holder__73e8d863989df682136"])
def test_omit_leaves_an_option_out(omit: object) -> None:
    rows = [item("a", "2026-09-01"), item("b", "2026-09-02")]
    omitted = dict.fromkeys((*OPTIONS, "now"), omit)
    assert judge(rows, **{**omitted, "keep_last": 1}) == judge(rows, keep_last=1)
    with pytest.raises(AnsibleFilterError, match="policy: keeps nothing"):
        judge(rows, **omitted)


def test_dates_are_text_at_any_depth() -> None:
    rows = [item("a", NAIVE, expires_on=date(2026, 9, 9), more=[{"seen": NAIVE}])]
    (row,) = judge(rows, keep_last=1, now=NOW)["keep"]
    assert row["created_on"] == "2026-09-02T03:00:00" and row["expires_on"] == "2026-09-09"
    assert row["more"] == [{"seen": "2026-09-02T03:00:00"}]


class Vaulted:
    """What ansible-core before 2.19 makes of `!vault`: no text, but one when it is asked."""

    __ENCRYPTED__ = True

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


def test_vaulted_text_is_text(warnings: list[str]) -> None:
    rows = [
        item(Vaulted(ID), Vaulted("2026-09-01"), storage_type=Vaulted("local")),
        item("b", "2026-09-02", storage_type="local"),
    ]
    for protected in ([Vaulted(ID.upper())], (ID,)):
        plan = judge(rows, keep_last=Vaulted("1"), protect_ids=protected, now=Vaulted(NOW))
        assert [row["reasons"] for row in plan["keep"]] == [["last"], ["protected"]]
    assert warnings == []


def test_ids_may_be_whole_numbers(warnings: list[str]) -> None:
    rows = [item(7, "2026-09-01"), item("8", "2026-09-01"), item("b", "2026-09-02")]
    plan = judge(rows, keep_last=1, protect_ids=["7", 8], now=NOW)
    assert plan["remove"] == [] and ids(plan["keep"]) == ["b", 7, "8"]
    assert warnings == []


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (None, "takes a list"),
        ("text", "takes a list"),
        ({"backups": []}, "takes a list"),
        ([item("a", "2026-09-01"), "b"], "item 2 is not a dictionary"),
        ([{"created_on": "2026-09-01"}], "item 1 has no id"),
        ([item("", "2026-09-01")], "item 1 has no id"),
        ([item(True, "2026-09-01")], "item 1 has no id"),
        ([{"id": "a"}], "created_on of a: None"),
        ([item("a", None)], "created_on of a: None"),
        ([item("a", "yesterday")], "created_on of a: 'yesterday'"),
        ([item("a", "0001-01-01T00:00:00")], "created_on of a: .* out of range"),
        ([item("a", "2026-09-01"), item("a", "2026-09-01")], "a is listed twice"),
    ],
)
def test_errors_name_the_item(rows: object, problem: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"^backup_retention: backups: .*{problem}"):
        judge(rows, keep_last=1, now=NOW)


def test_no_backups() -> None:
    assert judge([], keep_last=1) == {"keep": [], "remove": []}


def test_documentation_covers_all_options_and_results() -> None:
    documented = yaml.safe_load(file.DOCUMENTATION)["options"]
    documented.update(yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"])
    assert set(documented) == {"_input", "now", *OPTIONS}
    result = yaml.safe_load(file.RETURN)["_value"]["contains"]
    assert set(result) == set(judge([], keep_last=1))


def test_documented_defaults_are_those_in_use() -> None:
    documented = yaml.safe_load(file.DOCUMENTATION)["options"]
    defaults = {name: spec["default"] for name, spec in documented.items() if "default" in spec}
    rows = [
        item("a", "2026-09-01T21:30:00", storage_type="local"),
        item("b", "2026-09-01T22:30:00", storage_type="local"),
        item("c", "2026-09-01T22:30:00", storage_type="documents"),
    ]

    def plans(**options: Any) -> list[Any]:
        return [
            judge(rows, now=NOW, **rule, **options)
            for rule in ({"keep_daily": 2}, {"keep_last": 1})
        ]

    assert defaults.keys() == {"timezone", "group_by", "min_keep"}
    assert plans(**defaults) == plans()
    for other in ({"timezone": "Europe/Berlin"}, {"group_by": "none"}, {"min_keep": 2}):
        assert plans(**{**defaults, **other}) != plans()
