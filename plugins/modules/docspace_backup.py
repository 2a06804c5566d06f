#!/usr/bin/python
# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docspace_backup
short_description: Make a backup of a DocSpace portal, or make one be gone
version_added: 0.1.0
author:
  - ONLYOFFICE DocSpace collection contributors (!UNKNOWN)
description:
  - With O(state=absent), looks for a backup in the portal's history and deletes it if it is there.
  - With O(state=present) and O(id), checks that a backup is in the portal's history.
  - With O(state=present) and without O(id), makes a backup and waits for it. O(max_age) makes that idempotent.
  - With O(task_id), waits for one that was started before.
  - The history is always asked before anything is deleted. The server itself answers a delete of an unknown backup with
    an internal error, and the delete of another portal's backup with success without deleting it; neither reaches the
    user.
options:
  state:
    description:
      - V(absent) deletes the backup O(id), if it is in the history.
      - V(present) with O(id) needs that backup to be in the history, and fails if it isn't. It never makes another one in
        its place.
      - V(present) without O(id) makes a backup.
    type: str
    choices:
      - present
      - absent
    default: present
  id:
    description:
      - The backup's UUID as M(onlyoffice.docspace.docspace_backup_info) returns it, also in upper case, without hyphens
        or in braces. Anything else fails before any request.
      - Required for O(state=absent).
    type: str
  task_id:
    description:
      - Wait for a backup that was started before, by its UUID as RV(task.id) has it. Nothing is started and nothing is
        changed. Use it after O(wait=false), after a time-out, and after Ctrl-C.
      - A backup that is in the history already is a success at once. In check mode, and with O(wait=false), the task looks
        once.
      - Beside O(id), O(max_age) and the options of a storage it is an error.
    type: str
    version_added: 0.2.0
  dump:
    description:
      - Whether the backup is one of the whole server, a dump. Their history is a list of its own, so a dump is only found
        with V(true), and a portal's backup only with V(false).
    type: bool
    default: false
  storage_type:
    description:
      - Where a new backup goes. Needed to make one.
      - V(documents) is a folder of the portal, V(third_party_documents) one of a connected storage, V(local) a folder on
        the portal's server, V(third_party_consumer) a storage service that is set up in the portal.
      - V(data_store) is the portal's temporary storage. Backups there expire after a day.
      - V(custom_cloud) is refused for creating a backup, because it doesn't work on any DocSpace version. Use
        V(third_party_consumer).
    type: str
    choices:
      - documents
      - third_party_documents
      - custom_cloud
      - local
      - data_store
      - third_party_consumer
  max_age:
    description:
      - If the newest backup is younger than this, none is made. V(1d), V(36h), V(2w), V(1d12h), or a number of seconds.
        There are no months; write V(30d).
      - Only backups of O(storage_type) count, if it is given. Backups that expire count only for
        O(storage_type=data_store). A backup that is dated more than 5 minutes in the future doesn't count, and gives a
        warning.
      - If the time of one of these backups can't be read, the task fails, and no backup is made.
      - Without it, each run makes a backup. Beside O(id) it is an error.
    type: str
  allow_lost_records:
    description:
      - If V(true), the backup is created without reading the schedule, even if the server then drops the records of
        other backups. Their files stay. With O(storage_type=third_party_consumer) there is no warning.
      - The server looks for copies in an object storage in another folder while a temporary backup is listed before them.
        That hits copies that were written without the storage parameter V(subdir). So O(storage_type=data_store) reads the
        schedule first, and fails with V(guard) if it writes such copies. In check mode, too, where a V(subdir) that an
        earlier task would set isn't known.
      - Copies of an earlier schedule, or of another portal of the server, can't be seen, so they don't count here.
    type: bool
    default: false
    version_added: 0.2.0
  wait_timeout:
    description:
      - How many seconds to wait for the backup. 1 or more. After that the task fails; see O(on_timeout).
    type: int
    default: 3600
  on_timeout:
    description:
      - What happens to the backup when O(wait_timeout) has passed. V(leave) lets it go on, and a second run joins it.
      - V(cancel) cancels it if this run has started it. The server's call cancels everything that the portal is backing
        up, so it isn't sent while another backup runs.
    type: str
    choices:
      - leave
      - cancel
    default: leave
