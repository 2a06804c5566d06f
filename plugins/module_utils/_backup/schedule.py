# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The portal's automatic backup: its normal form.

This file is private to the collection.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .._portal.client import Client
from .._portal.errors import DocSpaceError, Effect, config_error, protocol_error
from .._portal.response import expect_true
from .._portal.values import clean, parse_int
from .api import API, dump_query
from .storage import (
    CONSUMER,
    SUBDIR,
    TENANT_SUBDIR,
    Storage,
    explain_refusal,
    location,
    location_differences,
    parse_storage_type,
)

# In the order of the server's numbers.
PERIODS = {"daily": "EveryDay", "weekly": "EveryWeek", "monthly": "EveryMonth"}
# The server counts from Sunday = 1; its web page shows another day (C28).
WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
MASK = "********"
# Whoever reads a schedule doesn't know which of its parameters were given as secrets, so only
# those are shown that are known not to be.
_SHOWN = {
    *("filepath", "folderid", "module", "subdir", "bucket", "region", "acl", "serviceurl"),
    *("forcepathstyle", "usehttp", "sse", "private_container", "public_container"),
}


def read_schedule(client: Client, *, dump: bool) -> dict[str, Any] | None:
    """The schedule as the server has it, None for none."""
    schedule: dict[str, Any] | None = client.get(
        f"{API}getbackupschedule", dump_query(dump), read=parse_schedule, raw=("storageParams",)
    )
    return schedule


