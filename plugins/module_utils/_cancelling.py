# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cancel a backup that takes too long, and nothing else.

This file is private to the collection.
"""

from __future__ import annotations

from ._client import Client
from ._errors import DocSpaceError
from ._task import Task, read_backup_task

CANCELLED = "It was cancelled, as 'on_timeout' asks."


def _cancel(client: Client, task: Task, *, dump: bool) -> str:
    """Cancel a task that this run started. Gives a sentence on what came of it.

    The server's call cancels whatever the portal runs, dump and plain (C2), so it is sent only
    while this task runs and no other does.
    """
    try:
        if not _runs(client, task, dump=dump):
            return "It has ended just now, so nothing was cancelled: look into the history."
        try:
            other = read_backup_task(client, dump=not dump)
        except DocSpaceError as error:
            if error.code != "forbidden":
                raise
            other = None
        if other is not None and not other.ended:
            return f"It was not cancelled, because that would also cancel backup task {other.id}."
        try:
            done = client.post("cancelbackup") is True
        except DocSpaceError as error:
            # Never sent twice: a cancelled task is gone at once (C24).
            if not error.transient or _runs(client, task, dump=dump):
                raise
            done = True
    except DocSpaceError as error:
        return f"It could not be cancelled: {error.message[:300]}"
    return CANCELLED if done else "The portal found nothing to cancel: look into the history."


def _runs(client: Client, task: Task, *, dump: bool) -> bool:
    now = read_backup_task(client, dump=dump)
    return now is not None and now.id == task.id and not now.ended


def cancel_late(client: Client, task: Task, error: DocSpaceError, *, dump: bool) -> None:
    """Add to a time-out what came of the cancel that `on_timeout` asks for."""
    said = _cancel(client, task, dump=dump)
    error.changed = said != CANCELLED
    state = error.message.partition(", and goes on.")[0]
    error.message = f"{state}. {said}"
