# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report on the rotation of one portal: its row, its problems, and a summary of each step.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from ..module_utils._portal.values import CLOCK_TOLERANCE, clean, format_time, parse_duration
from ._rotation import Rotation, Values, failed, has_no_result

LONGEST_MESSAGE = 990
RECENT = 60 * 86400
UNREACHABLE = {"code": "connection", "title": "host unreachable"}
CRASHED = {"code": "task_failed", "title": "module failed"}
WRONG = {"code": "config", "title": "wrong options"}
# Steps of the report whose name isn't that of their result.
STEPS = {"files": "download"}


def report(rotation: Rotation, host: str) -> Values:
    """Return the row of a host. What isn't known is None."""
    results = rotation.results
    history, backups, copies = results.get("read", {}), _backups(rotation), _copies(rotation)
    schedule = results.get("schedule", {})
    planned = rotation.dry and bool(schedule) and not failed(schedule)
    readable = "backups" in history and not failed(history)
    return {
        "host": host,
        "portal": rotation.options.address,
        "checked_on": _now(),
        "newest": next(iter(_permanent(backups)), None),
        "newest_offsite": next(iter(copies), None),
        "count": _count(rotation) if readable else None,
        "made": _made(results.get("backup", {})),
        "removed": _removed(results.get("prune", {})),
        "offsite_removed": _removed(results.get("download_prune", {})),
        "schedule": (schedule if planned else history).get("schedule"),
        "copies": _marks(backups, copies),
        "problems": list(_problems(rotation, backups, copies)),
    }


def sentences(problems: list[Values]) -> list[str]:
    """Return the problems of a report, a sentence each."""
    return [f"{one['step']}: {one['title']}: {one['msg']}" for one in problems]


def _now() -> str:
    return format_time(datetime.now(timezone.utc))


def _made(result: Mapping[str, Any]) -> bool | None:
    return None if has_no_result(result) else bool(result.get("changed"))


def _removed(result: Mapping[str, Any]) -> int | None:
    counts = result.get("counts")
    if counts:
        return int(counts["removed"])
    return None if has_no_result(result) else 0


def _assumed(storage_type: object, **more: Any) -> Values:
    """Return what a dry run assumes to be there."""
    unknown = {"id": None, "file_name": None, "storage_type": str(storage_type), "expires_on": None}
    return {
        **unknown,
        "created_on": _now(),
        "age_seconds": 0,
        "age": "0 seconds",
        **more,
        "assumed": True,
    }


def _removed_by(rotation: Rotation, step: str, key: str) -> set[Any]:
    return {row[key] for row in rotation.results.get(step, {}).get("removed") or []}


def _backups(rotation: Rotation) -> list[Values]:
    """Return the backups of which the age is known, newest first; in a dry run those that it leaves."""
    removed = _removed_by(rotation, "prune", "id")
    found = [
        one
        for one in rotation.results.get("read", {}).get("backups") or []
        if one["id"] not in removed and one["created_on"] and _is_past(one)
    ]
    if rotation.assumes_backup:
        found.insert(0, _assumed((rotation.options.backup or {}).get("storage_type")))
    return found


def _count(rotation: Rotation) -> int:
    history, removed = rotation.results["read"], _removed_by(rotation, "prune", "id")
    left = [one for one in history["backups"] if one["id"] not in removed]
    return len(left) + int(rotation.assumes_backup)


def _permanent(backups: list[Values]) -> list[Values]:
    return [one for one in backups if one["expires_on"] is None]


def _copies(rotation: Rotation) -> list[Values]:
    """Return the valid off-site copies of this portal, newest first; none if the newest is corrupt."""
    results, kind = rotation.results, "dump" if rotation.options.dump else "portal"
    verified = results.get("download_prune", {}).get("verified")
    if verified and not verified["valid"]:
        return []
    removed = _removed_by(rotation, "download_prune", "path")
    found = [
        one
        for one in results.get("files", {}).get("files") or []
        if one["valid"] and one["matches_manifest"] and one["kind"] == kind
        if one["path"] not in removed and _is_past(one)
    ]
    if rotation.assumes_copy:
        found.insert(0, _assumed("data_store", path=None, size=None))
    return found


def _is_past(one: Values) -> bool:
    """Whether a backup isn't dated in the future, but for what clocks may differ."""
    return (one["age_seconds"] or 0) >= -CLOCK_TOLERANCE


def _marks(backups: list[Values], copies: list[Values]) -> list[Values]:
    """Return where there was a backup or copy in the last 60 days, newest first."""
    found = [(one, "portal", one["expires_on"] is None) for one in backups]
    found += [(one, "offsite", True) for one in copies]
    marks = [
        {"created_on": one["created_on"], "where": where, "lasting": permanent}
        for one, where, permanent in found
        if one["age_seconds"] <= RECENT
    ]
    return sorted(marks, key=lambda mark: str(mark["created_on"]), reverse=True)


