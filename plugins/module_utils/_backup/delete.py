# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of backups whose delete wasn't answered with `true`. Loaded only then.

This file is private to the collection.

Make backups of the history be gone: one or many, by the same rules.

This file is private to the collection.
"""

from __future__ import annotations

import threading
import time
from itertools import count
from typing import NamedTuple

from .._portal.client import Client
from .._portal.errors import DocSpaceError, Effect, protocol_error
from .._portal.interrupts import Interrupted
from .._portal.response import expect_true
from .._portal.values import clean
from .api import API, read_history
from .record import Record


class VerifiedDeletes(NamedTuple):
    """failures: by id, those that are still there, or of which it isn't known. absent: ids that
    went by themselves. warnings: on those that were removed in spite of it. there: ids that the history
    still lists. All others were removed.
    """

    failures: dict[str, DocSpaceError]
    absent: list[str]
    warnings: list[str | None]
    there: set[str]


def verify_deletes(
    client: Client,
    records: list[Record],
    deleted: set[str],
    errors: dict[str, DocSpaceError],
    stopped: list[DocSpaceError],
    *,
    dump: bool,
    repeats: bool = False,
) -> VerifiedDeletes:
    """Look into the history, which decides. For a dump not even `true` is believed (3.1 says so, and
    keeps it).

    A delete that got no clear answer may still take effect, so it is looked up twice more within
    `timeout`.

    deleted: ids whose delete was answered with `true`. errors: what other deletes ended in.
    stopped: what kept the rest from being tried. repeats: whether the caller sends those deletes again
    that may succeed then, which makes waiting for them pointless.
    """
    unsure = {
        identity
        for identity, error in errors.items()
        if error.effect == Effect.UNKNOWN and not (repeats and error.transient)
    }
    there: set[str] | None = None
    unread: DocSpaceError | None = None
    pauses = client.late_pauses()
    while True:
        try:
            there = {record.id for record in read_history(client, dump=dump)}
        except DocSpaceError as failed:
            unread = failed
        if not pauses or not (unsure if there is None else unsure & there):
            break
        time.sleep(pauses.pop(0))
    if there is not None:
        unread = None
    settled = VerifiedDeletes({}, [], [], there or set())
    if there is None:
        there = {record.id for record in records} - deleted
    for record in records:
        error, done = errors.get(record.id), record.id in deleted
        if unread is not None and ((error and not error.had_no_effect(unread)) or (dump and done)):
            settled.failures[record.id] = _not_known(record, error, unread)
        elif record.id in there:
            settled.failures[record.id] = _still_there(record, error, done, stopped)
        elif error is not None:
            settled.warnings.append(_may_remain(record, error))
        elif not done:
            settled.absent.append(record.id)
    return settled


def _not_known(
    record: Record, error: DocSpaceError | None, unread: DocSpaceError | None
) -> DocSpaceError:
    error = error or protocol_error("The portal said that it is deleted.")
    error.effect, error.changed = Effect.UNKNOWN, True
    then = "Its delete may still take effect: the history listed it until now."
    if unread is not None:
        then = f"Then the history couldn't be read: {unread.message[:300]}"
    error.message = (
        f"Not known whether backup {record.id} is deleted. Run again. {error.message[:450]} {then}"
    )
    return error


def _still_there(
    record: Record, error: DocSpaceError | None, deleted: bool, stopped: list[DocSpaceError]
) -> DocSpaceError:
    if error is None and deleted:
        error = protocol_error(
            "The portal said that it is deleted. DocSpace before 3.2 keeps backups of the whole "
            "server: update it, or delete the file on the server."
        )
        error.effect = Effect.NONE
    elif error is None:
        code = stopped[0].code if stopped else "connection"
        message = "Not tried, because a delete before it failed."
        error = DocSpaceError(code, message, detail="not tried")
    if not error.had_no_effect(None):
        return _not_known(record, error, None)
    error.message = f"Backup {record.id} is still there. {error.message}"
    error.effect = Effect.NONE
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


class _Batch:
    """What the deletes of one wave were answered with. deleted: ids. errors: by id. stopped: why
    the rest wasn't tried.
    """

    def __init__(self) -> None:
        self.deleted: set[str] = set()
        self.errors: dict[str, DocSpaceError] = {}
        self.stopped: list[DocSpaceError] = []


def delete_backups(
    client: Client, records: list[Record], *, dump: bool, concurrency: int = 1, again: int = 0
) -> Outcome:
    """Delete records of the history in their order, several at a time.

    A delete that failed doesn't stop the others, unless no other can succeed. Whatever was
    answered with anything but `true`, or not at all, is looked up: the history decides (C16-C18).
    again: how often a delete is repeated that may succeed then, while the history still lists its
    backup. That is safe: the server says `true` to a second delete (C17). Without a look only a
    refusal that had no effect is repeated (C32).
    """
    outcome, waiting = Outcome(set(), {}, [], []), records
    for attempt in count():
        wave = _send_all(client, waiting, concurrency)
        lost: set[str] = set()
        there: set[str] = set()
        for record in waiting:
            outcome.failures.pop(record.id, None)
        if dump or len(wave.deleted) < len(waiting):
            repeats = attempt < again and not wave.stopped
            settled = verify_deletes(
                client,
                waiting,
                wave.deleted,
                wave.errors,
                wave.stopped,
                dump=dump,
                repeats=repeats,
            )
            outcome.failures.update(settled.failures)
            outcome.absent.extend(settled.absent)
            outcome.warnings.extend(settled.warnings)
            lost = {*settled.failures, *settled.absent}
            there = settled.there
        outcome.removed.update({record.id for record in waiting} - lost)
        waiting = [
            record
            for record in waiting
            if record.id in there and record.id in wave.errors and wave.errors[record.id].transient
        ]
        if not waiting or attempt >= again or wave.stopped:
            break
        client.pause(attempt, outcome.failures[waiting[0].id])
    more = len(outcome.warnings) - MOST_WARNINGS
    if more > 0:
        outcome.warnings[MOST_WARNINGS:] = [f"The same holds for {more} more of these backups."]
    return outcome


def _send_all(client: Client, records: list[Record], concurrency: int) -> _Batch:
    waiting, lock = iter(records), threading.Lock()
    wave = _Batch()
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
            work(client.clone())
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
        client.delete(f"{API}deletebackup/{record.id}", read=expect_true("delete"))
    except DocSpaceError as error:
        return error
    except Exception as error:
        return protocol_error(f"Unexpected: {type(error).__name__}: {clean(error)}", status=None)
    return None
