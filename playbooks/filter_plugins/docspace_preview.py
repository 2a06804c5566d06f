# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of retention_preview: lay out the plan of a retention policy as a calendar."""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from operator import itemgetter
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.retention import NOT_KEPT
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.values import parse_time
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._preview import (
    NAMED,
    PreviewPlan,
    invented_history,
    plan_prune,
    read_history,
    read_history_file,
    read_policy,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._untrusted import (
    untrusted_filters,
)

# Kept whatever the rules are.
APART = ("protected", "future", "expires")
# Rules that count back from now have small letters; "within 7d" has that of "within".
PERIODS = ("hourly", "daily", "weekly", "monthly", "yearly")
REASONS = (*APART, "last", *PERIODS, "within", *(f"within {one}" for one in PERIODS), "min_keep")
LETTERS = dict(zip(REASONS, "PFELHDWMYrhdwmyK"))  # in a day's cell
CELL_LETTERS = 5
TITLE_LINES = 12
# Those of the calendar module depend on the locale.
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def retention_page(
    backups: object, policy: object, now: object, invented: object = False, file: str = ""
) -> dict[str, Any]:
    """Plan, and lay out the plan. An error of the input is in ``error``.

    invented: use a history made up for the policy. file: read the backups from this JSON file.
    """
    try:
        given = read_policy(policy)
        if not invented:
            found = read_history_file(str(file)) if file else read_history(backups)
            return {"error": "", **_page(plan_prune(found, given, str(now)), given, str(now))}
        unnamed = {option: given[option] for option in given if option != "name_pattern"}
        plan = plan_prune(invented_history(given, str(now)), unnamed, str(now))
        return {"error": "", **_page(plan, given, str(now))}
    except (AnsibleFilterError, ValueError) as error:
        return {"error": str(error).replace("backup_retention: ", "", 1)}


def policy_option(policy: object, name: str) -> Any:
    """Return one option of a policy, blank if it isn't set or the policy is invalid."""
    try:
        value = read_policy(policy).get(name, "")
    except ValueError:
        return ""
    return value if isinstance(value, bool) else str(value)


def _page(plan: PreviewPlan, policy: dict[str, Any], now_text: str) -> dict[str, Any]:
    zone = plan.rules.zone
    now = parse_time(now_text).astimezone(zone)
    items = plan.keep + plan.remove
    rows = [_row(item, number, now, zone) for number, item in enumerate(items, 1)]
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["storage"] if plan.rules.by_storage else "", []).append(row)
    # Storages with removals first.
    order = sorted(groups, key=lambda name: (not _counts(groups[name])["removed"], name))
    return {
        "now": f"{now.date()} {now.time().isoformat('minutes')}",
        "zone": policy.get("timezone") or "UTC",
        "policy": {option: _plain(value) for option, value in policy.items()},
        "notes": list(_notes(plan, policy)),
        "letters": _legend(rows),
        "counts": _counts(rows),
        "groups": [
            {
                "name": name,
                "number": number,
                "counts": _counts(groups[name]),
                **_group(groups[name], now.date()),
            }
            for number, name in enumerate(order, 1)
        ],
    }


def _notes(plan: PreviewPlan, policy: Mapping[str, Any]) -> Iterable[str]:
    """Note what the calendar can't show."""
    most = policy.get("max_delete")
    if most is not None and len(plan.remove) > most:
        yield (
            f"max_delete allows {most}, but {len(plan.remove)} would be removed: "
            "docspace_backup_prune would fail and remove nothing."
        )
    if plan.left_out:
        yield (
            f"Left out by storage_type or name_pattern, so they are kept and aren't counted: {plan.left_out}."
        )
    for option, what in (("protect_ids", "protects"), ("ids", "removes")):
        if plan.unknown[option]:
            names = ", ".join(plan.unknown[option])
            yield f"Not among the backups, so {option} {what} nothing here: {names}"


def _letter(reason: str) -> str:
    rule = reason.replace("oldest ", "", 1)
    return LETTERS.get(rule) or LETTERS.get(rule.partition(" ")[0], "")


