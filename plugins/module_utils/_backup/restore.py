# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring a backup back: check that nothing runs, start, and follow the portal while it is offline.

This file is private to the collection.
"""

from __future__ import annotations

import time
from typing import Any

from .._portal.client import Client
from .._portal.errors import SOMETHING, DocSpaceError
from .history import read_history
from .pace import Pace
from .record import Record, find, not_found
from .storage import STORAGE_TYPES
from .task import Task, read_backup_task, read_restore_task, start

# How long a portal that has just been restored may go on refusing before its keys are suspected.
SETTLES = 30.0
REFUSALS = ("auth", "forbidden", "not_found", "payment")


def find_backup(client: Client, wanted: str, *, dump: bool) -> Record:
    """The record to restore. A portal that is being restored refuses this, and is a conflict."""
    try:
        record = find(read_history(client, dump=dump), wanted)
    except DocSpaceError as error:
        if error.code in REFUSALS:
            _last_restore(client, dump=dump)
        raise
    if record is None:
        raise not_found(wanted)
    return record


def refuse_while_busy(client: Client, *, dump: bool) -> Task | None:
    """Fail while a backup or a restore runs. Gives the restore that ended last, if there was one."""
    for of_server in (False, True):
        try:
            backup = read_backup_task(client, dump=of_server)
        except DocSpaceError as error:
            # Most portals have no right to look at the server's own backups.
            if not of_server or dump or error.code != "forbidden":
                raise
            continue
        if backup is not None and not backup.ended:
            raise _conflict("backup", backup)
    return _last_restore(client, dump=dump)


def _last_restore(client: Client, *, dump: bool) -> Task | None:
    """The restore that ended last; fails if one runs, of the portal or of the whole server."""
    restore = None
    for of_server in (not dump, dump):
        restore = read_restore_task(client, dump=of_server)
        if restore is not None and not restore.ended:
            raise _conflict("restore", restore)
    return restore


def start_restore(
    client: Client, record: Record, *, notify: bool, dump: bool, before: Task | None
) -> Task:
    """Start the restore of a record. before: as `refuse_while_busy` gives it."""
    body: dict[str, Any] = {
        "backupId": record.id,
        "storageType": STORAGE_TYPES.get(record.storage_type, record.storage_type),
        "storageParams": [],
        "notify": notify,
    }
    if dump:
        body["dump"] = True
    try:
        task, _named = start(
            client,
            "startrestore",
            body,
            before=before,
            look=lambda: read_restore_task(client, dump=dump, once=True),
        )
    except DocSpaceError as error:
        if error.detail and error.code == "not_found":
            error.message = (
                f"Nothing was restored: the portal can't find the backup {record.id} any more "
                f"(HTTP {error.status}). It says: {error.detail}"
            )
        raise
    if task.status != "created" and task.told:
        client.log(f"restore task {task.id} was {task.status} at once")
    return task


def follow_restore(
    client: Client, task: Task, pace: Pace, *, dump: bool
) -> tuple[Task, str | None]:
    """Wait for the restore's end, and till the portal answers again. Gives a warning, if any.

    Meanwhile everything but the anonymous progress call is refused (C31), and that one may fail
    too. Only the task with the same id counts.
    """
    client.log(f"waiting for restore task {task.id}, up to {pace.timeout} s")
    while not task.ended:
        if pace.over:
            raise _failed(task, f"is at {task.progress} % after {pace.timeout} s ('wait_timeout')")
        pace.pause()
        try:
            with client.within(pace.left):
                seen = read_restore_task(client, dump=dump, once=True)
        except DocSpaceError as error:
            client.log(f"{error.method} {error.path}: {error.code}, asked again")
            continue
        if seen is not None and seen.id == task.id and seen != task:
            client.log(f"restore task {task.id}: {seen.status}, {seen.progress} %")
            task = seen
    if task.status != "completed":
        says = f". The portal says: {task.error[:300]}" if task.error else ""
        raise _failed(task, f"{task.status} at {task.progress} %{says}")
    return task, _wait_for_portal(client, task, pace, dump=dump)


def _wait_for_portal(client: Client, task: Task, pace: Pace, *, dump: bool) -> str | None:
    ended = time.monotonic()
    while True:
        try:
            with client.within(pace.left):
                read_history(client, dump=dump, once=True)
            return None
        except DocSpaceError as error:
            last = error
        client.log(f"{last.method} {last.path}: {last.code} after the restore, asked again")
        settled = pace.over or time.monotonic() - ended >= SETTLES
        if last.code in REFUSALS and settled:
            return (
                "The portal is restored and answers, but no longer takes these credentials: "
                f"{last.message[:300]} Keys, users and passwords may be those of the backup now."
            )
        if pace.over:
            raise _failed(task, f"ended well, but the portal doesn't answer: {last.message[:300]}")
        pace.pause(at_most=5.0)


def _conflict(what: str, task: Task) -> DocSpaceError:
    return DocSpaceError(
        "conflict",
        f"Nothing was restored: {what} task {task.id} runs on the portal ({task.progress} %). Wait "
        "for its end, and run again.",
    )


def _failed(task: Task, what: str) -> DocSpaceError:
    error = DocSpaceError(
        "task_failed",
        f"Restore task {task.id} {what}. The portal may be offline, or restored in part: look into "
        "its log, and at its web page, before you start another restore.",
        detail=task.error,
    )
    error.outcome, error.changed = SOMETHING, True
    error.values = {"task": task.result()}
    return error
