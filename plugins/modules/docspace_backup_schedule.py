#!/usr/bin/python
# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docspace_backup_schedule
short_description: Set the automatic backup of a DocSpace portal
version_added: 0.1.0
author:
  - ONLYOFFICE DocSpace collection contributors (!UNKNOWN)
description:
  - Makes a portal's automatic backup what the task says, or removes it.
  - A portal has one schedule, and one more for the whole server. Writing it replaces the one that is there.
options:
  state:
    description:
      - V(present) needs O(storage_type), O(period), O(hour) and O(backups_stored).
      - V(absent) removes the schedule. The backups that it made stay, and nothing removes them any more.
    type: str
    choices:
      - present
      - absent
    default: present
  storage_type:
    description:
      - Where the backups go.
      - For V(third_party_consumer), a new schedule gets the storage parameter V(subdir=backup) unless the task gives a
        V(subdir). The server adds it for a manual backup only, and would write scheduled copies to another folder. If the
        schedule that is there has a V(subdir), or none, it keeps that unless the task gives one.
      - A schedule without V(subdir) gives a warning, because the server then drops the records of copies. So does a change
        of its service, bucket, region or V(subdir). This module can't see earlier copies of other schedules and portals.
        The rule is the same V(module), bucket, region and V(subdir) for all backups of a server.
      - V(custom_cloud) is refused for setting a schedule, because it doesn't work on any DocSpace version. Use
        V(third_party_consumer).
    type: str
    choices:
      - documents
      - third_party_documents
      - custom_cloud
      - local
      - data_store
      - third_party_consumer
  period:
    description:
      - How often to make a backup.
    type: str
    choices:
      - daily
      - weekly
      - monthly
  hour:
    description:
      - The hour of the day, from 0 to 23, in the portal's time zone, which is not always that of its server. With
        O(dump=true) it is in UTC.
      - When a schedule is written, the server forgets when it ran last. If it has a run today and the hour has passed, a
        backup starts within 15 minutes. With O(dump=true) there is a warning. The time zone of a portal can't be read with
        an API key, so there is no warning for the portal's own schedule.
    type: int
  weekday:
    description:
      - The day of a weekly backup. Needed for O(period=weekly), and an error with another period.
      - The server counts days from Sunday, and the portal's own web page may show another day than the one that counts.
        This option names the day on which the backup runs.
    type: str
    choices:
      - monday
      - tuesday
      - wednesday
      - thursday
      - friday
      - saturday
      - sunday
  monthday:
    description:
      - The day of a monthly backup, from 1 to 31. Needed for O(period=monthly), and an error with another period.
      - In a month without that day no backup is made, so more than 28 gives a warning.
    type: int
  backups_stored:
    description:
      - How many scheduled backups the server keeps, from 1 to 30. It removes the oldest beyond that. Backups that were not
        made by the schedule aren't counted, and never removed.
      - A lower number than before gives a warning, because the server then removes backups.
    type: int
  dump:
    description:
      - Whether this is the schedule of the whole server instead of the portal's.
    type: bool
    default: false
extends_documentation_fragment:
  - onlyoffice.docspace._docspace
  - onlyoffice.docspace._storage
  - onlyoffice.docspace._attributes
  - onlyoffice.docspace._attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - Only the storage parameters that the task gives are compared. The server adds some of its own.
  - When the portal's quota is used up, the server removes the schedule by itself.
  - A scheduled backup is skipped, without any message, while another backup of the portal runs.
seealso:
  - module: onlyoffice.docspace.docspace_backup
  - module: onlyoffice.docspace.docspace_backup_prune
  - name: "Guide: Schedule"
    link: docsite/guide_schedule.html
    description: >-
      Periods, time zones, weekdays, and what the server removes.
      In the collection's folder it is C(docs/docsite/rst/guide_schedule.rst).
"""

EXAMPLES = r"""
- name: Make a backup each night, and keep a week
  onlyoffice.docspace.docspace_backup_schedule:
    storage_type: local
    path: /var/backups/docspace
    period: daily
    hour: 3
    backups_stored: 7

# Without "backups_stored" the server would keep one copy and remove the others, so it is required.
- name: Make a backup each Sunday into a folder of the portal
  onlyoffice.docspace.docspace_backup_schedule:
    storage_type: documents
    folder_id: "17"
    period: weekly
    weekday: sunday
    hour: 2
    backups_stored: 5

- name: Read the schedule back
  onlyoffice.docspace.docspace_backup_info:
    gather: [schedule]
  register: portal

- name: Show when it runs
  ansible.builtin.debug:
    msg: "{{ portal.schedule.weekday }} at {{ portal.schedule.hour }} in the portal's time zone"

- name: Make no automatic backups any more
  onlyoffice.docspace.docspace_backup_schedule:
    state: absent
