# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore a backup: check what is restored and that nothing runs, start, and wait for the end.

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
from .api import BackupApi
from .record import Record, find, not_found, require_dates, select_by_time
from .task import Poller, Task, start_task, task_not_found
from .upload import Source, Upload

# Seconds in which a restored portal may reject requests before its credentials are suspected.
SETTLES = 30.0
# Seconds in which a task to wait for may not be found yet.
SHOWS_UP = 30.0
# Seconds in which a restore that is about to run begins. One that waits for a file doesn't (C44).
BEGINS = 10.0
_POLLS_TO_BEGIN = 5
REFUSALS = ("auth", "forbidden", "not_found", "payment")
# Why a restored portal may refuse (C54, C55).
OTHER_MACHINEKEY = (
    "First check 'core.machinekey': on a server with another value than where the backup was "
    "created, no password and no API key of the backup is accepted. Set the old value in the "
    "server's configuration, restart it and restore again. Otherwise use a key or a user of the "
    "backup."
)
CHECK_FIRST = (
    "The portal may be offline, or restored in part. Check its log and its web page before you "
    "start another restore."
)
NO_LICENCE = (
    "Restoring a server-wide backup deletes the server's licence. Upload the licence again."
)


def require_confirmed(client: Client, confirm: str) -> None:
    """Fail unless `confirm` is the host name of the portal."""
    host = urlsplit(client.url).hostname
    if confirm.lower() == host:
        return
    blanks = " Remove the white space around it." if confirm.strip().lower() == host else ""
    raise DocSpaceError(
        "guard",
        f"confirm: must be '{host}', the host name in 'url', to restore that portal. Everything in "
        f"it is replaced. Nothing was sent.{blanks}",
    )


def check_history(api: BackupApi, wanted: str | None) -> Record | None:
    """Return the record to restore, None if none is wanted.

    The history is read in any case: it shows whether the portal accepts these credentials. A portal
    that is being restored refuses it, which is a conflict.
    """
    try:
        api.require_dump_support()
        record = find(api.history(), wanted or "")
    except DocSpaceError as error:
        if wanted is None and error.code == "server":
            # A damaged history may be the reason to restore from a file.
            api.client.log(f"{error.method} {error.path}: {error.code}, restored nevertheless")
            return None
        if error.code in REFUSALS:
            _last_restore(api, from_file=wanted is None)
        raise
    if wanted is not None and record is None:
        raise not_found(wanted)
    return record


def refuse_old(record: Record | None, now: datetime, max_age: int | None, doubt: str = "") -> None:
    """Fail if a backup is too old, or its age isn't known. doubt: why there is no record."""
    if max_age is None:
        return
    if record is None:
        why = f"the age of the file isn't known, because {doubt}"
    else:
        require_dates([record], "max_age")
        if record.created_on and is_future(record.created_on, now):
            why = "this backup is dated in the future, so its age isn't known. Check the clocks"
        elif not select_by_time([record], now, newer_than=max_age):
            why = f"this backup is {record.result(now)['age']} old ({record.facts()['created_on']})"
        else:
            return
    raise DocSpaceError(
        "guard",
        f"max_age: {why}. Nothing was restored. Restore a newer backup, or leave 'max_age' out to "
        "restore this one.",
    )


def describe_source(
    record: Record | None, source: Source | None, now: datetime, *, dump: bool
) -> dict[str, Any]:
    """Describe what is restored, for a diff."""
    row = None if record is None else record.result(now)
    about = {"restored_from": record and record.id, "file_name": record and record.file_name}
    about.update({} if source is None else source.facts())
    return {
        **about,
        "created_on": row and row["created_on"],
        "age": row and row["age"],
        "storage_type": row and row["storage_type"],
        "kind": "dump" if dump else "portal",
    }


def refuse_while_busy(api: BackupApi, *, from_file: bool, known: Task | None = None) -> Task | None:
    """Fail while a backup or a restore runs. Returns the last restore, if there was one.

    from_file: whether a restore that only waits for a file is returned, too, instead of counting as
    running. known: a waiting restore that was found before.
    """
    # First, because a portal that is being restored refuses the other requests (C31).
    restore = _last_restore(api, from_file=from_file, known=known)
    portal = BackupApi(api.client, dump=False)
    for each in (portal, portal.counterpart()):
        try:
            backup = each.progress()
        except DocSpaceError as error:
            # Most portals have no access to server-wide backups.
            if not each.dump or api.dump or error.code != "forbidden":
                raise
            continue
        if backup is not None and not backup.ended:
            raise DocSpaceError(
                "conflict",
                f"Nothing was restored: backup task {backup.id} runs on the portal "
                f"({backup.progress} %). Wait for its end, then run the task again.",
            )
    return restore


