# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a backup: start it or join the one that runs, follow the task, cancel it.

This file is private to the collection.

Follow a backup that somebody else started, and change nothing.

This file is private to the collection.

See to it that there is a backup: one that is fresh, one that runs, or a new one.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from .._portal.client import Client
from .._portal.errors import DocSpaceError, Effect, config_error
from .._portal.values import duration
from .api import API, read_history, require_dumps
from .record import Record, find, newest_within, parse_id
from .schedule import read_schedule
from .storage import (
    CONSUMER,
    SUBDIR,
    TENANT_SUBDIR,
    Storage,
    explain_refusal,
    parse_storage,
    schedule_differences,
)
from .storage import SPEC as STORAGE
from .task import LOOKS, REAPPEARS, Poller, Task, read_backup_task, start, task_not_found

PASSING = ("connection", "timeout", "server", "rate_limited")


class Made(NamedTuple):
    """record: None if it wasn't waited for. joined: it ran already, so that this run changed nothing."""

    task: Task
    record: Record | None
    joined: bool


def create_backup(
    client: Client,
    storage: Storage | None,
    pace: Poller,
    *,
    dump: bool,
    running: Task | None,
    wait: bool,
    cancel: bool,
    check: Callable[[Storage], None] = lambda _storage: None,
    begun: Callable[[Task], None] = lambda _task: None,
) -> Made:
    """Join the backup that runs, or start one; follow it to its end.

    storage: None to join only. running: the portal's task as just read. A joined backup of another
    type than wanted is followed by our own in the same time. check: is called before each start, and
    may raise. begun: is told of each before the wait.
    """
    task, strangers = running, 0
    while True:
        joined = task is not None and not task.ended
        if task is None or task.ended:
            if storage is None:
                raise config_error("storage_type: missing. Say where the new backup goes.")
            check(storage)
            task, joined = _start(client, storage, dump=dump, before=task)
        client.guard.values = {"task": task.result(), "joined": joined}
        try:
            begun(task)
        except DocSpaceError as error:
            error.changed = not joined
            error.values = {"task": task.result(), "joined": joined}
            raise
        if not wait:
            return Made(task, None, joined)
        try:
            task, record = wait_for_backup(client, task, pace, dump=dump, ours=not joined)
            # One just queued by somebody else looks like ours, but its record tells.
            if storage is None or record.storage_type == storage.type or strangers:
                return Made(task, record, joined)
            strangers += not joined
            client.log(f"backup {record.id} went to {record.storage_type}, so another one is made")
            if pace.over:
                raise DocSpaceError(
                    "task_failed",
                    f"The backup that ran went to {record.storage_type}, and 'wait_timeout' has "
                    f"passed before one to {storage.type} could be started. Run again.",
                )
        except DocSpaceError as error:
            error.values.setdefault("task", task.result())
            error.values["joined"] = joined
            if error.effect == Effect.STARTED and cancel and not joined:
                cancel_late(client, task, error, dump=dump)
            elif error.effect == Effect.STARTED:
                error.message += " It goes on. Run again to follow it, or raise 'wait_timeout'."
            raise


def _start(
    client: Client, storage: Storage, *, dump: bool, before: Task | None
) -> tuple[Task, bool]:
    """Start a backup. Gives the task, and whether it is somebody else's that was faster."""
    try:
        started = start(
            client,
            "startbackup",
            {**storage.body(), **({"dump": True} if dump else {})},
            read=read_backup_task,
            dump=dump,
            before=before,
        )
        return started.task, not started.is_ours
    except DocSpaceError as error:
        if not error.changed:
            raise explain_refusal(error, "The backup wasn't started") from error
        # It may have been taken.
        newest = _newest(client, dump=dump)
        raise error.evolve(message=f"{error.message[:700]} {newest}") from error


def _newest(client: Client, *, dump: bool) -> str:
    """What the history says to somebody who wonders whether a backup was made."""
    try:
        history = read_history(client, dump=dump)
    except DocSpaceError as error:
        return f"The history couldn't be read either ({error.code})."
    if not history:
        return "The history is empty."
    newest = history[0].facts()
    return f"The newest backup in the history is {newest['id']} of {newest['created_on']}."


