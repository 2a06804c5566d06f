# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare two portals, by their addresses and by their answers, for restore_drill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.values import (
    is_same_portal,
    normalize_portal,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._untrusted import (
    untrusted_filters,
)

Values = Mapping[str, Any]
SAME, DIFFERENT, UNKNOWN = "same", "different", "unknown"


def portal(url: object) -> str:
    """The normal form of a portal's address."""
    try:
        return normalize_portal(str(url))
    except ValueError as error:
        raise AnsibleFilterError(f"url: {error}, such as 'https://docspace.example.com'") from error


def same_portal(one: object, other: object) -> bool:
    """Whether two addresses are spellings of one."""
    return is_same_portal(portal(one), portal(other))


def compare(
    target: Values, source_before: Values, source_after: Values, copy: Values | None = None
) -> dict[str, str]:
    """Compare the portal to be replaced with the source by what they answer, not by their names.

    Each is a result of docspace_backup_info with history and progress, read in the order source,
    target, source. copy: the result of docspace_backup_download.

    A portal gives one answer under all of its names. So an ID that both have means one portal. What
    only one of them has means two, if the source gave the same answer before and after. Gives
    `verdict` and `reason`, a clause.
    """
    before, after = _answer(source_before), _answer(source_after)
    backups, task = _answer(target)
    common = sorted(backups & (before[0] | after[0]))
    if common:
        return _verdict(SAME, f"both histories hold backup {common[0]}")
    if task and task in (before[1], after[1]):
        return _verdict(SAME, f"backup task {task} is the last one of both")
    made = _identity(((copy or {}).get("backup") or {}).get("id"))
    if made and made in (*backups, task):
        return _verdict(SAME, f"the copy is backup {made} of drill_portal itself")
    if before != after:
        return _verdict(UNKNOWN, "another backup was started or removed on the source meanwhile")
    if not (backups or before[0] or task or before[1]):
        return _verdict(UNKNOWN, "neither has a backup in its history or a backup task")
    return _verdict(DIFFERENT, "their histories or their last backup tasks differ")


def _verdict(verdict: str, reason: str) -> dict[str, str]:
    return {"verdict": verdict, "reason": reason}


def _answer(result: Values) -> tuple[frozenset[str], str]:
    """The IDs of the backups, and that of the last task, empty for none."""
    backups, progress = result.get("backups"), result.get("progress")
    if not isinstance(backups, list) or not isinstance(progress, Mapping):
        raise AnsibleFilterError("a portal didn't answer which backups and tasks it has")
    task = progress.get("backup") or {}
    return frozenset(_identity(one["id"]) for one in backups), _identity(task.get("id"))


def _identity(value: object) -> str:
    return str(value or "").lower()


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return untrusted_filters(
            {
                "docspace_compare_portals": compare,
                "docspace_portal": portal,
                "docspace_same_portal": same_portal,
            }
        )
