# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup and restore tasks: worked out from the clock whenever somebody looks."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from . import restore, storage
from .answers import null_reference
from .history import CONSUMERS
from .state import (
    CONSUMER,
    CUSTOM_CLOUD,
    DATA_STORE,
    DUMP_TENANT,
    LOCAL,
    STORAGE_TYPES,
    Backup,
    Portal,
    Server,
    Task,
)
from .versions import V3_1

CREATED, RUNNING, COMPLETED, CANCELLED = range(4)
STEPS = 11
ENDING_STEP = 4
KEPT = timedelta(hours=24)
BACKUPS, RESTORES = ("backup_task", "dump_task"), ("restore_task", "dump_restore")
SLOTS, SHARED_SLOTS = zip(BACKUPS, RESTORES)


def new_task(server: Server, portal: Portal, kind: int, dump: bool) -> Task:
    """A task that has been queued, with the pace and the end that are set now."""
    switches = portal.settings
    end = "failed" if switches.task_fails_with else switches.task_end
    message = switches.task_warning if end == "warning" else switches.task_fails_with or ""
    return Task(
        id=str(uuid.uuid4()),
        tenant_id=portal.tenant_id,
        kind=kind,
        dump=dump,
        queued=server.clock.now(),
        start_delay=timedelta(milliseconds=switches.task_start_delay_ms),
        step=timedelta(milliseconds=switches.task_step_ms),
        end=end,
        message=message or "The backup could not be made",
    )


def start_backup(
    server: Server, portal: Portal, storage_type: int, params: dict[str, str], dump: bool
) -> Task:
    """Start a backup; while one runs, that one is the answer and the request is ignored (C22)."""
    shared = dump and server.version >= V3_1
    owner: Any = server if shared else portal
    slot = "dump_task" if shared else "backup_task"
    current: Task | None = getattr(owner, slot)
    if current is not None and not current.done and current.cancelled is None:
        return current
    task = new_task(server, portal, 0, dump)
    task.storage_type, task.storage_params = storage_type, params
    setattr(owner, slot, task)
    return task


def run_schedule(server: Server, portal: Portal, dump: bool = False) -> Task | None:
    """The hour of a schedule has come; while a backup of the portal runs, nothing happens (C56)."""
    plan = server.dump_schedule if dump else portal.schedule
    if plan is None or running(portal.backup_task) or running(server.dump_task):
        return None
    # No `subdir` is added (C47).
    return start_backup(server, portal, plan.storage_type, dict(plan.storage_params), plan.dump)


def last_task(portal: Portal) -> Task | None:
    """What 3.0 answers to the start of a restore: any task of the portal, even one that ended."""
    return portal.restore_task or portal.backup_task


def cancel(server: Server, portal: Portal) -> bool:
    """Cancel every backup task, dump and plain; a finished one only leaves the list (C24)."""
    found = False
    owners: tuple[tuple[Any, str], ...] = ((portal, "backup_task"), (server, "dump_task"))
    for owner, slot in owners:
        task: Task | None = getattr(owner, slot)
        if task is None or (task.cancelled is not None and not task.done):
            continue
        found = True
        if task.done:
            setattr(owner, slot, None)
        else:
            task.cancelled = server.clock.now()
    return found


def settle(server: Server) -> None:
    """Bring every task to where it is by now."""
    now = server.clock.now()
    for portal in server.portals:
        for slot in SLOTS:
            settle_slot(server, portal, portal, slot, now)
    for slot in SHARED_SLOTS:
        settle_slot(server, server.portals[0], server, slot, now)


