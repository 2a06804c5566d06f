# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The portal's automatic backup: its normal form.

This file is private to the collection.
"""

from __future__ import annotations

import re
from typing import Any

from ._backup import dump_query
from ._client import Client
from ._errors import protocol_error
from ._storage import parse_storage_type

# In the order of the server's numbers.
PERIODS = {"daily": "EveryDay", "weekly": "EveryWeek", "monthly": "EveryMonth"}
# The server counts from Sunday = 1; its web page shows another day (C28).
WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
MASK = "********"
_SECRET = re.compile("secret|passw|token|key|credential|auth|json|sign", re.IGNORECASE)


def read_schedule(client: Client, *, dump: bool) -> dict[str, Any] | None:
    """The schedule as the server has it, None for none."""
    return parse_schedule(client.get("getbackupschedule", dump_query(dump)))


def parse_schedule(response: Any) -> dict[str, Any] | None:
    """The normal form of the server's answer (C27): all parameters, without those it leaves null."""
    if response is None:
        return None
    try:
        cron, day = response["cronParams"], int(response["cronParams"].get("day") or 0)
        period = _period(cron["period"])
        stored = response.get("backupsStored")
        return {
            "storage_type": parse_storage_type(response["storageType"]),
            "storage_params": _pairs(response.get("storageParams")),
            "period": period,
            "hour": int(cron["hour"]),
            "weekday": WEEKDAYS[(day - 1) % 7] if period == "weekly" else None,
            "monthday": day if period == "monthly" else None,
            "backups_stored": 1 if stored is None else int(stored),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise protocol_error("The portal's answer holds no readable schedule.") from error


def shown(schedule: dict[str, Any] | None) -> dict[str, Any] | None:
    """A schedule for a result: without what the server added (C27), likely secrets masked."""
    if schedule is None:
        return None
    added = {"tenantId"}
    if schedule["storage_type"] not in ("documents", "third_party_documents"):
        added.add("folderId")
    params = {
        key: MASK if _SECRET.search(key) else value
        for key, value in schedule["storage_params"].items()
        if key not in added
    }
    return {**schedule, "storage_params": params}


def _period(value: Any) -> str:
    names = list(PERIODS)
    for number, server in enumerate(PERIODS.values()):
        if str(value).lower() in (str(number), server.lower()):
            return names[number]
    raise ValueError(f"no such period: {value}")


def _pairs(params: Any) -> dict[str, str]:
    """Read as an object, though it is written as a list of pairs."""
    if isinstance(params, list):
        params = {pair["key"]: pair["value"] for pair in params}
    return {str(key): str(value) for key, value in (params or {}).items() if value is not None}
