# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start, follow and judge a task of the server: a backup or a restore.

This file is private to the collection.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from .._portal.client import Client
from .._portal.errors import NOT_KNOWN, NOTHING, DocSpaceError, protocol_error
from .._portal.values import clean, first_line, is_whole, normal_uuid
from .history import API, dump_query

# A cancelled task is gone at once, and comes back seconds later to say that it was (C24).
COMES_BACK = 10.0


class Task(NamedTuple):
    """A task as the server reports it. The signed `link` it may carry is a secret (C25): not here.

    progress: per cent. status: created, running, completed, cancelled or failed. told: whether the
    server gave a status; those before 3.7 don't, and then one that hasn't ended is "running" here,
    whether it has started or not.
    """

    id: str
    progress: int
    status: str
    warning: str | None
    error: str | None
    told: bool = True

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ("completed", "cancelled", "failed")

    @property
    def idle(self) -> bool:
        """Whether nothing has happened to it yet, which a server that gives no status can't say."""
        return self.status == "created" and self.progress == 0

    def result(self) -> dict[str, Any]:
        """The task as modules return it."""
        shown = self._asdict()
        del shown["told"]
        return shown


def read_backup_task(client: Client, *, dump: bool, once: bool = False) -> Task | None:
    """The portal's backup task, running or the last one ended; None for none."""
    task: Task | None = client.get(
        f"{API}getbackupprogress", dump_query(dump), read=parse_task, once=once
    )
    return task


def read_restore_task(client: Client, *, dump: bool, once: bool = False) -> Task | None:
    """The restore task. Asked without credentials: wrong ones turn even this into 403 (C6)."""
    task: Task | None = client.get(
        f"{API}getrestoreprogress", dump_query(dump), read=parse_task, anonymous=True, once=once
    )
    return task


def parse_task(response: Any) -> Task | None:
    """The normal form of a progress answer (C23)."""
    if response is None:
        return None
    if not isinstance(response, dict) or not isinstance(response.get("isCompleted"), bool):
        raise protocol_error("The portal's answer holds no task, so its state is not known.")
    error, status = response.get("error"), response.get("status")
    # One that says both, that it has ended and that it runs, is looked at again.
    ended = response["isCompleted"] and not (is_whole(status) and status in (0, 1))
    possible = range(2, 5) if ended else range(2)
    told = is_whole(status) and status in possible
    if not ended:
        name = "created" if told and status == 0 else "running"
    elif error or (told and status == 4):
        # A failed task says that it is completed; its error tells.
        name = "failed"
    else:
        name = "cancelled" if told and status == 3 else "completed"
    return Task(
        _identity(response.get("taskId")),
        _per_cent(response.get("progress")),
        name,
        first_line(response["warning"]) or None if response.get("warning") else None,
        first_line(error) or "unknown" if error else None,
        told,
    )


def _identity(value: Any) -> str:
    text = clean(value or "")
    return normal_uuid(text) or text.lower()[:100]


def _per_cent(value: Any) -> int:
    """Any number of the server as a whole one from 0 to 100; what is none is 0."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(min(100, max(0, value))) if number else 0


def not_seen(
    kind: str, wanted: str, seen: Task | None, advice: str, *, dump: bool
) -> DocSpaceError:
    """The failure to follow a task that isn't there. kind: backup or restore. seen: another one."""
    there = f"The one that is there is {seen.id} ({seen.status}). " if seen else ""
    of, other = ("the whole server", "false") if dump else ("the portal", "true")
    return DocSpaceError(
        "not_found",
        f"task_id: no {kind} of {of} with the id {wanted} is to be seen. {there}Nothing was started. "
        f"Look at the id, and whether 'dump: {other}' belongs to it. {advice}",
    )


def start(
    client: Client,
    call: str,
    body: dict[str, Any],
    *,
    before: Task | None,
    look: Callable[[], Task | None],
    waits: bool = False,
    advice: str | None = None,
) -> tuple[Task, bool]:
    """Send a start, once. Gives the task, and whether the server named it, not only the look-up.

    A start that is taken is answered with a new task that is `created`. While a task runs, the
    server answers with that one and ignores the start (C22). An answer that is lost or odd counts
    as taken when a task shows up that wasn't there before; when none does, nothing is known.
    before: the task that was there before the start. look: reads the one that is there now. waits:
    whether the one before waits for its file; then this start may be the one that it waits for, and
    is answered with its id (C44). advice: what to do when nothing is known.
    """

    def is_new(task: Task) -> bool:
        return normal_uuid(task.id) is not None and (before is None or task.id != before.id)

    def is_known(task: Task) -> bool:
        return waits and before is not None and task.id == before.id

    def taken(response: Any) -> Task:
        task = parse_task(response)
        if task is None or not (is_new(task) or is_known(task)):
            raise protocol_error("The portal's answer to the start holds no new task.")
        return task

    try:
        new: Task = client.post(f"{API}{call}", body, read=taken)
        return new, True
    except DocSpaceError as error:
        lost = error
    if lost.outcome == NOTHING or not (lost.transient or lost.code == "protocol"):
        raise lost
    client.log(f"{call}: {lost.code}, so it is looked up whether a new task shows up")
    began = time.monotonic()
    while time.monotonic() - began < COMES_BACK:
        try:
            task = look()
        except DocSpaceError as error:
            client.log(f"{error.method} {error.path}: {error.code}")
            task = None
        if task is not None and (is_new(task) or (is_known(task) and not task.idle)):
            return task, False
        time.sleep(1.0)
    # Not known is not "no": it may go on.
    lost.outcome, lost.changed = NOT_KNOWN, True
    # What the failure itself advises is left out where another advice is given.
    reason = lost.message if advice is None else f"{lost.message.partition('. ')[0]}."
    lost.message = (
        f"Not known whether {call} was taken: its answer was lost, and no new task showed up in "
        f"{COMES_BACK:.0f} s. It isn't sent twice; "
        f"{advice or 'look at the portal, then run again'}. {reason}"
    )
    raise lost
