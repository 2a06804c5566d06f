# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of backups whose delete wasn't answered with `true`. Loaded only then.

This file is private to the collection.
"""

from __future__ import annotations

from typing import NamedTuple

from .._portal.client import Client
from .._portal.errors import NOT_KNOWN, NOTHING, DocSpaceError, protocol_error
from .history import read_history
from .record import Record


class Settled(NamedTuple):
    """failures: by id, those that are still there, or of which it isn't known. absent: ids that
    went by themselves. warnings: on those that are gone all the same. All others were removed.
    """

    failures: dict[str, DocSpaceError]
    absent: list[str]
    warnings: list[str | None]


def settle(
    client: Client,
    records: list[Record],
    deleted: set[str],
    errors: dict[str, DocSpaceError],
    stopped: list[DocSpaceError],
    *,
    dump: bool,
) -> Settled:
    """Look into the history, which decides. Only a refusal of the credentials is believed without;
    and of a dump not even `true` is (3.1 says so, and keeps it).

    deleted: ids whose delete was answered with `true`. errors: what other deletes ended in.
    stopped: what kept the rest from being tried.
    """
    there, unread = {record.id for record in records} - deleted, None
    refused = {identity for identity, error in errors.items() if error.code == "auth"}
    if dump or len(deleted | refused) < len(records):
        try:
            there = {record.id for record in read_history(client, dump=dump)}
        except DocSpaceError as failed:
            unread = failed
    settled = Settled({}, [], [])
    for record in records:
        error, done = errors.get(record.id), record.id in deleted
        if unread is not None and (error or (dump and done)):
            settled.failures[record.id] = _not_known(record, error, unread)
        elif record.id in there:
            settled.failures[record.id] = _still_there(record, error, done, stopped)
        elif error is not None:
            settled.warnings.append(_may_remain(record, error))
        elif not done:
            settled.absent.append(record.id)
    return settled


def _not_known(record: Record, error: DocSpaceError | None, unread: DocSpaceError) -> DocSpaceError:
    error = error or protocol_error("The portal said that it is deleted.")
    error.outcome = NOT_KNOWN
    error.message = (
        f"Not known whether backup {record.id} is gone; run again. {error.message[:450]} "
        f"Then the history couldn't be read: {unread.message[:300]}"
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
    elif error is None:
        code = stopped[0].code if stopped else "connection"
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
