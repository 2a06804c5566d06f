# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Call the backup API of a portal: one method per endpoint, with the parser of its answer.

All that the server spells in its own way is here. The types of storage and the state of a task are
read by `storage.py` and `task.py`. This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from .._portal.client import Client
from .._portal.errors import DocSpaceError, protocol_error
from .._portal.response import expect_true
from .._portal.values import clean, is_int, parse_int, parse_time
from .record import Record, newest_first, parse_id
from .storage import STORAGE_TYPES, Storage, parse_storage_type
from .task import Task, parse_task

_ROOT = "/api/2.0/backup/"
# In the order of the server's numbers (C27).
PERIODS = {"daily": "EveryDay", "weekly": "EveryWeek", "monthly": "EveryMonth"}
# The server counts from Sunday = 1; its web page shows another day (C28).
WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]

# Checks the task in the answer to a start.
Accept = Callable[[Any], Task]


class BackupApi:
    """The backups of a portal, or with `dump` those of the whole server.

    An error names its request. The caller looks up what a write did after an unclear answer.
    """

    def __init__(self, client: Client, dump: bool) -> None:
        self.client = client
        self.dump = dump
        # Sent only when true: older servers don't know it (C2).
        self._query = {"Dump": "true"} if dump else None

    def counterpart(self) -> BackupApi:
        """Return the API of the server-wide backups for that of a portal's, and vice versa."""
        return BackupApi(self.client, not self.dump)

    def require_dump_support(self) -> None:
        """Fail if `dump` is set and the server doesn't know it: it would use the portal's backups.

        A server with API keys of this form knows it. Any other gets a request without effect: a
        server that knows the parameter rejects an invalid value (C2).
        """
        if not self.dump or self.client.connection.authorization.startswith("Bearer sk-"):
            return
        try:
            self.client.get(f"{_ROOT}getbackupprogress", {"Dump": "garbage"})
        except DocSpaceError as error:
            if error.status == 400:
                return
            raise
        raise DocSpaceError(
            "rejected",
            "dump: this server doesn't support server-wide backups, and would use the portal's own. "
            "Update it to DocSpace 3.1.0 or newer.",
        )

    def history(self, *, once: bool = False) -> list[Record]:
        """Return all backups, newest first, those without a time last.

        Reading writes on the server: it drops a record whose file it can't find (C14).
        """
        records: list[Record] = self.client.get(
            f"{_ROOT}getbackuphistory", self._query, read=_parse_history, once=once
        )
        return records

    def delete(self, backup_id: str) -> None:
        """Delete a backup. The server ignores `Dump` here: the ID alone decides (C2)."""
        self.client.delete(f"{_ROOT}deletebackup/{backup_id}", read=expect_true("delete"))

    def start(self, storage: Storage, accept: Accept) -> Task:
        """Start a backup. accept: raises an error for a task that can't be the new one."""
        body = _storage_body(storage)
        if self.dump:
            body["dump"] = True
        task: Task = self.client.post(
            f"{_ROOT}startbackup", body, read=lambda response: accept(parse_task(response))
        )
        return task

    def progress(self, *, once: bool = False) -> Task | None:
        """Return the backup task that runs, or the last one that ended."""
        task: Task | None = self.client.get(
            f"{_ROOT}getbackupprogress", self._query, read=parse_task, once=once
        )
        return task

    def progress_with_link(self) -> tuple[Task | None, Any]:
        """Return the task with the signed link to its file, which is a secret (C25, C34)."""

        def read(response: Any) -> tuple[Task | None, Any]:
            task = parse_task(response)
            return task, None if task is None else response.get("link")

        # The link isn't masked: it may hold what was noted as a secret before.
        found: tuple[Task | None, Any] = self.client.get(
            f"{_ROOT}getbackupprogress", self._query, read=read, raw=("link",)
        )
        return found

    def cancel(self) -> bool:
        """Cancel every backup task of the portal, also a server-wide one (C2).

        Returns whether the server says that there was one.
        """
        return self.client.post(f"{_ROOT}cancelbackup") is True

    def schedule(self) -> dict[str, Any] | None:
        """Return the schedule with all its parameters, secrets included; None without one."""
        schedule: dict[str, Any] | None = self.client.get(
            f"{_ROOT}getbackupschedule", self._query, read=_parse_schedule, raw=("storageParams",)
        )
        return schedule

    def set_schedule(self, schedule: dict[str, Any], storage: Storage) -> None:
        """Create or replace the schedule. schedule: in the form that `schedule` returns."""
        cron: dict[str, Any] = {"period": PERIODS[schedule["period"]], "hour": schedule["hour"]}
        if schedule["weekday"] is not None:
            cron["day"] = WEEKDAYS.index(schedule["weekday"]) + 1
        if schedule["monthday"] is not None:
            cron["day"] = schedule["monthday"]
        body = {
            **_storage_body(storage),
            "backupsStored": schedule["backups_stored"],
            "cronParams": cron,
            "dump": self.dump,
        }
        self.client.post(f"{_ROOT}createbackupschedule", body, read=expect_true("schedule"))

    def delete_schedule(self) -> None:
        """Delete the schedule."""
        self.client.delete(f"{_ROOT}deletebackupschedule", self._query, read=expect_true("removal"))

    def start_restore(self, record: Record | None, accept: Accept, *, notify: bool) -> Task:
        """Start the restore of a backup, or of the uploaded file for None. accept: as in `start`."""
        body: dict[str, Any] = {"notify": notify}
        if record is None:
            # The server requires the parameter, and ignores its value (C43).
            params = [{"key": "filePath", "value": ""}]
            body.update(backupId="", storageType="Local", storageParams=params)
        else:
            server_type = STORAGE_TYPES.get(record.storage_type, record.storage_type)
            body.update(backupId=record.id, storageType=server_type, storageParams=[])
        if self.dump:
            body["dump"] = True
        task: Task = self.client.post(
            f"{_ROOT}startrestore", body, read=lambda response: accept(parse_task(response))
        )
        return task

    def restore_progress(self, *, once: bool = False) -> Task | None:
        """Return the restore task that runs, or the last one that ended.

        Sent without credentials: wrong ones are answered with 403 even here (C6). Always with
        `Dump`: without it the answer may be about the portal or the server (C53).
        """
        task: Task | None = self.client.get(
            f"{_ROOT}getrestoreprogress",
            {"Dump": str(self.dump).lower()},
            read=parse_task,
            anonymous=True,
            once=once,
        )
        return task

    def usage(self) -> dict[str, Any]:
        """Return the number of backups of this month, and whether the paid service is on."""
        try:
            # Without `paid` the server counts the free ones only (C52).
            return {
                "free_backups_this_month": self._count("false"),
                "paid_backups_this_month": self._count("true"),
                "paid_service_enabled": self.client.get(
                    f"{_ROOT}getservicestate", read=_parse_service_state
                ),
            }
        except DocSpaceError as error:
            if error.status != 404:
                raise
            message = (
                "This server doesn't report the usage of backups. DocSpace 3.5.0 and newer do."
            )
            raise error.evolve(message=message) from error

    def _count(self, paid: str) -> int:
        count: int = self.client.get(f"{_ROOT}getbackupscount", {"paid": paid}, read=_parse_count)
        return count


