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
short_description: One night of one portal, as the role backup_rotation runs it
description:
  - This is what the role P(onlyoffice.docspace.backup_rotation#role) runs, and the role is the way in. It checks every
    name of an option first, it leaves the fact C(backup_rotation_report), and it fails where it should.
  - It sets the schedule, makes a backup, brings a copy off site, thins out, and judges what is there. For each of these
    steps it runs the module of this collection, where the connection leads. What is not given is not done.
  - A step that fails is a problem, and the others go on. But nothing is thinned out, neither on the portal nor among the
    files, unless a lasting copy is there that is younger than O(max_age).
  - When it is interrupted, no further step is begun.
  - C(module_defaults) of the modules that it runs don't reach them, so that nothing but O(connection) says which portal it
    is.
options:
  connection:
    description: Connection options for all steps. Without C(url) nothing is sent.
    type: dict
  schedule:
    description: Options of M(onlyoffice.docspace.docspace_backup_schedule).
    type: dict
  make:
    description: Options of M(onlyoffice.docspace.docspace_backup).
    type: dict
  offsite:
    description:
      - Options of M(onlyoffice.docspace.docspace_backup_download), and C(keep), a policy of
        M(onlyoffice.docspace.docspace_backup_file_prune) for the files.
    type: dict
  prune:
    description: Options of M(onlyoffice.docspace.docspace_backup_prune).
    type: dict
  max_age:
    description: How old the newest lasting copy may be, on the portal or off site.
    type: str
    required: true
  fail:
    description: Whether the role fails at the end. Here it is only checked for null.
    type: bool
  only_look:
    description: Do nothing but read and judge.
    type: bool
    default: false
  shared:
    description:
      - The addresses to which several hosts of the play lead, each with a list of these hosts.
      - Left out, the variables of all hosts of the play are looked through, which takes its time where there are many.
    type: dict
  begin:
    description:
      - Only set the schedule and start the backup, without waiting for it.
      - Nothing is done in check mode, where no lasting backup is to be made, or where O(make) has C(wait) or C(on_timeout).
    type: bool
    default: false
  begun:
    description: What a task with O(begin=true) returned as RV(begun). The backup is waited for then, and not made again.
    type: dict
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
  - name: "Guide: Many portals, every night"
    link: docsite/guide_fleet.html
    description: >-
      The inventory, the role, and what keeps the backups safe.
      In the collection's folder it is C(docs/docsite/rst/guide_fleet.rst).
"""

EXAMPLES = r"""
- name: Serve a portal
  ansible.builtin.include_role:
    name: onlyoffice.docspace.backup_rotation
  vars:
    backup_rotation_make:
      storage_type: local
      path: /srv/backup
      max_age: 20h
    backup_rotation_prune:
      keep_daily: 7
"""

RETURN = r"""
report:
  description: What the role leaves as C(backup_rotation_report).
  returned: success, unless with O(begin=true)
  type: dict
  contains:
    host:
      description: The host's name in the inventory.
      type: str
      returned: success
    portal:
      description: The address, empty if there is none that may be shown.
      type: str
      returned: success
    checked_on:
      description: When the portal was judged.
      type: str
      returned: success
    newest:
      description: The newest lasting copy on the portal, or V(null).
      type: dict
      returned: success
    newest_offsite:
      description: The newest file off site, or V(null).
      type: dict
      returned: success
    count:
      description: How many backups the portal has. V(null) when its history can't be read.
      type: int
      returned: success
    made:
      description: Whether a backup was made, or in check mode would be.
      type: bool
      returned: success
    removed:
      description: How many backups went, or would.
      type: int
      returned: success
    offsite_removed:
      description: How many files went, or would.
      type: int
      returned: success
    schedule:
      description: The automatic backup, or V(null).
      type: dict
      returned: success
    copies:
      description: The copies of the last 60 days, each with C(created_on), C(where) and C(lasting).
      type: list
      elements: dict
      returned: success
    problems:
      description: What is wrong, each with C(step), C(code), C(title) and C(msg).
      type: list
      elements: dict
      returned: success
sentences:
  description: The problems, a sentence each.
  returned: success, unless with O(begin=true)
  type: list
  elements: str
  sample: []
begun:
  description: What was begun, for O(begun) of the next task.
  returned: with O(begin=true)
  type: dict
steps:
  description: Each module that was run, in order.
  returned: always
  type: list
  elements: dict
  contains:
    step:
      description: V(schedule), V(make), V(offsite), V(read) or V(prune).
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
    - step: make
      module: onlyoffice.docspace.docspace_backup
      changed: true
      msg: Made 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43.
diff:
  description: The differences of the steps, each with the step in its header.
  returned: with C(--diff), where there are any
  type: list
  elements: dict
failure:
  description: That it was interrupted, with C(code) and C(title).
  returned: when it was interrupted
  type: dict
  sample:
    code: task_failed
    title: interrupted
"""