def _problems(rotation: Rotation, backups: list[Values], copies: list[Values]) -> Iterator[Values]:
    """Return all that went wrong, in the order of the steps."""
    options, results = rotation.options, rotation.results
    if options.mistakes:
        yield _problem("config", WRONG, " ".join(options.mistakes))
    # An absent folder is created by the download, which says so if it can't.
    unsaid = failed(results.get("download", {})) or rotation.assumes_copy
    for step in ("schedule", "backup", "download", "files", "prune", "download_prune", "read"):
        result = results.get(step, {})
        if failed(result) and not (step == "files" and unsaid):
            yield _failure(STEPS.get(step, step), result)
        if step == "files":
            yield from _invalid_files(rotation)
        if step == "prune" and rotation.blocked:
            skipped = {"code": "prune_skipped", "title": "nothing pruned"}
            yield _problem("prune", skipped, "Nothing was pruned, because a variable is wrong.")
    yield from _too_old(rotation, backups, copies)


def _failure(step: str, result: Mapping[str, Any]) -> Values:
    without = CRASHED if has_no_result(result) else WRONG
    failure = result.get("failure") or (UNREACHABLE if result.get("unreachable") else without)
    return _problem(step, failure, str(result.get("msg") or "It failed."))


def _problem(step: str, failure: Mapping[str, Any], msg: str) -> Values:
    # Not every result comes from this collection's modules: a connection may return any text.
    msg = clean(" ".join(msg.split("\n")))
    if len(msg) > LONGEST_MESSAGE:
        msg = f"{msg[: LONGEST_MESSAGE - 3]}..."
    return {"step": step, "code": failure["code"], "title": failure["title"], "msg": msg}


def _invalid_files(rotation: Rotation) -> Iterator[Values]:
    found = {
        one["path"]: ", ".join(one["problems"])
        for one in rotation.results.get("files", {}).get("files") or []
        if one["manifest"] and one["problems"]
    }
    for one in rotation.results.get("download_prune", {}).get("problems") or []:
        found.setdefault(one["path"], one["problem"])
    if found:
        files = "; ".join(f"{path} ({problem})" for path, problem in found.items())
        failure = {"code": "protocol", "title": "file not valid"}
        yield _problem("download", failure, f"Check these files: {files}.")


def _too_old(rotation: Rotation, backups: list[Values], copies: list[Values]) -> Iterator[Values]:
    options, results = rotation.options, rotation.results
    history = results.get("read", {})
    if "backups" in history and not failed(history):
        known = [*_permanent(backups)[:1], *copies[:1]]
        what = "backup or off-site copy"
        yield from _age_problem(known, options.max_age, what)
    files = results.get("files", {})
    if (
        options.download_max_age is not None
        and files
        and (not failed(files) or rotation.assumes_copy)
    ):
        yield from _age_problem(copies[:1], options.download_max_age, "off-site copy")


def _age_problem(known: list[Values], max_age: str, what: str) -> Iterator[Values]:
    try:
        limit = parse_duration(max_age, "max_age")
    except ValueError:
        return
    newest = min(known, key=lambda one: int(one["age_seconds"]), default=None)
    if newest is None:
        msg = f"There is no {what} that doesn't expire."
        yield _problem("age", {"code": "stale", "title": f"no {what}"}, msg)
    elif newest["age_seconds"] >= limit:
        msg = f"The newest {what} is {newest['age']} old; the limit is {max_age}."
        yield _problem("age", {"code": "stale", "title": "too old"}, msg)


def step_summary(step: str, module: str, result: Mapping[str, Any]) -> Values:
    """Return what one step ran and did."""
    if failed(result):
        msg = str(result.get("msg") or "It failed.")
    else:
        msg = _success(module.rpartition(".")[2], result)
    return {"step": step, "module": module, "changed": bool(result.get("changed")), "msg": msg}


def _success(module: str, result: Mapping[str, Any]) -> str:
    changed, counts = bool(result.get("changed")), result.get("counts") or {}
    if module == "docspace_backup":
        if result.get("joined"):
            return "A backup was running already."
        backup, task = result.get("backup") or {}, result.get("task") or {}
        if changed and task and not backup:
            return f"Started backup {task['id']}."
        name = backup.get("id") or "a backup"
        return f"Created {name}." if changed else f"{name} is recent enough."
    if module == "docspace_backup_download":
        return f"{'Downloaded' if changed else 'Recent enough'}: {result.get('dest') or 'a copy'}."
    if counts:
        return f"{counts['removed']} removed, {counts['kept']} kept."
    if module == "docspace_backup_info":
        return f"{result.get('count')} of {result.get('total')} backups."
    if module == "docspace_backup_file_info":
        return f"{result.get('count')} files."
    return "Changed." if changed else "Nothing to change."
