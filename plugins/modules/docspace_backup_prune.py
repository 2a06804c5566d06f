#!/usr/bin/python
# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docspace_backup_prune
short_description: Thin out the backups of a DocSpace portal
version_added: 0.1.0
author:
  - ONLYOFFICE DocSpace collection contributors (!UNKNOWN)
description:
  - Removes many backups at once, either those that a retention policy doesn't keep, or those that are named.
  - All guards stand before the first delete. The result accounts for every backup, with the reason why it goes or stays.
  - Exactly one of O(ids) and a policy is needed. A policy is at least one O(keep_last) to O(keep_within_yearly).
  - A backup is kept if any rule takes it. The rules do not see each other, so with O(keep_last=2) and O(keep_daily=2)
    and one backup a day, two backups are kept and not four.
options:
  ids:
    description:
      - Remove just these backups, all of them. UUIDs as in M(onlyoffice.docspace.docspace_backup). The same backup
        named twice is one.
      - One that is not in the history is returned in RV(absent). An empty list is nothing to do.
      - The options of a policy are an error beside it.
    type: list
    elements: str
  storage_type:
    description:
      - Look only at backups of these types of storage. The others stay and aren't counted. Belongs to a policy.
    type: list
    elements: str
  name_pattern:
    description:
      - Look only at backups whose file name matches this shell pattern. The others stay and aren't counted. Belongs to a
        policy.
    type: str
  timezone:
    description:
      - The IANA name of the time zone in which hours, days, weeks, months and years begin, such as V(Europe/Berlin). If
        left out, UTC. Belongs to a policy.
      - Other zones than V(UTC) need the time zone data of the system, or the Python package C(tzdata), where the module
        runs.
    type: str
  group_by:
    description:
      - With V(storage_type), the backups of each storage are judged on their own, so backups off site never count against
        those on site. That is also so if it is left out.
      - With V(none), all are judged together. Belongs to a policy.
    type: str
    choices:
      - storage_type
      - none
  min_keep:
    description:
      - If fewer backups than this would be kept in a group, the newest others are kept too. If left out, 1. Belongs to a
        policy.
      - Backups that expire or that are dated after O(now) do not count, and those of O(protect_ids) do.
    type: int
  now:
    description:
      - The time of judgement, as ISO 8601, in UTC unless it says otherwise. If left out, the present. Belongs to a policy.
      - A backup dated after it is kept and takes no place of any rule, since a wrong clock must not push good backups out.
    type: str
  assume_new:
    description:
      - In check mode, plan as if a backup of this storage type had just been created. It is in RV(kept) with an
        RV(kept[].id) of V(null), and counts for O(require_newer_than) unless it expires by itself, as one in
        V(data_store) does.
      - Without check mode it has no effect. So the dry run of a play that first creates a backup predicts what is deleted
        after it.
      - O(name_pattern) is taken to match it. Belongs to a policy.
    type: str
    choices:
      - documents
      - third_party_documents
      - custom_cloud
      - local
      - data_store
      - third_party_consumer
    version_added: 0.2.0
  require_id:
    description:
      - Remove nothing unless this backup is in the history, doesn't expire by itself, and isn't among those that would go.
        Name the one for whose sake the others can go, such as the one that was just made.
    type: str
    version_added: 0.2.0
  require_newer_than:
    description:
      - Remove nothing unless a lasting backup younger than this is left then. V(26h), V(2d), V(1d12h), or a number of
        seconds. One that expires by itself or that is dated more than 5 minutes in the future doesn't count.
      - When backups have failed for days, the old ones stay.
    type: str
    version_added: 0.2.0
  max_delete:
    description:
      - If more backups than this would be removed, the task fails and nothing is removed. V(0) allows none.
    type: int
  concurrency:
    description:
      - How many deletes run at the same time, from 1 to 10. Each has a connection of its own.
    type: int
    default: 4
  dump:
    description:
      - Whether to work on the backups of the whole server instead of the portal's.
    type: bool
    default: false
  gather:
    description:
      - What else to read before the first delete, so that no other task has to. Of V(schedule), RV(schedule) tells.
    type: list
    elements: str
    choices:
      - schedule
    version_added: 0.2.0
