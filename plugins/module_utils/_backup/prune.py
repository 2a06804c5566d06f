# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove many backups: the plan, its guards, and the account of every copy. No I/O.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from .._portal.errors import NOTHING, DocSpaceError
from .delete import Outcome
from .record import Record
from .retention import NOT_KEPT, Copy, Policy, judge
from .selection import require_dates

DIFF_LINES = 1000


class Plan(NamedTuple):
    """What goes and what stays. remove: oldest first. keep: newest first. Both with reasons."""

    remove: list[tuple[Record, list[str]]]
    keep: list[tuple[Record, list[str]]]
    absent: list[str]


def plan_named(history: Iterable[Record], ids: Iterable[str]) -> Plan:
    """Remove just these. history: newest first."""
    wanted = dict.fromkeys(ids)
    found = [record for record in history if record.id in wanted]
    there = {record.id for record in found}
    absent = [one for one in wanted if one not in there]
    return Plan([(record, ["named"]) for record in reversed(found)], [], absent)


def plan_policy(records: list[Record], policy: Policy, now: datetime) -> Plan:
    """Remove what a policy doesn't keep."""
    require_dates(records, "keep_*")
    by_id = {record.id: record for record in records}
    copies = [
        Copy(record.id, record.created_on, record.storage_type, record.expires_on is not None)
        for record in records
        if record.created_on is not None
    ]
    judged = judge(copies, policy, now)
    return Plan(
        [(by_id[copy.id], [NOT_KEPT]) for copy in judged.remove],
        [(by_id[copy.id], reasons) for copy, reasons in judged.keep],
        [],
    )


def guard(
    plan: Plan, history: Collection[Record], protected: Iterable[str], max_delete: int | None
) -> str | None:
    """Refuse a plan that removes too much. Gives a warning on protected ids that aren't there."""
    if max_delete is not None and len(plan.remove) > max_delete:
        raise DocSpaceError(
            "guard",
            f"{len(plan.remove)} backups would be removed, and 'max_delete' allows {max_delete}. "
            "Nothing was removed. See what they are in check mode with a higher 'max_delete'.",
        )
    there = {record.id for record in history}
    unknown = [one for one in protected if one not in there]
    if not unknown:
        return None
    return f"protect_ids: not in the history, so they protect nothing: {', '.join(unknown[:20])}"


def report(plan: Plan, outcome: Outcome, total: int, now: datetime) -> dict[str, Any]:
    """The result of the module. outcome: what came, or in check mode would come, of the plan."""
    removed = [row for row in plan.remove if row[0].id in outcome.removed]
    absent = plan.absent + outcome.absent
    failures = [
        {**record.result(now), "failure": outcome.failures[record.id].failure}
        for record, _reasons in plan.remove
        if record.id in outcome.failures
    ]
    return {
        "kept": _flat(plan.keep, now),
        "removed": _flat(removed, now),
        "failures": failures,
        "absent": absent,
        "counts": {
            "total": total,
            "considered": len(plan.keep) + len(plan.remove),
            "kept": len(plan.keep),
            "removed": len(removed),
            "failures": len(failures),
            "absent": len(absent),
        },
    }


def diff_table(plan: Plan, now: datetime) -> str:
    """The plan as a table: what goes, oldest first, then what stays, newest first."""
    rows = [("-", *row) for row in plan.remove] + [(" ", *row) for row in plan.keep]
    more = len(rows) - DIFF_LINES
    rows = rows[:DIFF_LINES]
    width = max((len(record.file_name) for _sign, record, _reasons in rows), default=0)
    lines = [
        f"{sign} {record.id}  {record.file_name:<{min(width, 60)}}  {_age(record, now):>9}  "
        f"{record.storage_type:<21}  {', '.join(reasons)}"
        for sign, record, reasons in rows
    ]
    if more > 0:
        lines.append(f"  and {more} more")
    return "".join(f"{line}\n" for line in lines)


def _age(record: Record, now: datetime) -> str:
    if record.created_on is None:
        return "?"
    hours = int((now - record.created_on).total_seconds()) // 3600
    return f"{hours // 24}d {hours % 24}h" if hours >= 0 else "future"


def _flat(rows: Iterable[tuple[Record, list[str]]], now: datetime) -> list[dict[str, Any]]:
    return [{**record.result(now), "reasons": reasons} for record, reasons in rows]


def incomplete(outcome: Outcome, values: dict[str, Any]) -> DocSpaceError:
    """The failure of a task that left something of many: that of the first delete that was tried."""
    errors = list(outcome.failures.values())
    first = errors[0]
    known = all(error.outcome == NOTHING for error in errors)
    state = "that should go are still there" if known else "should have gone"
    first.message = f"{len(errors)} backups {state}. {first.message}"
    first.changed = bool(outcome.removed)
    first.values = values
    first.warnings = outcome.warnings
    return first
