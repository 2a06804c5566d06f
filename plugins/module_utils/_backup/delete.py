# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delete backups: one, or many at a time.

A delete that isn't answered with `true` is looked up: the history decides (C16 to C18). For a
server-wide backup even `true` is looked up, because DocSpace 3.1 answers so and keeps the backup. This file is
private to the collection.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from typing import NamedTuple

from .._portal.errors import LONGEST_DETAIL, DocSpaceError, Effect, protocol_error
from .._portal.interrupts import Interrupted
from .._portal.values import clean
from .api import BackupApi
from .record import Record

# After one of these errors, no other delete can succeed.
STOPPING = ("auth", "forbidden", "payment", "tls")
# Nor after so many lost connections, or rejections for too many requests, in a row.
FAMILIES = {"connection": "lost", "timeout": "lost", "rate_limited": "rejected"}
IN_A_ROW = 3
MOST_WARNINGS = 20


def delete_backup(api: BackupApi, record: Record) -> str | None:
    """Delete a backup of the history. Returns a warning if its file may remain on the storage.

    After a lost connection the delete is repeated while the history lists the backup. That is safe:
    the server answers a second delete with `true` (C17).
    """
    attempt = 0
    while True:
        error = send_delete(api, record)
        if error is None and not api.dump:
            return None
        repeat = error is not None and error.transient and attempt < api.client.retries
        unsure = error is not None and error.effect == Effect.UNKNOWN and not repeat
        listed, unread = list_remaining(api, [record.id] if unsure else [])
        failure = failure_of(record, error, listed, unread)
        if failure is None:
            return None if error is None else warn_of_file(record, error)
        if not repeat or listed is None:
            raise failure
        api.client.pause(attempt, failure)
        attempt += 1


def send_delete(api: BackupApi, record: Record) -> DocSpaceError | None:
    """Send one delete. Returns its error, None if it was answered with `true`."""
    try:
        api.delete(record.id)
    except DocSpaceError as error:
        return error
    except Exception as error:
        return protocol_error(f"Unexpected: {type(error).__name__}: {clean(error)}", status=None)
    return None


def list_remaining(
    api: BackupApi, unsure: Collection[str]
) -> tuple[set[str] | None, DocSpaceError | None]:
    """Return the IDs in the history, None if it couldn't be read, and then why.

    unsure: IDs whose delete may still take effect. While one of them is listed, the history is read
    twice more within `timeout`.
    """
    listed: set[str] | None = None
    unread: DocSpaceError | None = None
    pauses = api.client.late_pauses()
    while True:
        try:
            listed = {record.id for record in api.history()}
        except DocSpaceError as error:
            unread = error
        if not pauses or not (unsure if listed is None else listed.intersection(unsure)):
            return listed, unread if listed is None else None
        time.sleep(pauses.pop(0))


def failure_of(
    record: Record,
    error: DocSpaceError | None,
    listed: set[str] | None,
    unread: DocSpaceError | None,
) -> DocSpaceError | None:
    """Return why a backup isn't known to be deleted, None if it is deleted.

    Args:
        record: The backup, for which a delete was sent.
        error: Of that delete, None if it was answered with `true`.
        listed: The IDs in the history after it, None if it couldn't be read.
        unread: Why it couldn't be read.
    """
    if unread is not None:
        if error is None:
            error = protocol_error("The portal answered the delete with true.")
        if not error.had_no_effect(unread):
            return _unknown(
                record, error, f"The history couldn't be read afterwards ({unread.title})."
            )
    if listed is not None and record.id not in listed:
        return None
    if error is None:
        error = protocol_error(
            "The portal answered the delete with true. DocSpace before 3.2 keeps server-wide "
            "backups: update it, or delete the file on the server."
        ).evolve(effect=Effect.NONE)
    if not error.had_no_effect(None):
        then = "The history still lists it, but the delete may take effect later."
        return _unknown(record, error, then)
    return error.evolve(
        message=f"Backup {record.id} was not deleted. {error.message}", effect=Effect.NONE
    )


def _unknown(record: Record, error: DocSpaceError, then: str) -> DocSpaceError:
    return error.evolve(
        message=f"Not known whether backup {record.id} was deleted. Run the task again. {then} "
        f"{error.message}",
        effect=Effect.UNKNOWN,
        changed=True,
    )