def _letters(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the letters of the rules that keep something, at most CELL_LETTERS."""
    found = {
        _letter(reason) for row in rows if row["kind"] != "removed" for reason in row["reasons"]
    }
    letters = [letter for letter in LETTERS.values() if letter in found]
    if len(letters) > CELL_LETTERS:
        letters[CELL_LETTERS - 1 :] = ["+"]
    return "".join(letters)


def _legend(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """List the letters in use with their meaning."""
    names: dict[str, list[str]] = {}
    for row in rows:
        for reason in row["reasons"]:
            name = reason.replace("oldest ", "", 1)
            if _letter(reason) and name not in names.setdefault(_letter(reason), []):
                names[_letter(reason)].append(name)
    return [
        {"letter": letter, "names": ", ".join(names[letter])}
        for letter in LETTERS.values()
        if letter in names
    ]


def _row(item: Mapping[str, Any], number: int, now: datetime, zone: tzinfo) -> dict[str, Any]:
    moment = parse_time(item["created_on"]).astimezone(zone)
    reasons = list(item["reasons"])
    removed = reasons in ([NOT_KEPT], [NAMED])
    apart = not removed and not set(APART).isdisjoint(reasons)
    return {
        "number": number,
        "id": str(item["id"]),
        "name": str(item.get("file_name") or ""),
        "storage": str(item.get("storage_type") or ""),
        "day": moment.date().isoformat(),
        "time": moment.time().isoformat("minutes"),
        "age": _age(now - moment),
        "kind": "removed" if removed else "apart" if apart else "kept",
        "reasons": reasons,
    }


def _group(rows: list[dict[str, Any]], today: date) -> dict[str, Any]:
    days: dict[date, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=itemgetter("time"), reverse=True):
        days.setdefault(date.fromisoformat(row["day"]), []).append(row)
    months: list[dict[str, Any]] = []
    for at in sorted({day.year * 12 + day.month - 1 for day in days}, reverse=True):
        year, month = divmod(at, 12)
        # A gap of any length is one box.
        gap = bool(months) and months[-1]["at"] - at > 1
        months.append(
            {
                "at": at,
                "gap_from": _month(at + 1) if gap else "",
                "gap_to": _month(months[-1]["at"] - 1) if gap else "",
                "name": MONTHS[month],
                "year": year,
                "weeks": [
                    [
                        _cell(date(year, month + 1, day), days, today) if day else None
                        for day in week
                    ]
                    for week in calendar.Calendar().monthdayscalendar(year, month + 1)
                ],
            }
        )
    kept = [row for row in rows if row["kind"] != "removed"]
    return {
        "months": months,
        "reasons": dict(Counter(reason for row in kept for reason in row["reasons"])),
        "lists": {"kept": kept, "removed": [row for row in rows if row["kind"] == "removed"]},
    }


def _month(at: int) -> str:
    return f"{MONTHS[at % 12]} {at // 12}"


def _cell(day: date, days: dict[date, list[dict[str, Any]]], today: date) -> dict[str, Any]:
    cell: dict[str, Any] = {"day": day.day, "today": day == today, "kind": ""}
    rows = days.get(day)
    if not rows:
        return cell
    kinds = {row["kind"] for row in rows}
    lines = [
        f"{row['time']} {'removed' if row['kind'] == 'removed' else 'kept'}: "
        f"{', '.join(row['reasons'])} ({row['name'] or row['id']})"
        for row in rows[:TITLE_LINES]
    ]
    if len(rows) > TITLE_LINES:
        lines.append(f"and {len(rows) - TITLE_LINES} more")
    kept = _counts(rows)["kept"]
    mixed = 0 < kept < len(rows)
    return {
        **cell,
        "kind": "mixed" if mixed else "kept" if "kept" in kinds else kinds.pop(),
        "letters": _letters(rows),
        "of": "" if len(rows) == 1 else f"{kept}/{len(rows)}" if mixed else f"\u00d7{len(rows)}",
        "number": rows[0]["number"],
        "title": "\n".join([day.isoformat(), *lines]),
    }


def _counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    removed = sum(row["kind"] == "removed" for row in rows)
    return {"total": len(rows), "kept": len(rows) - removed, "removed": removed}


def _age(age: timedelta) -> str:
    hours = int(abs(age).total_seconds()) // 3600
    text = f"{hours // 24} d" if hours >= 48 else f"{hours} h"
    return f"in {text}" if age < timedelta(0) else text


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return untrusted_filters(
            {
                "docspace_policy_option": policy_option,
                "docspace_retention_page": retention_page,
            }
        )
