# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create a backup: find one that is recent enough, join the one that runs, or start one and wait.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from .._portal.errors import DocSpaceError, Effect, config_error
from .._portal.values import duration
from .api import BackupApi
from .record import Record, find, newest_within, parse_id
from .storage import (
    CONSUMER,
    SPEC,
    SUBDIR,
    TENANT_SUBDIR,
    Storage,
    explain_refusal,
    parse_storage,
    schedule_differences,
)
from .task import LOOK_UP_PAUSES, REAPPEARS, Poller, Task, start_task, task_not_found

# Errors during a wait after which the task is polled again.
PASSING = ("connection", "timeout", "server", "rate_limited")


class CreateResult(NamedTuple):
    """A backup that was found, joined or created."""

    task: Task | None  # None if no task was needed
    record: Record | None  # None if it wasn't waited for
    joined: bool  # whether the backup ran already
    changed: bool  # whether a backup was started, or would be in check mode


def ensure_backup(
    api: BackupApi,
    params: dict[str, Any],
    poller: Poller,
    now: Callable[[], datetime],
    warnings: list[str | None],
    *,
    check_mode: bool,
) -> CreateResult:
    """Have a backup as the options of docspace_backup ask for it.

    now: returns the time. warnings: of the result, extended here.
    """
    max_age = duration(params, "max_age")
    # Without a storage type, a recent backup may still be found, or a running one joined.
    undecided = max_age is not None and all(params[option] is None for option in SPEC)
    storage = None if undecided else parse_storage(params)
    api.require_dump_support()
    if max_age is not None:
        newest, warning = newest_within(api.history(), now(), max_age, storage and storage.type)
        warnings.append(warning)
        if newest is not None:
            return CreateResult(None, newest, joined=False, changed=False)
    running = api.progress()
    joined = running is not None and not running.ended
    if not joined:
        storage = storage or parse_storage(params)
    allow = params["allow_lost_records"]
    if check_mode:
        if storage is not None and not joined:
            warnings.append(check_location(api, storage, allow_lost_records=allow))
        return CreateResult(running if joined else None, None, joined, changed=not joined)
    try:
        return create_backup(
            api,
            storage,
            poller,
            warnings,
            running=running,
            wait=params["wait"],
            cancel=params["on_timeout"] == "cancel",
            allow_lost_records=allow,
        )
    except DocSpaceError as error:
        raise error.evolve(warnings=[*warnings, *error.warnings]) from error


def create_backup(
    api: BackupApi,
    storage: Storage | None,
    poller: Poller,
    warnings: list[str | None],
    *,
    running: Task | None,
    wait: bool = True,
    cancel: bool = False,
    allow_lost_records: bool,
    begun: Callable[[Task], None] = lambda _task: None,
) -> CreateResult:
    """Join the backup that runs, or start one, and wait for its end.

    If a joined backup has another storage type, this run creates its own within the same wait.

    Args:
        api: Of the portal.
        storage: For a new backup; None to join only.
        poller: Limits the wait.
        warnings: Of the result, extended here.
        running: The portal's backup task, as just read.
        wait: Whether to wait for the end.
        cancel: Whether to cancel a backup that this run started and that isn't ready in time.
        allow_lost_records: As the option.
        begun: Called with each task before the wait.
    """
    task, foreign = running, False
    while True:
        joined = task is not None and not task.ended
        if task is None or task.ended:
            if storage is None:
                raise config_error("storage_type: required to create a backup.")
            warnings.append(check_location(api, storage, allow_lost_records=allow_lost_records))
            task, joined = _start(api, storage, before=task)
        values = {"task": task.result(), "joined": joined}
        api.client.guard.values = values
        try:
            begun(task)
        except DocSpaceError as error:
            raise error.evolve(changed=not joined, values=values) from error
        if not wait:
            return CreateResult(task, None, joined, changed=not joined)
        try:
            task, record = wait_for_backup(api, task, poller, ours=not joined)
        except DocSpaceError as error:
            error = error.evolve(values={**values, **error.values})
            raise _explain_timeout(api, task, error, cancel=cancel and not joined) from error
        # A task that somebody else just started looks like ours, but its record tells.
        if storage is None or record.storage_type == storage.type or foreign:
            return CreateResult(task, record, joined, changed=not joined)
        foreign = not joined
        api.client.log(
            f"backup {record.id} is in {record.storage_type}, so this run creates its own"
        )
        if poller.over:
            raise DocSpaceError(
                "task_failed",
                f"The backup that ran is in {record.storage_type}, and 'wait_timeout' has passed "
                f"before one in {storage.type} could be started. Run the task again.",
                values={"task": task.result(), "joined": joined},
            )