extends_documentation_fragment:
  - onlyoffice.docspace._docspace
  - onlyoffice.docspace._storage
  - onlyoffice.docspace._wait
  - onlyoffice.docspace._attributes
  - onlyoffice.docspace._attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Reading the history lets the server drop the records whose file it can't find. No client can avoid that, also not
        in check mode.
      - A backup that doesn't exist yet is returned as V(null).
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - Making a backup is idempotent only with O(max_age).
notes:
  - The server hides a record before it deletes the file. When the delete fails, the record is gone all the same; the
    module then reports RV(ignore:changed=true) with a warning that the file may remain on the storage.
  - While a backup runs, the server starts no other one. The module joins the one that runs, and returns RV(joined=true)
    and RV(ignore:changed=false). A joined backup may be older than the task that joined it. If it turns out to be of
    another storage type than O(storage_type), a backup of its own follows.
  - For O(storage_type=third_party_consumer), a warning says if the schedule writes to another service, bucket, region or
    V(subdir), because the server then drops records. The schedule is read for that before the backup is created.
  - Each backup that is created through the API sends a mail to the user of the credentials. Deleting one leaves no entry in
    the portal's audit trail.
  - A start is never sent again. Unless it is answered with success, the module looks for a new task. If it can't tell whether
    one was started, it fails with RV(ignore:changed=true).
seealso:
  - module: onlyoffice.docspace.docspace_backup_info
  - module: onlyoffice.docspace.docspace_backup_prune
  - module: onlyoffice.docspace.docspace_backup_restore
  - module: onlyoffice.docspace.docspace_backup_schedule
  - name: "Guide: Delete a backup safely"
    link: docsite/guide_delete.html
    description: >-
      The task, the dry run, what RV(ignore:changed) means, each failure and what to do about it.
      In the collection's folder it is C(docs/docsite/rst/guide_delete.rst).
  - name: "Guide: Make backups and keep them fresh"
    link: docsite/guide_make.html
    description: >-
      Storage types, freshness, joining and waiting.
      In the collection's folder it is C(docs/docsite/rst/guide_make.rst).
"""

EXAMPLES = r"""
- name: Delete one backup
  onlyoffice.docspace.docspace_backup:
    id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
    state: absent

# A server-wide backup is not in the portal's own history: without "dump" this would change nothing.
- name: Delete one backup of the whole server
  onlyoffice.docspace.docspace_backup:
    id: 7c9e6679-7425-40de-944b-e07fc1f90ae7
    state: absent
    dump: true

- name: Fail unless this backup is still there
  onlyoffice.docspace.docspace_backup:
    id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43

# Without "max_age" each run would make one more.
- name: Have a backup that is no older than a day
  onlyoffice.docspace.docspace_backup:
    storage_type: local
    path: /var/backups/docspace
    max_age: 1d

- name: Make a backup into a folder of the portal, and give it two hours
  onlyoffice.docspace.docspace_backup:
    storage_type: documents
    folder_id: "17"
    wait_timeout: 7200
    on_timeout: cancel
  register: made

- name: Show where it went
  ansible.builtin.debug:
    msg: "{{ made.backup.file_name }}"

- name: Start a backup, and leave it to the portal for now
  onlyoffice.docspace.docspace_backup:
    storage_type: local
    path: /var/backups/docspace
    wait: false
  register: begun

- name: Wait for it
  onlyoffice.docspace.docspace_backup:
    task_id: "{{ begun.task.id }}"

- name: Find the non-expiring backups that are older than 90 days
  onlyoffice.docspace.docspace_backup_info:
    expires: false
    older_than: 90d
  register: old

- name: See whether there is a younger one
  onlyoffice.docspace.docspace_backup_info:
    expires: false
    newer_than: 90d
  register: young

# When backups have failed for months, the old ones are all there is.
- name: Delete the old ones if there is
  onlyoffice.docspace.docspace_backup:
    id: "{{ item.id }}"
    state: absent
  when: young.count > 0
  loop: "{{ old.backups }}"
  loop_control:
    label: "{{ item.file_name }}"
"""

RETURN = r"""
backup:
  description:
    - The backup that was deleted, or in check mode would be. V(null) if it wasn't in the history.
    - With O(state=present), the backup that is there or was made. V(null) in check mode and with O(wait=false), when there
      is none yet.
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
task:
  description:
    - The server's task that makes the backup. V(null) if none was needed, in check mode, and if the backup of O(task_id)
      is there already.
    - Also returned when the task failed or took too long.
  returned: O(state=present) without O(id)
  type: dict
  sample:
    id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
    progress: 100
    status: completed
    warning:
    error:
  contains:
    id:
      description: The task's UUID. The backup that it makes has the same one.
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
joined:
  description: Whether the backup was already running, started by somebody else.
  returned: O(state=present) without O(id)
  type: bool
  sample: false
diff:
  description: The record before and after.
  returned: success
  type: dict
  sample:
    before:
      id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
      file_name: workspace_2026-11-05_03-00-00.tar.gz
      storage_type: local
      created_on: '2026-11-05T03:00:00Z'
      expires_on:
    after: {}