extends_documentation_fragment:
  - onlyoffice.docspace._docspace
  - onlyoffice.docspace._retention
  - onlyoffice.docspace._attributes
  - onlyoffice.docspace._attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Checks all guards, and returns what would be removed.
      - Reading the history lets the server drop the records whose file it can't find. No client can avoid that, also not
        in check mode.
  diff_mode:
    support: full
    details:
      - The diff is a table of the backups that go and that stay, with age and reason. It ends after 1,000 lines.
  idempotent:
    support: full
    details:
      - A policy with O(keep_within) or similar, or under which the oldest backup is kept only until a rule is full, may
        remove more later, because time goes on. At the same time it doesn't.
notes:
  - A backup that expires by itself is kept and takes no place of any rule, so it can't push out one that lasts.
  - If the portal doesn't tell the time of a backup, a policy fails and nothing is removed.
  - A failed delete doesn't stop the others. After one that was refused for its credentials, for lack of payment or by TLS,
    or after three lost connections or three HTTP 429 in a row, no more are sent. After any failure the history is read
    again and decides. A delete that got no clear answer may take effect late, so the history is read up to three times
    within O(timeout). The task fails in the end if a backup remains that was to be deleted. Run again to finish the job.
seealso:
  - module: onlyoffice.docspace.docspace_backup_info
  - plugin: onlyoffice.docspace.backup_retention
    plugin_type: filter
  - name: "Guide: Thin out backups"
    link: docsite/guide_prune.html
    description: >-
      One history under one policy, backup by backup, and the guards.
      In the collection's folder it is C(docs/docsite/rst/guide_prune.rst).
"""

EXAMPLES = r"""
- name: Keep a week of daily backups, and four weekly ones
  onlyoffice.docspace.docspace_backup_prune:
    keep_daily: 7
    keep_weekly: 4
    # A typo in the policy can't cost more than this.
    max_delete: 10

# Rules overlap: a backup that is kept as a daily one is also counted as a weekly one.
- name: Keep what is younger than a month, and one of each month for two years
  onlyoffice.docspace.docspace_backup_prune:
    keep_within: 1m
    keep_within_monthly: 2y
    timezone: Europe/Berlin
    protect_ids:
      - 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43

- name: Find the backups of a test
  onlyoffice.docspace.docspace_backup_info:
    name_pattern: '*_test_*'
    expires: false
  register: tests

- name: Find all that don't expire
  onlyoffice.docspace.docspace_backup_info:
    expires: false
  register: permanent

# "ids" removes all that it names, also the last ones.
- name: Remove those of the test if others are left
  onlyoffice.docspace.docspace_backup_prune:
    ids: "{{ tests.backups | map(attribute='id') }}"
  when: tests.count < permanent.count
"""

RETURN = r"""
kept:
  description: What the policy keeps, newest first. Empty with O(ids).
  returned: success, and when a delete failed
  type: list
  elements: dict
  sample:
    - id: 2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43
      file_name: workspace_2026-11-05_03-00-00.tar.gz
      storage_type: local
      created_on: '2026-11-05T03:00:00Z'
      expires_on:
      age_seconds: 86400
      age: 1 day
      reasons:
        - daily
        - weekly
  contains:
    id: &id
      description: The UUID, in lower case with hyphens. V(null) for the backup of O(assume_new).
      type: str
      returned: always
    file_name: &file_name
      description: The name of the backup's file. V(null) for the backup of O(assume_new).
      type: str
      returned: always
    storage_type: &storage_type
      description: Where it is stored, as M(onlyoffice.docspace.docspace_backup_info) returns it.
      type: str
      returned: always
    created_on: &created_on
      description: When the backup was made, in UTC. V(null) if the server gives no readable time.
      type: str
      returned: always
    expires_on: &expires_on
      description: When the server will remove the backup by itself, in UTC. V(null) for never.
      type: str
      returned: always
    age_seconds: &age_seconds
      description: The age at the time of judgement.
      type: int
      returned: always
    age: &age
      description: The same in words, such as V(12 hours). V(null) if RV(removed[].age_seconds) is.
      type: str
      returned: always
    reasons: &reasons
      description:
        - Why it stays. V(protected), V(future), V(expires), the name of each rule that takes it (such as V(daily),
          V(within 7d), V(within daily)), the same with V(oldest) before it, or V(min_keep).
        - Why it goes. V(not kept by any rule) or V(named).
      type: list
      elements: str
      returned: always
