# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow a restore through the time in which the portal is offline.

This file is private to the collection.
"""

from __future__ import annotations

import time

from .._portal.client import Client
from .._portal.errors import SOMETHING, DocSpaceError, config_error
from .._portal.values import normal_uuid
from .history import read_history
from .pace import Pace
from .task import Task, not_seen, read_restore_task

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


def follow_restore(
    client: Client, task: Task, pace: Pace, *, dump: bool, before: Task | None = None
) -> tuple[Task, str | None]:
    """Wait for the restore's end, and till the portal answers again. Gives a warning, if any.

    Meanwhile everything but the anonymous progress call is refused (C31), and that one may fail
    too. Only the task with the same id counts. When two answers in a row show another task, that one
    has taken its place, and the wait ends.

    before: the task that was there before the start, which may still be shown for a while.
    """
    other: Task | None = None
    client.log(f"waiting for restore task {task.id}, up to {pace.timeout} s")
    client.gate.advice = f"The restore goes on on the portal. {advice(task, dump=dump)}"
    while not task.ended:
        if pace.over:
            raise _late(task, pace, dump=dump)
        pace.pause()
        try:
            with client.within(pace.left):
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


def follow_named(
    client: Client, task_id: str, pace: Pace, *, dump: bool, once: bool
) -> tuple[Task, str | None]:
    """Follow the restore with an id, which somebody else started. Gives a warning, if any.

    once: only look.
    """
    wanted, warning = parse_task_id(task_id), None
    try:
        task = find_restore(client, wanted, pace, dump=dump, once=once)
        require_success(task)
        if not once and not task.ended:
            task, warning = follow_restore(client, task, pace, dump=dump)
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


def find_restore(client: Client, wanted: str, pace: Pace, *, dump: bool, once: bool) -> Task:
    """The restore with this id, which may take a while to show up. once: look once."""
    until = min(SHOWS_UP, float(pace.timeout))
    while True:
        seen, lost = None, None
        try:
            with client.within(pace.left):
                seen = read_restore_task(client, dump=dump, once=not once)
        except DocSpaceError as error:
            lost = error
        if seen is not None and seen.id == wanted:
            return seen
        if once or pace.elapsed >= until:
            raise lost or not_seen("restore", wanted, seen, ENDED, dump=dump)
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


def _late(task: Task, pace: Pace, *, dump: bool) -> DocSpaceError:
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
    error.outcome, error.changed = SOMETHING, True
    error.values = {"task": task.result()}
    return error
