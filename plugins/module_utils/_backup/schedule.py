# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedule of automatic backups: its options, what is shown of it, how to write it.

This file is private to the collection.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .._portal.errors import DocSpaceError, Effect, config_error
from .api import WEEKDAYS, BackupApi
from .storage import (
    CONSUMER,
    SUBDIR,
    TENANT_SUBDIR,
    Storage,
    explain_refusal,
    location,
    location_differences,
)

MASK = "********"
# The server doesn't return which parameters were given as secrets, so only those are shown that
# can't be.
_PUBLIC = {
    *("filepath", "folderid", "module", "subdir", "bucket", "region", "acl", "serviceurl"),
    *("forcepathstyle", "usehttp", "sse", "private_container", "public_container"),
}


def parse_schedule_options(params: dict[str, Any], storage: Storage) -> dict[str, Any]:
    """Check the options of docspace_backup_schedule. Returns them as `BackupApi.schedule` does."""
    period, weekday, monthday = params["period"], params["weekday"], params["monthday"]
    for option, value, home in (("weekday", weekday, "weekly"), ("monthday", monthday, "monthly")):
        if (value is not None) != (period == home):
            raise config_error(f"{option}: required for period {home}, and valid only there.")
    for option, value, low, high in (
        ("hour", params["hour"], 0, 23),
        ("backups_stored", params["backups_stored"], 1, 30),
        ("monthday", monthday, 1, 31),
    ):
        if value is not None and not low <= value <= high:
            raise config_error(f"{option}: must be a number from {low} to {high}.")
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
    """Return the storage with the `subdir` of manual backups, unless something else decides (C47).

    The task's own value comes first, then that of the present schedule: another folder would cost
    the records of its copies (C48).
    """
    if storage.type != CONSUMER or "subdir" in storage.all_params:
        return storage
    subdir = SUBDIR
    if before is not None and before["storage_type"] == CONSUMER:
        if "subdir" not in before["storage_params"]:
            return storage
        subdir = before["storage_params"]["subdir"]
    return storage._replace(params={**storage.params, "subdir": subdir})


def write_schedule(api: BackupApi, wanted: dict[str, Any], storage: Storage) -> str | None:
    """Create or replace the schedule. Returns a warning if only a look-up shows the success."""
    try:
        api.set_schedule(wanted, storage)
        return None
    except DocSpaceError as error:
        failed = error
    try:
        return _look_up(api, wanted, failed)
    except DocSpaceError as error:
        if error.changed:
            raise
        raise explain_refusal(error, "The schedule wasn't written") from error


def remove_schedule(api: BackupApi) -> str | None:
    """Delete the schedule. Returns a warning as `write_schedule` does."""
    try:
        api.delete_schedule()
        return None
    except DocSpaceError as error:
        return _look_up(api, None, error)


def _look_up(api: BackupApi, wanted: dict[str, Any] | None, failed: DocSpaceError) -> str:
    """Find out what a write did that wasn't answered with success: the schedule itself decides.

    Returns a warning if the schedule is as wanted. Nothing is written twice.
    """

    def as_wanted() -> bool | None:
        after = api.schedule()
        return (after if wanted is None else subset(after, wanted)) == wanted or None

    found, failed = api.client.look_up(failed, as_wanted)
    if found:
        return f"The schedule is as wanted, though the answer wasn't a success: {failed.message}"
    if failed.effect == Effect.UNKNOWN:
        raise failed.evolve(
            message="Not known whether the schedule was changed. Run the task again: it reads the "
            f"schedule first. {failed.message}"
        ) from failed
    raise failed


def subset(before: dict[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Return a schedule with only the parameters that are wanted: the server adds some (C27)."""
    if before is None:
        return None
    params = before["storage_params"]
    params = {key: params[key] for key in wanted["storage_params"] if key in params}
    return {**before, "storage_params": params}


def masked(schedule: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a schedule for a result: possible secrets are masked, the server's additions go (C27)."""
    if schedule is None:
        return None
    added = {"tenantId"}
    if schedule["storage_type"] not in ("documents", "third_party_documents"):
        added.add("folderId")
    params = {
        key: value if key.lower() in _PUBLIC else MASK
        for key, value in schedule["storage_params"].items()
        if key not in added
    }
    return {**schedule, "storage_params": params}


def mask_pair(
    before: dict[str, Any] | None, after: dict[str, Any], secrets: dict[str, str]
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return two schedules for a diff: secrets are masked, and marked where they differ."""

    def mask(schedule: dict[str, Any], mark: str) -> dict[str, Any]:
        params = dict(schedule["storage_params"])
        for key in secrets.keys() & params.keys():
            params[key] = MASK + ("" if old.get(key) == secrets[key] else mark)
        return {**schedule, "storage_params": params}

    old = {} if before is None else before["storage_params"]
    return before and mask(before, ""), mask(after, " (new)")


def is_due_today(schedule: dict[str, Any], now: datetime) -> bool:
    """Whether the schedule runs today and its hour has passed. now: in the zone of its hour."""
    return (
        schedule["weekday"] in (None, WEEKDAYS[now.isoweekday() % 7])
        and schedule["monthday"] in (None, now.day)
        and schedule["hour"] <= now.hour
    )


def location_warnings(
    before: dict[str, Any] | None, storage: Storage, *, changed: bool
) -> list[str]:
    """Return what a schedule means for the records of copies in an object storage (C47, C48).

    before: the present schedule. changed: whether one with `storage` replaces it.
    """
    new = old = None
    if storage.type == CONSUMER:
        new = location(storage.all_params, scheduled=True)
    if before is not None and before["storage_type"] == CONSUMER:
        old = location(before["storage_params"], scheduled=True)
    warnings = []
    if changed and new and old and (different := location_differences(new, old)):
        warnings.append(
            f"storage_params: {', '.join(different)} changes, so the next copies of this schedule are "
            "in another place than the present ones. While records of both are in the history, the "
            "server looks in one place only, and drops the records of the others. The files remain "
            "in the storage, and the server can restore from them."
        )
    if new and new["subdir"] == TENANT_SUBDIR:
        warnings.append(
            f"storage_params: without 'subdir' the server writes the copies of this schedule to "
            f"'{TENANT_SUBDIR}', and those of docspace_backup to '{SUBDIR}'. It looks for all of them "
            f"in one folder, and drops the records of the others. Set 'subdir: {SUBDIR}' to avoid "
            "that. The present copies are then in the other folder, so the server drops their "
            "records, or those of new copies while these are left. The files remain in the storage, "
            "and the server can restore from them."
        )
    if storage.type == "data_store" and old and old["subdir"] == TENANT_SUBDIR:
        warnings.append(
            "storage_type: this schedule has created copies in an object storage without 'subdir'. "
            "While a data_store backup is in the history, the server doesn't find them, and drops "
            "their records. The files remain in the storage, and the server can restore from them."
        )
    return warnings
