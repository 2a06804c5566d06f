#!/usr/bin/python
# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docspace_backup_info
short_description: Read the backups of a DocSpace portal
version_added: 0.1.0
author:
  - ONLYOFFICE DocSpace collection contributors (!UNKNOWN)
description:
  - Reads the portal's history of backups, filters and sorts it, and tells each backup's age.
  - On request also reads the schedule, the progress of running tasks, and the usage.
  - No match is an empty list, not an error.
options:
  id:
    description:
      - Only the backup with this UUID, written as M(onlyoffice.docspace.docspace_backup) takes it.
    type: str
  storage_type:
    description:
      - Only backups of these types of storage. V(documents), V(third_party_documents), V(custom_cloud), V(local),
        V(data_store), V(third_party_consumer), or what the server writes for a type that this collection doesn't know.
    type: list
    elements: str
  name_pattern:
    description:
      - Only backups whose file name matches this shell pattern, such as V(workspace_2026-*). Upper and lower case differ.
    type: str
  created_after:
    description:
      - Only backups made at this time or later. ISO 8601, in UTC unless it says otherwise.
    type: str
  created_before:
    description:
      - Only backups made before this time. ISO 8601, in UTC unless it says otherwise.
    type: str
  newer_than:
    description:
      - Only backups younger than this. V(90d), V(36h), V(2w), V(1y), V(1d12h), or a number of seconds. There are no
        months; write V(30d).
    type: str
  older_than:
    description:
      - Only backups of this age or older, written as O(newer_than).
    type: str
  expires:
    description:
      - If V(false), only backups that don't expire. If V(true), only backups that expire. Without it, both.
      - Set it to V(false) to check that a recent backup is there. A backup in V(data_store) expires after a day.
    type: bool
    version_added: 0.2.0
  limit:
    description:
      - Return at most this many backups, the newest. 1 or more. RV(count) tells how many there are.
    type: int
  dump:
    description:
      - Whether to read the backups, the schedule and the tasks of the whole server instead of the portal's.
    type: bool
    default: false
  gather:
    description:
      - What to read. Each costs a request, V(progress) costs two, V(usage) three. What isn't read is returned as V(null).
    type: list
    elements: str
    choices:
      - history
      - schedule
      - progress
      - usage
    default:
      - history
extends_documentation_fragment:
  - onlyoffice.docspace._docspace
  - onlyoffice.docspace._attributes
  - onlyoffice.docspace._attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Reading the history lets the server drop the records whose file it can't find. No client can avoid that.
  diff_mode:
    support: N/A
    details:
      - Nothing is changed.
  idempotent:
    support: full
notes:
  - A backup whose time the server doesn't tell comes last, matches none of O(created_after), O(created_before),
    O(newer_than) and O(older_than), and is never RV(latest).
seealso:
  - module: onlyoffice.docspace.docspace_backup
"""

EXAMPLES = r"""
- name: List all backups
  onlyoffice.docspace.docspace_backup_info:
  register: history

- name: Show each backup's id, age and name, the newest first
  ansible.builtin.debug:
    msg: "{{ item.id }}  {{ item.age }}  {{ item.file_name }}"
  loop: "{{ history.backups }}"
  loop_control:
    label: "{{ item.id }}"

- name: Read the newest backup that doesn't expire
  onlyoffice.docspace.docspace_backup_info:
    # A backup in data_store expires after a day.
    expires: false
  register: permanent

# "latest" is null when there is no backup at all.
- name: Fail when it is older than a day
  ansible.builtin.assert:
    that:
      - permanent.latest is not none
      - permanent.latest.age_seconds < 86400

- name: Count the backups of last year
  onlyoffice.docspace.docspace_backup_info:
    created_after: '2025-01-01'
    created_before: '2026-01-01'
  register: last_year

- name: Show how many there are
  ansible.builtin.debug:
    msg: "{{ last_year.count }} of {{ last_year.total }}"

- name: See the schedule, and what runs now
  onlyoffice.docspace.docspace_backup_info:
    gather: [schedule, progress]
  register: portal