def _start(api: BackupApi, storage: Storage, *, before: Task | None) -> tuple[Task, bool]:
    """Start a backup. Returns the task, and whether somebody else started it."""
    try:
        started = start_task(
            api.client,
            lambda accept: api.start(storage, accept),
            api.progress,
            kind="backup",
            before=before,
        )
    except DocSpaceError as error:
        if not error.changed:
            raise explain_refusal(error, "The backup wasn't started") from error
        raise error.evolve(message=f"{error.message} {_describe_newest(api)}") from error
    return started.task, not started.is_ours


def _describe_newest(api: BackupApi) -> str:
    """Describe the newest backup, which may be the one of a start that had no clear answer."""
    try:
        history = api.history()
    except DocSpaceError as error:
        return f"The history couldn't be read either ({error.code})."
    if not history:
        return "The history is empty."
    newest = history[0].facts()
    return f"The newest backup in the history is {newest['id']} of {newest['created_on']}."


def wait_for_backup(
    api: BackupApi, task: Task, poller: Poller, *, ours: bool
) -> tuple[Task, Record]:
    """Wait for the end of a backup task. Returns its last state and the record of its backup.

    As soon as the task isn't found any more, the history decides.

    ours: whether this run started it, so that a failure while it runs counts as a change.
    """
    client = api.client
    client.log(f"waiting for backup task {task.id}, up to {poller.timeout} s")
    missing_since: float | None = None
    other: Task | None = None
    while not poller.over and (missing_since is None or poller.elapsed - missing_since < REAPPEARS):
        poller.pause() if missing_since is None else poller.pause(at_most=2.0)
        try:
            with client.deadline(poller.left):
                found = api.progress(once=True)
                current = found if found is not None and found.id == task.id else None
                other = found if current is None else None
                record = None
                if current is None or current.status == "completed":
                    record = find(api.history(once=True), task.id)
        except DocSpaceError as error:
            if error.code not in PASSING:
                raise error.evolve(changed=ours) from error
            client.log(f"{error.method} {error.path}: {error.code}, polled again")
            missing_since = None
            continue
        if current is None:
            missing_since = poller.elapsed if missing_since is None else missing_since
        else:
            if current != task:
                client.log(f"backup task {task.id}: {current.status}, {current.progress} %")
            task, missing_since = current, None
        if record is not None:
            return task._replace(progress=100, status="completed"), record
        if task.ended:
            raise _ended_without_backup(task)
    if missing_since is not None:
        instead = f" Backup task {other.id} ({other.status}) replaced it." if other else ""
        raise _failed(
            task,
            f"disappeared at {task.progress} % and left no backup.{instead} Most likely it was "
            "cancelled. Run the task again to create one",
        )
    state = "hasn't started" if task.status == "created" else f"is at {task.progress} %"
    late = _failed(task, f"{state} after {poller.timeout} s ('wait_timeout')")
    raise late.evolve(effect=Effect.STARTED, changed=ours)


def _ended_without_backup(task: Task) -> DocSpaceError:
    if task.status == "completed":
        return _failed(task, "is completed, but its backup isn't in the history")
    what = "failed" if task.status == "failed" else "was cancelled"
    says = f". The portal says: {task.error}" if task.error else ""
    return _failed(task, f"{what} at {task.progress} %{says}")


def _failed(task: Task, what: str) -> DocSpaceError:
    message = f"Backup task {task.id} {what}."
    return DocSpaceError("task_failed", message, detail=task.error, values={"task": task.result()})


def _explain_timeout(
    api: BackupApi, task: Task, error: DocSpaceError, *, cancel: bool
) -> DocSpaceError:
    """Add to the error of a wait what happens to a task that still runs. cancel: cancel it."""
    if error.effect != Effect.STARTED:
        return error
    if not cancel:
        return error.evolve(
            message=f"{error.message} It still runs. Run the task again to wait for it, or raise "
            "'wait_timeout'."
        )
    try:
        cancelled, outcome = _cancel(api, task)
    except DocSpaceError as failed:
        cancelled, outcome = False, f"It could not be cancelled: {failed.message}"
    return error.evolve(changed=not cancelled, message=f"{error.message} {outcome}")


