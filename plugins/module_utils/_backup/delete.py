# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delete many backups in parallel, and find out what became of each.

This file is private to the collection.
"""

from __future__ import annotations

import threading
from typing import Any

from .._portal.client import Client
from .._portal.errors import DocSpaceError, protocol_error
from .history import may_remain, read_history
from .prune import Outcome, Plan
from .record import Record

STOPPING = ("auth", "forbidden", "payment", "tls")
LOST = ("connection", "timeout")
LOST_IN_A_ROW = 3
MOST_WARNINGS = 20
NOT_KNOWN = "Not known whether it is gone"


def apply(client: Client, plan: Plan, concurrency: int, *, dump: bool) -> Outcome:
    """Delete what the plan removes, oldest first, several at a time.

    A failed delete doesn't stop the others, but one that no other can survive does. After any that
    failed or had no answer the history is read once more, and decides.
    """
    records = [record for record, _reasons in plan.remove]
    deleted, errors, stopped = _delete_all(client, records, concurrency)
    if len(deleted) == len(records):
        return Outcome(deleted, {}, plan.absent, [])
    try:
        there = {record.id for record in read_history(client, dump=dump)}
    except DocSpaceError as error:
        client.log(f"the history couldn't be read again: {error.code}")
        there = {record.id for record in records} - deleted
        for unknown in errors.values():
            unknown.message = f"{NOT_KNOWN}; run again. {unknown.message}"
    outcome = Outcome(set(), {}, list(plan.absent), [])
    for record in records:
        failure = errors.get(record.id)
        if record.id in there:
            if record.id in deleted:
                failure = protocol_error(
                    "The portal said that it is deleted, but it is still there."
                )
            outcome.failures[record.id] = failure or _not_tried(stopped)
        elif record.id in deleted or failure is not None:
            outcome.removed.add(record.id)
        else:
            outcome.absent.append(record.id)
        if failure is not None and record.id not in there:
            outcome.warnings.append(may_remain(record, failure))
    more = len(outcome.warnings) - MOST_WARNINGS
    if more > 0:
        outcome.warnings[MOST_WARNINGS:] = [f"And {more} more backups are gone in the same way."]
    return outcome


def _delete_all(
    client: Client, records: list[Record], concurrency: int
) -> tuple[set[str], dict[str, DocSpaceError], DocSpaceError | None]:
    """Those deleted, those failed, and the failure that stopped the rest."""
    waiting, lock = iter(records), threading.Lock()
    removed: set[str] = set()
    failures: dict[str, DocSpaceError] = {}
    stopped: list[DocSpaceError] = []
    lost = 0

    def work() -> None:
        nonlocal lost
        own = client.twin()
        while True:
            with lock:
                record = None if stopped else next(waiting, None)
            if record is None:
                return
            error: DocSpaceError | None = None
            try:
                if own.delete(f"deletebackup/{record.id}") is not True:
                    error = protocol_error("The portal answered a delete with no true.")
                    error.method, error.path = own.last or (None, None)
            except DocSpaceError as failed:
                error = failed
            with lock:
                if error is None:
                    removed.add(record.id)
                    lost = 0
                    continue
                failures[record.id] = error
                lost = lost + 1 if error.code in LOST else 0
                if error.code in STOPPING or lost >= LOST_IN_A_ROW:
                    stopped.append(error)

    workers = [threading.Thread(target=work) for _worker in range(min(concurrency, len(records)))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return removed, failures, stopped[0] if stopped else None


def _not_tried(stopped: DocSpaceError | None) -> DocSpaceError:
    code = "connection" if stopped is None else stopped.code
    return DocSpaceError(code, "Not tried, because a delete before it failed.", detail="not tried")


def incomplete(outcome: Outcome, values: dict[str, Any]) -> DocSpaceError:
    """The failure of a task that left something: that of the first delete that was tried."""
    # In the order of deletion, so that the first one was tried.
    errors = list(outcome.failures.values())
    first = errors[0]
    state = "should have gone" if NOT_KNOWN in first.message else "that should go are still there"
    first.message = f"{len(errors)} backups {state}. {first.message}"
    first.changed = bool(outcome.removed)
    first.values = values
    first.warnings = outcome.warnings
    return first
