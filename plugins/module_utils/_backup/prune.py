# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove many backups: the plan, its guards, and the account of every copy. No I/O.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from .._portal.errors import DocSpaceError, Effect, config_error
from .._portal.values import is_future, moment
from .delete import Outcome
from .record import Record, find, newest_within, require_dates
from .retention import NOT_KEPT, OPTIONS, Candidate, Policy, RetentionError, evaluate

DIFF_LINES = 1000


class Plan(NamedTuple):
    """What goes and what stays. remove: oldest first. keep: newest first. Both with reasons."""

    remove: list[tuple[Record, list[str]]]
    keep: list[tuple[Record, list[str]]]
    absent: list[str]


def read_policy(params: Mapping[str, Any]) -> Policy:
    """The policy in a module's options."""
    try:
        return Policy({option: params[option] for option in OPTIONS})
    except RetentionError as error:
        code = "guard" if error.option == "policy" else "config"
        raise DocSpaceError(code, f"{error}.") from error


def read_now(params: Mapping[str, Any], present: datetime) -> datetime:
    """The time by which a policy is evaluated: the option `now`, or else the present."""
    time = moment(dict(params), "now") or present
    if not 1 < time.year < 9999:
        # Every time zone needs room on both sides.
        raise config_error("now: out of range. Give a time between the years 2 and 9998.")
    return time


def check_max_delete(params: Mapping[str, Any]) -> None:
    """Refuse a negative limit."""
    if params["max_delete"] is not None and params["max_delete"] < 0:
        raise config_error("max_delete: give 0 or more.")


def assume(storage_type: str, created_on: datetime, *, expires: bool) -> Record:
    """The backup that a dry run assumes to have been created. It has no ID and no file name yet.

    expires: whether the server deletes it after a day.
    """
    expires_on = created_on + timedelta(days=1) if expires else None
    return Record("", "", storage_type, created_on, expires_on)


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
        # A clock may be ahead by a little: then the backup counts as created now.
        Candidate(
            record.id,
            record.created_on if is_future(record.created_on, now) else min(record.created_on, now),
            record.storage_type,
            record.expires_on is not None,
        )
        for record in records
        if record.created_on is not None
    ]
    judged = evaluate(copies, policy, now)
    return Plan(
        [(by_id[copy.id], [NOT_KEPT]) for copy in judged.remove],
        [(by_id[copy.id], reasons) for copy, reasons in judged.keep],
        [],
    )


def check_limits(
    plan: Plan, history: Collection[Record], protected: Iterable[str], max_delete: int | None
) -> str | None:
    """Refuse a plan that removes too much. Gives a warning on protected ids that aren't there."""
    if max_delete is not None and len(plan.remove) > max_delete:
        raise _refused(
            f"{len(plan.remove)} backups would be removed, and 'max_delete' allows {max_delete}. "
            "Nothing was removed. See what they are in check mode with a higher 'max_delete'."
        )
    there = {record.id for record in history}
    unknown = [one for one in protected if one not in there]
    if not unknown:
        return None
    return f"protect_ids: not found, so they protect nothing: {', '.join(unknown[:20])}"


def check_required(
    plan: Plan, history: list[Record], wanted: str | None, max_age: int | None, now: datetime
) -> str | None:
    """Refuse a plan that doesn't leave what has to stay. Gives a warning on wrong clocks.

    wanted: the id of a lasting backup. max_age: seconds; a lasting backup, any, must be younger.
    """
    doomed = {record.id for record, _reasons in plan.remove}
    if wanted is not None:
        record = find(history, wanted)
        if record is None:
            raise _refused(f"require_id: {wanted} is not in the history. Nothing was removed.")
        if record.expires_on is not None:
            raise _refused(f"require_id: {wanted} expires by itself. Nothing was removed.")
        if wanted in doomed:
            raise _refused(f"require_id: {wanted} would go itself. Nothing was removed.")
    if max_age is None:
        return None
    # What has no readable time proves nothing.
    left = [one for one in history if one.created_on is not None and one.id not in doomed]
    newest, warning = newest_within(left, now, max_age, None, "require_newer_than")
    if newest is None:
        raise _refused(
            f"require_newer_than: no lasting backup younger than {max_age} s would be left. Nothing "
            f"was removed. Make one first.{f' {warning}' if warning else ''}"
        )
    return warning


def _refused(message: str) -> DocSpaceError:
    return DocSpaceError("guard", message)


def prune_result(plan: Plan, outcome: Outcome, total: int, now: datetime) -> dict[str, Any]:
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
        f"{sign} {record.id or '(assumed new backup)':<36}  {record.file_name:<{min(width, 60)}}  {_age(record, now):>9}  "
        f"{record.storage_type:<21}  {', '.join(reasons)}"
        for sign, record, reasons in rows
    ]
    if more > 0:
        lines.append(f"  and {more} more")
    return "".join(f"{line}\n" for line in lines)


def _age(record: Record, now: datetime) -> str:
    if record.created_on is None:
        return "?"
    if is_future(record.created_on, now):
        return "future"
    hours = max(0, int((now - record.created_on).total_seconds()) // 3600)
    return f"{hours // 24}d {hours % 24}h"


def _flat(rows: Iterable[tuple[Record, list[str]]], now: datetime) -> list[dict[str, Any]]:
    return [{**row_of(record, now), "reasons": reasons} for record, reasons in rows]


def row_of(record: Record, now: datetime) -> dict[str, Any]:
    """A record as modules return it; what an assumed backup doesn't have yet is null."""
    row = record.result(now)
    return row if record.id else {**row, "id": None, "file_name": None}


def incomplete_prune(outcome: Outcome, values: dict[str, Any]) -> DocSpaceError:
    """The failure of a task that left something of many: that of the first delete that was tried."""
    errors = list(outcome.failures.values())
    first = errors[0]
    unknown = any(error.effect == Effect.UNKNOWN for error in errors)
    state = "may not have been deleted" if unknown else "weren't deleted"
    first.message = f"{len(errors)} backups {state}. {first.message}"
    first.changed = bool(outcome.removed) or unknown
    first.values = values
    first.warnings = outcome.warnings
    return first
