# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of the backup API. Each says what it does; who may call it stands in `app.py`."""

from __future__ import annotations

import calendar
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import body, history, restore, schedule, tasks
from .answers import (
    Invalid,
    access_denied,
    bad_argument,
    general,
    missing_key,
    no_directory,
    no_file,
    null_reference,
)
from .state import CONSUMER, DOCUMENTS, DUMP_TENANT, LOCAL, THIRD_PARTY, Portal, Server, Task
from .versions import V3_1, V3_2, progress


@dataclass
class Request:
    """One call, with everything that it needs."""

    server: Server
    portal: Portal
    query: Mapping[str, str]
    members: dict[str, Any] = field(default_factory=dict)
    backup_id: str = ""

    @property
    def dump(self) -> bool:
        """`?Dump=`: the server's own list, schedule or task instead of the portal's (C2)."""
        return bool(body.flag(self.query, "Dump"))

    @property
    def tenant_id(self) -> int:
        """Whose rows the request is about."""
        return DUMP_TENANT if self.dump else self.portal.tenant_id

    def demand_space(self, dump: bool) -> None:
        """The server's own backups need the right to its space, and a server of one's own."""
        limited = self.portal.settings.limited_access_to_space
        if dump and (limited or self.server.kind == "saas"):
            raise access_denied()


def get_history(request: Request) -> Any:
    """The list of backups."""
    request.demand_space(request.dump)
    return history.listing(request.server, request.portal, request.tenant_id)


def delete_one(request: Request) -> Any:
    """One backup: unknown is an error, removed is fine, another portal's is silently left (C17)."""
    backup = request.server.backups.get(request.backup_id)
    if backup is None:
        raise null_reference()
    version = request.server.version
    if backup.tenant_id == DUMP_TENANT and version >= V3_2:
        request.demand_space(True)
    elif version >= V3_1 and backup.tenant_id != request.portal.tenant_id:
        return True
    if not backup.removed:
        history.delete(request.server, request.portal, backup)
    return True


def delete_history(request: Request) -> Any:
    """All backups; the answer is always the same."""
    request.demand_space(request.dump)
    history.delete_all(request.server, request.portal, request.tenant_id)
    return True


def start(request: Request) -> Any:
    """Start a backup, after the checks that the server makes in this order (C21)."""
    members = request.members
    dump = body.boolean(members, "dump")
    storage_type = body.storage_type(members)
    pairs = body.storage_params(members)
    request.demand_space(dump)
    demand_quota(request)
    params = body.as_dictionary(pairs)
    if storage_type == DOCUMENTS:
        check_folder(request, params.get("folderId", ""))
    elif storage_type == THIRD_PARTY:
        check_third_party(params)
    elif storage_type == LOCAL:
        check_local(request, params)
    elif storage_type == CONSUMER:
        # The schedule's call doesn't add it (C47).
        params.setdefault("subdir", "backup")
    task = tasks.start_backup(request.server, request.portal, storage_type, params, dump)
    return shown(request, task)


def shown(request: Request, task: Task | None) -> Any:
    """A task as this server's version shows it."""
    return progress(tasks.shown(task), request.server.version)


def demand_quota(request: Request) -> None:
    """The plan's number of free backups in a month."""
    allowed = request.portal.settings.free_backups
    if allowed is not None and made_this_month(request) >= allowed:
        raise general(
            402,
            f"The number of free backups should not exceed {allowed} within a month",
            "ASC.Core.Tenants.TenantQuotaException",
        )


def demand_plan(request: Request) -> None:
    """Schedule and restore belong to some plans only."""
    if not request.portal.settings.plan_has_backup:
        raise general(
            402,
            "Your pricing plan does not support this option",
            "ASC.Core.Billing.BillingException",
        )


def check_folder(request: Request, folder: str) -> None:
    """A folder of Documents: a number, there, and one that takes files."""
    if not is_number(folder):
        raise bad_argument("wrong folder type")
    if folder in request.portal.settings.refusing_folders:
        raise access_denied()
    if folder not in request.portal.settings.folders:
        raise no_directory("The required folder was not found")


def check_third_party(params: Mapping[str, str]) -> None:
    """A folder of a connected account: anything but a number."""
    if "folderId" not in params:
        raise missing_key("folderId")
    if is_number(params["folderId"]):
        raise bad_argument("wrong folder type")


def check_local(request: Request, params: Mapping[str, str]) -> None:
    """A folder of the server: only on a server of one's own; looked at in the end (C21)."""
    if request.server.kind == "saas":
        raise general(500, "Access denied")
    if "filePath" not in params:
        raise missing_key("filePath")


def is_number(text: str) -> bool:
    """Whether the folder is one of Documents."""
    return text.strip().lstrip("+-").isdigit()


def get_progress(request: Request) -> Any:
    """The backup task; dump and plain don't see each other (C25)."""
    request.demand_space(request.dump)
    owner = request.server.dump_task if request.dump else request.portal.backup_task
    return shown(request, owner)


def cancel(request: Request) -> Any:
    """Cancel whatever backup runs."""
    return tasks.cancel(request.server, request.portal)


