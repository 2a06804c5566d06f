#!/usr/bin/python
# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docspace_backup_restore
short_description: Restore a DocSpace portal from one of its backups
version_added: 0.1.0
author:
  - ONLYOFFICE DocSpace collection contributors (!UNKNOWN)
description:
  - Replaces everything in a portal by what a backup holds. What was added to the portal since is lost.
  - Nothing is sent unless O(confirm) names the portal.
  - The portal is offline while it is restored. The module follows the restore through that time, and ends when the portal
    answers again.
options:
  id:
    description:
      - The UUID of the backup, which must be in the portal's history, as
        M(onlyoffice.docspace.docspace_backup_info) returns it.
    type: str
    required: true
  confirm:
    description:
      - The host name in O(url), without port. Anything else ends the task before a request is sent.
      - Write it out in the playbook. Taken from the same variable as O(url), it protects from nothing.
    type: str
    required: true
  notify:
    description:
      - Whether the portal tells its users by e-mail that it was restored.
    type: bool
    default: false
  dump:
    description:
      - Whether the backup is one of the whole server, which replaces all its portals.
    type: bool
    default: false
  wait_timeout:
    description:
      - How many seconds to wait until the portal is restored and answers. 1 or more. After that the task fails, and the
        restore goes on.
    type: int
    default: 7200
extends_documentation_fragment:
  - onlyoffice.docspace._docspace
  - onlyoffice.docspace._wait
  - onlyoffice.docspace._attributes
  - onlyoffice.docspace._attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Checks all that is checked before a restore, and starts nothing.
  diff_mode:
    support: full
  idempotent:
    support: none
    details:
      - Each run restores the portal again.
notes:
  - Restoring a file that is not in the portal's history is not supported.
  - Afterwards keys, users and passwords may be those of the backup. If the credentials of the task aren't accepted any
    more, the task succeeds with a warning.
seealso:
  - module: onlyoffice.docspace.docspace_backup
  - module: onlyoffice.docspace.docspace_backup_info
  - name: "Guide: Restore a portal"
    link: docsite/guide_restore.html
    description: >-
      What happens to the portal, what to check first, and how to rehearse it.
      In the collection's folder it is C(docs/docsite/rst/guide_restore.rst).
"""

EXAMPLES = r"""
- name: Find the newest local backup
  onlyoffice.docspace.docspace_backup_info:
    storage_type: [local]
  register: local

# A check-mode run does every check and starts nothing.
- name: Restore the portal from it
  onlyoffice.docspace.docspace_backup_restore:
    id: "{{ local.latest.id }}"
    confirm: docspace.example.com
  register: restored

- name: Show when the portal's content dates from
  ansible.builtin.debug:
    msg: "{{ restored.backup.created_on }}"
"""

RETURN = r"""
backup:
  description: The backup that the portal was restored from, with the keys that RV(onlyoffice.docspace.docspace_backup#module:backup) has.
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
task:
  description: The server's task, as it was last seen. V(null) in check mode. Also returned when the restore failed.
  returned: success
  type: dict
  sample:
    id: 9d8c7b6a-5f4e-4d3c-8b2a-1a0b9c8d7e6f
    progress: 100
    status: completed
    warning:
    error:
  contains:
    id:
      description: The task's UUID.
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
      description: What the server warns of.
      type: str
      returned: success
    error:
      description: Why it failed.
      type: str
      returned: success
diff:
  description: Which backup the portal's content comes from.
  returned: success
  type: dict
  sample:
    before: {}
    after:
      restored_from: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
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
    path: /api/2.0/backup/startrestore
    detail: Access denied
log:
  description: What was waited for or repeated, and why.
  returned: with C(-v) or more, if there is anything to say
  type: list
  elements: str
  sample:
    - 'GET /api/2.0/backup/getrestoreprogress: timeout, repeated after 0.6 s'
"""

from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._backup.history import require_dumps
from ..module_utils._backup.pace import WAIT, Pace
from ..module_utils._backup.record import parse_id
from ..module_utils._backup.restore import (
    find_backup,
    follow_restore,
    refuse_while_busy,
    start_restore,
)
from ..module_utils._portal.client import Client
from ..module_utils._portal.errors import DocSpaceError
from ..module_utils._portal.module import Result, now, run_module

SPEC: dict[str, Any] = {
    "id": {"type": "str", "required": True},
    "confirm": {"type": "str", "required": True},
    "notify": {"type": "bool", "default": False},
    "dump": {"type": "bool", "default": False},
    **WAIT,
    "wait_timeout": {"type": "int", "default": 7200},
}


def run(module: AnsibleModule, client: Client) -> Result:
    params, dump = module.params, module.params["dump"]
    wanted, pace = parse_id(params["id"]), Pace(params)
    host = urlsplit(client.url).hostname
    if params["confirm"].lower() != host:
        blanks = (
            " It has white space around it." if params["confirm"].strip().lower() == host else ""
        )
        raise DocSpaceError(
            "guard",
            f"confirm: write '{host}', the host name in 'url', to restore that portal. Everything "
            f"in it is replaced. Nothing was sent.{blanks}",
        )
    require_dumps(client, dump)
    record = find_backup(client, wanted, dump=dump)
    before = refuse_while_busy(client, dump=dump)
    backup = record.result(now())
    task, warning = None, None
    if not module.check_mode:
        task = start_restore(client, record, notify=params["notify"], dump=dump, before=before)
        if params["wait"]:
            task, warning = follow_restore(client, task, pace, dump=dump)
    return Result(
        changed=True,
        backup=backup,
        task=task and task.result(),
        diff={"before": {}, "after": {"restored_from": record.id}},
        warnings=[warning, task and task.warning],
    )


def main() -> None:
    run_module(run, argument_spec=SPEC, empty=("confirm",))


if __name__ == "__main__":
    main()