def _cancel(api: BackupApi, task: Task) -> tuple[bool, str]:
    """Cancel a task that this run started. Returns whether it is cancelled, and a sentence on it.

    The server cancels every backup task of the portal (C2), so this is sent only while this task
    runs and no other does. Unless the answer is a success, the task decides (C24).
    """

    def ended() -> Task | bool | None:
        now = api.progress()
        if now is None or now.id != task.id:
            return True
        return now if now.ended else None

    too_late = "It has just ended, so nothing was cancelled. Check the history."
    if ended() is not None:
        return False, too_late
    try:
        other = api.counterpart().progress()
    except DocSpaceError as error:
        if error.code != "forbidden":
            raise
        other = None
    if other is not None and not other.ended:
        return False, f"It was not cancelled: that would also cancel backup task {other.id}."
    try:
        if api.cancel():
            return True, "It was cancelled, as 'on_timeout' asks."
        return False, "The portal found nothing to cancel. Check the history."
    except DocSpaceError as error:
        failed = error
    found, failed = api.client.look_up(failed, ended, LOOK_UP_PAUSES)
    if isinstance(found, Task) and found.status != "cancelled":
        return False, too_late
    if found is not None:
        return True, "It was cancelled, as 'on_timeout' asks."
    if failed.effect == Effect.UNKNOWN:
        return False, f"Not known whether it was cancelled: {failed.message}"
    if failed.status == 404:
        return False, "It still runs: this server can't cancel it (DocSpace 3.7.1 and newer can)."
    raise failed


def wait_for_task(
    api: BackupApi, params: dict[str, Any], poller: Poller, *, check_mode: bool
) -> CreateResult:
    """Wait for a backup that was started before, as the options of docspace_backup ask for it.

    A backup has the ID of its task.
    """
    wanted = parse_id(params["task_id"], "task_id")
    if params["on_timeout"] == "cancel":
        raise config_error("on_timeout: cancel can't be combined with task_id.")
    api.require_dump_support()
    record = find(api.history(), wanted)
    if record is not None:
        return CreateResult(None, record, joined=False, changed=False)
    task = api.progress()
    if task is None or task.id != wanted:
        # It may have ended between these two requests.
        record = find(api.history(), wanted)
        if record is None:
            advice = "Most likely it failed, or its backup was deleted."
            raise task_not_found("backup", wanted, task, advice, dump=api.dump)
        return CreateResult(None, record, joined=False, changed=False)
    if task.ended and task.status != "completed":
        raise _ended_without_backup(task)
    if params["wait"] and not check_mode:
        task, record = wait_for_backup(api, task, poller, ours=False)
    return CreateResult(task, record, joined=False, changed=False)


def check_location(api: BackupApi, storage: Storage, *, allow_lost_records: bool) -> str | None:
    """Compare a new backup with the schedule: in another place it costs copies their records (C48).

    Returns a warning for an object storage in another place. Raises an error for a temporary backup
    while the schedule uses an object storage without `subdir`, or can't be read.
    """
    if allow_lost_records or storage.type not in (CONSUMER, "data_store"):
        return None
    try:
        schedule = api.schedule()
    except DocSpaceError as error:
        if storage.type == CONSUMER:
            # It is only about a warning, so the backup is created.
            return (
                f"storage_params: the schedule couldn't be read ({error.title}), so it isn't known "
                "whether its copies are in the same place as this backup. If they aren't, the server "
                "drops records."
            )
        raise error.evolve(
            message="Nothing was started, because the schedule couldn't be read. It decides whether a "
            "data_store backup costs scheduled copies their records. 'allow_lost_records: true' skips "
            f"this check. {error.message}"
        ) from error
    different = schedule_differences(storage.type, storage.all_params, schedule)
    if not different:
        return None
    if storage.type == CONSUMER:
        return (
            f"storage_params: {', '.join(different)} differs from the schedule's. The server looks "
            "for all copies in one place, and drops the records of those that aren't there. Use one "
            "service, bucket, region and 'subdir' for all backups of a server. Without 'subdir', this "
            f"backup goes to '{SUBDIR}' and a scheduled one to '{TENANT_SUBDIR}'."
        )
    raise DocSpaceError(
        "guard",
        "Nothing was started: the schedule uses an object storage without 'subdir'. While a "
        "data_store backup is in the history, the server doesn't find these copies, and drops their "
        f"records. Set 'subdir: {SUBDIR}' with docspace_backup_schedule, or accept the loss with "
        "'allow_lost_records: true'. The files remain in either case.",
    )
