# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of restore_drill: compare two portals by their addresses and by their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.values import (
    is_int,
    is_same_portal,
    normalize_portal,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._untrusted import (
    untrusted_filters,
)

Values = Mapping[str, Any]
SAME, DIFFERENT, UNKNOWN = "same", "different", "unknown"


def portal(url: object) -> str:
    """Normalize a portal's address."""
    try:
        return normalize_portal(str(url))
    except ValueError as error:
        raise AnsibleFilterError(f"url: {error}, such as 'https://docspace.example.com'") from error


def same_portal(one: object, other: object) -> bool:
    """Check whether two addresses are spellings of one."""
    return is_same_portal(portal(one), portal(other))


def compare(
    target: Values, source_before: Values, source_after: Values, copy: Values | None = None
) -> dict[str, str]:
    """Compare the portal to be replaced with the source by their answers, not by their names.

    Each is a result of docspace_backup_info with history and progress, read in the order source,
    target, source. copy: the result of docspace_backup_download.

    A portal gives the same answer under all of its names. So an ID that both have means one portal.
    An ID that only one has means two, if the source gave the same answer before and after. Returns
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


def counts(items: Values, backups: object) -> dict[str, Any]:
    """Return how many people, rooms and backups a portal has; None for what isn't known.

    items: the results of tasks/count_items.yml.
    """
    results = {one.get("count_path"): one for one in items.get("results") or []}
    people, rooms = (results.get(path, {}).get("json") for path in ("people", "files/rooms"))
    return {"people": _total(people), "rooms": _total(rooms), "backups": _number(backups)}


def _total(answer: object) -> int | None:
    """Read the total of a list, which is in the answer or in its envelope."""
    if not isinstance(answer, Mapping):
        return None
    response = answer.get("response")
    if isinstance(response, Mapping):
        return _number(response.get("total"))
    if not isinstance(response, list):
        return None
    total = _number(answer.get("total"))
    return len(response) if total is None else total


def _number(value: object) -> int | None:
    return int(str(value)) if is_int(value) else None


def compare_counts(restored: Values, source: Values) -> dict[str, Any]:
    """Compare what `counts` returns.

    Returns `counts`, `fewer` (what the restored portal has fewer of), and `text`, which claims only
    what was compared. A portal's history isn't part of its backup, so it never counts as missing.
    """
    known = [name for name in ("people", "rooms") if None not in (restored[name], source[name])]
    equal = [name for name in known if restored[name] == source[name]]
    return {
        "counts": {name: {"source": source[name], "restored": restored[name]} for name in source},
        "fewer": [name for name in known if restored[name] < source[name]],
        "text": f"The number of {' and '.join(equal)} is that of the source." if equal else "",
    }


def _verdict(verdict: str, reason: str) -> dict[str, str]:
    return {"verdict": verdict, "reason": reason}


def _answer(result: Values) -> tuple[frozenset[str], str]:
    """Return the IDs of the backups and of the last task, empty for none."""
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
                "docspace_compare_counts": compare_counts,
                "docspace_compare_portals": compare,
                "docspace_counts": counts,
                "docspace_portal": portal,
                "docspace_same_portal": same_portal,
            }
        )
