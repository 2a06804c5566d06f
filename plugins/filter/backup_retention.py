# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_retention
author:
  - ONLYOFFICE DocSpace collection contributors (!UNKNOWN)
version_added: 0.1.0
short_description: Judge a list of backups by a retention policy
description:
  - Tells which backups a policy keeps and which it removes, and why. It asks no server and changes nothing.
  - The policy has the options, durations and results of M(onlyoffice.docspace.docspace_backup_prune),
    so this filter shows beforehand what that module would do, also for a history that was only saved to a file or made up.
  - A backup is kept if any rule takes it. The rules do not see each other, so with O(keep_last=2) and O(keep_daily=2)
    and one backup a day, two backups are kept and not four.
  - Each storage is judged on its own, see O(group_by).
options:
  _input:
    description:
      - The backups, as RV(onlyoffice.docspace.docspace_backup_info#module:backups) has them, or any other list of dictionaries.
      - Each needs C(id), which is a text or a whole number, and C(created_on), which is an ISO 8601 time or a date and time
        as YAML has them. A time without an offset is in UTC. Fractions of a second count.
      - The options are checked also for an empty list. One that is null or empty is an error, because a template that came
        out empty is no policy; leave it out, or use C(omit).
      - C(storage_type) is the storage that O(group_by) looks at; left out, it is a storage of its own.
      - A backup with a C(expires_on) that is not null or empty goes by itself. It is kept, takes no place of any rule,
        and does not count for O(min_keep).
      - The same C(id) twice is an error. UUIDs are compared without regard to case, hyphens and braces, other ids as they are.
    type: list
    elements: dict
    required: true
  timezone:
    description:
      - The IANA name of the time zone in which hours, days, weeks, months and years begin, such as V(Europe/Berlin).
      - An hour that comes twice when summer time ends is one hour.
      - Other zones than V(UTC) need the time zone data of the system, or the Python package C(tzdata), on the controller.
    type: str
    default: UTC
  group_by:
    description:
      - With V(storage_type), the backups of each storage are judged on their own, so backups off site never count against
        those on site.
      - With V(none), all are judged together.
    type: str
    choices:
      - storage_type
      - none
    default: storage_type
  min_keep:
    description:
      - If fewer backups than this would be kept in a group, the newest others are kept too.
      - Backups that expire or that are dated after O(now) do not count, and those of O(protect_ids) do.
    type: int
    default: 1
  now:
    description:
      - The time of judgement, as ISO 8601 or as a date and time; in UTC when it has no offset. Left out, it is the present.
      - A backup dated after it is kept and takes no place of any rule, since a wrong clock must not push good backups out.
      - Beware that C(now(\)) without C(utc=true) is the local time of the controller and does not say so.
    type: raw
extends_documentation_fragment:
  - onlyoffice.docspace._retention
seealso:
  - module: onlyoffice.docspace.docspace_backup_info
  - module: onlyoffice.docspace.docspace_backup_prune
"""

EXAMPLES = r"""
- name: Read the history of a portal
  onlyoffice.docspace.docspace_backup_info:
  register: history

- name: See what a policy would remove, and why the rest stays
  ansible.builtin.debug:
    msg:
      remove: "{{ plan.remove | map(attribute='file_name') }}"
      keep: "{{ plan.keep | items2dict(key_name='file_name', value_name='reasons') }}"
  vars:
    plan: >-
      {{ history.backups
         | onlyoffice.docspace.backup_retention(keep_daily=7, keep_weekly=4, keep_monthly=-1,
                                                timezone='Europe/Berlin') }}

# The filter judges only what it is given: here the backups of one storage.
- name: Remove what the policy does not keep
  onlyoffice.docspace.docspace_backup_prune:
    ids: "{{ (chosen | onlyoffice.docspace.backup_retention(keep_within='1m')).remove | map(attribute='id') }}"
    max_delete: 20
  vars:
    chosen: "{{ history.backups | selectattr('storage_type', 'eq', 'local') }}"

- name: Judge any list, as of a given day
  ansible.builtin.assert:
    that:
      - plan.keep | map(attribute='id') == ['wednesday', 'tuesday']
      - plan.remove | map(attribute='id') == ['monday']
  vars:
    plan: "{{ copies | onlyoffice.docspace.backup_retention(keep_last=2, now='2026-09-03T00:00:00Z') }}"
    copies:
      - id: monday
        created_on: "2026-08-31T03:00:00Z"
      - id: tuesday
        created_on: "2026-09-01T03:00:00Z"
      - id: wednesday
        created_on: "2026-09-02T03:00:00Z"
"""

RETURN = r"""
_value:
  description:
    - Every backup once, with all that it came with, and C(reasons) added or replaced.
    - What YAML made a date or a time is an ISO 8601 text.
  type: dict
  contains:
    keep:
      description:
        - What the policy keeps, newest first.
        - The reasons are C(protected), C(future), C(expires), the name of each rule that takes the backup
          (such as C(daily), C(within 7d), C(within daily)), the same with C(oldest) before it, or C(min_keep).
      type: list
      elements: dict
      sample:
        - id: 5d6f0a3e-8d3c-4f7a-9a51-0c5c1de0b1f7
          created_on: "2026-09-02T03:00:00Z"
          reasons: [last, daily]
    remove:
      description: What the policy does not keep, oldest first. The reason is always C(not kept by any rule).
      type: list
      elements: dict
      sample:
        - id: 0b9f4c52-7f0e-4f0a-8a53-1f2f63a0d0aa
          created_on: "2026-08-31T03:00:00Z"
          reasons: [not kept by any rule]
"""


import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timezone
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ..module_utils._backup.retention import (
    NOT_KEPT,
    OPTIONS,
    Candidate,
    Policy,
    RetentionError,
    evaluate,
    normal_id,
)
from ..module_utils._portal.values import parse_time
from ..plugin_utils._untrusted import untrusted_filters

# What stands for `omit`: an object since ansible-core 2.19, before that a text.
_OMITTED = re.compile("__omit_place_holder__[0-9a-f]+|<<Omit>>")


def _plain(value: Any) -> Any:
    """Text of any kind as text: a vaulted one is none before ansible-core 2.19."""
    return str(value) if getattr(value, "__ENCRYPTED__", False) else value


def _given(options: Mapping[str, object]) -> dict[str, Any]:
    """The options without those left out by `omit`; one that came out empty is no policy."""
    given = {name: _plain(value) for name, value in options.items()}
    given = {name: value for name, value in given.items() if not _OMITTED.fullmatch(str(value))}
    for name, value in given.items():
        if name not in (*OPTIONS, "now"):
            raise RetentionError(name, f"is not an option; there are {', '.join(OPTIONS)}, now")
        if value is None or not str(value).strip():
            what = "null" if value is None else "empty"
            raise RetentionError(name, f"it is {what}. Leave it out, or use omit")
    return given


def _name(value: object) -> str | None:
    """An id as text, None for what is none."""
    text = _plain(value)
    if isinstance(text, bool) or not isinstance(text, (str, int)) or not str(text).strip():
        return None
    return normal_id(str(text))


def _protected(ids: object) -> list[str]:
    found = [_name(one) for one in ids] if isinstance(ids, (list, tuple)) else [None]
    if None in found:
        raise RetentionError("protect_ids", "it must be a list of ids: texts or whole numbers")
    return [one for one in found if one is not None]


def _instant(value: object, what: str) -> datetime:
    """Read a time as text, as a date, or as a date and time; UTC when it does not say."""
    try:
        if isinstance(value, datetime):
            moment = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        else:
            moment = parse_time(value.isoformat() if isinstance(value, date) else _plain(value))
        if 1 < moment.year < 9999:  # room for every time zone
            return moment.astimezone(timezone.utc)
        problem = f"{moment.isoformat()} is out of range"
    except ValueError as error:
        problem = str(error)
    raise RetentionError(what, problem)


def _copies(backups: object) -> tuple[list[Candidate], dict[str, Mapping[str, Any]]]:
    """Read the items; also give each by its normal id."""
    if not isinstance(backups, (list, tuple)):
        raise RetentionError("backups", "the filter takes a list of dictionaries")
    copies, items = [], {}
    for number, item in enumerate(backups, 1):
        if not isinstance(item, Mapping):
            raise RetentionError("backups", f"item {number} is not a dictionary")
        name = _name(item.get("id"))
        if name is None:
            raise RetentionError("backups", f"item {number} has no id that is a text or a number")
        created_on = _instant(item.get("created_on"), f"backups: created_on of {item['id']}")
        expires = item.get("expires_on") not in (None, "")
        copies.append(Candidate(name, created_on, str(item.get("storage_type") or ""), expires))
        items[name] = item
    return copies, items


def _without_dates(value: Any) -> Any:
    """As it came, but for what YAML made a date: with one in it, a variable that holds the result
    is a text before ansible-core 2.19."""
    if isinstance(value, Mapping):
        return {key: _without_dates(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_dates(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


def backup_retention(backups: object, **options: object) -> dict[str, list[dict[str, Any]]]:
    """Judge backups by a policy; the options are checked also when there are none."""
    try:
        given = _given(options)
        now = given.pop("now", None)
        moment = datetime.now(timezone.utc) if now is None else _instant(now, "now")
        policy = Policy({**given, "protect_ids": _protected(given.get("protect_ids", []))})
        copies, items = _copies(backups)
        plan = evaluate(copies, policy, moment)
    except RetentionError as error:
        raise AnsibleFilterError(f"backup_retention: {error}") from error
    if missing := sorted(policy.protected - set(items)):
        Display().warning(f"backup_retention: not among the backups: protect_ids {missing}")

    def row(copy: Candidate, reasons: list[str]) -> dict[str, Any]:
        return {**_without_dates(items[copy.id]), "reasons": reasons}

    return {
        "keep": [row(copy, reasons) for copy, reasons in plan.keep],
        "remove": [row(copy, [NOT_KEPT]) for copy in plan.remove],
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return untrusted_filters({"backup_retention": backup_retention})
