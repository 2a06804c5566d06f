#!/usr/bin/python
# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docspace_backup_download
short_description: Bring a backup of a DocSpace portal off site
version_added: 0.2.0
author:
  - ONLYOFFICE DocSpace collection contributors (!UNKNOWN)
description:
  - Has the portal make a temporary backup, fetches its file to the machine where the module runs, reads it to its last
    byte, and only then gives it its name. A manifest beside it says what it is a copy of, and what its bytes add up to.
  - With O(max_age) a copy that is there and young enough is enough, and the portal isn't asked at all.
  - Whatever ends a run early, the next one goes on from there. At the end there is one whole file, or the one that was
    there before.
options:
  dest:
    description:
      - Where the copy goes, on the machine where the module runs. An absolute path.
      - In a folder that exists, the file is named after the portal and the time of the backup, such as
        V(docspace.example.com_2026-11-05T03-00-00Z.tar.gz). Each run adds one.
      - Or the name of a file in such a folder. The copy takes the place of the file that is there.
      - Nothing that its manifest says is of another portal, or of another kind (O(dump)), is ever replaced.
      - A folder in which every user can replace files is refused. Use one that only the user who runs the module can write
        to.
    type: path
    required: true
  id:
    description:
      - Fetch this backup and make none. The portal has a file to give away only for a temporary backup that its last
        backup task made, for a day.
      - If a whole copy of it is there, nothing is done.
      - The backup's UUID as M(onlyoffice.docspace.docspace_backup_info) returns it.
    type: str
  max_age:
    description:
      - If a copy of this portal in O(dest) is younger than this, nothing is done, and nothing is sent. V(1d), V(36h),
        V(2w), V(1d12h), or a number of seconds. There are no months; write V(30d).
      - A copy counts when its manifest says that it is of this portal and of this kind, and when it has the size that it
        says. One that is dated more than 5 minutes in the future doesn't count.
      - Without it, each run fetches a new backup. Beside O(id) it is an error.
    type: str
  dump:
    description:
      - Whether to bring a backup of the whole server, a dump, off site and not one of the portal.
    type: bool
    default: false
  keep_on_portal:
    description:
      - Whether to leave the temporary backup on the portal, where it expires after a day. Otherwise it is deleted there
        once the copy is in place.
      - A backup that this run hasn't made is never deleted.
    type: bool
    default: false
  min_free_percent:
    description:
      - How much of the file system of O(dest) stays free, in per cent of its size. 0 to 99.
      - It is checked before anything is sent, again once the length of the file is known (also in check mode), and while
        the file comes.
      - If the disk fills up while the file comes, the incomplete file is removed and the task fails.
    type: int
    default: 3
  allow_lost_records:
    description:
      - If V(true), a temporary backup (V(data_store)) is created even if the server then drops the records of other
        backups. Their files stay.
      - The server looks for copies in an object storage in another folder while a temporary backup is listed before them.
        That hits copies that were written without the storage parameter V(subdir). So the module reads the
        schedule first, and fails with V(guard) if it writes such copies. In check mode, too, where a V(subdir) that an
        earlier task would set isn't known.
      - Copies of an earlier schedule, or of another portal of the server, can't be seen, so they don't count here.
      - The schedule isn't read, and nothing is refused, when no backup is created.
    type: bool
    default: false
  wait_timeout:
    description:
      - How many seconds the task may take to have the backup created and to fetch it. 1 or more. The file is checked
        while it comes, so that needs no time of its own. To read what an earlier run has fetched doesn't count.
      - When it has passed, the task fails. A backup that is still being created goes on, what was fetched stays, and the
        next run resumes there.
      - Choose it by the size of the portal and by your line, and below 24 hours, when the link of the portal expires.
    type: int
    default: 14400
  poll_interval:
    description:
      - How many seconds to wait between two looks at the task that makes the backup. 1 or more. For a long task they
        become longer, up to 30 seconds.
    type: int
    default: 5
  mode:
    description:
      - The permissions of the copy and of its manifest. V(0600) unless it is given.
      - A mode that lets every user write is refused, because the copy wouldn't count as one.
extends_documentation_fragment:
  - onlyoffice.docspace._docspace
  - onlyoffice.docspace._attributes
  - onlyoffice.docspace._attributes.action_group
  - ansible.builtin.files
attributes:
  check_mode:
    support: full
    details:
      - Sends reading requests only. How long the file will be, and so whether there is room for it, is known only of a
        backup that is there.
      - Reading the history lets the server drop the records whose file it can't find. No client can avoid that, also not
        in check mode.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - Only with O(max_age) or O(id). Without them each run brings a new backup.
