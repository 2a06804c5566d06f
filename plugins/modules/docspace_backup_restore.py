#!/usr/bin/python
# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docspace_backup_restore
short_description: Restore a DocSpace portal from one of its backups, or from a backup file
version_added: 0.1.0
author:
  - ONLYOFFICE DocSpace collection contributors (!UNKNOWN)
description:
  - Replaces everything in a portal by what a backup holds. What was added to the portal since is lost.
  - The backup is one of the portal's history (O(id)) or a file where the module runs (O(src)), such as
    one that was fetched from a portal earlier. A restore that runs already is followed with O(task_id).
  - Nothing is sent unless O(confirm) names the portal.
  - The portal is offline while it is restored. The module follows the restore through that time, and ends when the portal
    answers again.
options:
  id:
    description:
      - The UUID of the backup, which must be in the portal's history, as
        M(onlyoffice.docspace.docspace_backup_info) returns it.
      - Exactly one of O(id), O(src) and O(task_id) is required.
    type: str
  src:
    description:
      - A backup file where the module runs. Exactly one of O(id), O(src) and O(task_id) is required.
      - The file is read to its last byte before anything is sent. It has to be whole, and of the kind that O(dump) says. The
        server itself would take anything, and go offline before it looks.
      - The file must belong to the user who runs the module, to root, or to the owner of its folder, and not every user may
        be able to write to it. This isn't required if a manifest that meets these conditions confirms the file's checksum.
      - It is uploaded in chunks, and the restore is started only if the bytes that were sent are those that were checked. When
        an answer leaves a doubt, the upload begins anew, up to O(retries) times. If it fails, the portal is told to forget
        what came of it.
      - The portal gives an upload 20 minutes. After half a minute the task fails if the rest can't be there in that time.
      - A portal has one upload at a time. Another one that begins between the last chunk and the start can't be noticed.
      - The portals of ONLYOFFICE's own cloud take only files that they made themselves, unchanged.
    type: path
    version_added: 0.2.0
  task_id:
    description:
      - The UUID of a restore to follow, as RV(task.id) has it. Nothing is started, and nothing is changed. Use it after
        O(wait=false), after a time-out, and after Ctrl-C.
      - A restore that has ended well is a success at once. One that isn't to be seen for 30 seconds is an error. In check
        mode, and with O(wait=false), the task looks once.
      - Exactly one of O(id), O(src) and O(task_id) is required.
    type: str
    version_added: 0.2.0
  confirm:
    description:
      - The host name in O(url), without port. Anything else ends the task before a request is sent.
      - Required with O(id) and O(src), not with O(task_id).
      - Write it out in the playbook. Taken from the same variable as O(url), it protects from nothing.
    type: str
  max_age:
    description:
      - Refuse a backup that is this old or older, or dated more than 5 minutes in the future. A duration such as
        V(90d), V(36h), V(2w), V(1y) or
        V(1d12h), or a number of seconds.
      - The age of a file is that of its manifest, the file with C(.json) behind its name. It is believed only if size and
        SHA-256 are right. Without one the file is refused.
      - Can't be combined with O(task_id).
    type: str
    version_added: 0.2.0
  notify:
    description:
      - Whether the portal tells its users by e-mail that it was restored.
      - The owner gets an e-mail at the start and at the end, in spite of V(false).
    type: bool
    default: false
  dump:
    description:
      - Whether the backup is one of the whole server, which replaces all its portals.
    type: bool
    default: false
  wait_timeout:
    description:
      - How many seconds to wait, from the start of the restore, until the portal is restored and answers. 1 or more. After
        that the task fails, and the restore goes on. Follow it with O(task_id) then.
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
      - Checks all that is checked before a restore, and starts nothing. A file is read to its end, and not uploaded.
      - That a key may only read shows when a restore is started, so a dry run can't tell.
  diff_mode:
    support: full
  idempotent:
    support: none
    details:
      - Each run restores the portal again. With O(task_id) nothing is changed.
