# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring a backup back: check its age and that nothing runs, and start.

This file is private to the collection.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._portal.client import Client
from .._portal.errors import DocSpaceError
from .follow import REFUSALS, advice
from .history import read_history, require_dumps
from .record import Record, find, not_found
from .selection import is_future, require_dates, select_by_time
from .storage import STORAGE_TYPES
from .task import Task, read_backup_task, read_restore_task, start

if TYPE_CHECKING:
    from .source import Source

# A restore that waits for a file is told from one that is about to run by how long it does (C44).
HANGS = 10.0
_LOOKS = 5


def require_confirmed(client: Client, confirm: str) -> None:
    """Fail unless the host name of the portal was written out."""
    host = urlsplit(client.url).hostname
    if confirm.lower() == host:
        return
    blanks = " It has white space around it." if confirm.strip().lower() == host else ""
    raise DocSpaceError(
        "guard",
        f"confirm: write '{host}', the host name in 'url', to restore that portal. Everything in it "
        f"is replaced. Nothing was sent.{blanks}",
    )


def check_history(client: Client, wanted: str | None, *, dump: bool) -> Record | None:
    """The record to restore, None where none is wanted: what else forbids a restore shows here too.

    A portal that is being restored refuses this, and is a conflict.
    """
    try:
        require_dumps(client, dump)
        record = find(read_history(client, dump=dump), wanted or "")
    except DocSpaceError as error:
        if wanted is None and error.code == "server":
            # A history that broke may be why a portal is restored from a file.
            client.log(f"{error.method} {error.path}: {error.code}, restored all the same")
            return None
        if error.code in REFUSALS:
            _last_restore(client, dump=dump, waits=wanted is None)
        raise
    if wanted is not None and record is None:
        raise not_found(wanted)
    return record


def refuse_old(record: Record | None, now: datetime, max_age: int | None, doubt: str = "") -> None:
    """Refuse a backup that is too old, or whose age isn't known. doubt: why there is no record."""
    if max_age is None:
        return
    if record is None:
        why = f"how old the file is isn't known, because {doubt}"
    else:
        require_dates([record], "max_age")
        age = record.result(now)["age"]
        if is_future(record, now):
            why = "this backup is dated in the future, so its age isn't known. Check the clocks"
        elif not select_by_time([record], now, newer_than=max_age):
            why = f"this backup is {age} old, of {record.facts()['created_on']}"
        else:
            return
    raise DocSpaceError(
        "guard",
        f"max_age: {why}. Nothing was restored. Take a younger one, or leave 'max_age' out if it has "
        "to be this one.",
    )


def described(
    record: Record | None, source: Source | None, now: datetime, *, dump: bool
) -> dict[str, Any]:
    """What would be restored, for a diff."""
    seen = None if record is None else record.result(now)
    about = {"restored_from": record and record.id, "file_name": record and record.file_name}
    about.update({} if source is None else source.facts())
    return {
        **about,
        "created_on": seen and seen["created_on"],
        "age": seen and seen["age"],
        "storage_type": seen and seen["storage_type"],
        "kind": "dump" if dump else "portal",
    }


def refuse_while_busy(
    client: Client, *, dump: bool, waits: bool = False, known: Task | None = None
) -> Task | None:
    """Fail while a backup or a restore runs. Gives the restore that ended last, if there was one.

    waits: a restore that only waits for a file isn't running, and is given too. known: one that
    was found so before.
    """
    # First, because a portal that is being restored refuses the other calls (C31).
    restore = _last_restore(client, dump=dump, waits=waits, known=known)
    for of_server in (False, True):
        try:
            backup = read_backup_task(client, dump=of_server)
        except DocSpaceError as error:
            # Most portals have no right to look at the server's own backups.
            if not of_server or dump or error.code != "forbidden":
                raise
            continue
        if backup is not None and not backup.ended:
            raise DocSpaceError(
                "conflict",
                f"Nothing was restored: backup task {backup.id} runs on the portal "
                f"({backup.progress} %). Wait for its end, and run again.",
            )
    return restore


