# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a night of one portal came to: the report, its problems, and each step in words. No I/O.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module_utils._portal.values import clean
from ._rotation_state import State, Values, failed, now

LONGEST_MESSAGE = 990
RECENT = 60 * 86400
NOT_REACHED = {"code": "connection", "title": "host not reached"}
NO_RESULT = {"code": "task_failed", "title": "module failed"}
WRONG = {"code": "config", "title": "wrong options"}


def report(state: State, host: str) -> Values:
    """The report on a portal. host: its name in the inventory."""
    newest_offsite = [] if state.broken else state.remaining_files
    dry_schedule = state.dry and "schedule" in state.scheduled
    counts, files = (part.get("counts") or {} for part in (state.pruned, state.pruned_files))
    return {
        "host": host,
        "portal": state.wishes.address,
        "checked_on": now(),
        "newest": _first(state.lasting),
        "newest_offsite": _first(newest_offsite),
        "count": state.seen["total"] if state.readable else None,
        "made": bool(state.made.get("changed")),
        "removed": int(counts.get("removed", 0)),
        "offsite_removed": int(files.get("removed", 0)),
        "schedule": (state.scheduled if dry_schedule else state.seen).get("schedule"),
        "copies": _copies(state),
        "problems": [_problem(step, result) for step, result in _failures(state)],
    }


def sentences(problems: list[Values]) -> list[str]:
    """The problems of a report, a sentence each."""
    return [f"{one['step']}: {one['title']}: {one['msg']}" for one in problems]


def _first(items: list[Values]) -> Values | None:
    return items[0] if items else None


def _copies(state: State) -> list[Values]:
    """A mark for each copy of the last 60 days, the newest first."""
    marks = [(one, "portal", one["expires_on"] is None) for one in state.dated]
    marks += [(one, "offsite", True) for one in state.remaining_files]
    copies = [
        {"created_on": one["created_on"], "where": where, "lasting": lasting}
        for one, where, lasting in marks
        if one["age_seconds"] <= RECENT
    ]
    return sorted(copies, key=lambda copy: str(copy["created_on"]), reverse=True)


def _failures(state: State) -> list[tuple[str, Values]]:
    """All that went wrong, in the order of the steps, as failures of modules."""
    # A folder that isn't there yet would be made by the download, which says so if it can't.
    unsaid = failed(state.fetched) or state.would_fetch
    found = [
        ("config", {"msg": " ".join(state.wishes.mistakes)} if state.wishes.mistakes else {}),
        ("schedule", state.scheduled),
        ("make", state.made),
        ("offsite", state.fetched),
        ("offsite", {} if unsaid else state.folder),
        ("offsite", _odd(state)),
        ("prune", _skipped(state)),
        ("prune", state.pruned),
        ("prune", _unpruned_files(state)),
        ("read", state.history),
        ("read", state.after),
        ("fresh", _stale(state)),
    ]
    return [(step, result) for step, result in found if failed(result)]


def _problem(step: str, result: Mapping[str, Any]) -> Values:
    failure = result.get("failure")
    if not failure:
        silent = NO_RESULT if "module_stdout" in result else WRONG
        failure = NOT_REACHED if result.get("unreachable") else silent
    # Not each result is of a module of ours: a connection that fails may say anything.
    msg = clean(" ".join(str(result.get("msg") or "It failed.").split("\n")))
    if len(msg) > LONGEST_MESSAGE:
        msg = f"{msg[: LONGEST_MESSAGE - 3]}..."
    return {"step": step, "code": failure["code"], "title": failure["title"], "msg": msg}


def _failure(msg: str, code: str, title: str) -> Values:
    return {"msg": msg, "failure": {"code": code, "title": title}}


def _odd(state: State) -> Values:
    odd = state.odd_files
    if not odd:
        return {}
    found = "; ".join(f"{path} ({problem})" for path, problem in odd)
    return _failure(f"Check these files: {found}.", "protocol", "file not valid")


def _skipped(state: State) -> Values:
    if not state.thins or not state.why_not:
        return {}
    msg = f"Nothing was thinned out, because {state.why_not}."
    return _failure(msg, "prune_skipped", "nothing thinned out")


def _unpruned_files(state: State) -> Values:
    """Why files weren't removed, or why the newest one proves nothing."""
    if not state.broken:
        return state.pruned_files
    invalid = [one for one in state.verified if not one["valid"]]
    why = "".join(f"{one['path']} ({', '.join(one['problems'])})" for one in invalid[:1])
    msg = f"No file was removed, because the newest that is kept isn't valid: {why}."
    if not invalid:
        msg = (
            f"The newest file could not be verified: {state.proof.get('msg') or 'it was removed'}."
        )
    return _failure(msg, "protocol", "file not valid")


def _stale(state: State) -> Values:
    if state.fresh or not state.readable or state.wishes.limit is None:
        return {}
    known = state.lasting[:1] + ([] if state.broken else state.dated_files[:1])
    if not known:
        msg = (
            "There is no lasting copy, neither on the portal nor off site. What expires by itself "
            "does not count."
        )
        return _failure(msg, "stale", "no lasting copy")
    newest = min(known, key=lambda copy: int(copy["age_seconds"]))
    msg = f"The newest lasting copy is {newest['age']} old; {state.wishes.max_age} are allowed."
    return _failure(msg, "stale", "too old")


def account(step: str, module: str, result: Mapping[str, Any]) -> Values:
    """One step for a person who looks closely: what was run, and what it did."""
    if failed(result):
        said = str(result.get("msg") or "It failed.")
    else:
        said = _words(module.rpartition(".")[2], result)
    changed = bool(result.get("changed"))
    return {"step": step, "module": module, "changed": changed, "msg": said}


def _words(module: str, result: Mapping[str, Any]) -> str:
    changed = bool(result.get("changed"))
    if module == "docspace_backup":
        if result.get("joined"):
            return "A backup was running already."
        backup, task = result.get("backup") or {}, result.get("task") or {}
        if changed and task and not backup:
            return f"Began {task['id']}."
        name = backup.get("id") or "a backup"
        return f"Made {name}." if changed else f"{name} is there."
    if module == "docspace_backup_download":
        return f"{'Fetched' if changed else 'Enough'}: {result.get('dest') or 'a copy'}."
    if module in ("docspace_backup_prune", "docspace_backup_file_prune"):
        counts = result.get("counts") or {}
        return f"{counts.get('removed', 0)} removed, {counts.get('kept', 0)} kept."
    if module == "docspace_backup_info":
        return f"{result.get('count')} of {result.get('total')} backups."
    if module == "docspace_backup_file_info":
        return f"{result.get('count')} files."
    return "Set." if changed else "It is as wanted."