"""

RETURN = r"""
schedule:
  description:
    - The schedule as it is after the task, or in check mode would be, with the parameters that the task gave, and V(subdir)
      for V(third_party_consumer). V(null) for O(state=absent).
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
      description: Where the backups go.
      type: str
      returned: success
    storage_params:
      description: The parameters of the storage by the server's names. Values of O(storage_secrets) are masked.
      type: dict
      returned: success
    period:
      description: V(daily), V(weekly) or V(monthly).
      type: str
      returned: success
    hour:
      description: The hour of the day, in the portal's time zone. In UTC with O(dump=true).
      type: int
      returned: success
    weekday:
      description: The day of a weekly schedule, else V(null).
      type: str
      returned: success
    monthday:
      description: The day of a monthly schedule, else V(null).
      type: int
      returned: success
    backups_stored:
      description: How many scheduled backups the server keeps.
      type: int
      returned: success
diff:
  description: The schedule before and after.
  returned: success
  type: dict
  sample:
    before: {}
    after:
      storage_type: data_store
      storage_params: {}
      period: daily
      hour: 3
      weekday:
      monthday:
      backups_stored: 1
failure:
  description:
    - What went wrong, with the keys RV(ignore:failure.code), RV(ignore:failure.title), RV(ignore:failure.status),
      RV(ignore:failure.method), RV(ignore:failure.path) and RV(ignore:failure.detail), as M(onlyoffice.docspace.docspace_backup) describes
      them.
  returned: failure
  type: dict
  sample:
    code: forbidden
    title: not allowed
    status: 403
    method: POST
    path: /api/2.0/backup/createbackupschedule
    detail: Access denied
log:
  description: What was waited for or repeated, and why.
  returned: with C(-v) or more, if there is anything to say
  type: list
  elements: str
  sample:
    - 'GET /api/2.0/backup/getbackupschedule: timeout, repeated after 0.6 s'
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._backup.api import PERIODS, WEEKDAYS, BackupApi
from ..module_utils._backup.schedule import (
    is_due_today,
    location_warnings,
    mask_pair,
    masked,
    parse_schedule_options,
    remove_schedule,
    settle_subdir,
    subset,
    write_schedule,
)
from ..module_utils._backup.storage import SPEC as STORAGE
from ..module_utils._backup.storage import parse_storage
from ..module_utils._portal.client import Client
from ..module_utils._portal.module import Result, now, run_module

SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **STORAGE,
    "period": {"type": "str", "choices": list(PERIODS)},
    "hour": {"type": "int"},
    "weekday": {"type": "str", "choices": WEEKDAYS[1:] + WEEKDAYS[:1]},
    "monthday": {"type": "int"},
    "backups_stored": {"type": "int"},
    "dump": {"type": "bool", "default": False},
}


def run(module: AnsibleModule, client: Client) -> Result:
    params, api = module.params, BackupApi(client, module.params["dump"])
    if params["state"] == "absent":
        return _remove(module, api)
    storage = parse_storage(params)
    wanted = parse_schedule_options(params, storage)
    api.require_dump_support()
    present = api.schedule()
    storage = settle_subdir(storage, present)
    wanted["storage_params"] = storage.all_params
    before = subset(present, wanted)
    changed = before != wanted
    warnings: list[str | None] = [*location_warnings(present, storage, changed=changed)]
    # A portal's own time zone can't be read with an API key (C60).
    if changed and api.dump and is_due_today(wanted, now()):
        warnings.append(
            f"hour: {wanted['hour']}:00 UTC has passed today. The server forgets the last run of a "
            "schedule that is written, so it starts a backup within 15 minutes."
        )
    if (params["monthday"] or 0) > 28:
        warnings.append("monthday: the server creates no backup in a month without that day.")
    if before is not None and wanted["backups_stored"] < before["backups_stored"]:
        warnings.append(
            f"backups_stored: was {before['backups_stored']}. The server deletes older scheduled backups "
            f"beyond {wanted['backups_stored']}."
        )
    if changed and not module.check_mode:
        warnings.append(write_schedule(api, wanted, storage))
    old, new = mask_pair(before, wanted, storage.secrets)
    schedule = mask_pair(wanted, wanted, storage.secrets)[1]
    diff = {"before": old or {}, "after": new}
    return Result(changed=changed, schedule=schedule, diff=diff, warnings=warnings)


def _remove(module: AnsibleModule, api: BackupApi) -> Result:
    api.require_dump_support()
    before = api.schedule()
    warnings: list[str | None] = []
    if before is not None:
        warnings.append(
            "The backups of the schedule are kept, and the server no longer deletes old ones. "
            "docspace_backup_prune can."
        )
        if not module.check_mode:
            warnings.append(remove_schedule(api))
    diff = {"before": masked(before) or {}, "after": {}}
    return Result(changed=before is not None, schedule=None, diff=diff, warnings=warnings)


def main() -> None:
    needed = ["storage_type", "period", "hour", "backups_stored"]
    run_module(
        run,
        argument_spec=SPEC,
        required_if=[("state", "present", needed)],
        null=("weekday", "monthday"),
    )


if __name__ == "__main__":
    main()
