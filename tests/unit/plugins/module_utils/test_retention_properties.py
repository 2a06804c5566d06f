# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every history and policy, what doesn't, and a second reading of the rules."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.retention import (
    Candidate,
    Policy,
    RetentionResult,
    evaluate,
)

NAMES = ["last", "hourly", "daily", "weekly", "monthly", "yearly"]
COUNTS = [f"keep_{name}" for name in NAMES]
BY_PERIOD = [f"keep_within_{name}" for name in NAMES[1:]]
SPANS = ["1h", "25h", "1d", "3d6h", "2w", "1m", "1m1d", "13m", "1y2m", "9999y", "7200", 90000]
Options = dict[str, Any]

thorough = settings(max_examples=150, deadline=None, database=None)


def copies_within(half_hours: int, most: int) -> st.SearchStrategy[list[Candidate]]:
    """Copies near both changes of summer time, so dense that times and periods meet."""
    start = st.sampled_from(
        [
            datetime(2026, 3, 31, 12, tzinfo=timezone.utc),
            datetime(2026, 10, 25, 6, tzinfo=timezone.utc),
        ]
    )
    rows = st.tuples(
        st.integers(-half_hours, 4),
        st.sampled_from([0, 0, 1, 60_000_000]),  # microseconds: some fractions
        st.sampled_from(["local", "local", "documents"]),
        st.sampled_from([False, False, False, True]),
    )

    def build(first: datetime, chosen: list[tuple[int, int, str, bool]]) -> list[Candidate]:
        return [
            Candidate(
                f"c{n * 7 % 101}", first + timedelta(minutes=30 * at, microseconds=more), kind, ends
            )
            for n, (at, more, kind, ends) in enumerate(chosen)
        ]

    return st.builds(build, start, st.lists(rows, max_size=most))


histories = st.one_of(copies_within(80, 25), copies_within(2_000, 25), copies_within(40_000, 25))
nows = st.sampled_from(
    [
        datetime(2026, 3, 31, 13, tzinfo=timezone.utc),
        datetime(2026, 10, 25, 6, 30, tzinfo=timezone.utc),
    ]
)
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
counts = st.sampled_from([-1, 0, 1, 1, 2, 3, 5])


def options_with(windows: Iterable[str]) -> st.SearchStrategy[Options]:
    rules = st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(COUNTS, counts),
            **{name: st.sampled_from(SPANS) for name in windows},
        },
    ).filter(lambda chosen: any(chosen.values()))
    others = st.fixed_dictionaries(
        {"min_keep": st.integers(0, 4)},
        optional={
            "timezone": zones,
            "group_by": st.sampled_from(["storage_type", "none"]),
            "protect_ids": st.lists(
                st.sampled_from([f"c{n * 7 % 101}" for n in range(25)]), max_size=3
            ),
        },
    )
    return st.builds(lambda first, second: {**first, **second}, rules, others)


policies = options_with(["keep_within", *BY_PERIOD])
policies_without_periods_in_windows = options_with(["keep_within"])


def plan_for(copies: Iterable[Candidate], options: Options, now: datetime) -> RetentionResult:
    return evaluate(copies, Policy(options), now)


def kept(plan: RetentionResult) -> set[str]:
    return {copy.id for copy, _reasons in plan.keep}


# --- A second reading of the rules: no walk, but runs of equal periods.


FORMATS = {
    "hourly": "%Y-%m-%d %H",
    "daily": "%Y-%m-%d",
    "weekly": "%G week %V",
    "monthly": "%Y-%m",
    "yearly": "%Y",
}


def begins(newest: datetime, span: str | int, zone: ZoneInfo) -> datetime | None:
    """Where a window begins; None when that is before all copies."""
    if str(span).isdigit():
        return newest - timedelta(seconds=int(span))
    size = {unit: int(number) for number, unit in re.findall(r"(\d+)(\D)", str(span))}
    local = newest.astimezone(zone)
    if set(size) - {"h"}:
        year, month = local.year - size.get("y", 0), local.month
        for _month in range(size.get("m", 0)):
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        if year < 1:
            return None
        days = date(year, month, 1).toordinal() + local.day - 1
        day = date.fromordinal(days - size.get("d", 0) - 7 * size.get("w", 0))
        local = datetime.combine(
            day, time(local.hour, local.minute, local.second, local.microsecond)
        )
        local = local.replace(tzinfo=zone)
    return local.astimezone(timezone.utc) - timedelta(hours=size.get("h", 0))


