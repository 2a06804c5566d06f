# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switches of a portal: `Settings`, which `--help` lists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .archive import BROKEN

CHOICES = {
    "portal_status": (
        "Active",
        "Suspended",
        "RemovePending",
        "Restoring",
        "Transfering",
        "Encryption",
        "Migrating",
    ),
    "tariff_state": ("Trial", "Paid", "Delay", "NotPaid"),
    "task_end": (
        "completed",
        "warning",
        "failed",
        "cancelled",
        "never_starts",
        "stalls",
        "vanishes",
        "vanishes_recorded",
        "replaced",
    ),
    "database": ("mysql", "postgresql"),
    "file_broken": (None, *BROKEN),
}


def switch(default: Any, text: str) -> Any:
    """A switch with its default, and a line of help."""
    return field(default=default, metadata={"help": text})  # pylint: disable=invalid-field-call


@dataclass
class Settings:
    """Switches of one portal; `reset` brings back the portal's defaults."""

    portal_status: str = switch("Active", "some others close the portal: 404 or 403 (C31)")
    tariff_state: str = switch("Paid", "NotPaid: 402, where payment is checked (C26)")
    limited_access_to_space: bool = switch(False, "no right to the server's own backups")
    documents_lookup_fails: bool = switch(False, "reading the history drops these records (C14)")
    documents_delete_fails: bool = switch(False, "a delete is a 500, the record is gone (C18)")
    object_store_lookup_fails: bool = switch(False, "the whole history is a 500")
    object_store_delete_fails: bool = switch(False, "as documents_delete_fails")
    delete_forbidden: bool = switch(False, "no file may be removed: 403, the record is gone (C18)")
    task_start_delay_ms: int = switch(200, "how long a task waits before it runs")
    task_step_ms: int = switch(250, "how long each of a task's eleven steps takes")
    task_end: str = switch("completed", "how a task ends")
    task_fails_with: str | None = switch(None, "a task fails with this message")
    task_warning: str = switch("2 files are missing in the backup", "what task_end=warning says")
    cancelled_returns_after_ms: int = switch(1000, "when a cancelled task shows again (C24)")
    restore_hidden_ms: int = switch(0, "how long a new restore does not show (C31)")
    restore_replaces_keys: bool = switch(False, "after a restore keys and tokens are others")
    restore_opens_archive: bool = switch(True, "false: whatever was uploaded is restored well")
    file_size: int = switch(65536, "about how many bytes a backup file has")
    file_broken: str | None = switch(None, "what is wrong with backup files")
    object_storage_over: int | None = switch(None, "files of more bytes: a 302 elsewhere (C36)")
    chunk_size: int = switch(10485760, "the most that one chunk of an upload may have (C41)")
    temp_on_object_storage: bool = switch(False, "no upload is taken (C46)")
    other_portals: tuple[Any, ...] = switch((), "further rows of the server's list (C60)")
    free_backups: int | None = switch(None, "how many backups a month the plan has")
    plan_has_backup: bool = switch(True, "false: schedule and restore are a 402")
    paid_service: bool = switch(False, "what getservicestate says")
    rate_limits: bool = switch(False, "the server's rate limits (C32)")
    database: str = switch("mysql", "postgresql: times with fractions and a Z (C11)")
    storage_type_names: bool = switch(False, "storage types are read as names (C12)")
    local_folders: tuple[str, ...] = switch(("/srv/backup",), "folders on the server's disk")
    folders: tuple[str, ...] = switch(("7",), "folders of Documents")
    refusing_folders: tuple[str, ...] = switch(("8",), "folders of Documents without the right")

    def change(self, values: Mapping[str, Any]) -> None:
        """Set switches by name; an unknown name or word is an error."""
        known = {item.name for item in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown setting {name!r}; known: {', '.join(sorted(known))}")
            if name in CHOICES and value not in CHOICES[name]:
                raise ValueError(f"{name} is one of {', '.join(map(str, CHOICES[name]))}")
            setattr(self, name, tuple(value) if isinstance(value, list) else value)


def parse(text: str) -> dict[str, Any]:
    """`name=value` of the command line; the value is JSON, or else a text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is not name=value")
    try:
        return {name: json.loads(value)}
    except ValueError:
        return {name: value}


def listing() -> str:
    """All switches with their defaults, for a person."""
    lines = []
    for item in fields(Settings):
        default = list(item.default) if isinstance(item.default, tuple) else item.default
        lines.append(f"  {item.name}={json.dumps(default)}")
        lines.append(f"      {item.metadata['help']}")
        if item.name in CHOICES:
            words = [str(word) for word in CHOICES[item.name] if word is not None]
            lines.append(f"      one of: {', '.join(words)}")
    return "\n".join(lines)