"""

RETURN = r"""
backups:
  description: The matching backups, newest first. V(null) if the history wasn't read.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
      file_name: workspace_2026-11-05_03-00-00.tar.gz
      storage_type: local
      created_on: '2026-11-05T03:00:00Z'
      expires_on:
      age_seconds: 86400
      age: 1 day
  contains:
    id:
      description: The UUID, in lower case with hyphens.
      type: str
      returned: success
    file_name:
      description: The name of the backup's file.
      type: str
      returned: success
    storage_type:
      description:
        - V(documents), V(third_party_documents), V(custom_cloud), V(local), V(data_store) or V(third_party_consumer). What
          this collection doesn't know is returned as the server writes it.
      type: str
      returned: success
    created_on:
      description: When the backup was made, in UTC. V(null) if the server gives no readable time.
      type: str
      returned: success
    expires_on:
      description: When the server will remove the backup by itself, in UTC. V(null) for never.
      type: str
      returned: success
    age_seconds:
      description: The age at the time of the task. Negative for a backup that is dated in the future.
      type: int
      returned: success
    age:
      description: The same in words, such as V(12 hours), for a table.
      type: str
      returned: success
count:
  description: How many backups match, before O(limit). V(null) if the history wasn't read.
  returned: success
  type: int
  sample: 1
total:
  description: How many backups are in the history. V(null) if the history wasn't read.
  returned: success
  type: int
  sample: 12
latest:
  description:
    - The newest matching backup that isn't dated more than 5 minutes in the future, with the same keys as in
      RV(backups). V(null) if there is
      none.
  returned: success
  type: dict
  sample:
    id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
    file_name: workspace_2026-11-05_03-00-00.tar.gz
    storage_type: local
    created_on: '2026-11-05T03:00:00Z'
    expires_on:
    age_seconds: 86400
    age: 1 day
schedule:
  description: The portal's automatic backup. V(null) if there is none, or if it wasn't read.
  returned: success
  type: dict
  sample:
    storage_type: local
    storage_params:
      filePath: /var/backups/docspace
    period: weekly
    hour: 3
    weekday: sunday
    monthday:
    backups_stored: 5
  contains:
    storage_type:
      description: Where the backups go, as in RV(backups[].storage_type).
      type: str
      returned: success
    storage_params:
      description:
        - The parameters of the storage by the server's names. Values that may be secrets are masked, which are all but
          the well-known names, such as V(filePath), V(folderId), V(module) and V(bucket).
      type: dict
      returned: success
    period:
      description: V(daily), V(weekly) or V(monthly).
      type: str
      returned: success
    hour:
      description: The hour of the day, from 0 to 23, in the portal's time zone. In UTC with O(dump=true).
      type: int
      returned: success
    weekday:
      description: V(monday) to V(sunday) for a weekly schedule, else V(null).
      type: str
      returned: success
    monthday:
      description: The day of the month for a monthly schedule, else V(null).
      type: int
      returned: success
    backups_stored:
      description: How many scheduled backups the server keeps.
      type: int
      returned: success
progress:
  description: The tasks of the portal. V(null) if they weren't read.
  returned: success
  type: dict
  sample:
    backup:
      id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
      progress: 45
      status: running
      warning:
      error:
    restore:
  contains:
    backup:
      description: The backup task, running or the last one that ended. V(null) for none.
      type: dict
      returned: success
      contains: &task
        id:
          description: The task's UUID. The backup that a task makes has the same one.
          type: str
          returned: success
        progress:
          description: How far it is, in per cent.
          type: int
          returned: success
        status:
          description: V(created), V(running), V(completed), V(cancelled) or V(failed).
          type: str
          returned: success
        warning:
          description: What the server warns of, such as files that are missing in the backup.
          type: str
          returned: success
        error:
          description: Why it failed.
          type: str
          returned: success
    restore:
      description:
        - The restore task, likewise. Without O(dump) that of the portal, or a server-wide one while that keeps the portal
          offline.
      type: dict
      returned: success
      contains: *task
usage:
  description:
    - How many backups the portal created. V(null) if it wasn't read, and with a warning on servers before DocSpace 3.5.0,
      which don't tell it.
  returned: success
  type: dict
  sample:
    free_backups_this_month: 4
    paid_backups_this_month: 0
    paid_service_enabled: false
  contains:
    free_backups_this_month:
      description: How many free backups were created this month, including those deleted since.
      type: int
      returned: success
    paid_backups_this_month:
      description: How many paid backups were created this month, including those deleted since.
      type: int
      returned: success
    paid_service_enabled:
      description: Whether the portal's paid backup service is switched on.
      type: bool
      returned: success
