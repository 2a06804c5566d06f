# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The code is in the action plugin of the same name: it runs on the controller, and runs the other
# modules. This file is its documentation.

from __future__ import annotations

DOCUMENTATION = r"""
module: docspace_backup_rotation
author:
  - ONLYOFFICE DocSpace collection contributors (!UNKNOWN)
version_added: 0.2.0
short_description: Run the steps of the role backup_rotation
description:
  - Does the work of the role P(onlyoffice.docspace.backup_rotation#role). Use the role, not this action.
  - Sets the schedule, creates a backup, downloads one, prunes the backups and the off-site copies, and reports which ones exist.
    For each of these steps it runs the module of this collection, on the host of the connection.
  - It reads the variables of the role itself. They are no options, so that no output of a task shows a key.
  - When a step is interrupted, no further step is run.
options:
  start:
    description:
      - If V(true), only set the schedule and start the backup, without waiting for it. A later task without O(start) finds
        what was started in the variable that the role registers.
      - With C(wait) or C(on_timeout) in C(backup_rotation_backup), the backup isn't started yet.
    type: bool
    default: false
  inspect:
    description: If V(true), only read the portal and the folder with the off-site copies.
    type: bool
    default: false
  compare:
    description: If V(true), only compare the addresses that the role has settled for the hosts of the play.
    type: bool
    default: false
extends_documentation_fragment:
  - onlyoffice.docspace._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: onlyoffice.docspace.docspace_backup
  - module: onlyoffice.docspace.docspace_backup_download
  - module: onlyoffice.docspace.docspace_backup_file_prune
  - module: onlyoffice.docspace.docspace_backup_prune
  - module: onlyoffice.docspace.docspace_backup_schedule
  - name: "Guide: Back up many portals"
    link: docsite/guide_fleet.html
    description: >-
      The inventory, the role, and what keeps the backups safe.
      In the collection's folder it is C(docs/docsite/rst/guide_fleet.rst).
"""

EXAMPLES = r"""
- name: Rotate the backups of a portal
  ansible.builtin.include_role:
    name: onlyoffice.docspace.backup_rotation
  vars:
    backup_rotation_backup:
      storage_type: local
      path: /srv/backup
      max_age: 20h
    backup_rotation_prune:
      keep_daily: 7
"""

RETURN = r"""
report:
  description: The report, which the role sets as the fact C(backup_rotation_report).
  returned: unless with O(start=true) or O(compare=true)
  type: dict
  contains:
    host:
      description: The name of the host in the inventory.
      type: str
      returned: always
    portal:
      description: The address. Empty if it isn't valid or may hold credentials.
      type: str
      returned: always
    checked_on:
      description: When the report was made, in UTC.
      type: str
      returned: always
    newest:
      description:
        - The newest backup on the portal that doesn't expire, as in
          RV(onlyoffice.docspace.docspace_backup_info#module:backups). V(null) if there is none or it isn't known.
        - In check mode, C(assumed) is V(true) for the backup that would be created.
      type: dict
      returned: always
    newest_offsite:
      description:
        - The newest valid off-site copy, as in RV(onlyoffice.docspace.docspace_backup_file_info#module:files). V(null) if
          there is none or it isn't known.
        - In check mode, C(assumed) is V(true) for the copy that would be downloaded.
      type: dict
      returned: always
    count:
      description: How many backups the portal has, or would have. V(null) if it isn't known.
      type: int
      returned: always
    made:
      description: Whether a backup was created, or would be. V(null) if it isn't known.
      type: bool
      returned: always
    removed:
      description: How many backups were deleted, or would be. V(null) if it isn't known.
      type: int
      returned: always
    offsite_removed:
      description: How many off-site copies were removed, or would be. V(null) if it isn't known.
      type: int
      returned: always
    schedule:
      description: The automatic backup. V(null) if there is none or it isn't known.
      type: dict
      returned: always
    copies:
      description: The backups and off-site copies of the last 60 days, each with C(created_on), C(where) and C(lasting).
      type: list
      elements: dict
      returned: always
    problems:
      description:
        - What is wrong, each with C(step), C(code), C(title) and C(msg).
        - The code is that of the module's failure, or V(interrupted) for a step that was cut short, V(stale) if the newest
          backup is too old, V(prune_skipped) if nothing was pruned because a variable is wrong.
      type: list
      elements: dict
      returned: always
sentences:
  description: The problems, a sentence each.
  returned: unless with O(start=true) or O(compare=true)
  type: list
  elements: str
  sample: []
started:
  description: What was started, for the next task of the role.
  returned: with O(start=true)
  type: dict
hosts:
  description: The hosts whose address other hosts of the play have too, each with a list of these.
  returned: with O(compare=true)
  type: dict
unsettled:
  description: The hosts of the play whose address isn't known.
  returned: with O(compare=true)
  type: list
  elements: str
  sample: []
steps:
  description: Each module that was run, in order.
  returned: unless with O(compare=true)
  type: list
  elements: dict
  contains:
    step:
      description: V(schedule), V(backup), V(download), V(prune), V(download_prune), V(read) or V(files).
      type: str
      returned: always
    module:
      description: The module.
      type: str
      returned: always
    changed:
      description: Whether it changed something, or in check mode would.
      type: bool
      returned: always
    msg:
      description: What it did, or why it failed.
      type: str
      returned: always
  sample:
    - step: backup
      module: onlyoffice.docspace.docspace_backup
      changed: true
      msg: Created 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43.
diff:
  description: The differences of the steps, each with the step in its header.
  returned: with C(--diff), where there are any
  type: list
  elements: dict
"""