notes:
  - Before anything is sent, the module creates, locks, writes, renames and removes small files in the folder of O(dest),
    and gives them the mode and the owner that it is asked for. So a folder that doesn't take the copy costs no backup on
    the portal. In check mode it finds out what it can without writing.
  - While a file comes, it is called C(.ID.part) in the folder of O(dest). It stays there when a run ends early, unless it
    is empty and of no use to the next run. What is older than 25 hours, when no link is good any more, is removed by the
    next run.
  - A C(.ID.part) is resumed only if it is a regular file with one name that belongs to the user who runs the module and that
    nobody else can write to. Otherwise the task fails with V(guard).
  - A copy or a manifest that belongs to another user than the one who runs the module, root, or the owner of the folder, or
    that every user can write to, doesn't count as one that is there.
  - While a backup runs on the portal, the server starts no other one. The module waits for it, and fetches it if it is a
    temporary one (RV(joined=true)); else it then has its own made.
  - The credentials must be those of a portal administrator; a key that may only read can fetch (O(id)), but not have a
    backup made.
  - The link to the file, and where the portal redirects it to, are secrets. They are shown nowhere.
  - Whatever comes from another place than the portal, such as the object storage behind it, is fetched without the
    portal's credentials, and its certificate is checked as O(validate_certs) says. An authority in O(ca_path) counts
    there beside those of the system.
seealso:
  - module: onlyoffice.docspace.docspace_backup_file_info
  - module: onlyoffice.docspace.docspace_backup_restore
  - module: onlyoffice.docspace.docspace_backup
  - name: "Guide: Bring backups off site"
    link: docsite/guide_offsite.html
    description: >-
      What it needs, how long it takes, thinning out the copies, checking them years later.
      In the collection's folder it is C(docs/docsite/rst/guide_offsite.rst).
"""

EXAMPLES = r"""
- name: Bring a copy off site, unless there is one that is younger than a day
  onlyoffice.docspace.docspace_backup_download:
    dest: /srv/docspace-copies
    max_age: 24h
  register: copy

- name: Show where it is
  ansible.builtin.debug:
    msg: "{{ copy.dest }}: {{ copy.size }} bytes, sha256 {{ copy.sha256 }}"

# Without "max_age" each run would fetch a new backup.
- name: Keep one file that other programs pick up
  onlyoffice.docspace.docspace_backup_download:
    dest: /srv/docspace-copies/portal.tar.gz
    max_age: 12h
    mode: "0640"

- name: Make a temporary backup
  onlyoffice.docspace.docspace_backup:
    storage_type: data_store
  register: made

- name: Fetch just this one, and leave it on the portal
  onlyoffice.docspace.docspace_backup_download:
    dest: /srv/docspace-copies
    id: "{{ made.backup.id }}"

- name: Bring a backup of the whole server off site
  onlyoffice.docspace.docspace_backup_download:
    dest: /srv/docspace-copies
    dump: true
    max_age: 7d
    wait_timeout: 43200
"""

RETURN = r"""
dest:
  description: The copy. V(null) in check mode, when O(dest) is a folder and no copy is there yet.
  returned: success
  type: str
  sample: /srv/docspace-copies/docspace.example.com_2026-11-05T03-00-00Z.tar.gz
size:
  description: Its length in bytes. V(null) in check mode, when it isn't known yet.
  returned: success
  type: int
  sample: 314701680
sha256:
  description: The checksum of the whole file. V(null) in check mode, when it isn't known yet.
  returned: success
  type: str
  sample: 8829ad73114e4c4dca2b19af4ba174c2f2955a7ee6bbf99b5eebc7d48d42f35c
backup:
  description:
    - The backup that it is a copy of. V(null) in check mode, when it isn't made yet.
    - For a copy that was there, as its manifest says.
  returned: success
  type: dict
  sample:
    id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
    file_name: workspace_2026-11-05_03-00-00.tar.gz
    storage_type: data_store
    created_on: '2026-11-05T03:00:00Z'
    expires_on: '2026-11-06T03:00:00Z'
    age_seconds: 120
    age: 2 minutes
  contains:
    id:
      description: The UUID, in lower case with hyphens.
      type: str
      returned: success
    file_name:
      description: What the server called its file.
      type: str
      returned: success
    storage_type:
      description: V(data_store), the portal's temporary storage.
      type: str
      returned: success
    created_on:
      description: When the backup was made, in UTC.
      type: str
      returned: success
    expires_on:
      description: When the server will remove it by itself, in UTC. V(null) for a copy that was there.
      type: str
      returned: success
    age_seconds:
      description: The age at the time of the task.
      type: int
      returned: success
    age:
      description: The same in words, such as V(12 hours), for a table.
      type: str
      returned: success
task:
  description:
    - The server's task that made the backup. V(null) if a copy was there, or in check mode if none has run.
    - Also returned when the task failed after it was begun.
  returned: success
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
  returned: success
  type: bool
  sample: false
resumed:
  description: How often the file was gone on with after it had been cut off, in this run or at the end of an earlier one.
  returned: success
  type: int
  sample: 0