notes:
  - After a run that was interrupted, first look with M(onlyoffice.docspace.docspace_backup_info) (C(gather) with C(progress))
    whether a restore runs, and follow it with O(task_id). It answers while the portal is offline.
  - A restore on the portal that waits for a file, V(created) at 0 per cent for 10 seconds, doesn't hinder one from O(src).
  - Afterwards keys, users and passwords are those of the backup. If the credentials of the task are no longer accepted, the
    task succeeds with a warning.
  - Passwords and API keys are hashed with the server's C(core.machinekey). On a server with a different one, no password and
    no API key of the backup is accepted. Set the old one in the configuration of the new server before the restore.
  - Restoring a server-wide backup deletes the server's licence. Until it is uploaded again, calls may be refused with
    HTTP 402. Since DocSpace 3.7.1 every restore clears the settings of two-factor authentication.
  - A start is never sent again. Unless it is answered with success, the module looks for a new restore. If it can't tell
    whether one was started, it fails with RV(ignore:changed=true). If another restore takes the place of this one, the task
    fails with C(conflict).
seealso:
  - module: onlyoffice.docspace.docspace_backup
  - module: onlyoffice.docspace.docspace_backup_info
  - module: onlyoffice.docspace.docspace_backup_download
  - module: onlyoffice.docspace.docspace_backup_file_info
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

# The portal is another one than the files are of, so there is a warning.
- name: Find the newest whole copy of a portal among the files
  onlyoffice.docspace.docspace_backup_file_info:
    path: /srv/docspace-copies
    portal: https://docspace.example.com
  register: copies

- name: Restore a second portal from it
  onlyoffice.docspace.docspace_backup_restore:
    url: https://second.example.com
    src: "{{ copies.latest.path }}"
    max_age: 2d
    confirm: second.example.com

# The portal may take hours. This ends at once, and the next task can be in another play.
- name: Start a restore and don't wait
  onlyoffice.docspace.docspace_backup_restore:
    id: "{{ local.latest.id }}"
    confirm: docspace.example.com
    wait: false
  register: begun

- name: Follow it, which starts nothing
  onlyoffice.docspace.docspace_backup_restore:
    task_id: "{{ begun.task.id }}"
