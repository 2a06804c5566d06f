# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make a backup: start it or join the one that runs, follow the task, cancel it.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .._portal.client import Client
from .._portal.errors import NOT_KNOWN, SOMETHING, DocSpaceError, config_error
from .history import API, read_history
from .pace import Pace
from .record import Record, find
from .target import Storage, explain_refusal
from .task import COMES_BACK, LOOKS, Task, read_backup_task, start

PASSING = ("connection", "timeout", "server", "rate_limited")


class Made(NamedTuple):
    """record: None if it wasn't waited for. joined: it ran already, so that this run changed nothing."""

    task: Task
    record: Record | None
    joined: bool


def make(
    client: Client,
    storage: Storage | None,
    pace: Pace,
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
        client.gate.values = {"task": task.result(), "joined": joined}
        try:
            begun(task)
        except DocSpaceError as error:
            error.changed = not joined
            error.values = {"task": task.result(), "joined": joined}
            raise
        if not wait:
            return Made(task, None, joined)
        try:
            task, record = follow(client, task, pace, dump=dump, ours=not joined)
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
            if error.outcome == SOMETHING and cancel and not joined:
                cancel_late(client, task, error, dump=dump)
            elif error.outcome == SOMETHING:
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
        if error.changed:  # it may have been taken
            error.message = f"{error.message[:700]} {_newest(client, dump=dump)}"
        else:
            explain_refusal(error, "The backup wasn't started")
        raise


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


def follow(
    client: Client, task: Task, pace: Pace, *, dump: bool, ours: bool
) -> tuple[Task, Record]:
    """Wait for a backup task's end. Gives its last state and the record it made.

    The history decides as soon as the task is not to be seen any more. ours: whether this run
    started it, so that a failure while it goes on counts as a change.
    """
    client.log(f"waiting for backup task {task.id}, up to {pace.timeout} s")
    missing: float | None = None
    other: Task | None = None
    while not pace.over and (missing is None or pace.elapsed - missing < COMES_BACK):
        pace.pause() if missing is None else pace.pause(at_most=2.0)
        try:
            with client.within(pace.left):
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
            raise ended_badly(task)
    if missing is not None:
        instead = f" Backup task {other.id} ({other.status}) took its place." if other else ""
        raise _failed(
            task,
            f"vanished at {task.progress} % without leaving a backup.{instead} Most likely somebody "
            "cancelled it. Run again to create one",
        )
    state = "hasn't started" if task.status == "created" else f"is at {task.progress} %"
    late = _failed(task, f"{state} after {pace.timeout} s ('wait_timeout')")
    late.outcome, late.changed = SOMETHING, ours
    raise late


def ended_badly(task: Task) -> DocSpaceError:
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
    found = client.look_up(failed, ended, LOOKS)
    if isinstance(found, Task) and found.status != "cancelled":
        return False, "It has ended just now, so nothing was cancelled: look into the history."
    if found is not None:
        return done
    if failed.outcome == NOT_KNOWN:
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
