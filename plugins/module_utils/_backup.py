# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backup records and the history: normal form, find, delete.

This file is private to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from ._client import Client
from ._errors import DocSpaceError, config_error, protocol_error
from ._storage import parse_storage_type
from ._time import format_time, parse_time

_UUID = re.compile(
    r"(\{)?([0-9a-f]{8})(-?)([0-9a-f]{4})\3([0-9a-f]{4})\3([0-9a-f]{4})\3([0-9a-f]{12})(?(1)\})",
    re.IGNORECASE,
)


class Record(NamedTuple):
    """One backup of the history. Times are aware, in UTC and whole seconds.

    created_on: None when the server's row has no readable time. expires_on: None for never.
    """

    id: str
    file_name: str
    storage_type: str
    created_on: datetime | None
    expires_on: datetime | None

    def result(self, now: datetime) -> dict[str, Any]:
        """The record as modules return it."""
        age = None if self.created_on is None else int((now - self.created_on).total_seconds())
        return {**self.facts(), "age_seconds": age}

    def facts(self) -> dict[str, Any]:
        """The record without what changes from run to run, as in a diff."""
        return {
            "id": self.id,
            "file_name": self.file_name,
            "storage_type": self.storage_type,
            "created_on": self.created_on and format_time(self.created_on),
            "expires_on": self.expires_on and format_time(self.expires_on),
        }


def parse_id(text: Any, option: str = "id") -> str:
    """A backup's id in the one form used here: lower case, with hyphens."""
    found = _UUID.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise config_error(
            f"{option}: {str(text)[:100]!r} is not the id of a backup. Give a UUID such as "
            "'2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43', as docspace_backup_info returns it."
        )
    return "-".join(found.group(2, 4, 5, 6, 7)).lower()


def dump_query(dump: bool) -> dict[str, str] | None:
    """`Dump` is sent only when true: older servers don't know it (C2)."""
    return {"Dump": "true"} if dump else None


def read_history(client: Client, *, dump: bool) -> list[Record]:
    """All records, newest first, undated ones last, equal times by id. Rows that repeat are one.

    Reading writes on the server (C14): a record whose file can't be found is dropped there.
    """
    rows = client.get("getbackuphistory", dump_query(dump))
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


def newest_first(records: Iterable[Record]) -> list[Record]:
    """Sorted by time, newest first, undated ones last, equal times by id."""

    def key(record: Record) -> tuple[bool, float, str]:
        when = record.created_on
        return (when is None, 0.0 if when is None else -when.timestamp(), record.id)

    return sorted(records, key=key)


def find(records: Iterable[Record], wanted: str) -> Record | None:
    """The record with this id, as `parse_id` gives it."""
    return next((record for record in records if record.id == wanted), None)


def is_future(record: Record, now: datetime) -> bool:
    """Whether a record is dated after now, which a wrong clock does."""
    return record.created_on is not None and record.created_on > now


def latest(records: Iterable[Record], now: datetime) -> Record | None:
    """The newest of records sorted by `newest_first`: dated, and not in the future."""
    dated = (record for record in records if record.created_on is not None)
    return next((record for record in dated if not is_future(record, now)), None)


def select(
    records: Iterable[Record],
    *,
    storage_type: Sequence[str] | None = None,
    name_pattern: str | None = None,
) -> list[Record]:
    """Those of some storage types, whose file names match a shell pattern. None matches all."""
    kinds = None if storage_type is None else {parse_storage_type(kind) for kind in storage_type}
    return [
        record
        for record in records
        if (kinds is None or record.storage_type in kinds)
        and (name_pattern is None or fnmatchcase(record.file_name, name_pattern))
    ]


def select_by_time(
    records: Iterable[Record],
    now: datetime,
    *,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    newer_than: int | None = None,
    older_than: int | None = None,
) -> list[Record]:
    """Those of some times (after inclusive, before exclusive) and ages in seconds.

    An age of just the limit is older, not newer. A record without a time matches no limit.
    """

    def matches(created: datetime) -> bool:
        age = (now - created).total_seconds()
        return (
            (created_after is None or created >= created_after)
            and (created_before is None or created < created_before)
            and (newer_than is None or age < newer_than)
            and (older_than is None or age >= older_than)
        )

    if (created_after, created_before, newer_than, older_than) == (None, None, None, None):
        return list(records)
    return [record for record in records if record.created_on and matches(record.created_on)]


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
        except DocSpaceError as failed:
            if failed.code in ("auth", "forbidden"):
                raise
            error = failed
        if not _still_listed(client, record, error, dump=dump):
            return (
                f"Backup {record.id} is gone from the history, but its delete was answered with: "
                f"{error.message[:400]} The server hides a record before it removes the file, so "
                f"the file '{record.file_name[:200]}' may remain on the storage: look there."
            )
        if not error.transient or attempt >= client.retries:
            error.message = f"Backup {record.id} is still there. {error.message}"
            raise error
        client.pause(attempt, error)
        attempt += 1


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
