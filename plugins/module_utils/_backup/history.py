# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The portal's history of backups: read it, and make one of it be gone.

This file is private to the collection.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .._portal.client import Client
from .._portal.errors import DocSpaceError, protocol_error
from .._portal.values import parse_time
from .record import Record, find, newest_first, parse_id
from .storage import parse_storage_type


def dump_query(dump: bool) -> dict[str, str] | None:
    """`Dump` is sent only when true: older servers don't know it (C2)."""
    return {"Dump": "true"} if dump else None


def read_history(client: Client, *, dump: bool, once: bool = False) -> list[Record]:
    """All records, newest first, undated ones last, equal times by id. Rows that repeat are one.

    Reading writes on the server (C14): a record whose file can't be found is dropped there.
    """
    rows = client.get("getbackuphistory", dump_query(dump), once=once)
    if not isinstance(rows, list):
        raise protocol_error("The portal's answer holds no list of backups, so nothing is known.")
    records: dict[str, Record] = {}
    for row in rows:
        record = _parse_row(row)
        if records.setdefault(record.id, record) != record:
            raise protocol_error(
                f"The portal lists the backup {record.id} twice with different contents, so nothing "
                "is concluded from its history."
            )
    return newest_first(records.values())


def delete(client: Client, record: Record, *, dump: bool) -> str | None:
    """Make a record of the history be gone. Gives a warning when the server's answer was no `true`.

    Whatever else the server answers, or doesn't, its history decides (C16-C18).
    """
    attempt = 0
    while True:
        try:
            if client.delete(f"deletebackup/{record.id}") is True:
                return None
            error = protocol_error("The portal answered the delete with something else than true.")
            error.method, error.path = client.last or (None, None)
        except DocSpaceError as failed:
            if failed.code in ("auth", "forbidden"):
                raise
            error = failed
        if not _still_listed(client, record, error, dump=dump):
            return may_remain(record, error)
        if not error.transient or attempt >= client.retries:
            error.message = f"Backup {record.id} is still there. {error.message}"
            raise error
        client.pause(attempt, error)
        attempt += 1


def may_remain(record: Record, error: DocSpaceError) -> str:
    """The warning on a backup that is gone, though its delete had another answer than `true`."""
    came = "got no answer" if error.status is None else f"was answered with HTTP {error.status}"
    says = f" ({error.detail})" if error.detail else ""
    return (
        f"Backup {record.id} is gone from the history, but its delete {came}{says}. The server "
        f"hides a record before it removes the file, so '{record.file_name[:200]}' may remain on "
        "the storage: look there."
    )


def _still_listed(client: Client, record: Record, error: DocSpaceError, *, dump: bool) -> bool:
    try:
        return find(read_history(client, dump=dump), record.id) is not None
    except DocSpaceError as second:
        error.message = (
            f"Not known whether backup {record.id} is gone; run again. {error.message[:450]} "
            f"Then the history couldn't be read: {second.message[:300]}"
        )
    raise error


def _parse_row(row: Any) -> Record:
    if not isinstance(row, dict):
        raise protocol_error("The portal's history holds a row that is no backup.")
    try:
        identity = parse_id(row.get("id"))
    except DocSpaceError as error:
        raise protocol_error("The portal's history holds a row without an id.") from error
    file_name = row.get("fileName")
    created, expires = _parse_moment(row.get("createdOn")), None
    if row.get("expiresOn") and not str(row["expiresOn"]).startswith("0001-"):
        expires = _parse_moment(row["expiresOn"])
        # A copy that expires nobody knows when must not be judged as a lasting one.
        created = created if expires else None
    return Record(
        identity,
        "" if file_name is None else str(file_name),
        parse_storage_type(row.get("storageType")),
        created,
        expires,
    )


def _parse_moment(value: Any) -> datetime | None:
    """A time of the server in whole seconds; None when it has none: year 1 or unreadable (C11)."""
    try:
        moment = parse_time(value)
    except ValueError:
        return None
    return None if moment.year == 1 else moment.replace(microsecond=0)