def wait_for_backup(
    client: Client, task: Task, pace: Poller, *, dump: bool, ours: bool
) -> tuple[Task, Record]:
    """Wait for a backup task's end. Gives its last state and the record it made.

    The history decides as soon as the task is not to be seen any more. ours: whether this run
    started it, so that a failure while it goes on counts as a change.
    """
    client.log(f"waiting for backup task {task.id}, up to {pace.timeout} s")
    missing: float | None = None
    other: Task | None = None
    while not pace.over and (missing is None or pace.elapsed - missing < REAPPEARS):
        pace.pause() if missing is None else pace.pause(at_most=2.0)
        try:
            with client.deadline(pace.left):
                seen = read_backup_task(client, dump=dump, once=True)
                current = seen if seen is not None and seen.id == task.id else None
                other = seen if current is None else None
                record = None
                if current is None or current.status == "completed":
                    record = find(read_history(client, dump=dump, once=True), task.id)
        except DocSpaceError as error:
            if error.code not in PASSING:
                error.changed = ours
                raise
            client.log(f"{error.method} {error.path}: {error.code}, asked again")
            missing = None
            continue
        if current is not None and current != task:
            client.log(f"backup task {task.id}: {current.status}, {current.progress} %")
        task = current or task
        if current is not None:
            missing = None
        elif missing is None:
            missing = pace.elapsed
        if record is not None:
            return task._replace(progress=100, status="completed"), record
        if task.ended:
            raise task_failure(task)
    if missing is not None:
        instead = f" Backup task {other.id} ({other.status}) took its place." if other else ""
        raise _failed(
            task,
            f"vanished at {task.progress} % without leaving a backup.{instead} Most likely somebody "
            "cancelled it. Run again to create one",
        )
    state = "hasn't started" if task.status == "created" else f"is at {task.progress} %"
    late = _failed(task, f"{state} after {pace.timeout} s ('wait_timeout')")
    late.effect, late.changed = Effect.STARTED, ours
    raise late


def task_failure(task: Task) -> DocSpaceError:
    """The failure of one that has ended without a backup."""
    if task.status == "completed":
        return _failed(task, "says that it is completed, but its backup isn't in the history")
    says = f". The portal says: {task.error[:300]}" if task.error else ""
    what = "failed" if task.status == "failed" else "was cancelled"
    return _failed(task, f"{what} at {task.progress} %{says}")


def _failed(task: Task, what: str) -> DocSpaceError:
    error = DocSpaceError("task_failed", f"Backup task {task.id} {what}.", detail=task.error)
    error.values = {"task": task.result()}
    return error


def _cancel(client: Client, task: Task, *, dump: bool) -> tuple[bool, str]:
    """Cancel a task that this run started. Gives whether it is, and a sentence on what came of it.

    The server's call cancels whatever the portal runs, dump and plain (C2), so it is sent only
    while this task runs and no other does.
    """
    try:
        if not _runs(client, task, dump=dump):
            return False, "It has ended just now, so nothing was cancelled: look into the history."
        try:
            other = read_backup_task(client, dump=not dump)
        except DocSpaceError as error:
            if error.code != "forbidden":
                raise
            other = None
        if other is not None and not other.ended:
            return (
                False,
                f"It was not cancelled, because that would also cancel backup task {other.id}.",
            )
        return _send_cancel(client, task, dump=dump)
    except DocSpaceError as error:
        return False, f"It could not be cancelled: {error.message[:300]}"


