# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prune backups: the plan, its guards, and the result for each backup. Values in, values out.

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
    """Which backups are removed and kept, with the reasons."""

    remove: list[tuple[Record, list[str]]]  # oldest first
    keep: list[tuple[Record, list[str]]]  # newest first
    absent: list[str]  # IDs to remove that aren't in the history


def read_policy(params: Mapping[str, Any]) -> Policy:
    """Return the policy in the options of a module."""
    try:
        return Policy({option: params[option] for option in OPTIONS})
    except RetentionError as error:
        code = "guard" if error.option == "policy" else "config"
        raise DocSpaceError(code, f"{error}.") from error


def read_now(params: Mapping[str, Any], present: datetime) -> datetime:
    """Return the time for which a policy is evaluated: the option `now`, else the present."""
    time = moment(dict(params), "now") or present
    if not 1 < time.year < 9999:
        # So that it can be converted to any time zone.
        raise config_error("now: must be a time between the years 2 and 9998.")
    return time


def check_max_delete(params: Mapping[str, Any]) -> None:
    """Reject a negative limit."""
    if params["max_delete"] is not None and params["max_delete"] < 0:
        raise config_error("max_delete: must be 0 or more.")


def assume(storage_type: str, created_on: datetime, *, expires: bool) -> Record:
    """Return the backup that check mode assumes to be created. It has no ID and no file name.

    expires: whether the server deletes it after a day.
    """
    expires_on = created_on + timedelta(days=1) if expires else None
    return Record("", "", storage_type, created_on, expires_on)


def plan_named(history: Iterable[Record], ids: Iterable[str]) -> Plan:
    """Plan to remove the backups with these IDs. history: newest first."""
    wanted = dict.fromkeys(ids)
    found = [record for record in history if record.id in wanted]
    there = {record.id for record in found}
    absent = [one for one in wanted if one not in there]
    return Plan([(record, ["named"]) for record in reversed(found)], [], absent)


def plan_policy(records: list[Record], policy: Policy, now: datetime) -> Plan:
    """Plan to remove the backups that a policy doesn't keep."""
    require_dates(records, "keep_*")
    by_id = {record.id: record for record in records}
    candidates = [
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
    result = evaluate(candidates, policy, now)
    return Plan(
        [(by_id[candidate.id], [NOT_KEPT]) for candidate in result.remove],
        [(by_id[candidate.id], reasons) for candidate, reasons in result.keep],
        [],
    )


def check_limits(
    plan: Plan, history: Collection[Record], protected: Iterable[str], max_delete: int | None
) -> str | None:
    """Refuse a plan that removes too many. Returns a warning on protected IDs that don't exist."""
    if max_delete is not None and len(plan.remove) > max_delete:
        raise _refused(
            f"max_delete: {len(plan.remove)} backups would be removed, {max_delete} are allowed. Nothing "
            "was removed. List them in check mode with a higher 'max_delete'."
        )
    there = {record.id for record in history}
    unknown = [one for one in protected if one not in there]
    if not unknown:
        return None
    return f"protect_ids: these backups weren't found: {', '.join(unknown[:20])}."


def check_required(
    plan: Plan, history: list[Record], wanted: str | None, max_age: int | None, now: datetime
) -> str | None:
    """Refuse a plan that doesn't keep a required backup. Returns a warning on wrong clocks.

    Only backups that don't expire count.

    wanted: the ID of one to keep. max_age: seconds; any one that is newer must be kept.
    """
    to_remove = {record.id for record, _reasons in plan.remove}
    if wanted is not None:
        record = find(history, wanted)
        if record is None:
            raise _refused(f"require_id: {wanted} isn't in the history. Nothing was removed.")
        if record.expires_on is not None:
            raise _refused(f"require_id: {wanted} expires. Nothing was removed.")
        if wanted in to_remove:
            raise _refused(f"require_id: {wanted} would be removed itself. Nothing was removed.")
    if max_age is None:
        return None
    kept = [one for one in history if one.created_on is not None and one.id not in to_remove]
    newest, warning = newest_within(kept, now, max_age, None, "require_newer_than")
    if newest is None:
        raise _refused(
            f"require_newer_than: no non-expiring backup newer than {max_age} s would be kept. Nothing "
            f"was removed. Create one first.{f' {warning}' if warning else ''}"
        )
    return warning


def _refused(message: str) -> DocSpaceError:
    return DocSpaceError("guard", message)


def prune_result(plan: Plan, outcome: Outcome, total: int, now: datetime) -> dict[str, Any]:
    """Return the result of the module. outcome: of the plan, in check mode the expected one."""
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
    """Format the plan as a table: removed backups, oldest first, then kept ones, newest first."""
    rows = [("-", *row) for row in plan.remove] + [(" ", *row) for row in plan.keep]
    more = len(rows) - DIFF_LINES
    rows = rows[:DIFF_LINES]
    width = max((len(record.file_name) for _sign, record, _reasons in rows), default=0)
    lines = [
        f"{sign} {record.id or '(assumed new backup)':<36}  {record.file_name:<{min(width, 60)}}  "
        f"{_age(record, now):>9}  {record.storage_type:<21}  {', '.join(reasons)}"
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
    """Return a record as modules do. An assumed backup has a null ID and file name."""
    row = record.result(now)
    return row if record.id else {**row, "id": None, "file_name": None}


def incomplete_prune(outcome: Outcome, values: dict[str, Any]) -> DocSpaceError:
    """Return the error of a run that failed to delete some backups, from the first failure."""
    errors = list(outcome.failures.values())
    unknown = any(error.effect == Effect.UNKNOWN for error in errors)
    state = "may not have been deleted" if unknown else "weren't deleted"
    return errors[0].evolve(
        message=f"{len(errors)} backups {state}. {errors[0].message}",
        changed=bool(outcome.removed) or unknown,
        values=values,
        warnings=outcome.warnings,
    )
