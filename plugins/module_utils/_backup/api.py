# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The portal's history of backups.

This file is private to the collection.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .._portal.client import Client
from .._portal.errors import DocSpaceError, protocol_error
from .._portal.values import clean, parse_time
from .record import Record, newest_first, parse_id
from .storage import parse_storage_type

API = "/api/2.0/backup/"


def dump_query(dump: bool) -> dict[str, str] | None:
    """`Dump` is sent only when true: older servers don't know it (C2)."""
    return {"Dump": "true"} if dump else None


def read_history(client: Client, *, dump: bool, once: bool = False) -> list[Record]:
    """All records, newest first, undated ones last, equal times by id. Rows that repeat are one.

    Reading writes on the server (C14): a record whose file can't be found is dropped there.
    """
    return list(
        client.get(f"{API}getbackuphistory", dump_query(dump), read=parse_history, once=once)
    )


def parse_history(rows: Any) -> list[Record]:
    """The records of a history, in the order of `read_history`."""
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


def require_dumps(client: Client, dump: bool) -> None:
    """Refuse `dump` on a server that doesn't know it, where it would mean the portal's own backups.

    A server with API keys of this form knows it. Any other is asked with a question that has no
    effect: one that knows the parameter refuses a senseless value (C2).
    """
    if not dump or client.connection.authorization.startswith("Bearer sk-"):
        return
    try:
        client.get(f"{API}getbackupprogress", {"Dump": "garbage"})
    except DocSpaceError as error:
        if error.status == 400:
            return
        raise
    raise DocSpaceError(
        "rejected",
        "dump: this server knows no backups of the whole server, and would work on the portal's "
        "own. DocSpace 3.1.0 and newer know them.",
    )


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
        "" if file_name is None else clean(file_name),
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
