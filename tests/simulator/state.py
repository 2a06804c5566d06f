# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulated server holds in memory."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .clock import Clock
from .filler import Folder
from .settings import Settings
from .verdict import Verdict
from .versions import V3_7, Version

STORAGE_TYPES = (
    "Documents",
    "ThridpartyDocuments",
    "CustomCloud",
    "Local",
    "DataStore",
    "ThirdPartyConsumer",
)
DOCUMENTS, THIRD_PARTY, CUSTOM_CLOUD, LOCAL, DATA_STORE, CONSUMER = range(6)
DUMP_TENANT = -1


@dataclass
class User:
    """A person with a portal account."""

    name: str
    password: str
    administrator: bool
    token: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    shown: str = ""


@dataclass
class ApiKey:
    """An API key; no scopes means all of its owner's rights (C5)."""

    secret: str
    owner: User
    scopes: tuple[str, ...] = ()
    state: str = "good"
    role: str = ""


@dataclass
class Backup:
    """A row of the server's backup table; removed rows stay in it for ever (C17)."""

    id: str
    storage_type: int
    file_name: str
    created: datetime
    tenant_id: int
    path: str
    expires: datetime | None = None
    storage_params: dict[str, str] = field(default_factory=dict)
    removed: bool = False
    row: dict[str, Any] = field(default_factory=dict)
    cached: tuple[tuple[str, bool], str] | None = None
    dump: bool = False
    paid: bool = False
    size: int | None = None
    identities: list[dict[str, Any]] = field(default_factory=list)

    @property
    def file(self) -> tuple[str, str]:
        """The file's name among the files of all storages."""
        return self.id, self.path

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Where an object storage has the file: module, bucket, region and folder (C47)."""
        params = self.storage_params
        folder = params.get("subdir") or f"{self.tenant_id}/backup"
        module = params.get("module", "s3").lower()
        return module, params.get("bucket", ""), params.get("region", ""), folder


@dataclass
class Link:
    """A signed address of a temporary backup (C34)."""

    file_name: str
    created: datetime
    backup_id: str
    signature: str = field(default_factory=lambda: secrets.token_urlsafe(32))


@dataclass
class Upload:
    """The one upload of a portal: what came so far lies at `path` (C41)."""

    path: Path
    total: int
    begun: datetime
    ended: bool = False


@dataclass
class Schedule:
    """The automatic backup of a portal, or of the server."""

    storage_type: int
    storage_params: dict[str, str]
    base_path: str | None
    period: int
    hour: int
    day: int
    backups_stored: int
    dump: bool


@dataclass
class Task:
    """A backup (kind 0) or a restore (kind 1) on its way."""

    id: str
    tenant_id: int
    kind: int
    dump: bool
    queued: datetime
    start_delay: timedelta
    step: timedelta
    end: str
    storage_type: int = DOCUMENTS
    storage_params: dict[str, str] = field(default_factory=dict)
    status: int = 0
    progress: int = 0
    error: str = ""
    warning: str | None = None
    link: str = ""
    done: bool = False
    message: str = ""
    cancelled: datetime | None = None
    verdict: Future[Verdict] | None = None
    waits_for_upload: bool = False


@dataclass
class Portal:
    """One portal: its people, keys, schedule and tasks."""

    host: str
    tenant_id: int
    alias: str
    defaults: Settings = field(default_factory=Settings)
    settings: Settings = field(default_factory=Settings)
    users: dict[str, User] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    schedule: Schedule | None = None
    backup_task: Task | None = None
    restore_task: Task | None = None
    links: dict[str, Link] = field(default_factory=dict)
    upload: Upload | None = None
    ownerless: bool = False

    def add_user(self, name: str, password: str, administrator: bool, shown: str = "") -> User:
        """Add a person."""
        user = User(name, password, administrator, shown=shown)
        self.users[name] = user
        return user

    def identity(self) -> dict[str, Any]:
        """People and keys as a backup holds them."""
        keys = [{**vars(key), "owner": key.owner.name} for key in self.keys.values()]
        users = [dict(vars(user)) for user in self.users.values()]
        return {"alias": self.alias, "host": self.host, "users": users, "keys": keys}

    def become(self, identity: dict[str, Any]) -> None:
        """Take over people and keys of a backup; one that names nobody changes nothing."""
        if not identity.get("users"):
            return
        self.users = {user["name"]: User(**user) for user in identity["users"]}
        self.keys = {
            key["secret"]: ApiKey(
                **{**key, "owner": self.users[key["owner"]], "scopes": tuple(key["scopes"])}
            )
            for key in identity["keys"]
        }

    def add_key(
        self,
        owner: str,
        scopes: Iterable[str] = (),
        state: str = "good",
        secret: str | None = None,
        role: str = "",
    ) -> str:
        """Add an API key of a person, and return its secret; the last of a role is the one that
        the control plane shows."""
        secret = secret or "sk-" + secrets.token_hex(32)
        self.keys[secret] = ApiKey(secret, self.users[owner], tuple(scopes), state, role)
        return secret

    def key_of(self, role: str) -> str:
        """The secret of that role's key; empty where there is none."""
        return next((key.secret for key in reversed(self.keys.values()) if key.role == role), "")

    def renew_keys(self) -> None:
        """Other keys and tokens for the same people and rights, as after a restore."""
        old, self.keys = self.keys, {}
        for key in old.values():
            if key.role:
                self.add_key(key.owner.name, key.scopes, key.state, role=key.role)
        for user in self.users.values():
            user.token = secrets.token_urlsafe(48)


@dataclass
class Server:
    """All portals of one installation, with what they share."""

    clock: Clock
    kind: str = "standalone"
    licence: bool = True
    version: Version = V3_7
    portals: list[Portal] = field(default_factory=list)
    backups: dict[str, Backup] = field(default_factory=dict)
    files: set[tuple[str, str]] = field(default_factory=set)
    dump_schedule: Schedule | None = None
    dump_task: Task | None = None
    dump_restore: Task | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    sorted: bool = True
    _folder: Folder | None = None

    @property
    def folder(self) -> Path:
        """Where uploads lie."""
        self._folder = self._folder or Folder()
        return self._folder.path

    def find(self, host: str) -> Portal | None:
        """The portal behind a host name; a standalone server has one for all names."""
        if self.kind == "standalone":
            return self.portals[0]
        name = host.rsplit(":", 1)[0].lower() if host.rsplit(":", 1)[-1].isdigit() else host.lower()
        return next((portal for portal in self.portals if portal.host == name), None)

    def add(self, backup: Backup, file_exists: bool = True) -> None:
        """Put a backup into the table and its file onto its storage."""
        self.backups[backup.id] = backup
        self.sorted = False
        if file_exists:
            self.files.add(backup.file)

    def of_tenant(self, tenant_id: int) -> list[Backup]:
        """The rows that are not removed, in the order of the primary key (C13)."""
        if not self.sorted:
            self.backups = dict(sorted(self.backups.items()))
            self.sorted = True
        return [
            backup
            for backup in self.backups.values()
            if backup.tenant_id == tenant_id and not backup.removed
        ]

    def reset(self, keep_files: bool = False) -> None:
        """Forget backups, schedules, tasks and switches; people and keys stay."""
        self.backups = {}
        self.dump_schedule = self.dump_task = self.dump_restore = None
        if not keep_files:
            self.files = set()
        for portal in self.portals:
            portal.schedule = portal.backup_task = portal.restore_task = None
            portal.links, portal.upload, portal.ownerless = {}, None, False
            portal.settings = replace(portal.defaults)
