# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The automatic backup: as it is written, checked and read back (C27, C28)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import body
from .answers import bad_format, null_reference
from .state import CONSUMER, DOCUMENTS, LOCAL, THIRD_PARTY, Schedule

DAILY, WEEKLY, MONTHLY = range(3)


def read(members: Mapping[str, Any], dump: bool, stored: int) -> Schedule:
    """What the body asks for; a missing period is every day, a missing day is 0."""
    cron = members.get("cronparams")
    if cron is not None and not isinstance(cron, dict):
        raise body.not_a("$.cronParams", "an object")
    times = body.lower(cron or {})
    return Schedule(
        storage_type=body.storage_type(members),
        storage_params={},
        base_path=None,
        period=body.period(times),
        hour=body.whole(times, "hour", "$.cronParams.hour") or 0,
        day=body.whole(times, "day", "$.cronParams.day") or 0,
        backups_stored=stored,
        dump=dump,
    )


def check_times(members: Mapping[str, Any], wanted: Schedule) -> None:
    """The server's cron class speaks: days of the week go from Sunday = 1 to Saturday = 7."""
    if members.get("cronparams") is None:
        raise null_reference()
    if not 0 <= wanted.hour <= 23:
        raise bad_format("Hour values must be between 0 and 23")
    if wanted.period == WEEKLY and not 1 <= wanted.day <= 7:
        raise bad_format("Day-of-Week values must be between 1 and 7")
    if wanted.period == MONTHLY and not 1 <= wanted.day <= 31:
        raise bad_format("Day of month values must be between 1 and 31")


def place(wanted: Schedule, tenant_id: int) -> None:
    """Where the copies go; a dump remembers who asked for it."""
    params = wanted.storage_params
    if wanted.dump:
        params["tenantId"] = str(tenant_id)
    if wanted.storage_type in (DOCUMENTS, THIRD_PARTY):
        wanted.base_path = params["folderId"]
    elif wanted.storage_type == LOCAL:
        wanted.base_path = params["filePath"]


def shown(schedule: Schedule | None) -> dict[str, Any] | None:
    """The answer: numbers for names, an object for the list, and `folderId` added."""
    if schedule is None:
        return None
    params: dict[str, str | None] = dict(schedule.storage_params)
    if schedule.storage_type != CONSUMER:
        params["folderId"] = schedule.base_path
    return {
        "storageType": schedule.storage_type,
        "storageParams": params,
        "cronParams": {
            "period": schedule.period,
            "hour": schedule.hour,
            "day": schedule.day,
        },
        "backupsStored": schedule.backups_stored,
        "lastBackupTime": "0001-01-01T00:00:00",
        "dump": schedule.dump,
    }
