#!/usr/bin/python
# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docspace_backup_file_info
short_description: Tell whether backup files of DocSpace portals are whole
version_added: 0.2.0
author:
  - ONLYOFFICE DocSpace collection contributors (!UNKNOWN)
description:
  - Reads backup files where the module runs, and tells of each whether it is whole, what it is a backup of, and whether
    it still is the file that its manifest describes.
  - Asks no portal, needs no credentials, and takes no connection options. Nothing is unpacked or changed.
  - A file that is broken or no backup at all is a row in the result that says why, not a failure.
options:
  path:
    description:
      - A file, or a folder.
      - In a folder all files are judged that have a manifest, a name of the form
        V(docspace.example.com_2026-11-05T03-00-00Z.tar.gz), or the first bytes of a gzip or tar file. What lies in
        folders below it is not looked at.
      - The path itself may be a symbolic link. Links in the folder, and pipes, devices and sockets, are never opened. They
        have a row only if their name has that form.
    type: path
    required: true
  verify:
    description:
      - Whether to read the files to their end. Only then is it known whether a file is whole. Memory doesn't grow with
        the file.
      - A file that is found to be invalid isn't read any further.
      - With V(false) a file is believed to be whole when it has the size that its manifest says. Without a manifest
        nothing is known of it.
    type: bool
    default: true
  newer_than:
    description:
      - Only files whose backup is younger than this. V(90d), V(36h), V(2w), V(1y), V(1d12h), or a number of seconds.
        There are no months; write V(30d).
    type: str
  older_than:
    description:
      - Only files whose backup is of this age or older, written as O(newer_than).
    type: str
  ids:
    description:
      - Only copies of the backups with these UUIDs. Use this to name a file that another task has found, because Ansible
        expands C($) and C(~) in a O(path).
    type: list
    elements: str
  portal:
    description:
      - Only files of the portal with this address. V(https://docspace.example.com) and
        V(https://DocSpace.example.com:443/) are the same.
    type: str
extends_documentation_fragment:
  - onlyoffice.docspace._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details:
      - Nothing is changed.
  idempotent:
    support: full
requirements:
  - python >= 3.9 where the module runs
notes:
  - The age of a file is that of the backup, as its manifest says. A file without a manifest comes last, matches none of
    O(ids), O(newer_than), O(older_than) and O(portal), and is never RV(latest).
  - A manifest is used only if it belongs to the user who runs the module, to root, or to the owner of the folder, and not
    every user can write to it. A file that doesn't meet these conditions is valid only if it was read to its end.
  - If every user can replace files in the folder, there is a warning.
  - A gzip file may unpack to 16 GiB and 200 times its own size. One that unpacks to more is invalid, and isn't unpacked
    any further. Nothing is written to the disk.
  - A file whose name holds C($), begins with C(~), or can't be shown as it is (control characters, bytes that aren't UTF-8)
    would be taken for a different file when its path is given to a task. It has an entry in RV(files[].problems), and is
    never RV(latest). M(onlyoffice.docspace.docspace_backup_download) doesn't take it for a copy.
  - A plain tar file has no checksum over what it holds. Without a manifest, a changed byte in it can't be seen.
  - This module isn't in the action group C(docspace), because it takes no connection options.
seealso:
  - module: onlyoffice.docspace.docspace_backup_info
"""

EXAMPLES = r"""
- name: Read every byte of the copies that are off site
  onlyoffice.docspace.docspace_backup_file_info:
    path: /srv/docspace-copies
  register: copies

- name: Fail when one of them is broken
  ansible.builtin.assert:
    that: copies.files | rejectattr('valid') | length == 0
    fail_msg: "{{ copies.files | rejectattr('valid') | map(attribute='path') }}"

# Size and manifest only: quick enough for every night.
- name: Look for a copy that is younger than a day
  onlyoffice.docspace.docspace_backup_file_info:
    path: /srv/docspace-copies
    portal: https://docspace.example.com
    newer_than: 24h
    verify: false
  register: young

# "latest" is null when there is none.
- name: Fail without one
  ansible.builtin.assert:
    that: young.latest is not none

# Files without a manifest have neither id nor time, so no policy can judge them.
- name: See which copies a policy would keep
  ansible.builtin.debug:
    msg: "{{ copies.files | selectattr('manifest') | onlyoffice.docspace.backup_retention(keep_daily=7) }}"
"""

RETURN = r"""
files:
  description: The files, newest first, those without a manifest last.
  returned: success
  type: list
  elements: dict
  sample:
    - path: /srv/docspace-copies/docspace.example.com_2026-11-05T03-00-00Z.tar.gz
      valid: true
      problems: []
      kind: portal
      size: 314701680
      sha256: 8829ad73114e4c4dca2b19af4ba174c2f2955a7ee6bbf99b5eebc7d48d42f35c
      entries: 2150
      portal: https://docspace.example.com
      id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
      created_on: '2026-11-05T03:00:00Z'
      age_seconds: 43200
      age: 12 hours
      storage_type: data_store
      manifest: true
      matches_manifest: true
  contains: &file
    path:
      description: Where the file is. Bytes in its name that aren't UTF-8 are shown as V(?), control characters
        as U+FFFD. Rename such a file before you use its path in another task.
      type: str
      returned: success
    valid:
      description:
        - Whether it is a whole backup, and the one that its manifest describes.
        - V(null) if that isn't known, because the file can't be read, or because it has no manifest, or every user can write
          to it, and it wasn't read to its end.
      type: bool
      returned: success
    problems:
      description: Why it isn't valid or not known, what is wrong with its manifest, and whether others can change it.
      type: list
      elements: str
      returned: success
    kind:
      description: V(portal) for a backup of a portal, V(dump) for that of a whole server, V(null) for neither.
      type: str
      returned: success
    size:
      description: The size in bytes. V(null) if the file can't be read.
      type: int
      returned: success
    sha256:
      description:
        - The SHA-256 checksum. Without O(verify) that of the manifest, V(null) if there is none that fits.
        - V(null) for a file that was found to be invalid before its end, as it wasn't read any further.
      type: str
      returned: success
    entries:
      description:
        - How many entries the archive has, of a broken one those before the damage. Without O(verify) that of the
          manifest, as RV(files[].sha256).
      type: int
      returned: success
    portal:
      description: The address of the portal that it is a copy of. From the manifest, like all that follows.
      type: str
      returned: success
    id:
      description: The UUID of the backup.
      type: str
      returned: success
    created_on:
      description: When the backup was made, in UTC.
      type: str
      returned: success
    age_seconds:
      description: The age at the time of the task. Negative for a backup that is dated in the future.
      type: int
      returned: success
    age:
      description: The same for people.
      type: str
      returned: success
    storage_type:
      description: Where the portal kept the backup, as M(onlyoffice.docspace.docspace_backup_info) returns it.
      type: str
      returned: success
    manifest:
      description: Whether the file has a manifest that can be read.
      type: bool
      returned: success
    matches_manifest:
      description:
        - Whether the file is what its manifest says. Without O(verify), whether its size is. V(null) without a manifest.
      type: bool
      returned: success
count:
  description: How many files there are in RV(files).
  returned: success
  type: int
  sample: 1
latest:
  description:
    - The newest of them that is valid and not dated more than 5 minutes in the future, and whose path can be given
      to another task. V(null)
      without such a file.
  returned: success
  type: dict
  sample:
    path: /srv/docspace-copies/docspace.example.com_2026-11-05T03-00-00Z.tar.gz
    valid: true
    problems: []
    kind: portal
    size: 314701680
    sha256: 8829ad73114e4c4dca2b19af4ba174c2f2955a7ee6bbf99b5eebc7d48d42f35c
    entries: 2150
    portal: https://docspace.example.com
    id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
    created_on: '2026-11-05T03:00:00Z'
    age_seconds: 43200
    age: 12 hours
    storage_type: data_store
    manifest: true
    matches_manifest: true
  contains: *file
failure:
  description:
    - What went wrong, with the keys RV(ignore:failure.code), RV(ignore:failure.title), RV(ignore:failure.status),
      RV(ignore:failure.method), RV(ignore:failure.path) and RV(ignore:failure.detail), as
      M(onlyoffice.docspace.docspace_backup) describes them. The code is always V(config).
  returned: failure
  type: dict
  sample:
    code: config
    title: wrong options
    status:
    method:
    path:
    detail:
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._backup.backup_files import (
    find_files,
    latest_file,
    newest_first,
    select_files,
    verify_file,
)
from ..module_utils._backup.local_files import error_text, folder_of, folder_risk
from ..module_utils._backup.record import parse_id
from ..module_utils._portal.errors import config_error
from ..module_utils._portal.interrupts import InterruptGuard
from ..module_utils._portal.module import Result, now, run_offline
from ..module_utils._portal.values import duration, normalize_portal

SPEC: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "verify": {"type": "bool", "default": True},
    "newer_than": {"type": "str"},
    "older_than": {"type": "str"},
    "ids": {"type": "list", "elements": "str"},
    "portal": {"type": "str"},
}