def settle_slot(server: Server, portal: Portal, owner: Any, slot: str, now: datetime) -> None:
    """One task's way: queued, running step by step, ended in one of many ways."""
    task: Task | None = getattr(owner, slot)
    if task is None:
        return
    begun = task.queued + task.start_delay
    if task.done:
        if now - begun > KEPT:
            setattr(owner, slot, None)
        return
    if task.cancelled is not None:
        back = timedelta(milliseconds=portal.settings.cancelled_returns_after_ms)
        if now >= task.cancelled + back:
            task.done, task.status, task.warning = True, CANCELLED, "Backup cancelled"
        return
    if now < begun or task.end == "never_starts":
        return
    task.status = RUNNING
    if task.kind == 0 and (refusal := refused(task)):
        fail(task, refusal)
        return
    steps = STEPS if not task.step else min(STEPS, (now - begun) // task.step)
    if task.end == "stalls":
        steps = min(steps, ENDING_STEP)
    early = task.end in ("failed", "cancelled", "vanishes", "replaced")
    if early and steps >= ENDING_STEP:
        task.progress = percent(task, ENDING_STEP - 1)
        end_early(server, portal, owner, slot, task, begun + ENDING_STEP * task.step)
        return
    task.progress = percent(task, steps)
    if steps >= STEPS:
        finish(server, portal, task, begun + STEPS * task.step)
        if task.end == "vanishes_recorded":
            setattr(owner, slot, None)


def percent(task: Task, steps: int) -> int:
    """What a task reports after that many steps; a restore also has its download to count."""
    share = max(0, steps - 1) * 100 / STEPS
    return int(share if task.kind == 0 else share * 0.8)


def refused(task: Task) -> str:
    """Why the worker gives up at once: a storage that it has no code for (C20)."""
    if task.storage_type == CUSTOM_CLOUD or task.storage_type >= len(STORAGE_TYPES):
        return "Unknown storage type."
    if task.storage_type == CONSUMER:
        module = task.storage_params.get("module")
        if module is None:
            return "The given key 'module' was not present in the dictionary."
        if module.lower() not in CONSUMERS:
            return str(null_reference())
    return ""


def fail(task: Task, message: str) -> None:
    """A failed task is completed, with `error` filled (C23)."""
    task.done, task.status, task.error = True, COMPLETED, message


def end_early(
    server: Server, portal: Portal, owner: Any, slot: str, task: Task, when: datetime
) -> None:
    """The ends that come before the last step."""
    if task.end == "failed":
        fail(task, task.message)
    elif task.end == "cancelled":
        task.cancelled = when
    elif task.end == "vanishes":
        setattr(owner, slot, None)
    else:
        other = replace(task, id=str(uuid.uuid4()), queued=when, end="completed", progress=0)
        other.status = CREATED
        setattr(owner, slot, other)
    settle_slot(server, portal, owner, slot, server.clock.now())


def finish(server: Server, portal: Portal, task: Task, when: datetime) -> None:
    """The last step: the record is saved, then the task is complete (C23)."""
    if task.kind == 0:
        folder = task.storage_params.get("filePath", "")
        if task.storage_type == LOCAL and folder not in portal.settings.local_folders:
            fail(task, "Directory not found.")
            return
        save(server, portal, task, when)
    elif (problem := restore.finish(server, portal, task)) != "":
        fail(task, problem)
        return
    task.done, task.status, task.progress = True, COMPLETED, 100
    if task.end == "warning":
        task.warning = task.message


def save(server: Server, portal: Portal, task: Task, when: datetime) -> None:
    """The finished task's record; its id is the task's (C22)."""
    stamp = task.queued.strftime("%Y-%m-%d_%H-%M-%S")
    name = f"{'workspace' if task.dump else portal.alias}_{stamp}.tar.gz"
    in_store = task.storage_type == DATA_STORE
    backup = Backup(
        id=task.id,
        storage_type=task.storage_type,
        file_name=name,
        created=when,
        tenant_id=DUMP_TENANT if task.dump and server.version >= V3_1 else task.tenant_id,
        path=f"{task.storage_params.get('filePath', '/srv/backup').rstrip('/')}/{name}",
        expires=when + timedelta(days=1) if in_store else None,
        storage_params=task.storage_params,
        dump=task.dump,
        size=portal.settings.file_size,
        identities=storage.identities(server, portal, task.dump),
    )
    server.add(backup)
    if in_store:
        task.link = storage.sign(portal, backup)


def shown(task: Task | None) -> dict[str, Any] | None:
    """The progress answer; a task that was just cancelled is not in the list (C24)."""
    if task is None or (task.cancelled is not None and not task.done):
        return None
    answer: dict[str, Any] = {
        "isCompleted": task.done,
        "progress": task.progress,
        "error": task.error,
    }
    if task.warning is not None:
        answer["warning"] = task.warning
    if task.kind == 0:
        answer["link"] = task.link
    answer["tenantId"] = task.tenant_id
    answer["backupProgressEnum"] = task.kind
    answer["status"] = task.status
    answer["taskId"] = task.id
    return answer


def running(task: Task | None) -> bool:
    """Whether the task still has something to do."""
    return task is not None and not task.done and task.cancelled is None


def run_to_end(server: Server, slots: tuple[str, str] = BACKUPS) -> None:
    """Drive the clock until no backup and no dump runs, or no restore."""
    own, shared = slots
    for _turn in range(2 * STEPS):
        settle(server)
        tasks = [getattr(server, shared), *(getattr(portal, own) for portal in server.portals)]
        left = [task for task in tasks if task is not None and running(task)]
        if not left:
            return
        for task in left:
            end = task.queued + task.start_delay + STEPS * task.step
            remaining = (end - server.clock.now()).total_seconds()
            if remaining > 0:
                server.clock.advance(remaining)
    raise RuntimeError("a task that never ends is running")
