#!/usr/bin/python
# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docspace_backup_file_prune
short_description: Prune off-site copies of a DocSpace portal
version_added: 0.2.0
author:
  - ONLYOFFICE DocSpace collection contributors (!UNKNOWN)
description:
  - Removes the copies of one portal in a folder that a retention policy doesn't keep, each with its manifest.
  - A copy is a regular file in exactly this folder that has a manifest, which names O(portal) and the kind of backup (O(dump)),
    and whose size is the one in the manifest. Other files are never removed.
  - Before the first file is removed, the newest copy that is kept is read to its end. If it isn't valid, nothing is
    removed.
  - Needs no portal, no credentials and no connection options.
  - At least one of O(keep_last) to O(keep_within_yearly) is required. A copy is kept if any rule takes it. Rules overlap,
    so with O(keep_last=2) and O(keep_daily=2) and one copy a day, two copies are kept and not four.
options:
  path:
    description:
      - The folder with the copies, where the module runs. Folders below it are not searched.
    type: path
    required: true
  portal:
    description:
      - The address of the portal. Only copies whose manifest names it are evaluated, so portals may share a folder.
        V(https://docspace.example.com) and V(https://DocSpace.example.com:443/) are the same.
    type: str
    required: true
  dump:
    description:
      - Whether to evaluate the copies of server-wide backups instead of those of the portal.
    type: bool
    default: false
  timezone:
    description:
      - The IANA name of the time zone in which hours, days, weeks, months and years begin, such as V(Europe/Berlin). If
        left out, UTC.
      - Other zones than V(UTC) need the time zone data of the system, or the Python package C(tzdata), where the module
        runs.
    type: str
  group_by:
    description:
      - With V(storage_type), the copies of backups that the portal kept in different storages are evaluated separately.
        That is the default.
      - With V(none), all are evaluated together.
    type: str
    choices:
      - storage_type
      - none
  min_keep:
    description:
      - If fewer copies than this would be kept in a group, the newest others are kept too. If left out, 1.
      - Copies that are dated after O(now) don't count, and those of O(protect_ids) do.
    type: int
  now:
    description:
      - The time of the evaluation, as ISO 8601, in UTC unless it says otherwise. If left out, the present.
      - A copy that is dated after it is kept and takes no place of any rule.
    type: str
  require_newer_than:
    description:
      - Remove nothing unless a copy newer than this is kept. V(26h), V(2d), V(1d12h), or a number of seconds. One that is
        dated more than 5 minutes in the future doesn't count.
    type: str
  max_delete:
    description:
      - If more files than this would be removed, the task fails and nothing is removed. V(0) allows none.
    type: int
  assume_new:
    description:
      - In check mode, plan as if a copy had just been downloaded, of a backup of this storage type. It is in RV(kept) with
        an RV(kept[].id) and RV(kept[].path) of V(null), and counts for O(require_newer_than). No file is read to its
        end then, because the download verifies the new one.
      - Without check mode it has no effect.
      - Use V(data_store) for a copy that M(onlyoffice.docspace.docspace_backup_download) downloads without C(id).
    type: str
    choices:
      - documents
      - third_party_documents
      - custom_cloud
      - local
      - data_store
      - third_party_consumer
extends_documentation_fragment:
  - onlyoffice.docspace._retention
  - onlyoffice.docspace._attributes
attributes:
  check_mode:
    support: full
    details:
      - Checks all guards, reads the newest copy that is kept to its end, and returns what would be removed.
  diff_mode:
    support: full
    details:
      - The diff is a table of the copies that are removed and kept, with age and reason. It ends after 1,000 lines.
  idempotent:
    support: full
    details:
      - A policy with O(keep_within) or similar, or under which the oldest copy is kept only until a rule is full, may
        remove more later, because time goes on. At the same time it doesn't.
requirements:
  - python >= 3.9 where the module runs
notes:
  - If several files are copies of the same backup, the backup is evaluated once, by the newest date in their manifests.
    Either all of these files are kept or all are removed.
  - A file of which the manifest is about O(portal), but which isn't a regular file or doesn't have the size that the
    manifest says, is left alone. So is a backup whose manifest can't be read. They are in RV(problems), with a warning.
  - In a folder where every user can replace files, nothing is removed. Like other files of people who aren't trusted, a
    copy or manifest that belongs to a user other than the folder's owner, root, or the one who runs the module is left
    alone.
  - Names of files are used as they are. C($) and C(~) in a name have no meaning, and no link is followed, except in O(path).
  - Right before a file is removed, it is checked to be the one that was evaluated. If it isn't, it is in RV(failures) and
    the task fails in the end; the others are removed.
  - After an interruption no further file is removed. Run the task again to finish.
  - This module isn't in the action group C(docspace), because it takes no connection options.
seealso:
  - module: onlyoffice.docspace.docspace_backup_download
  - module: onlyoffice.docspace.docspace_backup_file_info
  - module: onlyoffice.docspace.docspace_backup_prune
  - name: "Guide: Bring backups off site"
    link: docsite/guide_offsite.html
    description: >-
      How to download copies, and how to prune them.
      In the collection's folder it is C(docs/docsite/rst/guide_offsite.rst).
"""

EXAMPLES = r"""
- name: Keep a week of daily copies, four weekly and twelve monthly ones
  onlyoffice.docspace.docspace_backup_file_prune:
    path: /srv/docspace-copies
    portal: https://docspace.example.com
    keep_daily: 7
    keep_weekly: 4
    keep_monthly: 12
    # If downloads have failed for two days, nothing is removed.
    require_newer_than: 2d
    max_delete: 5

- name: See what a policy would remove
  onlyoffice.docspace.docspace_backup_file_prune:
    path: /srv/docspace-copies
    portal: https://docspace.example.com
    keep_last: 3
  check_mode: true
  register: plan

- name: Show it
  ansible.builtin.debug:
    msg: "{{ plan.removed | map(attribute='path') }}"
"""

RETURN = r"""
kept:
  description: The copies that the policy keeps, newest first.
  returned: success, and when a file could not be removed
  type: list
  elements: dict
  sample:
    - id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
      file_name: workspace_2026-11-05_03-00-00.tar.gz
      storage_type: data_store
      created_on: '2026-11-05T03:00:00Z'
      expires_on:
      age_seconds: 86400
      age: 1 day
      path: /srv/docspace-copies/docspace.example.com_2026-11-05T03-00-00Z.tar.gz
      size: 314701680
      reasons:
        - daily
        - weekly
  contains:
    id: &id
      description: The UUID of the backup, in lower case with hyphens. V(null) for the copy of O(assume_new).
      type: str
      returned: always
    file_name: &file_name
      description: The name that the backup had on the portal. V(null) for the copy of O(assume_new).
      type: str
      returned: always
    storage_type: &storage_type
      description: Where the portal kept the backup, as M(onlyoffice.docspace.docspace_backup_info) returns it.
      type: str
      returned: always
    created_on: &created_on
      description: When the backup was created, in UTC.
      type: str
      returned: always
    expires_on: &expires_on
      description: Always V(null). A copy doesn't expire.
      type: str
      returned: always
    age_seconds: &age_seconds
      description: The age at the time of the evaluation.
      type: int
      returned: always
    age: &age
      description: The same in words, such as V(12 hours).
      type: str
      returned: always
    path: &path
      description:
        - Where the file is. V(null) for the copy of O(assume_new).
        - What a name can't be shown with is replaced by V(?) or U+FFFD. Don't give a path from here to another task if it
          has such characters, C($), or a C(~) at its begin.
      type: str
      returned: always
    size: &size
      description: The size in bytes. V(null) for the copy of O(assume_new).
      type: int
      returned: always
    reasons: &reasons
      description:
        - Why it is kept. V(protected), V(future), the name of each rule that takes it (such as V(daily), V(within 7d),
          V(within daily)), the same with V(oldest) before it, or V(min_keep).
        - Why it is removed. V(not kept by any rule).
      type: list
      elements: str
      returned: always
removed:
  description: What was removed, or in check mode would be, oldest first.
  returned: success, and when a file could not be removed
  type: list
  elements: dict
  sample:
    - id: 7c9e6679-7425-40de-944b-e07fc1f90ae7
      file_name: workspace_2026-10-01_03-00-00.tar.gz
      storage_type: data_store
      created_on: '2026-10-01T03:00:00Z'
      expires_on:
      age_seconds: 3110400
      age: 36 days
      path: /srv/docspace-copies/docspace.example.com_2026-10-01T03-00-00Z.tar.gz
      size: 309128193
      reasons:
        - not kept by any rule
  contains:
    id: *id
    file_name: *file_name
    storage_type: *storage_type
    created_on: *created_on
    expires_on: *expires_on
    age_seconds: *age_seconds
    age: *age
    path: *path
    size: *size
    reasons: *reasons
failures:
  description: What should have been removed and is still there.
  returned: success, and when a file could not be removed
  type: list
  elements: dict
  sample: []
  contains:
    id: *id
    file_name: *file_name
    storage_type: *storage_type
    created_on: *created_on
    expires_on: *expires_on
    age_seconds: *age_seconds
    age: *age
    path: *path
    size: *size
    failure:
      description: What went wrong with this one, with the keys of RV(failure).
      type: dict
      returned: always
absent:
  description: The UUIDs of copies that somebody else removed meanwhile.
  returned: success, and when a file could not be removed
  type: list
  elements: str
  sample: []
problems:
  description: The files that are left alone because they aren't what their manifest says.
  returned: success, when a file could not be removed, and when the newest copy isn't valid
  type: list
  elements: dict
  sample:
    - path: /srv/docspace-copies/docspace.example.com_2026-10-02T03-00-00Z.tar.gz
      problem: it has 1024 bytes, its manifest says 309128193
  contains:
    path:
      description: Where the file is, as RV(kept[].path).
      type: str
      returned: always
    problem:
      description: What is wrong with it.
      type: str
      returned: always
verified:
  description:
    - The newest copy that is kept, after it was read to its end, with the keys of
      RV(onlyoffice.docspace.docspace_backup_file_info#module:files).
    - V(null) if there was nothing to remove, and with O(assume_new) in check mode.
  returned: success, when a file could not be removed, and when the newest copy isn't valid
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
    age_seconds: 86400
    age: 1 day
    storage_type: data_store
    manifest: true
    matches_manifest: true
counts:
  description: How many files there are.
  returned: success, and when a file could not be removed
  type: dict
  sample:
    total: 31
    considered: 30
    kept: 11
    removed: 19
    failures: 0
    absent: 0
  contains:
    total:
      description: In the folder that are about this portal and kind of backup, those in RV(problems) too.
      type: int
      returned: always
    considered:
      description: Evaluated by the policy.
      type: int
      returned: always
    kept:
      description: In RV(kept).
      type: int
      returned: always
    removed:
      description: In RV(removed).
      type: int
      returned: always
    failures:
      description: In RV(failures).
      type: int
      returned: always
    absent:
      description: In RV(absent).
      type: int
      returned: always
diff:
  description: The plan as a table.
  returned: success, and when a file could not be removed
  type: dict
  sample:
    prepared: "- 7c9e6679-7425-40de-944b-e07fc1f90ae7  docs.example.com_2026-10-01T03-00-00Z.tar.gz     36d 0h  data_store             not kept by any rule\n"
failure:
  description:
    - What went wrong, with the keys RV(ignore:failure.code), RV(ignore:failure.title), RV(ignore:failure.status),
      RV(ignore:failure.method), RV(ignore:failure.path) and RV(ignore:failure.detail), as
      M(onlyoffice.docspace.docspace_backup) describes them. The code is V(config), V(guard), or V(task_failed) if a file
      could not be removed or the run was interrupted.
  returned: failure
  type: dict
  sample:
    code: guard
    title: refused by a guard
    status:
    method:
    path:
    detail:
"""

from contextlib import closing
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._backup.file_prune import (
    OffsiteFolder,
    Removal,
    incomplete_removal,
    plan_files,
    remove_files,
    report_files,
    verify_newest,
    warn_of,
)
from ..module_utils._backup.prune import (
    assume,
    check_limits,
    check_max_delete,
    check_required,
    diff_table,
    read_now,
    read_policy,
)
from ..module_utils._backup.record import parse_id
from ..module_utils._backup.retention import OPTIONS
from ..module_utils._backup.storage import STORAGE_TYPES
from ..module_utils._portal.errors import config_error
from ..module_utils._portal.interrupts import InterruptGuard
from ..module_utils._portal.module import Result, now, run_offline
from ..module_utils._portal.values import duration, normalize_portal

RULES = [option for option in OPTIONS if option.startswith("keep_")]
SPEC: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "portal": {"type": "str", "required": True},
    "dump": {"type": "bool", "default": False},
    **{rule: {"type": "str" if "within" in rule else "int"} for rule in RULES},
    "timezone": {"type": "str"},
    "group_by": {"type": "str", "choices": ["storage_type", "none"]},
    "min_keep": {"type": "int"},
    "now": {"type": "str"},
    "protect_ids": {"type": "list", "elements": "str"},
    "require_newer_than": {"type": "str"},
    "max_delete": {"type": "int"},
    "assume_new": {"type": "str", "choices": list(STORAGE_TYPES)},
}


def run(module: AnsibleModule, guard: InterruptGuard) -> Result:
    params, present = module.params, now()
    protected = {parse_id(one, "protect_ids") for one in params["protect_ids"] or []}
    if all(params[rule] is None for rule in RULES):
        raise config_error("Give a policy: at least one 'keep_*' option.")
    policy, max_age = read_policy(params), duration(params, "require_newer_than")
    check_max_delete(params)
    time, portal = read_now(params, present), _address(params["portal"])
    kind = params["assume_new"] if module.check_mode else None
    new = [assume(kind, time, expires=False)] if kind else []
    with closing(OffsiteFolder(params["path"], portal, dump=params["dump"])) as folder:
        plan = plan_files(folder.copies, policy, time, new)
        files, verified = plan.records, None
        copies = [one._replace(created_on=present) for one in new]
        copies += [copy.record for copy in folder.copies]
        warnings = [warn_of(folder.problems), check_required(files, copies, None, max_age, present)]
        warnings.append(check_limits(files, copies, protected, params["max_delete"]))
        if plan.remove:
            folder.require_usable()
            verified = verify_newest(folder, plan, present)
        outcome = Removal(plan.remove, [], [], [])
        if not module.check_mode:
            outcome = remove_files(folder, plan.remove, guard)
        values = report_files(plan, outcome, folder, time)
    values["verified"] = verified and verified.result(time)
    diff = {"prepared": diff_table(files, time)}
    outcome.warnings[:0] = warnings
    if outcome.failures:
        raise incomplete_removal(outcome, {**values, "diff": diff})
    return Result(changed=bool(outcome.removed), diff=diff, warnings=outcome.warnings, **values)


def _address(portal: str) -> str:
    try:
        return normalize_portal(portal)
    except ValueError as error:
        raise config_error(f"portal: {error}, such as 'https://docspace.example.com'.") from error


def main() -> None:
    run_offline(run, argument_spec=SPEC, addresses=("portal",), empty=("protect_ids",))


if __name__ == "__main__":
    main()
