# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history: listing it, and deleting from it."""

from __future__ import annotations

import posixpath
from datetime import datetime
from typing import Any

from .answers import (
    Rows,
    ServerError,
    dump,
    forbidden_file,
    io_error,
    no_directory,
    null_reference,
)
from .settings import Settings
from .state import (
    CONSUMER,
    CUSTOM_CLOUD,
    DATA_STORE,
    DOCUMENTS,
    LOCAL,
    STORAGE_TYPES,
    THIRD_PARTY,
    Backup,
    Portal,
    Server,
)

CONSUMERS = ("googlecloud", "rackspace", "s3", "selectel")
NEVER = "0001-01-01T00:00:00"


def listing(server: Server, portal: Portal, tenant_id: int) -> Rows:
    """The rows whose file is there; the others are marked removed by the mere reading (C14)."""
    rows = []
    switches, store = portal.settings, ObjectStore()
    for backup in server.of_tenant(tenant_id):
        if not has_storage(backup):
            continue
        if exists(server, switches, backup, store):
            rows.append(row(switches, backup))
        else:
            backup.removed = True
    return Rows(rows)


class ObjectStore:
    """The one object store through which a request looks for all copies (C48)."""

    def __init__(self) -> None:
        self._place: tuple[str, str, str, str] | None = None
        self._temporary = False

    def looks_at(self, backup: Backup) -> bool:
        """Whether it looks for a copy where that is: the first one decides for all others, and a
        temporary backup before it for those without `subdir`."""
        if backup.storage_type == DATA_STORE:
            self._temporary = True
            return True
        self._place = self._place or backup.place
        has_subdir = bool(backup.storage_params.get("subdir"))
        return self._place == backup.place and (has_subdir or not self._temporary)


def delete(server: Server, portal: Portal, backup: Backup) -> None:
    """Hide the row first, then remove the file: when that fails the row is gone all the same."""
    backup.removed = True
    if backup.storage_type == CUSTOM_CLOUD:
        return
    if not has_storage(backup):
        raise null_reference()
    refusal = refuses_delete(portal.settings, backup)
    if refusal is not None:
        raise refusal
    server.files.discard(backup.file)


def delete_all(server: Server, portal: Portal, tenant_id: int) -> None:
    """Delete whatever is there, and say nothing about what failed."""
    for backup in server.of_tenant(tenant_id):
        try:
            delete(server, portal, backup)
        except ServerError:
            continue


def has_storage(backup: Backup) -> bool:
    """Whether the server has code for the storage; it skips a row without."""
    if backup.storage_type == CONSUMER:
        return backup.storage_params.get("module", "s3").lower() in CONSUMERS
    return backup.storage_type in (DOCUMENTS, THIRD_PARTY, LOCAL, DATA_STORE)


def exists(server: Server, switches: Settings, backup: Backup, store: ObjectStore) -> bool:
    """Whether the file is found: a failing Documents look-up counts as no, a failing object store
    ends the request."""
    if backup.storage_type in (DOCUMENTS, THIRD_PARTY) and switches.documents_lookup_fails:
        return False
    if backup.storage_type in (DATA_STORE, CONSUMER) and switches.object_store_lookup_fails:
        raise io_error("object store unreachable")
    if backup.storage_type in (DATA_STORE, CONSUMER) and not store.looks_at(backup):
        return False
    return backup.file in server.files


def refuses_delete(switches: Settings, backup: Backup) -> ServerError | None:
    """What the storage says against removing the file (C18)."""
    if switches.delete_forbidden:
        return forbidden_file(backup.path)
    if backup.storage_type in (DOCUMENTS, THIRD_PARTY) and switches.documents_delete_fails:
        return io_error("stub: file dao delete fails")
    if backup.storage_type in (DATA_STORE, CONSUMER) and switches.object_store_delete_fails:
        return io_error("object store refuses delete")
    folder = posixpath.dirname(backup.path)
    if backup.storage_type == LOCAL and folder not in switches.local_folders:
        return no_directory(f"Could not find a part of the path '{backup.path}'.")
    return None


def row(switches: Settings, backup: Backup) -> str:
    """A record as JSON; kept, because a history may have 100,000 of them."""
    form = (switches.database, switches.storage_type_names)
    if backup.cached is None or backup.cached[0] != form:
        backup.cached = (form, dump(record(backup, *form)).decode())
    return backup.cached[1]


def record(backup: Backup, database: str, names: bool) -> dict[str, Any]:
    """The members of a record (C11, C12)."""
    number = backup.storage_type
    return {
        "id": backup.id,
        "fileName": backup.file_name,
        "storageType": STORAGE_TYPES[number] if names else number,
        "createdOn": moment(backup.created, database),
        "expiresOn": moment(backup.expires, database) if backup.expires else NEVER,
        **backup.row,
    }


def moment(when: datetime, database: str) -> str:
    """MySQL keeps whole seconds without a zone, PostgreSQL keeps fractions and says Z (C11)."""
    text = when.replace(tzinfo=None).isoformat(
        timespec="seconds" if database == "mysql" else "auto"
    )
    return text if database == "mysql" else text + "Z"