"""

RETURN = r"""
backup:
  description:
    - The backup that the portal was restored from, with the keys that RV(onlyoffice.docspace.docspace_backup#module:backup) has.
    - With O(src) it comes from the file's manifest. V(null) if there is none, or if it isn't about this file. V(null) with
      O(task_id).
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
file:
  description: The file that the portal was restored from. V(null) without O(src).
  returned: success
  type: dict
  version_added: 0.2.0
  sample:
    path: /srv/docspace-copies/docspace.example.com_2026-11-05T03-00-00Z.tar.gz
    size: 314701680
    sha256: 8829ad73114e4c4dca2b19af4ba174c2f2955a7ee6bbf99b5eebc7d48d42f35c
    kind: portal
  contains:
    path:
      description: Its path, as O(src) names it.
      type: str
      returned: success
    size:
      description: How many bytes it has.
      type: int
      returned: success
    sha256:
      description: The checksum of its bytes, which are those that the portal got.
      type: str
      returned: success
    kind:
      description: V(portal), or V(dump) for the backup of a whole server.
      type: str
      returned: success
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
      description: The task's UUID, to be followed with O(task_id).
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
  description:
    - What is restored. With O(src) also the C(portal) of the file's manifest. Both are empty with O(task_id).
  returned: success
  type: dict
  sample:
    before: {}
    after:
      restored_from: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
      file_name: workspace_2026-11-05_03-00-00.tar.gz
      created_on: '2026-11-05T03:00:00Z'
      age: 1 day
      storage_type: local
      kind: portal
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
  description: What was waited for or repeated, and why. With O(src) also how long the check and the upload took.
  returned: with C(-v) or more, if there is anything to say
  type: list
  elements: str
  sample:
    - 'GET /api/2.0/backup/getrestoreprogress: timeout, repeated after 0.6 s'
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._backup.api import BackupApi
from ..module_utils._backup.record import parse_id
from ..module_utils._backup.restore import (
    advice,
    check_history,
    describe_source,
    refuse_old,
    refuse_while_busy,
    require_confirmed,
    restore_file,
    start_restore,
    wait_for_restore,
    wait_for_restore_task,
)
from ..module_utils._backup.task import WAIT, Poller
from ..module_utils._backup.upload import Source, open_source
from ..module_utils._portal.client import Client
from ..module_utils._portal.errors import config_error
from ..module_utils._portal.module import Result, now, run_module
from ..module_utils._portal.values import duration

SPEC: dict[str, Any] = {
    "id": {"type": "str"},
    "src": {"type": "path"},
    "task_id": {"type": "str"},
    "confirm": {"type": "str"},
    "max_age": {"type": "str"},
    "notify": {"type": "bool", "default": False},
    "dump": {"type": "bool", "default": False},
    **WAIT,
    "wait_timeout": {"type": "int", "default": 7200},
}


def run(module: AnsibleModule, client: Client) -> Result:
    params, poller = module.params, Poller(module.params)
    api = BackupApi(client, params["dump"])
    if params["task_id"] is not None:
        return _wait(module, api, poller)
    wanted = None if params["id"] is None else parse_id(params["id"])
    duration(params, "max_age")
    require_confirmed(client, params["confirm"])
    if params["src"] is None:
        return _restore(module, api, wanted, None)
    with open_source(params["src"], dump=params["dump"], log=client.log) as source:
        return _restore(module, api, None, source)


def _restore(
    module: AnsibleModule, api: BackupApi, wanted: str | None, source: Source | None
) -> Result:
    params, client, time = module.params, api.client, now()
    max_age = duration(params, "max_age")
    warnings: list[str | None] = []
    if source is None:
        record = check_history(api, wanted)
        refuse_old(record, time, max_age)
    else:
        record = source.record
        refuse_old(record, time, max_age, source.doubt)
        warnings += source.warnings(client.url)
        check_history(api, None)
    before = refuse_while_busy(api, from_file=source is not None)
    task = None
    if not module.check_mode:
        how: dict[str, Any] = {"notify": params["notify"], "before": before}
        if source is None:
            task, doubt = start_restore(api, record, **how)
        else:
            task, doubt = restore_file(api, source, **how)
        refused = None
        if params["wait"]:
            task, refused = wait_for_restore(api, task, Poller(params), before=before)
        else:
            client.log(f"the restore continues on the portal. {advice(task, dump=api.dump)}")
        warnings += [doubt, refused, task.warning]
    return Result(
        changed=True,
        backup=record and record.result(time),
        file=source and source.result(),
        task=task and task.result(),
        diff={"before": {}, "after": describe_source(record, source, time, dump=api.dump)},
        warnings=warnings,
    )


def _wait(module: AnsibleModule, api: BackupApi, poller: Poller) -> Result:
    params = module.params
    if params["notify"]:
        raise config_error("notify: can't be combined with task_id.")
    if params["confirm"] is not None:
        require_confirmed(api.client, params["confirm"])
    once = module.check_mode or not params["wait"]
    task, warning = wait_for_restore_task(api, params["task_id"], poller, once=once)
    values = {"backup": None, "file": None, "task": task.result()}
    nothing: dict[str, Any] = {"before": {}, "after": {}}
    return Result(changed=False, diff=nothing, warnings=[warning, task.warning], **values)


def main() -> None:
    run_module(
        run,
        argument_spec=SPEC,
        empty=("confirm",),
        mutually_exclusive=[("id", "src", "task_id"), ("max_age", "task_id")],
        required_one_of=[("id", "src", "task_id")],
        required_by={"id": "confirm", "src": "confirm"},
    )


if __name__ == "__main__":
    main()
