# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See to it that there is a backup: one that is fresh, one that runs, or a new one.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from .._portal.client import Client
from .._portal.errors import config_error
from .._portal.options import duration
from .history import read_history, require_dumps
from .make import make
from .pace import Pace
from .record import Record, parse_id
from .selection import fresh
from .storage import SPEC as STORAGE
from .target import parse_storage
from .task import Task, read_backup_task
from .watch import watch


class Ensured(NamedTuple):
    """What is there now. task, record: None where there is none, or where it wasn't waited for.

    joined: the backup ran already. changed: one was started, or would be in a dry run.
    """

    task: Task | None
    record: Record | None
    joined: bool
    changed: bool
    warnings: list[str | None]


def ensure(
    client: Client, params: dict[str, Any], pace: Pace, now: Callable[[], datetime], *, dry: bool
) -> Ensured:
    """Have a backup as the options of docspace_backup ask for it. now: tells the time."""
    dump, max_age = params["dump"], duration(params, "max_age")
    # Without a storage type a fresh backup may still be found, or one joined.
    undecided = max_age is not None and all(params[option] is None for option in STORAGE)
    storage = None if undecided else parse_storage(params)
    require_dumps(client, dump)
    warnings = []
    if max_age is not None:
        history = read_history(client, dump=dump)
        newest, warning = fresh(history, now(), max_age, storage and storage.type)
        warnings.append(warning)
        if newest is not None:
            return Ensured(None, newest, False, False, warnings)
    running = read_backup_task(client, dump=dump)
    joined = running is not None and not running.ended
    if not joined:
        storage = storage or parse_storage(params)
    if dry:
        return Ensured(running if joined else None, None, joined, not joined, warnings)
    cancel = params["on_timeout"] == "cancel"
    task, record, joined = make(
        client, storage, pace, dump=dump, running=running, wait=params["wait"], cancel=cancel
    )
    return Ensured(task, record, joined, not joined, warnings)


def find_begun(client: Client, params: dict[str, Any], pace: Pace, *, dry: bool) -> Ensured:
    """Wait for a backup that was started before, as the options of docspace_backup ask for it."""
    wanted = parse_id(params["task_id"], "task_id")
    if params["on_timeout"] == "cancel":
        raise config_error("on_timeout: only who starts a backup can have it cancelled.")
    require_dumps(client, params["dump"])
    once = dry or not params["wait"]
    task, record = watch(client, wanted, pace, dump=params["dump"], once=once)
    return Ensured(task, record, False, False, [])