def _storage_body(storage: Storage) -> dict[str, Any]:
    """Return a storage in the server's form: the type by name, the parameters as pairs (C20)."""
    pairs = storage.all_params.items()
    return {
        "storageType": STORAGE_TYPES[storage.type],
        "storageParams": [{"key": key, "value": value} for key, value in pairs],
    }


def _parse_history(rows: Any) -> list[Record]:
    """Read a history. A row that is repeated counts once."""
    if not isinstance(rows, list):
        raise protocol_error("The portal's answer holds no list of backups.")
    records: dict[str, Record] = {}
    for row in rows:
        record = _parse_record(row)
        if records.setdefault(record.id, record) != record:
            raise protocol_error(
                f"The portal lists backup {record.id} twice with different values, so its history "
                "can't be relied on."
            )
    return newest_first(records.values())


def _parse_record(row: Any) -> Record:
    if not isinstance(row, dict):
        raise protocol_error("The portal's history holds a row that isn't a backup.")
    try:
        identity = parse_id(row.get("id"))
    except DocSpaceError as error:
        raise protocol_error("The portal's history holds a row without an ID.") from error
    file_name = row.get("fileName")
    created, expires = _parse_moment(row.get("createdOn")), None
    if row.get("expiresOn") and not str(row["expiresOn"]).startswith("0001-"):
        expires = _parse_moment(row["expiresOn"])
        # Without a readable expiry it mustn't count as one that doesn't expire.
        created = created if expires else None
    return Record(
        identity,
        "" if file_name is None else clean(file_name),
        parse_storage_type(row.get("storageType")),
        created,
        expires,
    )


def _parse_moment(value: Any) -> datetime | None:
    """Read a time in whole seconds; None for year 1 and for an invalid one (C11)."""
    try:
        moment = parse_time(value)
    except ValueError:
        return None
    return None if moment.year == 1 else moment.replace(microsecond=0)


def _parse_schedule(response: Any) -> dict[str, Any] | None:
    """Read a schedule (C27). Parameters that are null are left out."""
    if response is None:
        return None
    try:
        cron = response["cronParams"]
        period = _parse_period(cron["period"])
        day = 0 if period == "daily" else parse_int(cron["day"], 1, 7 if period == "weekly" else 31)
        stored = response.get("backupsStored")
        return {
            "storage_type": parse_storage_type(response["storageType"]),
            "storage_params": _parse_params(response.get("storageParams")),
            "period": period,
            "hour": parse_int(cron["hour"], 0, 23),
            "weekday": WEEKDAYS[day - 1] if period == "weekly" else None,
            "monthday": day if period == "monthly" else None,
            "backups_stored": 1 if stored is None else parse_int(stored, 0, 10**6),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise protocol_error("The portal's answer holds no valid schedule.") from error


def _parse_period(value: Any) -> str:
    for number, (period, server_name) in enumerate(PERIODS.items()):
        if str(value).lower() in (str(number), server_name.lower()):
            return period
    raise ValueError(f"unknown period: {value}")


def _parse_params(params: Any) -> dict[str, str]:
    """Read the parameters of a storage: an object, or a list of pairs as they are written."""
    if isinstance(params, list):
        params = {pair["key"]: pair["value"] for pair in params}
    pairs = (params or {}).items()
    return {clean(key): clean(value) for key, value in pairs if value is not None}


def _parse_count(response: Any) -> int:
    if not is_int(response) or response < 0:
        raise protocol_error("The portal's answer holds no valid usage.")
    return int(response)


def _parse_service_state(response: Any) -> bool:
    enabled = response.get("enabled") if isinstance(response, dict) else None
    if not isinstance(enabled, bool):
        raise protocol_error("The portal's answer holds no valid usage.")
    return enabled