removed:
  description: What was removed, or in check mode would be, oldest first.
  returned: success, and when a delete failed
  type: list
  elements: dict
  sample:
    - id: 7c9e6679-7425-40de-944b-e07fc1f90ae7
      file_name: workspace_2026-10-01_03-00-00.tar.gz
      storage_type: local
      created_on: '2026-10-01T03:00:00Z'
      expires_on:
      age_seconds: 3110400
      age: 36 days
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
    reasons: *reasons
failures:
  description:
    - What should have gone and is still there, or of which that isn't known.
  returned: success, and when a delete failed
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
    failure:
      description: What went wrong with this one, with the keys of RV(failure). Its C(detail) is V(not tried) if none was sent.
      type: dict
      returned: always
absent:
  description: The UUIDs in O(ids) that aren't in the history, and those that went by themselves.
  returned: success, and when a delete failed
  type: list
  elements: str
  sample: []
counts:
  description: How many there are.
  returned: success, and when a delete failed
  type: dict
  sample:
    total: 30
    considered: 30
    kept: 11
    removed: 19
    failures: 0
    absent: 0
  contains:
    total:
      description: In the history.
      type: int
      returned: always
    considered:
      description: Looked at, after the filters.
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
schedule:
  description:
    - The automatic backup, as M(onlyoffice.docspace.docspace_backup_info) returns it. V(null) for none, and if O(gather)
      doesn't ask for it.
  returned: success, and when a delete failed
  type: dict
  version_added: 0.2.0
  sample:
diff:
  description: The plan as a table.
  returned: success, and when a delete failed
  type: dict
  sample:
    prepared: "- 7c9e6679-7425-40de-944b-e07fc1f90ae7  workspace_2026-10-01_03-00-00.tar.gz     36d 0h  local                  not kept by any rule\n"
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
    method: DELETE
    path: /api/2.0/backup/deletebackup/7c9e6679-7425-40de-944b-e07fc1f90ae7
    detail: Access denied
log:
  description: What was waited for or repeated, and why.
  returned: with C(-v) or more, if there is anything to say
  type: list
  elements: str
  sample:
    - 'GET /api/2.0/backup/getbackuphistory: timeout, repeated after 0.6 s'