def expected(copies: list[Candidate], options: Options, now: datetime) -> dict[str, list[str]]:
    """Give all reasons of all copies, the removed ones with none."""
    zone = ZoneInfo(options.get("timezone", "UTC"))
    protected = options.get("protect_ids", [])
    together = options.get("group_by") == "none"
    reasons: dict[str, list[str]] = {copy.id: [] for copy in copies}
    for storage in {"" if together else copy.storage_type for copy in copies}:
        group = [copy for copy in copies if together or copy.storage_type == storage]
        group.sort(key=lambda copy: copy.id)
        group.sort(key=lambda copy: copy.created_on, reverse=True)
        for copy in group:
            reasons[copy.id] += ["protected"] * (copy.id in protected)
            reasons[copy.id] += ["future"] * (copy.created_on > now)
            reasons[copy.id] += ["expires"] * copy.expires
        rest = [copy for copy in group if not reasons[copy.id]]
        for option in [*COUNTS, "keep_within", *BY_PERIOD]:
            value = options.get(option, 0)
            if not rest or value == 0:
                continue
            if option == "keep_within":
                edge = begins(rest[0].created_on, value, zone)
                for copy in rest:
                    if edge is None or copy.created_on > edge:
                        reasons[copy.id].append(f"within {value}")
                continue
            name = option.rsplit("_", maxsplit=1)[-1]
            label, limit, among = name, value, rest
            if option in BY_PERIOD:
                edge = begins(rest[0].created_on, value, zone)
                label, limit = f"within {name}", -1
                among = [copy for copy in rest if edge is None or copy.created_on > edge]

            def period(copy: Candidate, name: str = name) -> str:
                local = copy.created_on.astimezone(zone)
                return copy.id if name == "last" else local.strftime(FORMATS[name])

            firsts = [next(run) for _period, run in itertools.groupby(among, period)]
            for copy in firsts if limit == -1 else firsts[:limit]:
                reasons[copy.id].append(label)
            unfilled = limit == -1 or len(firsts) < limit
            if unfilled and rest[-1] in among and rest[-1] not in firsts:
                reasons[rest[-1].id].append(f"oldest {label}")
        lasting = [copy for copy in group if copy.created_on <= now and not copy.expires]
        for copy in lasting:
            if sum(bool(reasons[other.id]) for other in lasting) >= options["min_keep"]:
                break
            reasons[copy.id] = reasons[copy.id] or ["min_keep"]
    return reasons


@given(histories, policies, nows)
@settings(thorough, max_examples=1000)
def test_same_as_the_second_reading(
    copies: list[Candidate], options: Options, now: datetime
) -> None:
    plan = plan_for(copies, options, now)
    wanted = expected(copies, options, now)
    assert {copy.id: why for copy, why in plan.keep} == {
        one: why for one, why in wanted.items() if why
    }


# --- What holds.


@given(histories, policies, nows)
@thorough
def test_every_copy_once_and_in_order(
    copies: list[Candidate], options: Options, now: datetime
) -> None:
    plan = plan_for(copies, options, now)
    keep = [copy for copy, _reasons in plan.keep]
    assert sorted([*keep, *plan.remove]) == sorted(copies)
    assert all(reasons for _copy, reasons in plan.keep)
    for line in (keep, plan.remove[::-1]):
        ages = [(now - copy.created_on, copy.id) for copy in line]
        assert ages == sorted(ages)


@given(histories, policies, nows, st.randoms(use_true_random=False))
@thorough
def test_order_of_the_input_does_not_matter(
    copies: list[Candidate], options: Options, now: datetime, dice: Any
) -> None:
    shuffled = copies.copy()
    dice.shuffle(shuffled)
    assert plan_for(shuffled, options, now) == plan_for(copies, options, now)


@given(histories, policies, nows)
@thorough
def test_min_keep_holds_in_every_group(
    copies: list[Candidate], options: Options, now: datetime
) -> None:
    stay = kept(plan_for(copies, options, now))
    together = options.get("group_by") == "none"
    for storage in {copy.storage_type for copy in copies}:
        lasting = {
            copy.id
            for copy in copies
            if (together or copy.storage_type == storage)
            and copy.created_on <= now
            and not copy.expires
        }
        assert len(lasting & stay) >= min(options["min_keep"], len(lasting))


@given(histories, policies, nows)
@thorough
def test_the_newest_stays(copies: list[Candidate], options: Options, now: datetime) -> None:
    lasting = [copy for copy in copies if copy.created_on <= now and not copy.expires]
    if lasting:
        newest = max(copy.created_on for copy in lasting)
        stay = kept(plan_for(copies, options, now))
        assert any(copy.id in stay for copy in lasting if copy.created_on == newest)


