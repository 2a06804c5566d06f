# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan what docspace_backup_prune would do with given backups, without a portal.

The policy has that module's options, so both can share their variables. This file is private to the
collection.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import yaml

from ..filter.backup_retention import backup_retention
from ..module_utils._backup.local_files import UnsafeFile, error_text, open_regular, read_at_most
from ..module_utils._backup.retention import OPTIONS, Policy, normal_id
from ..module_utils._backup.storage import parse_storage_type
from ..module_utils._portal.connection import CONNECTION
from ..module_utils._portal.values import format_time, parse_time

MAX_BYTES = 64 * 1024 * 1024  # 100,000 backups have 25 MB
_LISTS = ("ids", "protect_ids", "storage_type", "gather")
_CHOICE = ("storage_type", "name_pattern", "now")
_REQUIRE = ("require_id", "require_newer_than", "assume_new")
_OTHERS = (*_LISTS, *_REQUIRE, "name_pattern", "now", "max_delete", "concurrency", "dump")
KNOWN = tuple(dict.fromkeys((*OPTIONS, *_OTHERS)))
NAMED, NOT_NAMED = "named", "not named"


class PreviewPlan(NamedTuple):
    """The plan. Both lists are in the module's order; each item has its reasons."""

    keep: list[dict[str, Any]]
    remove: list[dict[str, Any]]
    left_out: int  # not considered, by storage_type or name_pattern, so kept
    unknown: dict[str, list[str]]  # IDs in ids and protect_ids that no backup has
    rules: Policy


def read_policy(given: object) -> dict[str, Any]:
    """Read a policy: a dictionary, or the text of one, as from ``-e preview_policy=...``."""
    if isinstance(given, str):
        try:
            given = yaml.safe_load(given)
        except yaml.YAMLError as error:
            raise ValueError("preview_policy can't be read as a dictionary") from error
    if not isinstance(given, Mapping):
        raise ValueError("preview_policy must be a dictionary such as {keep_daily: 7}")
    policy = {str(option): _value(str(option), value) for option, value in given.items()}
    if "ids" in policy:
        beside = [one for one in policy if one in (*OPTIONS, *_CHOICE) and one != "protect_ids"]
        if beside:
            raise ValueError(f"preview_policy: {beside[0]!r} can't be combined with 'ids'")
        both = set(map(normal_id, policy["ids"])) & set(
            map(normal_id, policy.get("protect_ids", []))
        )
        if both:
            raise ValueError(f"preview_policy: {min(both)} is in 'ids' and 'protect_ids'")
    return policy


def _value(option: str, value: object) -> Any:
    """Check what the engine doesn't, and split lists as Ansible does for a module."""
    if option in (*CONNECTION, "portal_url", "api_host"):
        raise ValueError(
            f"preview_policy: {option!r} is not part of a policy; set preview_connection"
        )
    if option not in KNOWN:
        raise ValueError(f"preview_policy: {option!r} must be one of {', '.join(KNOWN)}")
    if option in _LISTS and isinstance(value, (str, int)):
        value = str(value).split(",")
    items = value if isinstance(value, (list, tuple)) else [value]
    blank = any(item is None or not str(item).strip() for item in items)
    if blank or (not items and option == "storage_type"):
        raise ValueError(f"preview_policy: {option!r} is null or empty; leave it out")
    if option in ("max_delete", "concurrency"):
        low, high = (0, 10**15) if option == "max_delete" else (1, 10)
        if not str(value).isdecimal() or not low <= int(str(value)) <= high:
            raise ValueError(f"preview_policy: {option!r} must be a number from {low} to {high}")
        return int(str(value))
    return list(map(str, items)) if option in _LISTS else value


def read_history_file(path: str) -> list[Any]:
    """Read a list of backups from a JSON file, as `read_history` does. The path may be a link."""
    try:
        descriptor = open_regular(path, follow=True)
        try:
            content = read_at_most(descriptor, MAX_BYTES)
        finally:
            os.close(descriptor)
    except (OSError, UnsafeFile) as error:
        raise ValueError(f"preview_file can't be read ({error_text(error)})") from error
    if content is None:
        raise ValueError(f"preview_file is longer than {MAX_BYTES} bytes")
    try:
        return read_history(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError("preview_file is not JSON: it isn't UTF-8") from error


def read_history(given: object) -> list[Any]:
    """Read a list of backups, or the result of docspace_backup_info; either may be JSON."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"preview_file is not JSON: {error}") from error
    if isinstance(given, Mapping):
        given = given.get("backups")
    if not isinstance(given, list):
        raise ValueError(
            "there must be a list of backups, each with 'id' and 'created_on', or the result of "
            "docspace_backup_info with its 'backups'"
        )
    return given


def invented_history(policy: Mapping[str, Any], now: str) -> list[dict[str, str]]:
    """Invent one backup a day for a year up to ``now`` in each storage of the policy.

    No name_pattern of a policy fits their names, so plan without it.
    """
    try:
        moment = parse_time(now)
    except ValueError as error:
        raise ValueError(f"now: {error}") from error
    newest = moment.replace(hour=3, minute=0, second=0, microsecond=0)
    if newest > moment:
        newest -= timedelta(days=1)
    days = [newest - timedelta(days=day) for day in range(365)]
    kinds = [parse_storage_type(kind) for kind in policy.get("storage_type", ["local"])]
    return [_invented(kind, day) for kind in dict.fromkeys(kinds) for day in days]


def _invented(kind: str, day: datetime) -> dict[str, str]:
    # Derived from the day, so the same in each run.
    name = f"{day:%Y-%m-%d}" if kind == "local" else f"{kind} {day:%Y-%m-%d}"
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
        "file_name": f"workspace_{day:%Y-%m-%d_%H-%M-%S}.tar.gz",
        "storage_type": kind,
        "created_on": format_time(day),
    }


def plan_prune(backups: list[Any], policy: Mapping[str, Any], now: str) -> PreviewPlan:
    """Plan what to keep and remove, as docspace_backup_prune does."""
    considered = [item for item in backups if _is_considered(item, policy)]
    rules = {option: value for option, value in policy.items() if option in OPTIONS}
    ids = set(map(normal_id, map(str, policy.get("ids", []))))
    if "ids" in policy:
        rules["keep_last"] = -1
    plan = backup_retention(considered, now=now, **rules)
    keep, remove = plan["keep"], plan["remove"]
    if "ids" in policy:
        for item in keep:
            item["reasons"] = [NAMED if normal_id(str(item["id"])) in ids else NOT_NAMED]
        remove = [item for item in reversed(keep) if item["reasons"] == [NAMED]]
        keep = [item for item in keep if item["reasons"] == [NOT_NAMED]]
    found = {normal_id(str(item.get("id"))) for item in backups if isinstance(item, Mapping)}
    read = Policy(rules)
    unknown = {"ids": sorted(ids - found), "protect_ids": sorted(read.protected - found)}
    return PreviewPlan(keep, remove, len(backups) - len(considered), unknown, read)


def _is_considered(item: object, policy: Mapping[str, Any]) -> bool:
    """Check storage and name. What isn't a backup is considered, so that the engine refuses it."""
    if not isinstance(item, Mapping):
        return True
    kinds, pattern = policy.get("storage_type"), policy.get("name_pattern")
    kind = parse_storage_type(item.get("storage_type"))
    return (kinds is None or kind in map(parse_storage_type, kinds)) and (
        pattern is None or fnmatchcase(str(item.get("file_name") or ""), str(pattern))
    )