def _send_cancel(client: Client, task: Task, *, dump: bool) -> tuple[bool, str]:
    """Send the cancel, once. Unless it is answered with success, the task decides (C24)."""

    def ended() -> Task | bool | None:
        now = read_backup_task(client, dump=dump)
        if now is None or now.id != task.id:
            return True
        return now if now.ended else None

    done = True, "It was cancelled, as 'on_timeout' asks."
    try:
        if client.post(f"{API}cancelbackup") is True:
            return done
        return False, "The portal found nothing to cancel: look into the history."
    except DocSpaceError as error:
        failed = error
    found, failed = client.look_up(failed, ended, LOOKS)
    if isinstance(found, Task) and found.status != "cancelled":
        return False, "It has ended just now, so nothing was cancelled: look into the history."
    if found is not None:
        return done
    if failed.effect == Effect.UNKNOWN:
        return False, f"It isn't known whether it was cancelled: {failed.message[:300]}"
    if failed.status == 404:
        return False, "It was not cancelled and goes on: this server can't (DocSpace 3.7.1 can)."
    raise failed


def _runs(client: Client, task: Task, *, dump: bool) -> bool:
    now = read_backup_task(client, dump=dump)
    return now is not None and now.id == task.id and not now.ended


def cancel_late(client: Client, task: Task, error: DocSpaceError, *, dump: bool) -> None:
    """Add to a time-out what came of the cancel that `on_timeout` asks for."""
    cancelled, said = _cancel(client, task, dump=dump)
    error.changed = not cancelled
    error.message = f"{error.message} {said}"


GONE = "Most likely it failed, or it was deleted since."


def watch_backup(
    client: Client, wanted: str, pace: Poller, *, dump: bool, once: bool
) -> tuple[Task | None, Record | None]:
    """Wait till this backup is in the history. A backup has the id of the task that makes it.

    Gives the task as last seen, None if it wasn't looked for, and the record. once: look once; the
    record is None then while the backup is being made.
    """
    record = find(read_history(client, dump=dump), wanted)
    if record is not None:
        return None, record
    task = read_backup_task(client, dump=dump)
    if task is None or task.id != wanted:
        # It may have come between these two.
        record = find(read_history(client, dump=dump), wanted)
        if record is None:
            raise task_not_found("backup", wanted, task, GONE, dump=dump)
        return None, record
    if task.ended and task.status != "completed":
        raise task_failure(task)
    return (task, None) if once else wait_for_backup(client, task, pace, dump=dump, ours=False)


class CreateResult(NamedTuple):
    """What is there now. task, record: None where there is none, or where it wasn't waited for.

    joined: the backup ran already. changed: one was started, or would be in a dry run.
    """

    task: Task | None
    record: Record | None
    joined: bool
    changed: bool
    warnings: list[str | None]


def ensure_backup(
    client: Client, params: dict[str, Any], pace: Poller, now: Callable[[], datetime], *, dry: bool
) -> CreateResult:
    """Have a backup as the options of docspace_backup ask for it. now: tells the time."""
    dump, max_age = params["dump"], duration(params, "max_age")
    # Without a storage type a fresh backup may still be found, or one joined.
    undecided = max_age is not None and all(params[option] is None for option in STORAGE)
    storage = None if undecided else parse_storage(params)
    require_dumps(client, dump)
    warnings: list[str | None] = []
    if max_age is not None:
        history = read_history(client, dump=dump)
        newest, warning = newest_within(history, now(), max_age, storage and storage.type)
        warnings.append(warning)
        if newest is not None:
            return CreateResult(None, newest, False, False, warnings)
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
        return CreateResult(running if joined else None, None, joined, not joined, warnings)
    cancel = params["on_timeout"] == "cancel"
    try:
        task, record, joined = create_backup(
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
    return CreateResult(task, record, joined, not joined, warnings)


def wait_for_task(
    client: Client, params: dict[str, Any], pace: Poller, *, dry: bool
) -> CreateResult:
    """Wait for a backup that was started before, as the options of docspace_backup ask for it."""
    wanted = parse_id(params["task_id"], "task_id")
    if params["on_timeout"] == "cancel":
        raise config_error("on_timeout: only who starts a backup can have it cancelled.")
    require_dumps(client, params["dump"])
    once = dry or not params["wait"]
    task, record = watch_backup(client, wanted, pace, dump=params["dump"], once=once)
    return CreateResult(task, record, False, False, [])


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
