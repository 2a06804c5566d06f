# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup or restore task of the server: its normal form.

This file is private to the collection.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ._backup import dump_query
from ._client import Client
from ._errors import protocol_error


class Task(NamedTuple):
    """A task as the server reports it. The signed `link` it may carry is a secret (C25): not here.

    progress: per cent. status: created, running, completed, cancelled or failed.
    """

    id: str
    progress: int
    status: str
    warning: str | None
    error: str | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ("completed", "cancelled", "failed")

    def result(self) -> dict[str, Any]:
        """The task as modules return it."""
        return self._asdict()


def read_backup_task(client: Client, *, dump: bool) -> Task | None:
    """The portal's backup task, running or the last one ended; None for none."""
    return parse_task(client.get("getbackupprogress", dump_query(dump)))


def read_restore_task(client: Client, *, dump: bool) -> Task | None:
    """The restore task. Asked without credentials: wrong ones turn even this into 403 (C6)."""
    return parse_task(client.get("getrestoreprogress", dump_query(dump), anonymous=True))


def parse_task(response: Any) -> Task | None:
    """The normal form of a progress answer (C23)."""
    if response is None:
        return None
    if not isinstance(response, dict) or not isinstance(response.get("isCompleted"), bool):
        raise protocol_error("The portal's answer holds no task, so its state is not known.")
    error, status = response.get("error"), response.get("status")
    if not response["isCompleted"]:
        name = "created" if status == 0 else "running"
    elif error or status == 4:
        # A failed task says that it is completed; its error tells.
        name = "failed"
    else:
        name = "cancelled" if status == 3 else "completed"
    progress = response.get("progress")
    return Task(
        str(response.get("taskId") or "").lower(),
        progress if isinstance(progress, int) else 0,
        name,
        str(response["warning"]) if response.get("warning") else None,
        str(error) if error else None,
    )
