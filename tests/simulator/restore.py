# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring: from the history, or from an uploaded file (C30, C38, C43, C44)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import storage, tasks
from .state import LOCAL, Backup, Portal, Server, Task
from .verdict import Verdict, judge
from .versions import V3_1

OTHER_KIND = "The archive is not of the kind that was announced."
FOREIGN = "The file is not a backup of this portal."
# A large file is opened while the task runs. Nobody waits for it who does not ask.
_readers = ThreadPoolExecutor(2, thread_name_prefix="restore")


def start(
    server: Server, portal: Portal, dump: bool, backup: Backup | None, storage_type: int
) -> Task:
    """Start a restore. One that waits for an upload is the same task again, and runs now if there
    is one (C44)."""
    shared = dump and server.version >= V3_1
    owner: Any = server if shared else portal
    slot = "dump_restore" if shared else "restore_task"
    current: Task | None = getattr(owner, slot)
    if current is not None and not current.done and not current.waits_for_upload:
        return current
    task = tasks.new_task(server, portal, 1, dump)
    if current is not None and not current.done:
        task.id = current.id
    if backup is not None:
        if backup.file not in server.files:
            task.end, task.message = "failed", f"Could not find file '{backup.path}'."
    elif storage_type == LOCAL:
        open_upload(server, portal, task)
    setattr(owner, slot, task)
    return task


def open_upload(server: Server, portal: Portal, task: Task) -> None:
    """Whatever was uploaded, also half of it (C43); without that, the task waits for ever."""
    upload = portal.upload
    if upload is None or not upload.path.exists():
        task.end, task.waits_for_upload = "never_starts", True
    elif server.kind == "saas" and not made_here(server, portal, upload.path):
        task.end, task.message = "failed", FOREIGN
    elif portal.settings.restore_opens_archive:
        # Opened now: an init that comes while the task runs takes nothing from it.
        task.verdict = _readers.submit(judge, upload.path.open("rb"))
    else:
        task.verdict = Future()
        task.verdict.set_result(Verdict(tenants=True, dump=task.dump))


def made_here(server: Server, portal: Portal, path: Path) -> bool:
    """Whether the file is one of this portal's backups, to the last byte (C38)."""
    length = path.stat().st_size
    files = (storage.content(server, portal, item) for item in server.of_tenant(portal.tenant_id))
    alike = [file for file in files if file.length == length]
    return bool(alike) and checksum(path) in {file.sha256() for file in alike}


def checksum(path: Path) -> str:
    """A file's SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(1024 * 1024), b""):
            digest.update(piece)
    return digest.hexdigest()


def finish(server: Server, portal: Portal, task: Task) -> str:
    """The last step. Returns what went wrong; the portal may be without owner by then."""
    restored = list(affected(server, portal, task))
    for item in restored:
        item.links = {}
    if task.verdict is not None:
        found = task.verdict.result()
        if not found.problem and found.tenants and found.dump != task.dump:
            return OTHER_KIND
        if found.touched and (found.problem or not found.tenants):
            for item in restored:
                item.ownerless = True
        if found.problem:
            return found.problem
        for item, identity in zip(restored, found.identities):
            item.become(identity)
        empty(server, restored, task.dump)
    if portal.settings.restore_replaces_keys:
        portal.renew_keys()
    return ""


def affected(server: Server, portal: Portal, task: Task) -> Iterator[Portal]:
    """The portals that a restore is about."""
    yield from server.portals if task.dump else [portal]


def empty(server: Server, portals: list[Portal], dump: bool) -> None:
    """The history of before means nothing any more, nor do tasks and schedule (C45)."""
    tenants = {portal.tenant_id for portal in portals}
    for backup in list(server.backups.values()):
        if dump or backup.tenant_id in tenants:
            del server.backups[backup.id]
    for portal in portals:
        portal.backup_task = portal.schedule = None
