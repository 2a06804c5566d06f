#!/usr/bin/python
# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docspace_backup
short_description: Make a backup of a DocSpace portal be gone, or be there
version_added: 0.1.0
author:
  - ONLYOFFICE DocSpace collection contributors (!UNKNOWN)
description:
  - With O(state=absent), looks for a backup in the portal's history and deletes it if it is there.
  - With O(state=present), checks that a backup is in the portal's history.
  - The history is always asked before anything is deleted. The server itself answers a delete of an unknown backup with
    an internal error, and the delete of another portal's backup with success without deleting it; neither reaches the
    user.
options:
  state:
    description:
      - V(absent) deletes the backup O(id), if it is in the history.
      - V(present) needs the backup O(id) to be in the history, and fails if it isn't. It never makes another one in its
        place.
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
  dump:
    description:
      - Whether the backup is one of the whole server, a dump. Their history is a list of its own, so a dump is only found
        with V(true), and a portal's backup only with V(false).
    type: bool
    default: false
extends_documentation_fragment:
  - onlyoffice.docspace._docspace
  - onlyoffice.docspace._attributes
  - onlyoffice.docspace._attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Reading the history lets the server drop the records whose file it can't find. No client can avoid that, also not
        in check mode.
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - The server hides a record before it deletes the file. When the delete fails, the record is gone all the same; the
    module then reports RV(ignore:changed=true) with a warning that the file may remain on the storage.
seealso:
  - module: onlyoffice.docspace.docspace_backup_info
  - ref: ansible_collections.onlyoffice.docspace.docsite.guide_delete
    description: The task, the dry run, what RV(ignore:changed) means, each failure and what to do about it.
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

- name: Look for local backups older than 90 days
  onlyoffice.docspace.docspace_backup_info:
    storage_type: [local]
    older_than: 90d
  register: old

- name: Delete them one by one
  onlyoffice.docspace.docspace_backup:
    id: "{{ item.id }}"
    state: absent
  loop: "{{ old.backups }}"
  loop_control:
    label: "{{ item.file_name }}"
"""

RETURN = r"""
backup:
  description:
    - The backup that was deleted, or in check mode would be. V(null) if it wasn't in the history.
    - With O(state=present), the backup that is there.
  returned: success
  type: dict
  sample:
    id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
    file_name: workspace_2026-11-05_03-00-00.tar.gz
    storage_type: local
    created_on: '2026-11-05T03:00:00Z'
    expires_on:
    age_seconds: 86400
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
  description: What was repeated, and why.
  returned: with C(-v) or more, if there is anything to say
  type: list
  elements: str
  sample:
    - 'GET /api/2.0/backup/getbackuphistory: timeout, repeated after 0.6 s'
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._backup import Record, delete, find, parse_id, read_history
from ..module_utils._client import Client
from ..module_utils._errors import DocSpaceError, config_error
from ..module_utils._module import Result, now, run_module

SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "id": {"type": "str"},
    "dump": {"type": "bool", "default": False},
}


def run(module: AnsibleModule, client: Client) -> Result:
    if module.params["id"] is None:
        raise config_error("id: missing. This version can't make backups, only find or delete one.")
    wanted = parse_id(module.params["id"])
    dump = module.params["dump"]
    before = find(read_history(client, dump=dump), wanted)
    if module.params["state"] == "present":
        return Result(changed=False, backup=_there(before, wanted), diff=_diff(before, before))
    if before is None:
        return Result(changed=False, backup=None, diff=_diff(None, None))
    warning = None if module.check_mode else delete(client, before, dump=dump)
    return Result(
        changed=True, backup=before.result(now()), diff=_diff(before, None), warnings=[warning]
    )


def _there(record: Record | None, wanted: str) -> dict[str, Any]:
    if record is None:
        raise DocSpaceError(
            "not_found",
            f"Backup {wanted} is not in the history. List what is there with docspace_backup_info; "
            "the backups of the whole server are a list of their own ('dump').",
        )
    return record.result(now())


def _diff(before: Record | None, after: Record | None) -> dict[str, Any]:
    return {"before": before.facts() if before else {}, "after": after.facts() if after else {}}


def main() -> None:
    run_module(run, argument_spec=SPEC, required_if=[("state", "absent", ["id"])])


if __name__ == "__main__":
    main()