def parse_schedule(response: Any) -> dict[str, Any] | None:
    """The normal form of the server's answer (C27): all parameters, without those it leaves null."""
    if response is None:
        return None
    try:
        cron = response["cronParams"]
        period = _period(cron["period"])
        day = 0 if period == "daily" else parse_int(cron["day"], 1, 7 if period == "weekly" else 31)
        stored = response.get("backupsStored")
        return {
            "storage_type": parse_storage_type(response["storageType"]),
            "storage_params": _pairs(response.get("storageParams")),
            "period": period,
            "hour": parse_int(cron["hour"], 0, 23),
            "weekday": WEEKDAYS[day - 1] if period == "weekly" else None,
            "monthday": day if period == "monthly" else None,
            "backups_stored": 1 if stored is None else parse_int(stored, 0, 10**6),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise protocol_error("The portal's answer holds no readable schedule.") from error


def masked(schedule: dict[str, Any] | None) -> dict[str, Any] | None:
    """A schedule for a result: without what the server added (C27), possible secrets masked."""
    if schedule is None:
        return None
    added = {"tenantId"}
    if schedule["storage_type"] not in ("documents", "third_party_documents"):
        added.add("folderId")
    params = {
        key: value if key.lower() in _SHOWN else MASK
        for key, value in schedule["storage_params"].items()
        if key not in added
    }
    return {**schedule, "storage_params": params}


def parse_schedule_options(params: dict[str, Any], storage: Storage) -> dict[str, Any]:
    """The normal form of a module's options, checked. Secrets are among the parameters."""
    period, weekday, monthday = params["period"], params["weekday"], params["monthday"]
    for option, value, home in (("weekday", weekday, "weekly"), ("monthday", monthday, "monthly")):
        if (value is not None) != (period == home):
            raise config_error(f"{option}: needed for period {home}, and only there.")
    for option, value, low, high in (
        ("hour", params["hour"], 0, 23),
        ("backups_stored", params["backups_stored"], 1, 30),
        ("monthday", monthday, 1, 31),
    ):
        if value is not None and not low <= value <= high:
            raise config_error(f"{option}: give a number from {low} to {high}.")
    return {
        "storage_type": storage.type,
        "storage_params": storage.all_params,
        "period": period,
        "hour": params["hour"],
        "weekday": weekday,
        "monthday": monthday,
        "backups_stored": params["backups_stored"],
    }


def settle_subdir(storage: Storage, before: dict[str, Any] | None) -> Storage:
    """The storage with the folder in which manual copies are, unless something says otherwise (C47).

    What the task gives comes first, then the schedule that is there: another folder would cost the
    records of its copies (C48).
    """
    if storage.type != CONSUMER or "subdir" in storage.all_params:
        return storage
    subdir = SUBDIR
    if before is not None and before["storage_type"] == CONSUMER:
        if "subdir" not in before["storage_params"]:
            return storage
        subdir = before["storage_params"]["subdir"]
    return storage._replace(params={**storage.params, "subdir": subdir})


def location_warnings(
    before: dict[str, Any] | None, storage: Storage, *, changed: bool
) -> list[str]:
    """What the schedule that is written, or left, means for the records of copies (C47, C48)."""
    here = there = None
    if storage.type == CONSUMER:
        here = location(storage.all_params, scheduled=True)
    if before is not None and before["storage_type"] == CONSUMER:
        there = location(before["storage_params"], scheduled=True)
    warnings = []
    if changed and here and there and (different := location_differences(here, there)):
        warnings.append(
            f"storage_params: {', '.join(different)} changes, so the copies that this schedule has "
            "created so far are in another place than the next ones. While records of both are in "
            "the history, a listing looks in one place only, and the server drops the records of the "
            "others. The files stay in the storage, and the server can restore from them."
        )
    if here and here["subdir"] == TENANT_SUBDIR:
        warnings.append(
            f"storage_params: this schedule has no 'subdir', so the server writes its copies to "
            f"'{TENANT_SUBDIR}', and those of docspace_backup to '{SUBDIR}'. A listing of the history "
            "looks for all of them in one of these folders, and the server drops the records of the "
            f"others. Set 'subdir: {SUBDIR}' to end that. The copies created so far are then in the "
            "other folder, so the server drops their records at a listing, or those of the next "
            "copies while theirs are left. The files stay in the storage, and the server can restore "
            "from them."
        )
    if storage.type == "data_store" and there and there["subdir"] == TENANT_SUBDIR:
        warnings.append(
            "storage_type: this schedule has created copies in an object storage without 'subdir'. "
            "While a data_store backup is in the history, a listing doesn't find them, and the "
            "server drops their records. The files stay in the storage, and the server can restore "
            "from them."
        )
    return warnings


def is_due_today(schedule: dict[str, Any], now: datetime) -> bool:
    """Whether a schedule has its run today, and the hour has come. now: where its hours count."""
    return (
        schedule["weekday"] in (None, WEEKDAYS[now.isoweekday() % 7])
        and schedule["monthday"] in (None, now.day)
        and schedule["hour"] <= now.hour
    )


def subset(before: dict[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """What is there, with no more parameters than wanted: the server adds some (C27)."""
    if before is None:
        return None
    params = before["storage_params"]
    params = {key: params[key] for key in wanted["storage_params"] if key in params}
    return {**before, "storage_params": params}


def mask_pair(
    before: dict[str, Any] | None, after: dict[str, Any], secrets: dict[str, str]
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Both without the values of secrets. One that changes is marked, or it couldn't be seen."""

    def mask(schedule: dict[str, Any], changed: str) -> dict[str, Any]:
        params = dict(schedule["storage_params"])
        for key in secrets.keys() & params.keys():
            params[key] = MASK + ("" if old.get(key) == secrets[key] else changed)
        return {**schedule, "storage_params": params}

    old = {} if before is None else before["storage_params"]
    return before and mask(before, ""), mask(after, " (new)")


def write_schedule(
    client: Client, wanted: dict[str, Any], storage: Storage, *, dump: bool
) -> str | None:
    """Replace the schedule. Gives a warning when only a second reading could tell that it is so."""
    cron: dict[str, Any] = {"period": PERIODS[wanted["period"]], "hour": wanted["hour"]}
    if wanted["weekday"] is not None:
        cron["day"] = WEEKDAYS.index(wanted["weekday"]) + 1
    if wanted["monthday"] is not None:
        cron["day"] = wanted["monthday"]
    body = {
        **storage.body(),
        "backupsStored": wanted["backups_stored"],
        "cronParams": cron,
        "dump": dump,
    }
    try:
        client.post(f"{API}createbackupschedule", body, read=expect_true("schedule"))
        return None
    except DocSpaceError as failed:
        error = failed
    warning, error = _looked_up(client, wanted, error, dump=dump)
    if warning is None:
        raise error if error.changed else explain_refusal(error, "The schedule wasn't written")
    return warning


def remove_schedule(client: Client, *, dump: bool) -> str | None:
    """Remove the schedule, with a warning as `write_schedule` gives it."""
    try:
        client.delete(f"{API}deletebackupschedule", dump_query(dump), read=expect_true("removal"))
        return None
    except DocSpaceError as failed:
        error = failed
    warning, error = _looked_up(client, None, error, dump=dump)
    if warning is None:
        raise error
    return warning


def _looked_up(
    client: Client, wanted: dict[str, Any] | None, error: DocSpaceError, *, dump: bool
) -> tuple[str | None, DocSpaceError]:
    """Never write twice: unless a write is answered with success, the schedule itself decides.

    Returns a warning if it is as wanted, else None, and the error with what is known then.
    """

    def as_wanted() -> bool | None:
        after = read_schedule(client, dump=dump)
        return (after if wanted is None else subset(after, wanted)) == wanted or None

    found, error = client.look_up(error, as_wanted)
    if found:
        return (
            "The schedule is as wanted, though the portal didn't answer with success: "
            f"{error.message[:400]}"
        ), error
    if error.effect == Effect.UNKNOWN:
        error = error.evolve(
            message="Not known whether the schedule was changed. Run again: that reads it first. "
            f"{error.message[:700]}"
        )
    return None, error


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
    pairs = (params or {}).items()
    return {clean(key): clean(value) for key, value in pairs if value is not None}
