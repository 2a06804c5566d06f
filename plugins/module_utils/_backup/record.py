# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backup records: normal form, order, find. Values in, values out.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from .._portal.errors import DocSpaceError, config_error
from .._portal.values import age_text, format_time, normal_uuid


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
        text = None if age is None else age_text(age)
        return {**self.facts(), "age_seconds": age, "age": text}

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
    found = normal_uuid(text) if isinstance(text, str) else None
    if found is None:
        raise config_error(
            f"{option}: {str(text)[:100]!r} is not the id of a backup. Give a UUID such as "
            "'2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43', as docspace_backup_info returns it."
        )
    return found


def newest_first(records: Iterable[Record]) -> list[Record]:
    """Sorted by time, newest first, undated ones last, equal times by id."""

    def key(record: Record) -> tuple[bool, float, str]:
        when = record.created_on
        return (when is None, 0.0 if when is None else -when.timestamp(), record.id)

    return sorted(records, key=key)


def find(records: Iterable[Record], wanted: str) -> Record | None:
    """The record with this id, as `parse_id` gives it."""
    return next((record for record in records if record.id == wanted), None)


def not_found(wanted: str) -> DocSpaceError:
    """The failure of a task that needs a backup which isn't in the history."""
    return DocSpaceError(
        "not_found",
        f"Backup {wanted} is not in the history. List what is there with docspace_backup_info; "
        "the backups of the whole server are a list of their own ('dump').",
    )