def _last_restore(
    client: Client, *, dump: bool, waits: bool = False, known: Task | None = None
) -> Task | None:
    """The restore that ended last, or waits; fails if one runs, of the portal or the server."""
    restore = None
    for of_server in (not dump, dump):
        restore = read_restore_task(client, dump=of_server)
        looks = 0
        while waits and restore is not None and restore.idle and restore != known:
            if looks == _LOOKS:
                client.log(f"restore task {restore.id} waits for a file, and isn't running")
                break
            time.sleep(HANGS / _LOOKS)
            looks, last = looks + 1, restore
            restore = read_restore_task(client, dump=of_server)
            if restore != last:
                looks = 0
        idle = waits and restore is not None and restore.idle
        if restore is not None and not restore.ended and not idle:
            raise DocSpaceError(
                "conflict",
                f"Nothing was restored: restore task {restore.id} runs on the portal "
                f"({restore.progress} %). {advice(restore, dump=of_server)}",
            )
    return restore


def start_restore(
    client: Client, record: Record | None, *, notify: bool, dump: bool, before: Task | None
) -> tuple[Task, str | None]:
    """Start the restore of a record, None for what was uploaded. Gives a warning, if any.

    before: as `refuse_while_busy` gives it.
    """
    body: dict[str, Any] = {"backupId": "", "storageType": "Local", "notify": notify}
    # The server demands the parameter, and doesn't look at it (C43).
    body["storageParams"] = [{"key": "filePath", "value": ""}]
    if record is not None:
        body["backupId"], body["storageParams"] = record.id, []
        body["storageType"] = STORAGE_TYPES.get(record.storage_type, record.storage_type)
    if dump:
        body["dump"] = True
    client.gate.advice = (
        "A restore may have been started: look with docspace_backup_info ('gather: [progress]'), "
        "follow it with 'task_id', and start no other restore."
    )
    waits = before is not None and not before.ended
    try:
        started = start(
            client,
            "startrestore",
            body,
            read=read_restore_task,
            dump=dump,
            before=before,
            waits=waits,
            advice="Check with docspace_backup_info ('gather: [progress]') whether a restore runs. If "
            "so, follow it with 'task_id', and start no other.",
        )
    except DocSpaceError as error:
        if record is not None and error.detail and error.code == "not_found" and not error.changed:
            error.message = (
                f"Nothing was restored: the portal can't find the backup {record.id} any more "
                f"(HTTP {error.status}). It says: {error.detail}"
            )
        raise
    task = started.task
    if not started.is_ours:
        busy = DocSpaceError(
            "conflict",
            f"This task restored nothing: the portal answered the start with restore task {task.id}, "
            f"which was running already ({task.progress} %). Somebody else started it. "
            f"{advice(task, dump=dump)}",
        )
        busy.values = {"task": task.result()}
        raise busy
    if waits and before is not None and task.id == before.id:
        return task, (
            f"Restore task {task.id} was waiting on the portal for a file already, and this start was "
            "answered with it, so it is followed. If somebody else started it just now, the portal is "
            "restored from what they chose."
        )
    if started.failed is not None:
        lost = started.failed
        came = f"HTTP {lost.status}" if lost.status else lost.code
        return task, (
            f"The start wasn't answered with success ({came}), but restore task {task.id} was found "
            "after it, so it is followed. If somebody else started it just now, the portal is restored "
            "from what they chose."
        )
    return task, None


def restore_file(
    client: Client, source: Source, *, notify: bool, dump: bool, before: Task | None
) -> tuple[Task, str | None]:
    """Upload a file and start its restore. What fails leaves nothing there that no restore uses."""
    from .upload import Upload

    upload = Upload(client, source, lambda: _may_be_in_use(client, before))
    client.gate.advice = (
        "Nothing was restored. What was uploaded of the file lies on the portal, where a restore from "
        "an uploaded file would take it. Run the task again: it uploads anew."
    )
    try:
        upload.send()
        before = refuse_while_busy(client, dump=dump, waits=True, known=before)
        return start_restore(client, None, notify=notify, dump=dump, before=before)
    except DocSpaceError as error:
        upload.discard(error)
        raise


def _may_be_in_use(client: Client, waiting: Task | None) -> bool:
    """Whether a restore may be reading what was uploaded, of the portal or the server.

    waiting: a restore that waits for a file since before the upload. It doesn't take one by itself (C44).
    """
    try:
        for of_server in (False, True):
            task = read_restore_task(client, dump=of_server)
            if task is not None and not task.ended and not (task.idle and task == waiting):
                return True
    except DocSpaceError as error:
        client.log(f"{error.method} {error.path}: {error.code}")
        return True
    return False