def get_schedule(request: Request) -> Any:
    """The automatic backup, in the form that reading has."""
    request.demand_space(request.dump)
    owner = request.server.dump_schedule if request.dump else request.portal.schedule
    return schedule.shown(owner)


def create_schedule(request: Request) -> Any:
    """Set the automatic backup; the one before is replaced without a word (C27)."""
    members = request.members
    dump = body.boolean(members, "dump")
    stored = body.whole(members, "backupsstored", "$.backupsStored")
    wanted = schedule.read(members, dump, 1 if stored is None else stored)
    pairs = body.storage_params(members)
    request.demand_space(dump)
    demand_plan(request)
    if not 1 <= wanted.backups_stored <= 30:
        raise bad_argument("backupStored must be 1 - 30")
    params = wanted.storage_params = body.as_dictionary(pairs)
    if wanted.storage_type == DOCUMENTS:
        if "folderId" not in params:
            raise missing_key("folderId")
        check_folder(request, params["folderId"])
    elif wanted.storage_type == THIRD_PARTY:
        check_third_party(params)
    elif wanted.storage_type == LOCAL:
        check_local(request, params)
    schedule.check_times(members, wanted)
    schedule.place(wanted, request.portal.tenant_id)
    if dump and request.server.version >= V3_1:
        request.server.dump_schedule = wanted
    else:
        request.portal.schedule = wanted
    return True


def delete_schedule(request: Request) -> Any:
    """Remove the automatic backup; `true` with or without one."""
    request.demand_space(request.dump)
    if request.dump:
        request.server.dump_schedule = None
    else:
        request.portal.schedule = None
    return True


def start_restore(request: Request) -> Any:
    """Start a restore by the id of a record; any tenant's and removed ones are found too."""
    members = request.members
    if "backupid" not in members:
        raise Invalid(400, {"$": ["The required property 'backupId' is missing."]})
    dump = body.boolean(members, "dump")
    body.boolean(members, "notify")
    storage_type = body.storage_type(members)
    pairs = body.storage_params(members)
    request.demand_space(dump)
    demand_plan(request)
    params = body.as_dictionary(pairs)
    backup_id = guid(str(members["backupid"]))
    if backup_id is None and "filePath" not in params:
        raise missing_key("filePath")
    backup = request.server.backups.get(backup_id) if backup_id else None
    ended = tasks.last_task(request.portal) if request.server.version < V3_1 else None
    if backup_id is not None and backup is None:
        if request.server.version < V3_1:
            return shown(request, ended)
        raise no_file()
    task = restore.start(request.server, request.portal, dump, backup, storage_type)
    return shown(request, ended or task)


def get_restore_progress(request: Request) -> Any:
    """The restore task, for anybody; right after the start it may not be there yet (C31).

    Without `Dump` any restore is the answer, and one of the whole server hides the portal's own (C53).
    """
    dump = body.flag(request.query, "Dump")
    if request.server.kind == "saas":
        dump = False
    candidates = {
        True: [request.server.dump_restore],
        False: [request.portal.restore_task],
        None: [request.server.dump_restore, request.portal.restore_task],
    }
    found = next((task for task in candidates[dump] if task is not None), None)
    if found is not None:
        age = (request.server.clock.now() - found.queued).total_seconds() * 1000
        if age < request.portal.settings.restore_hidden_ms:
            return None
    return shown(request, found)


def get_count(request: Request) -> Any:
    """How many free or paid backups were created in a time, by default this month (C52); removed
    ones count too."""
    paid = bool(body.flag(request.query, "paid"))
    start_of_range = body.moment(request.query, "from")
    end_of_range = body.moment(request.query, "to")
    now = request.server.clock.now()
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    days = calendar.monthrange(now.year, now.month)[1]
    since = start_of_range or first
    until = end_of_range or first.replace(day=days, hour=23, minute=59, second=59)
    if since > until:
        raise bad_argument("From date must be less than to date")
    return sum(
        backup.tenant_id == request.portal.tenant_id
        and backup.paid == paid
        and since <= backup.created <= until
        for backup in request.server.backups.values()
    )


def made_this_month(request: Request) -> int:
    """The number that the quota looks at."""
    count: int = get_count(Request(request.server, request.portal, {}))
    return count


def get_service_state(request: Request) -> Any:
    """Whether the paid backup service is on."""
    return {"enabled": request.portal.settings.paid_service}


def get_temporary_folder(request: Request) -> Any:
    """Where the server puts uploads: any user may know."""
    return f"/var/www/docspace/{request.portal.tenant_id}/backup"


def guid(text: str) -> str | None:
    """An id in any of the forms that the server takes (C19)."""
    bare = text.strip()
    if (bare[:1], bare[-1:]) in (("{", "}"), ("(", ")")):
        bare = bare[1:-1]
    if len(bare) not in (32, 36) or (len(bare) == 36 and bare != hyphenated(bare)):
        return None
    try:
        return str(uuid.UUID(bare))
    except ValueError:
        return None


def hyphenated(text: str) -> str:
    """The same digits with hyphens where they belong."""
    digits = text.replace("-", "")
    cuts = (0, 8, 12, 16, 20, 32)
    return "-".join(digits[cuts[i] : cuts[i + 1]] for i in range(5))
