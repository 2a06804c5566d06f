# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow a restore through the time in which the portal is offline.

This file is private to the collection.

Bring a backup back: check its age and that nothing runs, and start.

This file is private to the collection.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from .._portal.client import Client
from .._portal.errors import DocSpaceError, Effect, config_error
from .._portal.values import is_future, normal_uuid
from .api import read_history, require_dumps
from .record import Record, find, not_found, require_dates, select_by_time
from .storage import STORAGE_TYPES
from .task import Poller, Task, read_backup_task, read_restore_task, start, task_not_found
from .upload import Source, Upload

# How long a portal that has just been restored may go on refusing before its keys are suspected.
SETTLES = 30.0
# How long a task that is to be followed may not be there.
SHOWS_UP = 30.0
ENDED = "A restore that has ended is to be seen for a day at most, and till the next one starts."
REFUSALS = ("auth", "forbidden", "not_found", "payment")
# Why a restored portal may refuse (C54, C55).
OTHER_MACHINEKEY = (
    "The first thing to check is 'core.machinekey': on a server with a different one than where the backup "
    "was created, no password and no API key of the backup is accepted. Set the old one in the server's "
    "configuration, restart it and restore again. Otherwise use a key or a user of the backup."
)
NO_LICENCE = (
    "Restoring a server-wide backup deletes the server's licence. Upload the licence again."
)


def wait_for_restore(
    client: Client, task: Task, pace: Poller, *, dump: bool, before: Task | None = None
) -> tuple[Task, str | None]:
    """Wait for the restore's end, and till the portal answers again. Gives a warning, if any.

    Meanwhile everything but the anonymous progress call is refused (C31), and that one may fail
    too. Only the task with the same id counts. When two answers in a row show another task, that one
    has taken its place, and the wait ends.

    before: the task that was there before the start, which may still be shown for a while.
    """
    other: Task | None = None
    client.log(f"waiting for restore task {task.id}, up to {pace.timeout} s")
    client.guard.advice = f"The restore goes on on the portal. {advice(task, dump=dump)}"
    while not task.ended:
        if pace.over:
            raise _late(task, pace, dump=dump)
        pace.pause()
        try:
            with client.deadline(pace.left):
                seen = read_restore_task(client, dump=dump, once=True)
        except DocSpaceError as error:
            client.log(f"{error.method} {error.path}: {error.code}, asked again")
            continue
        if seen is None or (before is not None and seen.id == before.id != task.id):
            continue
        if seen.id != task.id:
            if other is not None and other.id == seen.id:
                raise _replaced(task, seen, dump=dump)
            other = seen
            continue
        other = None
        if seen != task:
            client.log(f"restore task {task.id}: {seen.status}, {seen.progress} %")
            task = seen
    require_success(task)
    return task, _wait_for_portal(client, task, pace, dump=dump)


def wait_for_restore_task(
    client: Client, task_id: str, pace: Poller, *, dump: bool, once: bool
) -> tuple[Task, str | None]:
    """Follow the restore with an id, which somebody else started. Gives a warning, if any.

    once: only look.
    """
    wanted, warning = parse_task_id(task_id), None
    try:
        task = find_restore(client, wanted, pace, dump=dump, once=once)
        require_success(task)
        if not once and not task.ended:
            task, warning = wait_for_restore(client, task, pace, dump=dump)
    except DocSpaceError as error:
        # Whatever becomes of it, this run changes nothing.
        error.changed = False
        raise
    return task, warning


def parse_task_id(text: str) -> str:
    """A task's id in the one form used here."""
    found = normal_uuid(text)
    if found is None:
        raise config_error(
            f"task_id: {text[:100]!r} is not the id of a restore. Give the UUID in 'task.id' of what "
            "started it, or the one that docspace_backup_info shows ('gather: [progress]')."
        )
    return found


def find_restore(client: Client, wanted: str, pace: Poller, *, dump: bool, once: bool) -> Task:
    """The restore with this id, which may take a while to show up. once: look once."""
    until = min(SHOWS_UP, float(pace.timeout))
    while True:
        seen, lost = None, None
        try:
            with client.deadline(pace.left):
                seen = read_restore_task(client, dump=dump, once=not once)
        except DocSpaceError as error:
            lost = error
        if seen is not None and seen.id == wanted:
            return seen
        if once or pace.elapsed >= until:
            raise lost or task_not_found("restore", wanted, seen, ENDED, dump=dump)
        client.log(f"restore task {wanted} isn't to be seen, asked again")
        pace.pause(at_most=max(1.0, until - pace.elapsed))


def require_success(task: Task) -> None:
    """Fail if a restore that has ended didn't end well."""
    if task.ended and task.status != "completed":
        says = f". The portal says: {task.error[:300]}" if task.error else ""
        raise _failed(task, f"{task.status} at {task.progress} %{says}")


def advice(task: Task, *, dump: bool) -> str:
    """What to do about a restore that goes on."""
    also = " and 'dump: true'" if dump else ""
    return f"Follow it with 'task_id: {task.id}'{also}, and start no other restore."


def _wait_for_portal(client: Client, task: Task, pace: Poller, *, dump: bool) -> str | None:
    ended = time.monotonic()
    while True:
        try:
            with client.deadline(pace.left):
                read_history(client, dump=dump, once=True)
            return None
        except DocSpaceError as error:
            last = error
        client.log(f"{last.method} {last.path}: {last.code} after the restore, asked again")
        settled = pace.over or time.monotonic() - ended >= SETTLES
        if last.code in REFUSALS and settled:
            if last.code == "payment":
                licence = f" {NO_LICENCE}" if dump else ""
                return f"The portal is restored, but refuses: {last.message[:300]}{licence}"
            return (
                "The portal is restored and answers, but these credentials are no longer accepted. "
                f"{OTHER_MACHINEKEY} The answer was: {last.message[:300]}"
            )
        if pace.over:
            raise _failed(task, f"ended well, but the portal doesn't answer: {last.message[:300]}")
        pace.pause(at_most=5.0)


def _replaced(task: Task, other: Task, *, dump: bool) -> DocSpaceError:
    follow = "" if other.ended else f" {advice(other, dump=dump)}"
    error = DocSpaceError(
        "conflict",
        f"Restore task {other.id} ({other.status}, {other.progress} %) has taken the place of restore "
        f"task {task.id}, which was at {task.progress} % when last seen. Somebody else started it, and "
        f"how {task.id} ended isn't known.{follow}",
    )
    return _with(error, task)


def _late(task: Task, pace: Poller, *, dump: bool) -> DocSpaceError:
    error = DocSpaceError(
        "task_failed",
        f"Restore task {task.id} is at {task.progress} % after {pace.timeout} s ('wait_timeout'). "
        f"The portal may be offline, and the restore goes on. {advice(task, dump=dump)} If it doesn't "
        "get on, look into the portal's log, and at its web page.",
    )
    return _with(error, task)


def _failed(task: Task, what: str) -> DocSpaceError:
    error = DocSpaceError(
        "task_failed",
        f"Restore task {task.id} {what}. The portal may be offline, or restored in part: look into "
        "its log, and at its web page, before you start another restore.",
        detail=task.error,
    )
    return _with(error, task)


def _with(error: DocSpaceError, task: Task) -> DocSpaceError:
    error.effect, error.changed = Effect.STARTED, True
    error.values = {"task": task.result()}
    return error


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
        if record.created_on and is_future(record.created_on, now):
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


def describe_source(
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
    client.guard.advice = (
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

    upload = Upload(client, source, lambda: _may_be_in_use(client, before))
    client.guard.advice = (
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