def _last_restore(api: BackupApi, *, from_file: bool, known: Task | None = None) -> Task | None:
    """Return the last restore, as `refuse_while_busy` does; fail if one runs, also server-wide."""
    restore = None
    for each in (api.counterpart(), api):
        restore = each.restore_progress()
        polls = 0
        while from_file and restore is not None and restore.idle and restore != known:
            if polls == _POLLS_TO_BEGIN:
                api.client.log(f"restore task {restore.id} waits for a file, and isn't running")
                break
            time.sleep(BEGINS / _POLLS_TO_BEGIN)
            polls, last = polls + 1, restore
            restore = each.restore_progress()
            if restore != last:
                polls = 0
        waits = from_file and restore is not None and restore.idle
        if restore is not None and not restore.ended and not waits:
            raise DocSpaceError(
                "conflict",
                f"Nothing was restored: restore task {restore.id} runs on the portal "
                f"({restore.progress} %). {advice(restore, dump=each.dump)}",
            )
    return restore


def restore_file(
    api: BackupApi, source: Source, *, notify: bool, before: Task | None
) -> tuple[Task, str | None]:
    """Upload a file and start its restore. Returns the task, and a warning if it may not be ours.

    After a failure the upload is discarded, because any restore from a file would use it.
    """
    client = api.client
    upload = Upload(client, source, lambda: _may_be_in_use(api, before))
    client.guard.advice = (
        "Nothing was restored. What was uploaded remains on the portal, and a restore from an "
        "uploaded file would use it. Run the task again: it uploads the file anew."
    )
    try:
        upload.send()
        before = refuse_while_busy(api, from_file=True, known=before)
        return start_restore(api, None, notify=notify, before=before)
    except DocSpaceError as error:
        warning = upload.discard(error)
        raise error.evolve(warnings=[*error.warnings, warning]) from error


def _may_be_in_use(api: BackupApi, waiting: Task | None) -> bool:
    """Whether a restore may be reading the upload.

    waiting: one that has waited for a file since before the upload. It takes none by itself (C44).
    """
    try:
        for each in (api, api.counterpart()):
            task = each.restore_progress()
            if task is not None and not task.ended and not (task.idle and task == waiting):
                return True
    except DocSpaceError as error:
        api.client.log(f"{error.method} {error.path}: {error.code}")
        return True
    return False


def start_restore(
    api: BackupApi, record: Record | None, *, notify: bool, before: Task | None
) -> tuple[Task, str | None]:
    """Start the restore of a record, None for the upload. Returns as `restore_file` does.

    before: the last restore, as `refuse_while_busy` returns it.
    """
    api.client.guard.advice = (
        "A restore may have been started. Check with docspace_backup_info ('gather: [progress]'), "
        "wait for it with 'task_id', and start no other restore."
    )
    try:
        task, is_ours, failed = start_task(
            api.client,
            lambda accept: api.start_restore(record, accept, notify=notify),
            api.restore_progress,
            kind="restore",
            before=before,
            advice="Check with docspace_backup_info ('gather: [progress]') whether a restore runs. "
            "If so, wait for it with 'task_id', and start no other.",
        )
    except DocSpaceError as error:
        if record is None or not error.detail or error.code != "not_found" or error.changed:
            raise
        raise error.evolve(
            message=f"Nothing was restored: the portal can't find backup {record.id} any more (HTTP "
            f"{error.status}). The portal says: {error.detail}"
        ) from error
    if not is_ours:
        raise DocSpaceError(
            "conflict",
            f"This task restored nothing: the portal answered the start with restore task {task.id}, "
            f"which ran already ({task.progress} %). Somebody else started it. "
            f"{advice(task, dump=api.dump)}",
            values={"task": task.result()},
        )
    if before is not None and task.id == before.id:
        found = (
            f"Restore task {task.id} was waiting for a file, and the start was answered with it."
        )
    elif failed is not None:
        came = f"HTTP {failed.status}" if failed.status else failed.code
        found = (
            f"The answer to the start wasn't a success ({came}), but restore task {task.id} was found "
            "after it."
        )
    else:
        return task, None
    return task, (
        f"{found} If somebody else started it just now, the portal is restored from their backup."
    )


