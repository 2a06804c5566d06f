# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is there in a night of one portal, and whether anything may go. No I/O.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ..module_utils._portal.values import format_time
from ._rotation import Wishes

Values = dict[str, Any]


def now() -> str:
    """The time, as all times of a report. A step may take hours, so it is asked for anew."""
    return format_time(datetime.now(timezone.utc))


def failed(result: Mapping[str, Any]) -> bool:
    """Whether a module's result is a failure. One that didn't run has an empty one."""
    return bool(result.get("failed") or result.get("unreachable") or "msg" in result)


def was_refused(pruned: Values) -> bool:
    """Whether a guard refused it, so that nothing was removed."""
    return (pruned.get("failure") or {}).get("code") == "guard"


def stripped(result: Mapping[str, Any]) -> Values:
    """A module's result without what Ansible adds, or has shown already."""
    beside = ("invocation", "warnings", "deprecations", "diff", "log", "exception")
    return {key: result[key] for key in result if key not in beside and not key.startswith("_")}


def read_of(pruned: Values) -> Values:
    """What a look at the portal would tell now: what was there before, as it was judged."""
    both = pruned["kept"] + pruned["removed"][::-1]
    backups = [{key: value for key, value in one.items() if key != "reasons"} for one in both]
    total = pruned["counts"]["total"]
    return {"backups": backups, "total": total, "schedule": pruned["schedule"]}


class State:
    """The results of the steps so far, and what follows from them.

    dry: whether it is a dry run. looks: whether it only looks, and so
    nothing is thinned out anyway. thins: whether something is to go, were it allowed.
    """

    def __init__(self, wishes: Wishes, *, dry: bool, looks: bool = False) -> None:
        self.wishes = wishes
        self.dry = dry
        self.thins = wishes.thins and not looks
        self.scheduled: Values = {}
        self.made: Values = {}
        self.fetched: Values = {}
        self.history: Values = {}
        self.after: Values = {}
        self.folder: Values = {}
        self.pruned_files: Values = {}
        # The newest file, read to its end where no file was pruned.
        self.proof: Values = {}
        self.pruned: Values = {}

    # In a dry run: what this run would have made by now.

    @property
    def would_make(self) -> bool:
        """A lasting copy on the portal."""
        made, wish = self.made, self.wishes.make or {}
        begun = made.get("changed") or made.get("joined")
        lasts = str(wish.get("storage_type") or "data_store") != "data_store"
        return bool(self.dry and begun and lasts and not failed(made))

    @property
    def would_fetch(self) -> bool:
        """A copy off site."""
        fetched = self.fetched
        missing = fetched.get("changed") and fetched.get("sha256") is None
        return bool(self.dry and missing and not failed(fetched))

    # What is on the portal, newest first. A copy that is dated in the future, or not at all, proves
    # nothing.

    @property
    def seen(self) -> Values:
        """What was read last, without what went since."""
        if self.after:
            return self.after
        gone: set[str] = set()
        if not self.dry and self.pruned and not failed(self.pruned):
            gone = {record["id"] for record in self.pruned["removed"]} | set(self.pruned["absent"])
        if not gone or not self.history.get("backups"):
            return self.history
        left = [record for record in self.history["backups"] if record["id"] not in gone]
        return {**self.history, "backups": left, "total": self.history["total"] - len(gone)}

    @property
    def readable(self) -> bool:
        """Whether the history could be read."""
        return not failed(self.seen) and isinstance(self.seen.get("backups"), list)

    @property
    def dated(self) -> list[Values]:
        """Copies of which the time says something."""
        return [
            one
            for one in self.seen.get("backups") or []
            if (one["age_seconds"] or 0) >= 0 and one["created_on"]
        ]

    @property
    def lasting(self) -> list[Values]:
        """Those of them that don't expire."""
        return [one for one in self.dated if one["expires_on"] is None]

    # What is off site: files of this portal and kind whose size is what their manifest says, and that
    # no untrusted user can have changed, as the modules count them.

    @property
    def files(self) -> list[Values]:
        """All of them, newest first."""
        kind = "dump" if self.wishes.dump else "portal"
        found = self.folder.get("files") or []
        return [
            one for one in found if one["valid"] and one["matches_manifest"] and one["kind"] == kind
        ]

    @property
    def dated_files(self) -> list[Values]:
        """Those that aren't dated in the future."""
        return [one for one in self.files if (one["age_seconds"] or 0) >= 0]

    @property
    def odd_files(self) -> list[tuple[str, str]]:
        """Files that aren't what their manifest says, or can't be used: path, and what is wrong."""
        found = {
            one["path"]: ", ".join(one["problems"])
            for one in self.folder.get("files") or []
            if one["manifest"] and one["problems"]
        }
        for one in self.pruned_files.get("problems") or []:
            found.setdefault(one["path"], one["problem"])
        return list(found.items())

    @property
    def remaining_files(self) -> list[Values]:
        """What is off site now."""
        if self.dry:
            return self.dated_files
        gone = {one["path"] for one in self.pruned_files.get("removed") or []}
        return [one for one in self.dated_files if one["path"] not in gone]

    @property
    def verified(self) -> list[Values]:
        """The newest file, if it was read to its end."""
        pruned = self.pruned_files.get("verified")
        return [pruned] if pruned else list(self.proof.get("files") or [])

    @property
    def broken(self) -> bool:
        """Whether the newest file was read to its end, and isn't what it should be."""
        read = bool(self.proof) or bool(self.verified)
        return read and not any(one["valid"] for one in self.verified)

    # Whether a lasting copy is young enough. Of the files the newest counts, unless it was read and
    # isn't whole.

    @property
    def fresh_here(self) -> bool:
        """On the portal."""
        return self.would_make or any(self._is_young(one) for one in self.lasting)

    @property
    def fresh_there(self) -> bool:
        """Off site."""
        newest = self.dated_files[:1]
        return self.would_fetch or (not self.broken and any(map(self._is_young, newest)))

    @property
    def relies_on_file(self) -> bool:
        """Whether no backup on the portal is recent enough, so that a file has to be."""
        return not (self.fresh_here or self.would_fetch) and bool(self.dated_files)

    @property
    def made_fresh(self) -> bool:
        """Whether the copy that was made, or found to be enough, lasts and is young enough."""
        copy = self.made.get("backup")
        if failed(self.made) or not copy or copy["expires_on"] is not None:
            return False
        return bool(copy["created_on"]) and copy["age_seconds"] >= 0 and self._is_young(copy)

    @property
    def fresh(self) -> bool:
        """Anywhere."""
        return self.fresh_here or self.fresh_there

    def _is_young(self, copy: Values) -> bool:
        limit = self.wishes.limit
        return limit is not None and bool(copy["age_seconds"] < limit)

    @property
    def why_not(self) -> str:
        """Why nothing may go, empty if it may. Asked anew before each step that removes."""
        if self.wishes.mistakes:
            return "a variable is wrong"
        if not self.readable:
            return "the history could not be read"
        if not self.fresh:
            return f"no lasting copy younger than {self.wishes.max_age} is there"
        return ""
