# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See to it that there is a backup: one that is fresh, one that runs, or a new one.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from .._portal.client import Client
from .._portal.errors import DocSpaceError, config_error
from .._portal.options import duration
from .history import read_history, require_dumps
from .make import make
from .pace import Pace
from .record import Record, parse_id
from .schedule import read_schedule
from .selection import fresh
from .storage import SPEC as STORAGE
from .target import (
    CONSUMER,
    SUBDIR,
    TENANT_SUBDIR,
    Storage,
    parse_storage,
    schedule_differences,
)
from .task import Task, read_backup_task
from .watch import watch


class Ensured(NamedTuple):
    """What is there now. task, record: None where there is none, or where it wasn't waited for.

    joined: the backup ran already. changed: one was started, or would be in a dry run.
    """

    task: Task | None
    record: Record | None
    joined: bool
    changed: bool
    warnings: list[str | None]


def ensure(
    client: Client, params: dict[str, Any], pace: Pace, now: Callable[[], datetime], *, dry: bool
) -> Ensured:
    """Have a backup as the options of docspace_backup ask for it. now: tells the time."""
    dump, max_age = params["dump"], duration(params, "max_age")
    # Without a storage type a fresh backup may still be found, or one joined.
    undecided = max_age is not None and all(params[option] is None for option in STORAGE)
    storage = None if undecided else parse_storage(params)
    require_dumps(client, dump)
    warnings: list[str | None] = []
    if max_age is not None:
        history = read_history(client, dump=dump)
        newest, warning = fresh(history, now(), max_age, storage and storage.type)
        warnings.append(warning)
        if newest is not None:
            return Ensured(None, newest, False, False, warnings)
    running = read_backup_task(client, dump=dump)
    joined = running is not None and not running.ended
    if not joined:
        storage = storage or parse_storage(params)

    def check(storage: Storage) -> None:
        allow = params["allow_lost_records"]
        warnings.append(check_location(client, storage, dump=dump, allow_lost_records=allow))

    if dry:
        if storage is not None and not joined:
            check(storage)
        return Ensured(running if joined else None, None, joined, not joined, warnings)
    cancel = params["on_timeout"] == "cancel"
    try:
        task, record, joined = make(
            client,
            storage,
            pace,
            dump=dump,
            running=running,
            wait=params["wait"],
            cancel=cancel,
            check=check,
        )
    except DocSpaceError as error:
        error.warnings = [*warnings, *error.warnings]
        raise
    return Ensured(task, record, joined, not joined, warnings)


def find_begun(client: Client, params: dict[str, Any], pace: Pace, *, dry: bool) -> Ensured:
    """Wait for a backup that was started before, as the options of docspace_backup ask for it."""
    wanted = parse_id(params["task_id"], "task_id")
    if params["on_timeout"] == "cancel":
        raise config_error("on_timeout: only who starts a backup can have it cancelled.")
    require_dumps(client, params["dump"])
    once = dry or not params["wait"]
    task, record = watch(client, wanted, pace, dump=params["dump"], once=once)
    return Ensured(task, record, False, False, [])


def check_location(
    client: Client, storage: Storage, *, dump: bool, allow_lost_records: bool
) -> str | None:
    """Read the schedule before a backup is created that may cost its copies their records (C48).

    Gives a warning for an object storage in another place. A temporary backup is refused while the
    schedule writes to an object storage without `subdir`, or can't be read.
    """
    if allow_lost_records:
        return None
    if storage.type == CONSUMER:
        return _other_location(client, storage, dump=dump)
    if storage.type != "data_store":
        return None
    try:
        schedule = read_schedule(client, dump=dump)
    except DocSpaceError as error:
        error.message = (
            f"Nothing was started, because the schedule couldn't be read: {error.message} It decides "
            "whether a data_store backup costs scheduled copies their records. "
            "'allow_lost_records: true' skips this check."
        )
        raise
    if not schedule_differences(storage.type, storage.all_params, schedule):
        return None
    raise DocSpaceError(
        "guard",
        "Nothing was started: the schedule writes to an object storage without 'subdir'. While a "
        "data_store backup is in the history, a listing doesn't find these copies, and the server "
        f"drops their records. Set 'subdir: {SUBDIR}' with docspace_backup_schedule, or accept the "
        "loss with 'allow_lost_records: true'. The files stay in either case.",
    )


def _other_location(client: Client, storage: Storage, *, dump: bool) -> str | None:
    try:
        schedule = read_schedule(client, dump=dump)
    except DocSpaceError as error:
        # Only a warning hangs on it, so the backup isn't prevented.
        return (
            f"storage_params: the schedule couldn't be read ({error.title}), so it isn't known whether "
            "its copies are in the same place as this backup. If they aren't, the server drops "
            "records."
        )
    different = schedule_differences(storage.type, storage.all_params, schedule)
    if not different:
        return None
    return (
        f"storage_params: {', '.join(different)} differs from the schedule's. A listing looks for all "
        "copies in one place, and the server drops the records of those that aren't there. Use one "
        "service, bucket, region and 'subdir' for all backups of a server. Without 'subdir', this "
        f"backup goes to '{SUBDIR}' and a scheduled one to '{TENANT_SUBDIR}'."
    )