diff:
  description: The copy before and after.
  returned: success
  type: dict
  sample:
    before: {}
    after:
      dest: /srv/docspace-copies/docspace.example.com_2026-11-05T03-00-00Z.tar.gz
      id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
      created_on: '2026-11-05T03:00:00Z'
      size: 314701680
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
        - V(config) for bad input, or for a folder that doesn't take a copy; found before anything was sent.
        - V(connection), V(tls) or V(timeout) if the portal wasn't reached or didn't answer.
        - V(auth), V(payment), V(forbidden), V(not_found), V(rate_limited), V(server) or V(rejected) by the HTTP status.
          V(not_found) also if the portal has no link to the backup.
        - V(protocol) if the answer can't be the API's, the link leads elsewhere, or the file isn't whole.
        - V(conflict) if another run works on the same file, or another backup has taken the place of this one.
        - V(guard) if the file that is there is not of this portal, others can change what is in the folder, there is no
          room on the disk, or the server would drop the records of other backups (O(allow_lost_records)).
        - V(task_failed) if the backup ended badly, O(wait_timeout) has passed, or the file can't be written.
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
  description: What took how long, what was repeated, and why.
  returned: with C(-v) or more, if there is anything to say
  type: list
  elements: str
  sample:
    - created in 42 s
    - downloaded 315026474 bytes in 4.0 s (78.8 MB/s)
    - 'verified: 2150 entries, sha256 8829ad73114e4c4dca2b19af4ba174c2f2955a7ee6bbf99b5eebc7d48d42f35c'
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._backup.destination import parse_dest
from ..module_utils._backup.download import Download, DownloadRequest, DownloadResult
from ..module_utils._backup.local_files import distrust_of
from ..module_utils._backup.manifest import Manifest, manifest_path
from ..module_utils._backup.record import parse_id
from ..module_utils._backup.task import WAIT, Poller
from ..module_utils._portal.client import Client
from ..module_utils._portal.errors import FileOptionsError, config_error
from ..module_utils._portal.module import Result, now, run_module, set_file_options
from ..module_utils._portal.values import duration, format_time, normalize_portal

SPEC: dict[str, Any] = {
    "dest": {"type": "path", "required": True},
    "id": {"type": "str"},
    "max_age": {"type": "str"},
    "dump": {"type": "bool", "default": False},
    "keep_on_portal": {"type": "bool", "default": False},
    "allow_lost_records": {"type": "bool", "default": False},
    "min_free_percent": {"type": "int", "default": 3},
    "wait_timeout": {"type": "int", "default": 14400},
    "poll_interval": WAIT["poll_interval"],
}


def run(module: AnsibleModule, client: Client) -> Result:
    params = module.params
    # Ansible adds what it sees of a file `dest` to the result, which a dry run can't.
    module.add_path_info = lambda result: result
    poller, max_age = Poller(params), duration(params, "max_age")
    wanted = None if params["id"] is None else parse_id(params["id"])
    if wanted is not None and max_age is not None:
        raise config_error("max_age: can't be combined with id.")
    min_free = params["min_free_percent"]
    if not 0 <= min_free <= 99:
        raise config_error("min_free_percent: must be a number from 0 to 99.")
    request = DownloadRequest(
        wanted, max_age, params["keep_on_portal"], now(), params["allow_lost_records"]
    )
    portal = normalize_portal(client.url)
    destination = parse_dest(params["dest"], portal, dump=params["dump"], min_free=min_free)
    distrust = distrust_of(params["mode"], params["owner"], destination.folder)
    if distrust is not None:
        raise config_error(
            f"{distrust}, so it wouldn't count as a copy. Nothing was sent. Give 'group' and a mode such "
            "as '0640', or let the folder belong to that owner."
        )

    def apply_attributes(path: str) -> bool:
        return set_file_options(module, path)

    job = Download(client, destination, poller, request, apply_attributes)
    copy = job.preview() if module.check_mode else job.run()
    changed = copy.changed
    if copy.path is not None and not changed:
        try:
            changed = apply_attributes(copy.path) | apply_attributes(manifest_path(copy.path))
        except FileOptionsError as error:
            raise config_error(str(error)) from error
    return Result(
        changed=changed,
        diff=_diff(copy, params["dest"]),
        warnings=copy.warnings,
        dest=copy.path,
        size=copy.size,
        sha256=copy.manifest and copy.manifest.sha256,
        backup=copy.record and copy.record.result(now()),
        task=copy.task and copy.task.result(),
        joined=copy.joined,
        resumed=copy.resumed,
    )


def _diff(copy: DownloadResult, dest: str) -> dict[str, Any]:
    def facts(manifest: Manifest) -> dict[str, Any]:
        created_on = format_time(manifest.created_on)
        return {
            "dest": copy.path,
            "id": manifest.id,
            "created_on": created_on,
            "size": manifest.size,
        }

    before = facts(copy.replaced) if copy.replaced else {}
    return {"before": before, "after": facts(copy.manifest) if copy.manifest else {"dest": dest}}


def main() -> None:
    run_module(run, argument_spec=SPEC, add_file_common_args=True)


if __name__ == "__main__":
    main()
