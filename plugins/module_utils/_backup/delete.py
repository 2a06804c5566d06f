# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make backups of the history be gone: one or many, by the same rules.

This file is private to the collection.
"""

from __future__ import annotations

import threading
from itertools import count
from typing import Any, NamedTuple

from .._portal.answers import only_true
from .._portal.client import Client
from .._portal.errors import NOT_KNOWN, NOTHING, DocSpaceError, protocol_error
from .._portal.gate import Interrupted
from .._portal.values import clean
from .history import API, read_history
from .record import Record

# After one of these, no other delete can succeed.
STOPPING = ("auth", "forbidden", "payment", "tls")
# After so many lost connections, or refusals for too many requests, in a row, neither.
FAMILIES = {"connection": "lost", "timeout": "lost", "rate_limited": "refused"}
IN_A_ROW = 3
MOST_WARNINGS = 20


class Outcome(NamedTuple):
    """What became of backups. removed: ids that are gone by this run. failures: by id, in the order
    of deletion. absent: ids that went by themselves. warnings: on deletes that went wrong, but
    after which the backup is gone.
    """

    removed: set[str]
    failures: dict[str, DocSpaceError]
    absent: list[str]
    warnings: list[str | None]


class _Wave(NamedTuple):
    """What the deletes of one wave were answered with."""

    deleted: set[str]
    errors: dict[str, DocSpaceError]
    stopped: list[DocSpaceError]


def delete(
    client: Client, records: list[Record], *, dump: bool, concurrency: int = 1, again: int = 0
) -> Outcome:
    """Delete records of the history in their order, several at a time.

    A delete that failed doesn't stop the others, unless no other can succeed. Whatever was
    answered with anything but `true`, or not at all, is looked up: the history decides (C16-C18).
    again: how often what may succeed then is tried anew, when the history says that it is still
    there; only a refusal that had no effect is repeated without a look (C32).
    """
    outcome, waiting = Outcome(set(), {}, [], []), records
    for attempt in count():
        wave = _send_all(client, waiting, concurrency)
        _settle(client, waiting, wave, outcome, dump=dump)
        waiting = [
            record
            for record in waiting
            if record.id in wave.errors and _may_succeed(outcome.failures.get(record.id))
        ]
        if not waiting or attempt >= again or wave.stopped:
            break
        client.pause(attempt, outcome.failures[waiting[0].id])
    more = len(outcome.warnings) - MOST_WARNINGS
    if more > 0:
        outcome.warnings[MOST_WARNINGS:] = [f"And {more} more backups are gone in the same way."]
    return outcome


def _may_succeed(error: DocSpaceError | None) -> bool:
    return error is not None and error.transient and error.outcome == NOTHING


def _send_all(client: Client, records: list[Record], concurrency: int) -> _Wave:
    waiting, lock = iter(records), threading.Lock()
    wave = _Wave(set(), {}, [])
    taken: list[Record] = []
    row: list[str] = []

    def work(own: Client) -> None:
        while True:
            with lock:
                record = None if wave.stopped else next(waiting, None)
                if record is None:
                    return
                taken.append(record)
            error = _send(own, record)
            with lock:
                if error is None:
                    wave.deleted.add(record.id)
                    row.clear()
                    continue
                wave.errors[record.id] = error
                family = FAMILIES.get(error.code, "")
                row[:] = [one for one in [*row, family] if family and one == family]
                if error.code in STOPPING or len(row) >= IN_A_ROW:
                    wave.stopped.append(error)

    def work_beside() -> None:
        try:
            work(client.twin())
        except Interrupted:
            return
        except BaseException as error:
            client.log(f"a worker ended: {type(error).__name__}")

    helpers: list[threading.Thread] = []
    for _number in range(min(concurrency, len(records)) - 1):
        # None of them keeps the process from ending.
        helper = threading.Thread(target=work_beside, daemon=True)
        try:
            helper.start()
        except RuntimeError:
            client.log(f"no more than {len(helpers) + 1} deletes at a time: no thread to be had")
            break
        helpers.append(helper)
    work(client)
    for helper in helpers:
        helper.join()
    for record in taken:
        if record.id not in wave.deleted and record.id not in wave.errors:
            wave.errors[record.id] = protocol_error("Its delete came to no end.", status=None)
    return wave


def _send(client: Client, record: Record) -> DocSpaceError | None:
    try:
        client.delete(f"{API}deletebackup/{record.id}", read=only_true("delete"))
    except DocSpaceError as error:
        return error
    except Exception as error:
        return protocol_error(f"Unexpected: {type(error).__name__}: {clean(error)}", status=None)
    return None


def _settle(
    client: Client, records: list[Record], wave: _Wave, outcome: Outcome, *, dump: bool
) -> None:
    """Note what became of each. Only a refusal of the credentials is believed without a look; and
    of a dump not even `true` is (3.1 says so, and keeps it)."""
    there, unread = {record.id for record in records} - wave.deleted, None
    refused = {identity for identity, error in wave.errors.items() if error.code == "auth"}
    if dump or len(wave.deleted | refused) < len(records):
        try:
            there = {record.id for record in read_history(client, dump=dump)}
        except DocSpaceError as failed:
            unread = failed
    for record in records:
        error = wave.errors.get(record.id)
        outcome.failures.pop(record.id, None)
        if unread is not None and (error or (dump and record.id in wave.deleted)):
            outcome.failures[record.id] = _not_known(record, error, unread)
        elif record.id in there:
            outcome.failures[record.id] = _still_there(record, error, wave)
        elif record.id in wave.deleted or error is not None:
            outcome.removed.add(record.id)
            if error is not None:
                outcome.warnings.append(_may_remain(record, error))
        else:
            outcome.absent.append(record.id)


def _not_known(record: Record, error: DocSpaceError | None, unread: DocSpaceError) -> DocSpaceError:
    error = error or protocol_error("The portal said that it is deleted.")
    error.outcome = NOT_KNOWN
    error.message = (
        f"Not known whether backup {record.id} is gone; run again. {error.message[:450]} "
        f"Then the history couldn't be read: {unread.message[:300]}"
    )
    return error


def _still_there(record: Record, error: DocSpaceError | None, wave: _Wave) -> DocSpaceError:
    if error is None and record.id in wave.deleted:
        error = protocol_error(
            "The portal said that it is deleted. DocSpace before 3.2 keeps backups of the whole "
            "server: update it, or delete the file on the server."
        )
    elif error is None:
        code = wave.stopped[0].code if wave.stopped else "connection"
        message = "Not tried, because a delete before it failed."
        error = DocSpaceError(code, message, detail="not tried")
    if error.code != "auth":
        error.message = f"Backup {record.id} is still there. {error.message}"
    error.outcome = NOTHING
    return error


def _may_remain(record: Record, error: DocSpaceError) -> str:
    """The warning on a backup that is gone, though its delete had another answer than `true`."""
    came = "got no answer" if error.status is None else f"was answered with HTTP {error.status}"
    says = f" ({error.detail[:300]})" if error.detail else ""
    return (
        f"Backup {record.id} is gone from the history, but its delete {came}{says}. The server "
        f"hides a record before it removes the file, so '{record.file_name[:200]}' may remain on "
        "the storage: look there."
    )


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