failure:
  description:
    - What went wrong, with the keys RV(ignore:failure.code), RV(ignore:failure.title), RV(ignore:failure.status),
      RV(ignore:failure.method), RV(ignore:failure.path) and RV(ignore:failure.detail), as M(onlyoffice.docspace.docspace_backup) describes
      them.
  returned: failure
  type: dict
  sample:
    code: auth
    title: credentials refused
    status: 401
    method: GET
    path: /api/2.0/backup/getbackuphistory
    detail:
log:
  description: What was repeated, and why.
  returned: with C(-v) or more, if there is anything to say
  type: list
  elements: str
  sample:
    - 'GET /api/2.0/backup/getbackuphistory: timeout, repeated after 0.6 s'
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._backup.api import BackupApi
from ..module_utils._backup.record import latest, parse_id, select, select_by_time, unknown_types
from ..module_utils._backup.schedule import masked
from ..module_utils._portal.client import Client
from ..module_utils._portal.errors import DocSpaceError, config_error
from ..module_utils._portal.module import Result, now, run_module
from ..module_utils._portal.values import duration, moment

SPEC = {
    "id": {"type": "str"},
    "storage_type": {"type": "list", "elements": "str"},
    "name_pattern": {"type": "str"},
    "created_after": {"type": "str"},
    "created_before": {"type": "str"},
    "newer_than": {"type": "str"},
    "older_than": {"type": "str"},
    "expires": {"type": "bool"},
    "limit": {"type": "int"},
    "dump": {"type": "bool", "default": False},
    "gather": {
        "type": "list",
        "elements": "str",
        "choices": ["history", "schedule", "progress", "usage"],
        "default": ["history"],
    },
}

GATHERED = ("backups", "count", "total", "latest", "schedule", "progress", "usage")


def run(module: AnsibleModule, client: Client) -> Result:
    params, gather = module.params, module.params["gather"]
    api = BackupApi(client, params["dump"])
    warnings: list[str | None] = []
    wanted = None if params["id"] is None else parse_id(params["id"])
    limits: dict[str, Any] = {
        "created_after": moment(params, "created_after"),
        "created_before": moment(params, "created_before"),
        "newer_than": duration(params, "newer_than"),
        "older_than": duration(params, "older_than"),
    }
    if params["limit"] is not None and params["limit"] < 1:
        raise config_error("limit: must be 1 or more.")
    api.require_dump_support()
    values: dict[str, Any] = dict.fromkeys(GATHERED)
    if "history" in gather:
        time = now()
        history = api.history()
        kinds = params["storage_type"]
        warnings.append(unknown_types(history, kinds))
        records = select(
            history,
            storage_type=kinds,
            name_pattern=params["name_pattern"],
            expires=params["expires"],
        )
        records = select_by_time(records, time, **limits)
        if wanted is not None:
            records = [record for record in records if record.id == wanted]
        newest = latest(records, time)
        values["backups"] = [record.result(time) for record in records[: params["limit"]]]
        values["count"], values["total"] = len(records), len(history)
        values["latest"] = newest and newest.result(time)
    if "schedule" in gather:
        values["schedule"] = masked(api.schedule())
    if "progress" in gather:
        values["progress"] = _read_progress(api)
    if "usage" in gather:
        try:
            values["usage"] = api.usage()
        except DocSpaceError as error:
            if error.status != 404 or gather == ["usage"]:
                raise
            warnings.append(f"usage: {error.message}")
    return Result(changed=False, warnings=warnings, **values)


def _read_progress(api: BackupApi) -> dict[str, Any]:
    """Return the result key `progress`.

    While a restore runs, only its progress can be read (C31), so that of a backup is null. A
    server-wide restore takes all portals offline, and is shown for each of them.
    """
    backup = refused = None
    try:
        backup = api.progress()
    except DocSpaceError as error:
        if error.code not in ("auth", "forbidden", "not_found"):
            raise
        refused = error
    restore = api.restore_progress()
    if refused is not None and (restore is None or restore.ended):
        restore = None if api.dump else api.counterpart().restore_progress()
        if restore is None or restore.ended:
            raise refused
    return {"backup": backup and backup.result(), "restore": restore and restore.result()}


def main() -> None:
    run_module(run, argument_spec=SPEC)


if __name__ == "__main__":
    main()