def warn_of_file(record: Record, error: DocSpaceError) -> str:
    """Return the warning for a backup that is deleted, though the delete failed."""
    came = "got no answer" if error.status is None else f"was answered with HTTP {error.status}"
    says = f" ({error.detail[:LONGEST_DETAIL]})" if error.detail else ""
    return (
        f"Backup {record.id} is no longer in the history, but its delete {came}{says}. The server "
        f"removes a record before its file, so {record.file_name[:200]!r} may remain on the storage. Check "
        "there."
    )


class Outcome(NamedTuple):
    """The result of deleting many backups."""

    removed: set[str]  # IDs deleted by this run
    failures: dict[str, DocSpaceError]  # by ID, in the order of deletion
    absent: list[str]  # IDs that were deleted by somebody else
    warnings: list[str | None]


def delete_backups(api: BackupApi, records: list[Record], *, concurrency: int) -> Outcome:
    """Delete backups in their order, several at a time.

    A failed delete doesn't stop the others, unless the others can't succeed either. The history is read once
    for all of them.
    """
    batch = _Batch(records)
    batch.run(api, concurrency)
    outcome = Outcome({record.id for record in records}, {}, [], [])
    if not api.dump and len(batch.deleted) == len(records):
        return outcome
    unsure = [key for key, error in batch.errors.items() if error.effect == Effect.UNKNOWN]
    listed, unread = list_remaining(api, unsure)
    for record in records:
        error, deleted = batch.errors.get(record.id), record.id in batch.deleted
        if deleted and listed is None and not api.dump:
            continue
        if deleted or error is not None:
            failure = failure_of(record, error, listed, unread)
        elif listed is not None and record.id not in listed:
            failure = None
            outcome.absent.append(record.id)
            outcome.removed.discard(record.id)
        else:
            failure = batch.not_tried(record)
        if failure is not None:
            outcome.failures[record.id] = failure
            outcome.removed.discard(record.id)
        elif error is not None:
            outcome.warnings.append(warn_of_file(record, error))
    more = len(outcome.warnings) - MOST_WARNINGS
    if more > 0:
        outcome.warnings[MOST_WARNINGS:] = [f"The same holds for {more} more of these backups."]
    return outcome


class _Batch:
    """The deletes of many backups, sent by a pool of threads."""

    def __init__(self, records: list[Record]) -> None:
        self.deleted: set[str] = set()  # IDs whose delete was answered with `true`
        self.errors: dict[str, DocSpaceError] = {}  # of the other deletes, by ID
        self._stopped: DocSpaceError | None = None  # why the rest isn't tried
        self._records, self._waiting = records, iter(records)
        self._taken: list[Record] = []
        self._row: list[str] = []  # the families of the latest errors, as long as they are equal
        self._lock = threading.Lock()

    def run(self, api: BackupApi, concurrency: int) -> None:
        """Send the deletes."""
        helpers: list[threading.Thread] = []
        for _number in range(min(concurrency, len(self._records)) - 1):
            # A daemon doesn't keep the process from ending.
            helper = threading.Thread(target=self._work_in_thread, args=(api,), daemon=True)
            try:
                helper.start()
            except RuntimeError:
                api.client.log(f"no more than {len(helpers) + 1} deletes at a time: no thread left")
                break
            helpers.append(helper)
        self._work(api)
        for helper in helpers:
            helper.join()
        for record in self._taken:
            if record.id not in self.deleted and record.id not in self.errors:
                self.errors[record.id] = protocol_error("The delete didn't end.", status=None)

    def not_tried(self, record: Record) -> DocSpaceError:
        """Return the failure of a backup whose delete wasn't sent."""
        code = "connection" if self._stopped is None else self._stopped.code
        message = (
            f"Backup {record.id} was not deleted. A delete before it failed, so it wasn't tried."
        )
        return DocSpaceError(code, message, detail="not tried")

    def _work_in_thread(self, api: BackupApi) -> None:
        try:
            self._work(BackupApi(api.client.clone(), api.dump))
        except Interrupted:
            return
        except BaseException as error:
            api.client.log(f"a worker ended: {type(error).__name__}")

    def _work(self, api: BackupApi) -> None:
        while True:
            with self._lock:
                record = None if self._stopped else next(self._waiting, None)
                if record is None:
                    return
                self._taken.append(record)
            self._note(record, send_delete(api, record))

    def _note(self, record: Record, error: DocSpaceError | None) -> None:
        with self._lock:
            if error is None:
                self.deleted.add(record.id)
                self._row.clear()
                return
            self.errors[record.id] = error
            family = FAMILIES.get(error.code, "")
            self._row = [one for one in [*self._row, family] if family and one == family]
            if self._stopped is None and (error.code in STOPPING or len(self._row) >= IN_A_ROW):
                self._stopped = error
