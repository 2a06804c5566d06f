# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a portal's history begins with."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Union

from .state import CONSUMER, DATA_STORE, DUMP_TENANT, STORAGE_TYPES, Backup, Portal, Server
from .versions import V3_1

# A record as plain data, a number of records, "demo", "empty", or a JSON file's name.
Seed = Union[str, int, Iterable[Mapping[str, Any]]]

DEMO = (
    ("Documents", 1),
    ("Documents", 2),
    ("Documents", 3),
    ("Local", 4),
    ("Documents", 8),
    ("ThridpartyDocuments", 12),
    ("Local", 20),
    ("ThirdPartyConsumer", 33),
    ("Local", 61),
    ("ThirdPartyConsumer", 95),
    ("Local", 180),
)
KNOWN = (
    "id",
    "storage_type",
    "file_name",
    "created",
    "age_seconds",
    "age_days",
    "expires",
    "owner",
    "dump",
    "file_exists",
    "storage_params",
    "scheduled",
    "paid",
    "path",
    "row",
)


def records(seed: Seed, host: str) -> list[Mapping[str, Any]]:
    """The records that a seed stands for."""
    if isinstance(seed, int) or (isinstance(seed, str) and seed.isdigit()):
        return daily(int(seed), host)
    if seed == "demo":
        return demo(host)
    if seed == "empty":
        return []
    if isinstance(seed, str):
        loaded = json.loads(Path(seed).read_text(encoding="utf-8"))
        if isinstance(loaded, list):
            return loaded
        raise ValueError(f"{seed} does not hold a JSON list of backups")
    return list(seed)


def daily(count: int, host: str) -> list[Mapping[str, Any]]:
    """One a day, back from now."""
    return [
        {"id": numbered("daily", host, day), "storage_type": "Local", "age_days": day}
        for day in range(count)
    ]


def demo(host: str) -> list[Mapping[str, Any]]:
    """A dozen of several kinds: one expires in half a day, one is the server's."""
    rows: list[Mapping[str, Any]] = [
        {
            "id": numbered("demo", host, number),
            "storage_type": storage_type,
            "age_seconds": days * 86400 + number * 61,
        }
        for number, (storage_type, days) in enumerate(DEMO)
    ]
    rows.append(
        {"id": numbered("demo", host, 20), "storage_type": "DataStore", "age_seconds": 43200}
    )
    rows.append(
        {
            "id": numbered("demo", host, 21),
            "storage_type": "Local",
            "age_days": 6,
            "owner": "server (dump)",
        }
    )
    return rows


def numbered(*words: object) -> str:
    """An id that is the same in each run, and another on each portal."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, words))))


def plant(server: Server, portal: Portal, seed: Seed) -> list[str]:
    """Add a seed's records to what is there, and return their ids."""
    now = server.clock.now()
    ids = []
    for values in records(seed, portal.host):
        backup = read(values, server, portal, now)
        server.add(backup, file_exists=values.get("file_exists", True))
        ids.append(backup.id)
    return ids


def read(values: Mapping[str, Any], server: Server, portal: Portal, now: datetime) -> Backup:
    """A record from plain data; whatever is left out is made up."""
    unknown = set(values) - set(KNOWN)
    if unknown:
        raise ValueError(f"unknown in a backup: {', '.join(sorted(unknown))}")
    age = values.get("age_seconds", values.get("age_days", 0) * 86400)
    created = moment(values["created"]) if "created" in values else now - timedelta(seconds=age)
    number = storage_number(values.get("storage_type", "Local"))
    tenant_id = owner(values, server, portal)
    stem = "workspace" if tenant_id == DUMP_TENANT else portal.alias
    name = values.get("file_name") or f"{stem}_{created:%Y-%m-%d_%H-%M-%S}.tar.gz"
    expires = values.get("expires")
    if expires is None and number == DATA_STORE:
        expires = created + timedelta(days=1)
    given = values.get("storage_params", {})
    params = json.loads(given) if isinstance(given, str) else dict(given)
    if number == CONSUMER and not values.get("scheduled"):
        params.setdefault("subdir", "backup")
    return Backup(
        id=str(uuid.UUID(values["id"])) if "id" in values else str(uuid.uuid4()),
        storage_type=number,
        file_name=name,
        created=created,
        tenant_id=tenant_id,
        path=values.get("path") or f"/srv/backup/{name}",
        expires=moment(expires) if isinstance(expires, str) else expires,
        storage_params=params,
        paid=bool(values.get("paid")),
        row=dict(values.get("row", {})),
        dump=tenant_id == DUMP_TENANT or bool(values.get("dump")),
    )


def owner(values: Mapping[str, Any], server: Server, portal: Portal) -> int:
    """Whose row it is: this portal's, another's, or the server's."""
    name = values.get("owner", "this portal")
    if values.get("dump") or name in ("server (dump)", "server"):
        return DUMP_TENANT if server.version >= V3_1 else portal.tenant_id
    if name == "this portal":
        return portal.tenant_id
    others = [item.tenant_id for item in server.portals if item.host == name]
    return others[0] if others else max(item.tenant_id for item in server.portals) + 1


def storage_number(value: str | int) -> int:
    """The storage by its name or number."""
    if isinstance(value, int):
        return value
    names = [name.lower() for name in STORAGE_TYPES]
    if value.lower() not in names:
        raise ValueError(f"storage_type is one of {', '.join(STORAGE_TYPES)}")
    return names.index(value.lower())


def moment(text: str) -> datetime:
    """A time; UTC unless it says otherwise."""
    when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return when.astimezone(timezone.utc) if when.tzinfo else when.replace(tzinfo=timezone.utc)