failure:
  description: What went wrong, for a playbook to decide on. Failures that Ansible itself finds in the options have none.
  returned: failure
  type: dict
  sample:
    code: auth
    title: credentials refused
    status: 401
    method: GET
    path: /api/2.0/backup/getbackuphistory
    detail:
  contains:
    code:
      description:
        - V(config) for bad input, found before anything was sent.
        - V(connection), V(tls) or V(timeout) if the portal wasn't reached or didn't answer.
        - V(auth), V(payment), V(forbidden), V(not_found), V(rate_limited), V(server) or V(rejected) by the HTTP status.
          V(not_found) also if the backup isn't in the history.
        - V(protocol) if the answer can't be the API's.
        - V(conflict), V(guard) or V(task_failed) if something else runs, a guard of this collection refuses, or a task of
          the server ended badly.
      type: str
      returned: failure
    title:
      description: The code in a few words, for a table.
      type: str
      returned: failure
    status:
      description: The HTTP status. V(null) without an answer.
      type: int
      returned: failure
    method:
      description: The request's method. V(null) if none was sent.
      type: str
      returned: failure
    path:
      description: The request's path. V(null) if none was sent.
      type: str
      returned: failure
    detail:
      description: What the server, or the network, said. V(null) for nothing.
      type: str
      returned: failure
log:
  description: What was waited for or repeated, and why.
  returned: with C(-v) or more, if there is anything to say
  type: list
  elements: str
  sample:
    - 'GET /api/2.0/backup/getbackuphistory: timeout, repeated after 0.6 s'
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._backup.api import BackupApi
from ..module_utils._backup.create import ensure_backup, wait_for_task
from ..module_utils._backup.delete import delete_backup
from ..module_utils._backup.record import Record, find, not_found, parse_id
from ..module_utils._backup.storage import SPEC as STORAGE
from ..module_utils._backup.task import WAIT, Poller
from ..module_utils._portal.client import Client
from ..module_utils._portal.errors import config_error
from ..module_utils._portal.module import Result, now, run_module

SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "id": {"type": "str"},
    "task_id": {"type": "str"},
    "dump": {"type": "bool", "default": False},
    **STORAGE,
    "max_age": {"type": "str"},
    "allow_lost_records": {"type": "bool", "default": False},
    **WAIT,
    "on_timeout": {"type": "str", "choices": ["leave", "cancel"], "default": "leave"},
}


def run(module: AnsibleModule, client: Client) -> Result:
    params, poller = module.params, Poller(module.params)
    api = BackupApi(client, params["dump"])
    if params["id"] is None:
        return _create(module, api, poller)
    if params["max_age"] is not None:
        raise config_error("max_age: can't be combined with id.")
    wanted = parse_id(params["id"])
    api.require_dump_support()
    before = find(api.history(), wanted)
    if params["state"] == "present":
        if before is None:
            raise not_found(wanted)
        return Result(changed=False, backup=before.result(now()), diff=_diff(before, before))
    if before is None:
        return Result(changed=False, backup=None, diff=_diff(None, None))
    warning = None if module.check_mode else delete_backup(api, before)
    return Result(
        changed=True, backup=before.result(now()), diff=_diff(before, None), warnings=[warning]
    )


def _create(module: AnsibleModule, api: BackupApi, poller: Poller) -> Result:
    params, check_mode = module.params, module.check_mode
    warnings: list[str | None] = []
    if params["task_id"] is None:
        created = ensure_backup(api, params, poller, now, warnings, check_mode=check_mode)
    else:
        created = wait_for_task(api, params, poller, check_mode=check_mode)
    task, record, joined, changed = created
    # A joined backup isn't this run's change.
    diff = _diff(None if changed or joined else record, None if joined else record)
    if changed and record is None:
        diff["after"] = {"storage_type": params["storage_type"]}
    if task is not None and task.warning:
        warnings.append(f"Backup task {task.id}: {task.warning}")
    values = {"backup": record and record.result(now()), "task": task and task.result()}
    return Result(changed=changed, joined=joined, diff=diff, warnings=warnings, **values)


def _diff(before: Record | None, after: Record | None) -> dict[str, Any]:
    return {"before": before.facts() if before else {}, "after": after.facts() if after else {}}


def main() -> None:
    apart = [("task_id", option) for option in ("id", "max_age", *STORAGE)]
    run_module(
        run,
        argument_spec=SPEC,
        mutually_exclusive=apart,
        required_if=[("state", "absent", ["id"])],
    )


if __name__ == "__main__":
    main()
