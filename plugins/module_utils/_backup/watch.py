# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow a backup that somebody else started, and change nothing.

This file is private to the collection.
"""

from __future__ import annotations

from .._portal.client import Client
from .history import read_history
from .make import ended_badly, follow
from .pace import Pace
from .record import Record, find
from .task import Task, not_seen, read_backup_task

GONE = "Most likely it failed, or it was deleted since."


def watch(
    client: Client, wanted: str, pace: Pace, *, dump: bool, once: bool
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
            raise not_seen("backup", wanted, task, GONE, dump=dump)
        return None, record
    if task.ended and task.status != "completed":
        raise ended_badly(task)
    return (task, None) if once else follow(client, task, pace, dump=dump, ours=False)