LONGER = {"1h": "25h", "1d": "2w", "2w": "1m", "1m": "1m1d", "13m": "1y2m", "1m1d": "13m"}


def lengthen(options: Options, option: str) -> Options:
    value = options.get(option, 0)
    longer: Any = LONGER.get(value, "9999y")
    if option in COUNTS:
        longer = -1 if value == -1 else value + 1
    return {**options, option: longer}


rule_names = st.sampled_from([*COUNTS, "keep_within", *BY_PERIOD])


@given(histories, policies, nows, rule_names)
@thorough
def test_a_longer_policy_keeps_all_that_a_shorter_one_does(
    copies: list[Candidate], options: Options, now: datetime, option: str
) -> None:
    options = {**options, "min_keep": 0}  # see the counterexample below
    longer = lengthen(options, option)
    assert kept(plan_for(copies, options, now)) <= kept(plan_for(copies, longer, now))


@given(histories, policies, nows, rule_names)
@thorough
def test_a_longer_policy_never_keeps_fewer(
    copies: list[Candidate], options: Options, now: datetime, option: str
) -> None:
    longer = lengthen(options, option)
    assert len(kept(plan_for(copies, options, now))) <= len(kept(plan_for(copies, longer, now)))


@given(histories, policies, nows)
@thorough
def test_pruning_what_was_kept_removes_nothing(
    copies: list[Candidate], options: Options, now: datetime
) -> None:
    keep = [copy for copy, _reasons in plan_for(copies, options, now).keep]
    assert plan_for(keep, options, now).remove == []


@given(histories, policies_without_periods_in_windows, nows, st.data())
@thorough
def test_a_prune_in_part_and_again_ends_where_one_prune_would(
    copies: list[Candidate], options: Options, now: datetime, data: st.DataObject
) -> None:
    """Whichever deletes got through. Not so with keep_within_hourly and the like, see below."""
    plan = plan_for(copies, options, now)
    gone = set(data.draw(st.lists(st.sampled_from(plan.remove)) if plan.remove else st.just([])))
    again = plan_for([copy for copy in copies if copy not in gone], options, now)
    assert kept(again) == kept(plan)
    assert gone | set(again.remove) == set(plan.remove)


# --- What one might think, and the reason why not.


def day(number: int, hour: int = 12) -> datetime:
    return datetime(2026, 1, number, hour, tzinfo=timezone.utc)


NOW = day(31)


def test_false_a_longer_policy_keeps_the_same_copies_and_more() -> None:
    """The longer rule keeps old copies, min_keep has its number, and adds no newer one (R12)."""
    copies = [
        Candidate("a", day(1)),
        Candidate("b", day(9, 10)),
        Candidate("c", day(9, 11)),
        Candidate("d", day(9)),
    ]
    shorter = {"keep_daily": 1, "min_keep": 2}
    assert kept(plan_for(copies, shorter, NOW)) == {"d", "c"}
    assert kept(plan_for(copies, {**shorter, "keep_daily": 2}, NOW)) == {"d", "a"}


def test_false_protecting_one_copy_costs_no_other_its_place() -> None:
    """The protected one counts for min_keep (R12)."""
    copies = [Candidate("a", day(1)), Candidate("b", day(2)), Candidate("c", day(3))]
    options = {"keep_last": 1, "min_keep": 2}
    assert kept(plan_for(copies, options, NOW)) == {"c", "b"}
    assert kept(plan_for(copies, {**options, "protect_ids": ["a"]}, NOW)) == {"c", "a"}


def test_false_what_was_kept_is_kept_again_for_the_same_reasons() -> None:
    """With the older ones gone, another copy is the oldest, and now within the window (R7, R10)."""
    copies = [Candidate("a", day(1)), Candidate("b", day(9, 10)), Candidate("c", day(9, 11))]
    options = {"keep_last": 2, "keep_within_daily": "1d"}
    plan = plan_for(copies, options, NOW)
    assert plan.keep == [(copies[2], ["last", "within daily"]), (copies[1], ["last"])]
    again = plan_for(copies[1:], options, NOW)
    assert again.keep[1] == (copies[1], ["last", "oldest within daily"])


def test_false_a_prune_in_part_and_again_removes_all_that_one_prune_would() -> None:
    """The delete of the oldest came through; the next one is then the oldest (R7, R10)."""
    copies = [Candidate("a", day(1)), Candidate("b", day(9, 10)), Candidate("c", day(9, 11))]
    options = {"keep_within_daily": "1d"}
    assert [copy.id for copy in plan_for(copies, options, NOW).remove] == ["a", "b"]
    assert plan_for(copies[1:], options, NOW).remove == []