def run(module: AnsibleModule, _gate: InterruptGuard) -> Result:
    params, time = module.params, now()
    ids = params["ids"]
    limits: dict[str, Any] = {
        "ids": None if ids is None else {parse_id(one, "ids") for one in ids},
        "newer_than": duration(params, "newer_than"),
        "older_than": duration(params, "older_than"),
        "portal": address(params["portal"]),
    }
    try:
        found = find_files(params["path"])
    except (OSError, ValueError) as error:
        raise config_error(
            f"path: {params['path'][:300]!r} can't be read where the module runs ({error_text(error)}). "
            "Give a backup file, or a folder with some."
        ) from error
    files = newest_first(select_files(found, time, **limits))
    if params["verify"]:
        files = [verify_file(file) for file in files]
    newest = latest_file(files, time)
    return Result(
        changed=False,
        files=[file.result(time) for file in files],
        count=len(files),
        latest=newest and newest.result(time),
        warnings=warnings(params["path"]),
    )


def warnings(path: str) -> list[str | None]:
    try:
        risk = folder_risk(path if Path(path).is_dir() else folder_of(path))
    except OSError:
        return []
    return [risk and f"path: {risk}. Take that permission away from others (chmod o-w)."]


def address(portal: str | None) -> str | None:
    try:
        return None if portal is None else normalize_portal(portal)
    except ValueError as error:
        raise config_error(f"portal: {error}, such as 'https://docspace.example.com'.") from error


def main() -> None:
    run_offline(run, argument_spec=SPEC, addresses=("portal",))


if __name__ == "__main__":
    main()
