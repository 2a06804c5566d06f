# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the template of retention_preview needs: a plan laid out as a calendar.

It stands beside the playbook, because it serves nothing else. It judges nothing itself.
"""

from __future__ import annotations

import calendar
import json
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from operator import itemgetter
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.onlyoffice.docspace.plugins.filter.backup_retention import (
    backup_retention,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.retention import (
    NOT_KEPT,
    OPTIONS,
    Policy,
    normal_id,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.values import (
    format_time,
    parse_time,
)

# Kept for what they are and not by a rule: they take no place of any rule.
APART = {"protected": "P", "future": "F", "expires": "E"}
TITLE_LINES = 12
# Not those of the calendar module: Ansible sets the locale, and the page is in English.
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def retention_page(backups: object, policy: object, now: object) -> dict[str, Any]:
    """Judge the backups, and lay the plan out. What is wrong with the input comes as ``error``."""
    try:
        return {"error": "", **_page(_history(backups), _policy(policy), str(now))}
    except (AnsibleFilterError, ValueError) as error:
        return {"error": str(error).replace("backup_retention: ", "", 1)}


def invented_history(now: object) -> list[dict[str, str]]:
    """One backup a day for a year, the last one before ``now``."""
    try:
        moment = parse_time(str(now))
    except ValueError:
        return []  # the page says what is wrong with the time
    newest = moment.replace(hour=3, minute=0, second=0, microsecond=0)
    if newest > moment:
        newest -= timedelta(days=1)
    days = [newest - timedelta(days=day) for day in range(365)]
    return [
        {
            # Made from the day, so the same in each run.
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{day:%Y-%m-%d}")),
            "file_name": f"workspace_{day:%Y-%m-%d_%H-%M-%S}.tar.gz",
            "storage_type": "local",
            "created_on": format_time(day),
        }
        for day in days
    ]


def _history(given: object) -> list[Any]:
    """Read a list of backups, what docspace_backup_info returned, or either one as JSON."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise ValueError(f"preview_file is not JSON: {error}") from error
    if isinstance(given, Mapping):
        given = given.get("backups")
    if not isinstance(given, list):
        raise ValueError(
            "there must be a list of backups, each with 'id' and 'created_on', or the result of "
            "docspace_backup_info with its 'backups'"
        )
    return given


def _policy(given: object) -> dict[str, Any]:
    """Read the policy as a dictionary, or as text: that is how ``-e preview_policy=...`` gives it."""
    if isinstance(given, str):
        try:
            given = yaml.safe_load(given)
        except yaml.YAMLError as error:
            raise ValueError("preview_policy can't be read as a dictionary") from error
    if not isinstance(given, Mapping):
        raise ValueError("preview_policy must be a dictionary such as {keep_daily: 7}")
    for option in given:
        if option == "now":
            raise ValueError("preview_policy: 'now' does not belong there, set preview_now")
        if option not in OPTIONS:
            raise ValueError(f"preview_policy: {option!r} is none of {', '.join(OPTIONS)}")
    return dict(given)


def _page(backups: list[Any], policy: dict[str, Any], now_text: str) -> dict[str, Any]:
    plan = backup_retention(backups, now=now_text, **policy)
    read = Policy(policy)
    now = parse_time(now_text).astimezone(read.zone)
    items = plan["keep"] + plan["remove"]
    rows = [_row(item, number, now, read.zone) for number, item in enumerate(items, 1)]
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["storage"] if read.by_storage else "", []).append(row)
    there = {normal_id(row["id"]) for row in rows}
    return {
        "now": f"{now.date()} {now.time().isoformat('minutes')}",
        "zone": policy.get("timezone") or "UTC",
        "policy": {option: _plain(value) for option, value in policy.items() if value is not None},
        "unknown": sorted(read.protected - there),
        "counts": _counts(rows),
        "groups": [
            {"name": name, "number": number, "counts": _counts(of), **_group(of, now.date())}
            for number, (name, of) in enumerate(sorted(groups.items()), 1)
        ],
    }


def _row(item: Mapping[str, Any], number: int, now: datetime, zone: tzinfo) -> dict[str, Any]:
    moment = parse_time(item["created_on"]).astimezone(zone)
    letters = "".join(letter for reason, letter in APART.items() if reason in item["reasons"])
    removed = item["reasons"] == [NOT_KEPT]
    return {
        "number": number,
        "id": str(item["id"]),
        "name": str(item.get("file_name") or ""),
        "storage": str(item.get("storage_type") or ""),
        "day": moment.date().isoformat(),
        "time": moment.time().isoformat("minutes"),
        "age": _age(now - moment),
        "kind": "removed" if removed else "apart" if letters else "kept",
        "letters": letters,
        "reasons": item["reasons"],
    }


def _group(rows: list[dict[str, Any]], today: date) -> dict[str, Any]:
    days: dict[date, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=itemgetter("time"), reverse=True):
        days.setdefault(date.fromisoformat(row["day"]), []).append(row)
    months: list[dict[str, Any]] = []
    for at in sorted({day.year * 12 + day.month - 1 for day in days}, reverse=True):
        year, month = divmod(at, 12)
        # However long there was no backup: that is one box.
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
        "letters": "".join(sorted({letter for row in rows for letter in row["letters"]})),
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
        return {
            "docspace_invented_history": invented_history,
            "docspace_retention_page": retention_page,
        }
