# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows of the history as the server writes them, by age against the tests' clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from .harness import NOW

ONE = "2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43"
TWO = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
THREE = "9b2d5a1c-0e4f-4a7b-8c3d-6f1e2a9b8c7d"
NEVER = "0001-01-01T00:00:00"


def row(id: str = ONE, *, age: float = 86400, **values: Any) -> dict[str, Any]:  # pylint: disable=redefined-builtin
    """A local copy made `age` seconds ago; `values` replace what the server would say."""
    return {
        "id": id,
        "fileName": "workspace.tar.gz",
        "storageType": 3,
        "createdOn": (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S"),
        "expiresOn": NEVER,
        **values,
    }


# What the modules make of `row()`.
RECORD = {
    "id": ONE,
    "file_name": "workspace.tar.gz",
    "storage_type": "local",
    "created_on": "2026-11-04T12:00:00Z",
    "expires_on": None,
    "age_seconds": 86400,
    "age": "1 day",
}


def task(
    id: str = ONE,  # pylint: disable=redefined-builtin
    progress: int = 0,
    *,
    status: int = 1,
    **values: Any,
) -> dict[str, Any]:
    """A progress answer (C23), of a backup that runs; `values` replace what the server would say.

    status: 0 created, 1 running, 2 completed, which a failed one says too, 3 cancelled, 4 failed.
    """
    return {
        "isCompleted": status > 1,
        "progress": progress,
        "error": "",
        "link": "",
        "tenantId": 1,
        "backupProgressEnum": 0,
        "status": status,
        "taskId": id,
        **values,
    }
