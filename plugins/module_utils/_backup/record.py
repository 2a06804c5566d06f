# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backups of a history: one record, their order, and which of them match a filter.

Values in, values out. This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from .._portal.errors import DocSpaceError, config_error, protocol_error
from .._portal.values import format_age, format_time, is_future, normal_uuid
from .storage import STORAGE_TYPES, parse_storage_type


class Record(NamedTuple):
    """A backup in the history. Times are aware, in UTC and whole seconds."""

    id: str
    file_name: str
    storage_type: str
    created_on: datetime | None  # None if the server gives no valid time
    expires_on: datetime | None  # None if it doesn't expire

    def result(self, now: datetime) -> dict[str, Any]:
        """Return the record as modules do."""
        age = None if self.created_on is None else int((now - self.created_on).total_seconds())
        text = None if age is None else format_age(age)
        return {**self.facts(), "age_seconds": age, "age": text}

    def facts(self) -> dict[str, Any]:
        """Return the record without its age, for a diff."""
        return {
            "id": self.id,
            "file_name": self.file_name,
            "storage_type": self.storage_type,
            "created_on": self.created_on and format_time(self.created_on),
            "expires_on": self.expires_on and format_time(self.expires_on),
        }


def parse_id(text: Any, option: str = "id") -> str:
    """Return the ID of a backup in its normal form: lower case, with hyphens."""
    found = normal_uuid(text) if isinstance(text, str) else None
    if found is None:
        raise config_error(
            f"{option}: must be the ID of a backup, such as '2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43', "
            f"not {str(text)[:100]!r}. docspace_backup_info lists them."
        )
    return found


def newest_first(records: Iterable[Record]) -> list[Record]:
    """Sort records by time, newest first, those without a time last, equal times by ID."""

    def key(record: Record) -> tuple[bool, float, str]:
        when = record.created_on
        return (when is None, 0.0 if when is None else -when.timestamp(), record.id)

    return sorted(records, key=key)


def find(records: Iterable[Record], wanted: str) -> Record | None:
    """Return the record with an ID in its normal form."""
    return next((record for record in records if record.id == wanted), None)


def not_found(wanted: str) -> DocSpaceError:
    """Return the error of a task that needs a backup which isn't in the history."""
    return DocSpaceError(
        "not_found",
        f"Backup {wanted} is not in the history. List the backups with docspace_backup_info. "
        "Server-wide backups are listed with 'dump: true'.",
    )


def latest(records: Iterable[Record], now: datetime) -> Record | None:
    """Return the first of sorted records that is dated, and not in the future."""
    return next(
        (one for one in records if one.created_on and not is_future(one.created_on, now)), None
    )


def newest_within(
    history: list[Record],
    now: datetime,
    max_age: int,
    storage_type: str | None,
    option: str = "max_age",
) -> tuple[Record | None, str | None]:
    """Return the newest backup if it is newer than max_age seconds, and a warning on wrong clocks.

    Backups that expire count only if their storage type is asked for.

    storage_type: only such backups count, None for all. option: the option with the limit.
    """
    records = select(
        history,
        storage_type=None if storage_type is None else [storage_type],
        expires=None if storage_type == "data_store" else False,
    )
    require_dates(records, option)
    future = [one.id for one in records if one.created_on and is_future(one.created_on, now)]
    warning = None
    if future:
        warning = (
            f"{option}: {len(future)} backups are dated in the future, such as {future[0]}, and "
            "don't count. Check the clocks of the portal and of this machine."
        )
    newest = latest(records, now)
    if newest is not None and not select_by_time([newest], now, newer_than=max_age):
        newest = None
    return newest, warning


def require_dates(records: Iterable[Record], option: str) -> None:
    """Raise an error if the age of a record isn't known."""
    for record in records:
        if record.created_on is None:
            raise protocol_error(
                f"{option}: the portal gives no valid time for backup {record.id} "
                f"({record.file_name[:200]}), so its age isn't known. Delete it by its ID, or "
                "exclude it with a filter."
            )


def select(
    records: Iterable[Record],
    *,
    storage_type: Sequence[str] | None = None,
    name_pattern: str | None = None,
    expires: bool | None = None,
) -> list[Record]:
    """Return the records of some storage types whose file names match a shell pattern.

    None matches all. expires: whether they expire.
    """
    kinds = None if storage_type is None else {parse_storage_type(kind) for kind in storage_type}
    return [
        record
        for record in records
        if (kinds is None or record.storage_type in kinds)
        and (name_pattern is None or fnmatchcase(record.file_name, name_pattern))
        and (expires is None or expires == (record.expires_on is not None))
    ]


def unknown_types(records: Iterable[Record], storage_type: Sequence[str] | None) -> str | None:
    """Return a warning on types in a filter that aren't known and that no record has: typos."""
    known = {*STORAGE_TYPES, *(record.storage_type for record in records)}
    unknown = [kind for kind in storage_type or () if parse_storage_type(kind) not in known]
    if not unknown:
        return None
    return (
        f"storage_type: {', '.join(map(repr, unknown[:10]))} is unknown, and no backup has this type. "
        f"Known types are {', '.join(STORAGE_TYPES)}."
    )


def select_by_time(
    records: Iterable[Record],
    now: datetime,
    *,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    newer_than: int | None = None,
    older_than: int | None = None,
) -> list[Record]:
    """Return the records of some times (after inclusive, before exclusive) and ages in seconds.

    An age equal to a limit is older, not newer. A record without a time matches no limit.
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
