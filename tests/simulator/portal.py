# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A portal as tests handle it."""

from __future__ import annotations

from typing import Any

from . import history, schedule, seeds, tasks
from .state import LOCAL, Backup, Portal, Schedule, Server

ADMINISTRATOR = "admin@example.test"
PLAIN_USER = "user@example.test"
PASSWORD = "Secret-1234"


class PortalHandle:
    """Seed a portal, set its switches, look into it. The Python side of the control plane."""

    def __init__(self, server: Server, portal: Portal) -> None:
        self._server = server
        self._portal = portal
        portal.add_user(ADMINISTRATOR, PASSWORD, administrator=True, shown="Administrator")
        portal.add_user(PLAIN_USER, PASSWORD, administrator=False, shown="Plain User")
        self.host = portal.host
        self.username = ADMINISTRATOR
        self.password = PASSWORD
        self.add_key(role="key")
        self.add_key(["*:read"], role="read_key")
        self.add_key(["*:write"], role="write_key")
        self.add_key(owner=PLAIN_USER, role="user_key")

    @property
    def key(self) -> str:
        """The administrator's key with all rights; after a restore it may be another one."""
        return self._portal.key_of("key")

    @property
    def read_key(self) -> str:
        """The administrator's key that may only read."""
        return self._portal.key_of("read_key")

    @property
    def write_key(self) -> str:
        """The administrator's key with the scope to write."""
        return self._portal.key_of("write_key")

    @property
    def user_key(self) -> str:
        """A key of a person who is no administrator."""
        return self._portal.key_of("user_key")

    @property
    def token(self) -> str:
        """The administrator's portal token."""
        return self._portal.users[ADMINISTRATOR].token

    @property
    def uploaded(self) -> bytes | None:
        """What of a file to restore from lies there, None when nothing does."""
        upload = self._portal.upload
        there = upload is not None and upload.path.exists()
        return upload.path.read_bytes() if upload and there else None

    @property
    def ownerless(self) -> bool:
        """Whether it lets nobody in any more: restored from an archive without its people."""
        return self._portal.ownerless

    def add_key(
        self,
        scopes: list[str] | None = None,
        state: str = "good",
        owner: str = ADMINISTRATOR,
        secret: str | None = None,
        role: str = "",
    ) -> str:
        """Add an API key (state: good, expired or disabled) and return its secret. With the role
        `key` it is the one that this object and `GET /simulator/` show from now on."""
        with self._server.lock:
            return self._portal.add_key(owner, scopes or (), state, secret, role)

    def user_token(self, name: str) -> str:
        """A person's portal token."""
        return self._portal.users[name].token

    def seed(self, seed: seeds.Seed) -> list[str]:
        """Add backups: "demo", a number, or records like `{"storage_type": "Local", "age_days":
        3}`; all their members are optional. Returns the ids."""
        with self._server.lock:
            return seeds.plant(self._server, self._portal, seed)

    def set(self, **values: Any) -> None:
        """Set switches; `Settings` in `settings.py` names them."""
        with self._server.lock:
            self._portal.settings.change(values)

    def plan_daily(self, hour: int, stored: int = 10) -> None:
        """Give the portal an automatic backup onto its disk."""
        (folder, *_more) = self._portal.settings.local_folders
        plan = Schedule(
            storage_type=LOCAL,
            storage_params={"filePath": folder},
            base_path=folder,
            period=schedule.DAILY,
            hour=hour,
            day=0,
            backups_stored=stored,
            dump=False,
        )
        with self._server.lock:
            self._portal.schedule = plan

    def remove(self, *ids: str) -> None:
        """Let records vanish, with their files, as if somebody else had deleted them."""
        with self._server.lock:
            for backup in self._find(ids):
                backup.removed = True
                self._server.files.discard(backup.file)

    def lose_files(self, *ids: str) -> None:
        """Let files vanish; their records stay until somebody reads the history (C14)."""
        with self._server.lock:
            for backup in self._find(ids):
                self._server.files.discard(backup.file)

    def _find(self, ids: tuple[str, ...]) -> list[Backup]:
        return [self._server.backups[item] for item in ids]

    def ids(self) -> list[str]:
        """The ids of the records that are not removed; unlike a listing this changes nothing."""
        with self._server.lock:
            return [item.id for item in self._server.of_tenant(self._portal.tenant_id)]

    def backup(self, backup_id: str) -> dict[str, Any]:
        """What is behind an id: `removed`, `file_exists` and the rest."""
        with self._server.lock:
            return self._described(self._server.backups[backup_id])

    def _described(self, backup: Backup) -> dict[str, Any]:
        return {
            **history.record(backup, "mysql", names=True),
            "tenantId": backup.tenant_id,
            "removed": backup.removed,
            "file_exists": backup.file in self._server.files,
        }

    def state(self) -> dict[str, Any]:
        """The portal's whole state as plain data."""
        with self._server.lock:
            tasks.settle(self._server)
            return {
                "now": self._server.clock.now().isoformat(),
                "host": self.host,
                "backups": [self._described(item) for item in self._server.backups.values()],
                "schedule": schedule.shown(self._portal.schedule),
                "dump_schedule": schedule.shown(self._server.dump_schedule),
                "task": tasks.shown(self._portal.backup_task),
                "dump_task": tasks.shown(self._server.dump_task),
                "restore": tasks.shown(self._portal.restore_task),
                "settings": vars(self._portal.settings),
            }
