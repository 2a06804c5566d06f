# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of backups whose delete wasn't answered with `true`. Loaded only then.

This file is private to the collection.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from .._portal.client import Client
from .._portal.errors import NOT_KNOWN, NOTHING, DocSpaceError, protocol_error
from .history import read_history
from .record import Record


class Settled(NamedTuple):
    """failures: by id, those that are still there, or of which it isn't known. absent: ids that
    went by themselves. warnings: on those that were removed in spite of it. there: ids that the history
    still lists. All others were removed.
    """

    failures: dict[str, DocSpaceError]
    absent: list[str]
    warnings: list[str | None]
    there: set[str]


def settle(
    client: Client,
    records: list[Record],
    deleted: set[str],
    errors: dict[str, DocSpaceError],
    stopped: list[DocSpaceError],
    *,
    dump: bool,
    repeats: bool = False,
) -> Settled:
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
        if error.outcome == NOT_KNOWN and not (repeats and error.transient)
    }
    there: set[str] | None = None
    unread: DocSpaceError | None = None
    pauses = client.late_looks()
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
    settled = Settled({}, [], [], there or set())
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
    error.outcome, error.changed = NOT_KNOWN, True
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
        error.outcome = NOTHING
    elif error is None:
        code = stopped[0].code if stopped else "connection"
        message = "Not tried, because a delete before it failed."
        error = DocSpaceError(code, message, detail="not tried")
    if not error.had_no_effect(None):
        return _not_known(record, error, None)
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