"""

from datetime import datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._backup.api import BackupApi
from ..module_utils._backup.delete import Outcome, delete_backups
from ..module_utils._backup.prune import (
    assume,
    check_limits,
    check_max_delete,
    check_required,
    diff_table,
    incomplete_prune,
    plan_named,
    plan_policy,
    prune_result,
    read_now,
    read_policy,
)
from ..module_utils._backup.record import Record, parse_id, select, unknown_types
from ..module_utils._backup.retention import OPTIONS
from ..module_utils._backup.schedule import masked
from ..module_utils._backup.storage import STORAGE_TYPES
from ..module_utils._portal.client import Client
from ..module_utils._portal.errors import DocSpaceError, config_error
from ..module_utils._portal.module import Result, now, run_module
from ..module_utils._portal.values import duration

RULES = [option for option in OPTIONS if option.startswith("keep_")]
BESIDE_RULES: dict[str, Any] = {
    "timezone": {"type": "str"},
    "group_by": {"type": "str", "choices": ["storage_type", "none"]},
    "storage_type": {"type": "list", "elements": "str"},
    "name_pattern": {"type": "str"},
    "min_keep": {"type": "int"},
    "now": {"type": "str"},
    "assume_new": {"type": "str", "choices": list(STORAGE_TYPES)},
}
SPEC: dict[str, Any] = {
    "ids": {"type": "list", "elements": "str"},
    **{rule: {"type": "str" if "within" in rule else "int"} for rule in RULES},
    **BESIDE_RULES,
    "protect_ids": {"type": "list", "elements": "str"},
    "require_id": {"type": "str"},
    "require_newer_than": {"type": "str"},
    "max_delete": {"type": "int"},
    "concurrency": {"type": "int", "default": 4},
    "dump": {"type": "bool", "default": False},
    "gather": {"type": "list", "elements": "str", "choices": ["schedule"]},
}


def run(module: AnsibleModule, client: Client) -> Result:
    params, api = module.params, BackupApi(client, module.params["dump"])
    protected = {parse_id(one, "protect_ids") for one in params["protect_ids"] or []}
    ids = _named(params, protected)
    policy = None if ids is not None else read_policy(params)
    wanted, max_age = params["require_id"], duration(params, "require_newer_than")
    wanted = None if wanted is None else parse_id(wanted, "require_id")
    time = read_now(params, now())
    api.require_dump_support()
    history = api.history()
    warnings: list[str | None] = []
    if policy is None:
        plan = plan_named(history, ids or [])
    else:
        kinds, pattern = params["storage_type"], params["name_pattern"]
        warnings.append(unknown_types(history, kinds))
        records = select(history, storage_type=kinds, name_pattern=pattern)
        new = _assumed(params, time) if module.check_mode else []
        plan = plan_policy([*records, *select(new, storage_type=kinds)], policy, time)
        history = [*new, *history]
    # The assumed backup is from the time of `now`, but new in fact.
    present = [one if one.id else one._replace(created_on=now()) for one in history]
    warnings.append(check_required(plan, present, wanted, max_age, now()))
    warnings.append(check_limits(plan, history, protected, params["max_delete"]))
    schedule = masked(api.schedule()) if params["gather"] else None
    to_remove = [record for record, _reasons in plan.remove]
    outcome = Outcome({record.id for record in to_remove}, {}, [], [])
    if to_remove and not module.check_mode:
        outcome = delete_backups(api, to_remove, concurrency=params["concurrency"])
    values = {**prune_result(plan, outcome, len(history), time), "schedule": schedule}
    diff = {"prepared": diff_table(plan, time)}
    outcome = outcome._replace(warnings=[*warnings, *outcome.warnings])
    if outcome.failures:
        raise incomplete_prune(outcome, {**values, "diff": diff})
    return Result(changed=bool(outcome.removed), diff=diff, warnings=outcome.warnings, **values)


def _named(params: dict[str, Any], protected: set[str]) -> list[str] | None:
    """Return the IDs to remove, None for a policy. Checks the options that concern both."""
    if params["concurrency"] not in range(1, 11):
        raise config_error("concurrency: must be a number from 1 to 10.")
    check_max_delete(params)
    given = [option for option in (*RULES, *BESIDE_RULES) if params[option] is not None]
    if params["ids"] is None:
        if not set(given) & set(RULES):
            raise config_error("Set 'ids', or a policy of at least one 'keep_*' option.")
        return None
    if given:
        raise config_error(f"{given[0]}: can't be combined with ids.")
    ids = [parse_id(one, "ids") for one in params["ids"]]
    both = sorted(protected & set(ids))
    if both:
        raise DocSpaceError(
            "guard", f"protect_ids: {both[0]} is in 'ids', too. Remove it from one of them."
        )
    return ids


def _assumed(params: dict[str, Any], time: datetime) -> list[Record]:
    kind = params["assume_new"]
    return [assume(kind, time, expires=kind == "data_store")] if kind else []


def main() -> None:
    run_module(run, argument_spec=SPEC, empty=("ids", "protect_ids"))


if __name__ == "__main__":
    main()