def wait_for_restore(
    api: BackupApi, task: Task, poller: Poller, *, before: Task | None = None
) -> tuple[Task, str | None]:
    """Wait until a restore has ended and the portal answers again. Returns a warning, if any.

    Meanwhile everything but the anonymous progress is refused (C31), and that may fail, too. When
    two answers in a row show another task, the wait ends.

    before: the restore before the start, which may still be shown for a while.
    """
    client = api.client
    other: Task | None = None
    client.log(f"waiting for restore task {task.id}, up to {poller.timeout} s")
    client.guard.advice = f"The restore continues on the portal. {advice(task, dump=api.dump)}"
    while not task.ended:
        if poller.over:
            raise _failed(
                task,
                f"is at {task.progress} % after {poller.timeout} s ('wait_timeout'). The portal may "
                f"be offline, and the restore continues. {advice(task, dump=api.dump)} If it makes no "
                "progress, check the portal's log and its web page.",
            )
        poller.pause()
        try:
            with client.deadline(poller.left):
                current = api.restore_progress(once=True)
        except DocSpaceError as error:
            client.log(f"{error.method} {error.path}: {error.code}, polled again")
            continue
        if current is None or (before is not None and current.id == before.id != task.id):
            continue
        if current.id != task.id:
            if other is not None and other.id == current.id:
                raise _replaced(task, current, dump=api.dump)
            other = current
            continue
        other = None
        if current != task:
            client.log(f"restore task {task.id}: {current.status}, {current.progress} %")
            task = current
    _require_success(task)
    return task, _wait_for_portal(api, task, poller)


def _wait_for_portal(api: BackupApi, task: Task, poller: Poller) -> str | None:
    ended = time.monotonic()
    while True:
        try:
            with api.client.deadline(poller.left):
                api.history(once=True)
            return None
        except DocSpaceError as error:
            last = error
        api.client.log(f"{last.method} {last.path}: {last.code} after the restore, polled again")
        if last.code in REFUSALS and (poller.over or time.monotonic() - ended >= SETTLES):
            if last.code == "payment":
                licence = f" {NO_LICENCE}" if api.dump else ""
                return f"The portal is restored, but refuses requests.{licence} {last.message}"
            return (
                "The portal is restored and answers, but these credentials are no longer accepted. "
                f"{OTHER_MACHINEKEY} The answer was: {last.message}"
            )
        if poller.over:
            raise _failed(
                task, f"is completed, but the portal doesn't answer. {CHECK_FIRST} {last.message}"
            )
        poller.pause(at_most=5.0)


def wait_for_restore_task(
    api: BackupApi, task_id: str, poller: Poller, *, once: bool
) -> tuple[Task, str | None]:
    """Wait for a restore that was started before. Returns a warning, if any. once: poll once."""
    wanted, warning = normal_uuid(task_id), None
    if wanted is None:
        raise config_error(
            f"task_id: must be the ID of a restore, not {task_id[:100]!r}. It is 'task.id' in the "
            "result of the start, or in that of docspace_backup_info ('gather: [progress]')."
        )
    try:
        task = _find_restore(api, wanted, poller, once=once)
        _require_success(task)
        if not once and not task.ended:
            task, warning = wait_for_restore(api, task, poller)
    except DocSpaceError as error:
        # This run changes nothing.
        raise error.evolve(changed=False) from error
    return task, warning


def _find_restore(api: BackupApi, wanted: str, poller: Poller, *, once: bool) -> Task:
    """Return the restore with this ID, which may take a while to show up."""
    until = min(SHOWS_UP, float(poller.timeout))
    while True:
        current, failed = None, None
        try:
            with api.client.deadline(poller.left):
                current = api.restore_progress(once=not once)
        except DocSpaceError as error:
            failed = error
        if current is not None and current.id == wanted:
            return current
        if once or poller.elapsed >= until:
            how_long = "The portal shows a restore for a day, unless another restore is started."
            raise failed or task_not_found("restore", wanted, current, how_long, dump=api.dump)
        api.client.log(f"restore task {wanted} not found, polled again")
        poller.pause(at_most=max(1.0, until - poller.elapsed))


def advice(task: Task, *, dump: bool) -> str:
    """Say what to do about a restore that continues."""
    also = " and 'dump: true'" if dump else ""
    return f"Wait for it with 'task_id: {task.id}'{also}, and start no other restore."


def _require_success(task: Task) -> None:
    """Fail if a restore has ended without success."""
    if task.ended and task.status != "completed":
        says = f" The portal says: {task.error}" if task.error else ""
        raise _failed(task, f"{task.status} at {task.progress} %. {CHECK_FIRST}{says}")


def _replaced(task: Task, other: Task, *, dump: bool) -> DocSpaceError:
    follow = "" if other.ended else f" {advice(other, dump=dump)}"
    return _failed(
        task,
        f"was at {task.progress} % when restore task {other.id} ({other.status}, {other.progress} %) "
        f"replaced it, which somebody else started. How {task.id} ended isn't known.{follow}",
        code="conflict",
    )


def _failed(task: Task, what: str, *, code: str = "task_failed") -> DocSpaceError:
    """Return the error of a restore that was started. what: the rest of the message."""
    return DocSpaceError(
        code,
        f"Restore task {task.id} {what}",
        detail=task.error,
        effect=Effect.STARTED,
        changed=True,
        values={"task": task.result()},
    )
