# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup import (
    retention as _retention,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.retention import (
    Candidate,
    Policy,
    RetentionError,
    RetentionResult,
    evaluate,
    normal_id,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.values import parse_time

VECTORS = json.loads(Path(__file__).with_name("retention-vectors.json").read_text("utf-8"))
LATER = "2100-01-01"
ID = "5d6f0a3e-8d3c-4f7a-9a51-0c5c1de0b1f7"


def plan_for(times: dict[str, str], now: str = LATER, **options: Any) -> RetentionResult:
    """Judge copies of one storage, given as id and time."""
    copies = [Candidate(name, parse_time(time)) for name, time in times.items()]
    return evaluate(copies, Policy(options), parse_time(now))


def kept(plan: RetentionResult) -> dict[str, list[str]]:
    return {copy.id: reasons for copy, reasons in plan.keep}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_worked_examples(vector: dict[str, Any]) -> None:
    copies = [
        Candidate(
            row["id"], parse_time(row["created_on"]), row["storage_type"], "expires_on" in row
        )
        for row in vector["backups"]
    ]
    policy = Policy({**vector["policy"], **vector["options"]})
    plan = evaluate(copies, policy, parse_time(vector["now"]))
    assert kept(plan) == vector["kept"]
    removed = {copy.id for copy in plan.remove}
    assert removed == {row["id"] for row in vector["backups"]} - set(vector["kept"])


def test_order_over_all_groups() -> None:
    copies = [
        Candidate("a", parse_time("2026-01-04"), "local"),
        Candidate("b", parse_time("2026-01-03"), "documents"),
        Candidate("y", parse_time("2026-01-02"), "local"),
        Candidate("x", parse_time("2026-01-02"), "documents"),
        Candidate("d", parse_time("2026-01-01"), "documents"),
    ]
    plan = evaluate(copies, Policy({"keep_last": 1}), parse_time(LATER))
    assert [copy.id for copy, _reasons in plan.keep] == ["a", "b"]
    assert [copy.id for copy in plan.remove] == ["d", "y", "x"]  # R4 backwards
    plan = evaluate(copies, Policy({"keep_last": -1}), parse_time(LATER))
    assert [copy.id for copy, _reasons in plan.keep] == ["a", "b", "x", "y", "d"]
    assert plan.remove == []


def test_all_reasons_in_their_order() -> None:
    rules = [f"keep_{name}" for name in ("yearly", "monthly", "weekly", "daily", "hourly", "last")]
    windows = [f"keep_within_{name}" for name in ("yearly", "monthly", "weekly", "daily", "hourly")]
    options: dict[str, Any] = {
        **dict.fromkeys(windows, "1y"),
        "keep_within": "2w1d",
        **dict.fromkeys(rules, 1),
    }
    assert kept(plan_for({"a": "2026-01-01"}, **options)) == {
        "a": [
            *("last", "hourly", "daily", "weekly", "monthly", "yearly", "within 2w1d"),
            *("within hourly", "within daily", "within weekly", "within monthly", "within yearly"),
        ]
    }
    future = Candidate("f", parse_time("2101-01-01"), expires=True)
    policy = Policy({"keep_last": 1, "protect_ids": ["f"]})
    assert kept(evaluate([future], policy, parse_time(LATER))) == {
        "f": ["protected", "future", "expires"]
    }


def test_a_copy_of_this_moment_is_not_in_the_future() -> None:
    times = {"a": "2026-01-01T00:00:00.000001Z", "b": "2026-01-01"}
    assert kept(plan_for(times, now="2026-01-01", keep_last=1)) == {"a": ["future"], "b": ["last"]}


def test_oldest_within_a_window_only_if_the_window_reaches_it() -> None:
    times = {"a": "2026-01-03T20:00:00", "b": "2026-01-03T10:00:00", "c": "2026-01-03T05:00:00"}
    assert kept(plan_for(times, keep_within_daily="1d")) == {
        "a": ["within daily"],
        "c": ["oldest within daily"],
    }
    assert kept(plan_for(times, keep_within_daily="15h")) == {"a": ["within daily"]}


def test_protected_copies_end_no_period_and_are_neither_newest_nor_oldest() -> None:
    times = {
        "p": "2026-01-09T12:00:00",
        "a": "2026-01-05T12:00:00",
        "q": "2026-01-04T12:00:00",
        "b": "2026-01-04T11:00:00",
        "c": "2026-01-03T13:00:00",
        "r": "2025-01-01",
    }
    protect = ["p", "q", "r"]
    # From the newest that is judged, 5 January, and not from 9 January.
    assert kept(plan_for(times, keep_within="2d", protect_ids=protect)) == {
        **{name: ["protected"] for name in protect},
        **{name: ["within 2d"] for name in ("a", "b", "c")},
    }
    found = kept(plan_for(times, keep_daily=2, protect_ids=protect))
    assert (found["a"], found["b"], found.get("c")) == (["daily"], ["daily"], None)
    found = kept(plan_for(times, keep_yearly=2, protect_ids=protect))
    assert (found["a"], found["c"], found["r"]) == (["yearly"], ["oldest yearly"], ["protected"])


def test_protected_ids_in_any_spelling() -> None:
    for spelling in (ID, ID.upper(), ID.replace("-", ""), "{" + ID.upper() + "}"):
        plan = plan_for(
            {ID: "2026-01-01", "b": "2026-01-02"}, keep_last=1, min_keep=0, protect_ids=[spelling]
        )
        assert kept(plan) == {"b": ["last"], ID: ["protected"]}


@pytest.mark.parametrize("text", ["A", "{a}", ID[:-1], ID[:8] + ID[9:], "{" + ID.upper(), ""])
def test_what_is_no_uuid_keeps_its_spelling(text: str) -> None:
    assert normal_id(text) == text


def test_min_keep_counts_protected_but_neither_future_nor_expiring() -> None:
    day = "2026-01-0{}".format
    copies = [Candidate(name, parse_time(day(number))) for number, name in enumerate("abcde", 1)]
    copies += [
        Candidate("f", parse_time("2026-02-01")),
        Candidate("x", parse_time("2026-01-06"), expires=True),
    ]
    policy = Policy({"keep_last": 1, "min_keep": 3, "protect_ids": ["a", "f", "x"]})
    assert kept(evaluate(copies, policy, parse_time("2026-01-10"))) == {
        "f": ["protected", "future"],
        "x": ["protected", "expires"],
        "e": ["last"],
        "d": ["min_keep"],
        "a": ["protected"],
    }


def test_min_keep_is_per_group_and_stops_at_what_there_is() -> None:
    copies = [Candidate(name, parse_time("2026-01-01"), name[0]) for name in ("l1", "l2", "d1")]
    plan = evaluate(copies, Policy({"keep_last": 1, "min_keep": 5}), parse_time(LATER))
    assert kept(plan) == {"d1": ["last"], "l1": ["last"], "l2": ["min_keep"]}


@pytest.mark.parametrize(
    ("newest", "span", "edge", "zone"),
    [
        ("2024-03-31T12:00:00", "1m", "2024-03-02T12:00:00", "UTC"),
        ("2026-03-31T12:00:00", "1m", "2026-03-03T12:00:00", "UTC"),
        ("2024-02-29T12:00:00", "1y", "2023-03-01T12:00:00", "UTC"),
        # Both at once: 31 February less a day is 2 March, not 28 February.
        ("2026-03-31T12:00:00", "1m1d", "2026-03-02T12:00:00", "UTC"),
        ("2026-01-15T12:00:00", "13m", "2024-12-15T12:00:00", "UTC"),
        ("2026-01-15T12:00:00", "1w1d", "2026-01-07T12:00:00", "UTC"),
        ("2026-01-15T12:00:00", "1d6h", "2026-01-14T06:00:00", "UTC"),
        ("2026-01-15T12:00:00", "90", "2026-01-15T11:58:30", "UTC"),
        # A day of the calendar has 23 or 25 hours now and then, 24h never.
        ("2026-03-29T10:00:00Z", "1d", "2026-03-28T11:00:00Z", "Europe/Berlin"),
        ("2026-03-29T10:00:00Z", "24h", "2026-03-28T10:00:00Z", "Europe/Berlin"),
        ("2026-10-25T11:00:00Z", "1d", "2026-10-24T10:00:00Z", "Europe/Berlin"),
        # 29 March has no half past two: half past three. 25 October has two: the first.
        ("2026-03-30T00:30:00Z", "1d", "2026-03-29T01:30:00Z", "Europe/Berlin"),
        ("2026-10-26T01:30:00Z", "1d", "2026-10-25T00:30:00Z", "Europe/Berlin"),
        # From the second of two equal hours; hours alone don't touch the calendar.
        ("2026-10-25T01:30:00Z", "1d", "2026-10-24T00:30:00Z", "Europe/Berlin"),
        ("2026-10-25T01:30:00Z", "1h", "2026-10-25T00:30:00Z", "Europe/Berlin"),
    ],
)
def test_edges_of_windows(newest: str, span: str, edge: str, zone: str) -> None:
    stem = edge.rstrip("Z")
    times = {"newest": newest, "younger": stem + ".000001Z", "edge": stem + "Z"}
    plan = plan_for(times, keep_within=span, timezone=zone)
    assert [copy.id for copy in plan.remove] == ["edge"]


@pytest.mark.parametrize("span", ["9999y", "999999999999999y", "120000m", "4000000d", "9" * 15])
def test_a_window_may_reach_the_beginning(span: str) -> None:
    times = {"a": "2026-01-01", "b": "0002-01-01"}
    assert kept(plan_for(times, keep_within=span)).keys() == {"a", "b"}


def test_reason_says_the_duration_as_given() -> None:
    assert kept(plan_for({"a": "2026-01-01"}, keep_within=86400)) == {"a": ["within 86400"]}
    assert kept(plan_for({"a": "2026-01-01"}, keep_within="0y01d")) == {"a": ["within 0y01d"]}


@pytest.mark.parametrize("rule", ["keep_hourly", "keep_daily", "keep_weekly", "keep_monthly"])
def test_the_same_period_of_another_year_is_another_period(rule: str) -> None:
    options: dict[str, Any] = {rule: 2}
    times = {"c": "2026-06-10", "b": "2025-06-11", "a": "2020-01-01"}  # c and b in week 24
    assert kept(plan_for(times, **options)) == {"c": [rule[5:]], "b": [rule[5:]]}


def test_hours_that_come_twice_out_of_line_are_taken_as_the_walk_meets_them() -> None:
    # Clocks at Troll go back by two hours: 02, 01, then again 02, 01. R6 looks at the last only.
    times = {
        "d": "2026-10-25T02:30:00Z",
        "c": "2026-10-25T01:30:00Z",
        "b": "2026-10-25T00:30:00Z",
        "a": "2026-10-24T23:30:00Z",
    }
    plan = plan_for(times, keep_hourly=-1, timezone="Antarctica/Troll")
    assert set(kept(plan)) == set(times)


ZEROS: dict[str, Any] = {"keep_last": 0, "keep_daily": "0", "keep_within": "0d"}


@pytest.mark.parametrize(
    "options", [{}, {"keep_last": None}, ZEROS, {"keep_within_daily": 0, "min_keep": 5}]
)
def test_a_policy_without_rules_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(RetentionError, match="keeps nothing") as caught:
        Policy(options)
    assert caught.value.option == "policy"


def test_zeros_and_numbers_as_text() -> None:
    times = {"a": "2026-01-03", "b": "2026-01-02", "c": "2026-01-01"}
    options = {**ZEROS, "keep_last": "2", "min_keep": "1", "keep_yearly": 0}
    assert kept(plan_for(times, **options)) == {"a": ["last"], "b": ["last"]}
    assert len(kept(plan_for(times, keep_last="-1"))) == 3


COUNTS = ["last", "hourly", "daily", "weekly", "monthly", "yearly"]
WINDOWS = ["", *(f"_{name}" for name in COUNTS if name != "last")]
BAD_COUNTS: list[object] = [-2, "-2", True, 1.0, "1.5", "", "x", [1], "٣"]
BAD_SPANS: list[object] = [
    *("", "d", "7D", "1s", "1d1d", "1d 2h", "-1d", "1.5d", "1d2", "1M", "\n7d"),
    *(-1, True, 1.5, [], {}),
]


@pytest.mark.parametrize(
    ("option", "values"),
    [
        *[(f"keep_{name}", BAD_COUNTS) for name in COUNTS],
        *[(f"keep_within{name}", BAD_SPANS) for name in WINDOWS],
        ("min_keep", [-1, "-1", True, 1.5, "", "x"]),
        ("group_by", ["", "storage", "None", ["none"], True]),
        ("timezone", ["", "Mars", "../UTC", "/etc/localtime", "Europe", 1]),
        ("timezone", ["localtime", "a\nb", "a\0b"]),
        ("protect_ids", [ID, [1], [None], {ID: 1}, 5]),
    ],
)
def test_errors_name_the_option(option: str, values: list[object]) -> None:
    for value in values:
        with pytest.raises(RetentionError, match=f"^{option}: ") as caught:
            Policy({"keep_last": 1, option: value})
        assert caught.value.option == option, value


def test_the_same_id_twice_is_an_error() -> None:
    copies = [
        Candidate("a", parse_time("2026-01-01"), "local"),
        Candidate("a", parse_time("2026-01-02")),
    ]
    with pytest.raises(RetentionError, match="^backups: a is listed twice$"):
        evaluate(copies, Policy({"keep_last": 5}), parse_time(LATER))


def test_a_system_without_zones_is_told_apart_from_a_wrong_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import zoneinfo

    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    with pytest.raises(RetentionError, match="tzdata"):
        Policy({"keep_last": 1, "timezone": "Europe/Nowhere"})
    monkeypatch.undo()
    with pytest.raises(RetentionError, match="'Europe/Nowhere' is not an IANA name"):
        Policy({"keep_last": 1, "timezone": "Europe/Nowhere"})


def test_the_engine_stands_alone() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from plugins.module_utils._backup import retention as engine;"
        "engine.Policy({'keep_last': 1, 'timezone': 'Europe/Berlin'});"
        "print(sorted({'ansible', 'requests'} & set(sys.modules)))"
    )
    root = Path(str(_retention.__file__)).parents[3]
    command = [sys.executable, "-I", "-c", code, str(root)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
