# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a portal concerns backups beside its history: running tasks, and the usage.

This file is private to the collection.
"""

from __future__ import annotations

from typing import Any

from .._portal.client import Client
from .._portal.errors import DocSpaceError, protocol_error
from .._portal.values import is_whole
from .history import API
from .task import read_backup_task, read_restore_task


def read_progress(client: Client, *, dump: bool) -> dict[str, Any]:
    """The result key `progress`. While a restore runs, all but the restore's progress is refused
    (C31), so the backup's is null then. Without dump the restore is the portal's own, or one of the
    whole server while that keeps the portal offline.
    """
    refused = None
    backup = None
    try:
        backup = read_backup_task(client, dump=dump)
    except DocSpaceError as error:
        if error.code not in ("auth", "forbidden", "not_found"):
            raise
        refused = error
    restore = read_restore_task(client, dump=dump)
    if refused is not None and (restore is None or restore.ended):
        # A restore of the whole server takes all its portals offline.
        restore = None if dump else read_restore_task(client, dump=True)
        if restore is None or restore.ended:
            raise refused
    return {"backup": backup and backup.result(), "restore": restore and restore.result()}


def read_usage(client: Client, *, alone: bool) -> tuple[dict[str, Any] | None, str | None]:
    """The result key `usage`; null with a warning on a server that lacks the calls.

    alone: whether nothing else was asked for, so that this is a failure.
    """
    try:
        # Without `paid` the server counts the free ones only (C52).
        free = client.get(f"{API}getbackupscount", {"paid": "false"}, read=_count)
        paid = client.get(f"{API}getbackupscount", {"paid": "true"}, read=_count)
        enabled = client.get(f"{API}getservicestate", read=_enabled)
    except DocSpaceError as error:
        if error.status != 404:
            raise
        error.message = "This server tells no usage of backups: DocSpace 3.5.0 and newer do."
        if alone:
            raise
        return None, f"usage: {error.message}"
    usage = {
        "free_backups_this_month": free,
        "paid_backups_this_month": paid,
        "paid_service_enabled": enabled,
    }
    return usage, None


def _count(response: Any) -> int:
    if not is_whole(response) or response < 0:
        raise protocol_error("The portal's answer holds no readable usage.")
    return int(response)


def _enabled(response: Any) -> bool:
    enabled = response.get("enabled") if isinstance(response, dict) else None
    if not isinstance(enabled, bool):
        raise protocol_error("The portal's answer holds no readable usage.")
    return enabled
