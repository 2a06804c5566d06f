# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One night of one portal, step by step. A step that fails ends nothing: it is a problem.

But nothing goes, neither here nor there, unless a lasting copy is there that is young enough. This
file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..filter.backup_retention import backup_retention
from ._rotation import NO_POLICY
from ._rotation_state import State, Values, failed, read_of, stripped, was_refused

NAMESPACE = "onlyoffice.docspace"
# Options of the step that makes a backup which hold as well while it is waited for.
WAIT = ("wait_timeout", "poll_interval", "dump")
# Runs a module with options, for a step, and gives its result. When the run isn't wanted any more,
# it raises instead, and that ends the night.
Start = Callable[[str, str, Values], Values]


class Night:
    """What is done. state: what came of it."""

    def __init__(self, state: State, start: Start) -> None:
        self.state = state
        self._start = start

    def begin(self) -> Values:
        """Start the backup and leave it to the portal. Gives what `serve` has to be given then.

        Only where that is sure to be wanted, and where the backup can be waited for later.
        """
        wishes = self.state.wishes
        if self.state.dry or not wishes.makes_ahead:
            return {}
        self._set_schedule()
        made = self._portal("make", "docspace_backup", {**(wishes.make or {}), "wait": False})
        return {"schedule": stripped(self.state.scheduled), "make": stripped(made)}

    def serve(self, begun: Values | None = None) -> None:
        """All of it. begun: what `begin` gave."""
        state, wishes = self.state, self.state.wishes
        if begun:
            state.scheduled, state.made = begun["schedule"], begun["make"]
        else:
            self._set_schedule()
        # One that ran already, of somebody else, has to be looked at more closely.
        if not begun or state.made.get("joined"):
            self._make()
        elif state.made.get("task") and not failed(state.made):
            if wishes.plain and self._thin_out_after_it():
                return
            self._wait_for_it()
        self._fetch()
        # What was made just now has a record from the history, and proves that something may go.
        if wishes.plain and not state.dry and state.made_fresh:
            self._note_pruned(self._thin_out_at_once())
            return
        self.look()
        if state.thins:
            self._thin_out()

    def _thin_out_after_it(self) -> bool:
        """Thin out if the backup that was begun is there. Else nothing is done."""
        pruned = self._thin_out_at_once(require_id=self.state.made["task"]["id"])
        if not was_refused(pruned):
            self._note_pruned(pruned)
        return not was_refused(pruned)

    def _wait_for_it(self) -> None:
        """By a module of its own, since one that thins out would still do so when nobody wants it."""
        state, make = self.state, self.state.wishes.make or {}
        options = {"task_id": state.made["task"]["id"], **_some(make, *WAIT)}
        waited = self._portal("make", "docspace_backup", options)
        if failed(waited):
            going_on = (waited.get("task") or {}).get("status") in ("created", "running")
            state.made = {**waited, "changed": going_on}
        else:
            state.made = {**state.made, "backup": waited["backup"]}

    def _thin_out_at_once(self, **more: str) -> Values:
        """By a module that sees to it itself that a lasting copy is young enough, and reads all that
        the report needs."""
        wishes = self.state.wishes
        young = {"require_newer_than": wishes.max_age, **more}
        options = {**wishes.prune, "gather": ["schedule"], **young}
        return self._portal("prune", "docspace_backup_prune", options)

    def _note_pruned(self, pruned: Values) -> None:
        state = self.state
        counts = pruned.get("counts") or {}
        state.pruned = pruned
        if failed(pruned) or counts["considered"] != counts["total"]:
            state.after = self._read()
        else:
            state.history = read_of(pruned)
        if was_refused(pruned) and state.readable and state.why_not:
            # That is why. It is told once.
            state.pruned = {}

    def _portal(self, step: str, module: str, options: Values) -> Values:
        """A module that asks the portal. What the connection says comes before all else."""
        merged = {**options, **self.state.wishes.connection}
        return self._start(step, f"{NAMESPACE}.{module}", merged)

    def _set_schedule(self) -> None:
        state, wish = self.state, self.state.wishes.schedule
        if state.wishes.served and wish is not None:
            state.scheduled = self._portal("schedule", "docspace_backup_schedule", wish)

    def _make(self) -> None:
        state, wish = self.state, self.state.wishes.make
        if state.wishes.served and wish is not None:
            state.made = self._portal("make", "docspace_backup", wish)

    def _fetch(self) -> None:
        state, wish = self.state, self.state.wishes.offsite
        if state.wishes.served and wish is not None:
            state.fetched = self._portal("offsite", "docspace_backup_download", wish)

    def look(self) -> None:
        """Read what is there."""
        state, wishes = self.state, self.state.wishes
        if not wishes.served:
            return
        state.history = self._read()
        if wishes.offsite is not None:
            options = {"path": wishes.offsite.get("dest"), "portal": wishes.address, "deep": False}
            state.folder = self._files("offsite", options)

    def _read(self) -> Values:
        options = {"gather": ["history", "schedule"], "dump": self.state.wishes.dump}
        return self._portal("read", "docspace_backup_info", options)

    def _files(self, step: str, options: Values) -> Values:
        return self._start(step, f"{NAMESPACE}.docspace_backup_file_info", options)

    def _thin_out(self) -> None:
        """Each look at `why_not` is a new one: what was done in between may have changed it."""
        state, wishes = self.state, self.state.wishes
        if wishes.keep and not state.why_not:
            self._judge_files()
        if not state.why_not and state.staying and (state.doomed or not state.fresh_here):
            # Before anything goes for its sake, it is read to its end.
            state.proof = self._files("prune", {"path": state.staying[0]["path"]})
        if wishes.prune and not state.why_not:
            if state.would_make:
                self._foretell()
            else:
                state.pruned = self._portal("prune", "docspace_backup_prune", wishes.prune)
        if not state.why_not and not state.broken:
            for file in state.doomed:
                self._remove(file["path"])
        if failed(state.pruned) and not state.dry:
            # What went well is known without it.
            state.after = self._read()

    def _judge_files(self) -> None:
        """One of each id, with the one that a real run would have fetched."""
        state = self.state
        first = {file["id"]: file for file in reversed(state.files)}
        copies = [file for file in state.files if first[file["id"]] is file]
        if state.would_fetch:
            copies.append(state.imagined("data_store"))
        try:
            plan = backup_retention(copies, **state.wishes.keep)
        except AnsibleFilterError as error:
            state.misjudged = {"msg": f"backup_rotation_offsite.keep: {error}"}
        else:
            state.unkept = {copy["id"] for copy in plan["remove"]}

    def _foretell(self) -> None:
        """In a dry run: tell what would go once the new copy is there."""
        state, wishes = self.state, self.state.wishes
        looked_at = self._portal("prune", "docspace_backup_info", self._filters())
        if failed(looked_at):
            state.untold = looked_at
            return
        copies = list(looked_at["backups"])
        kind = str((wishes.make or {})["storage_type"])
        if kind in _texts(wishes.prune.get("storage_type", kind)):
            copies.append(state.imagined(kind))
        policy = {name: value for name, value in wishes.prune.items() if name not in NO_POLICY}
        try:
            plan = backup_retention(copies, **policy)
        except AnsibleFilterError as error:
            state.untold = {"msg": f"backup_rotation_prune: {error}"}
            return
        ids = [copy["id"] for copy in plan["remove"]]
        options = {"ids": ids, **_some(wishes.prune, "max_delete", "protect_ids", "concurrency")}
        # It goes through the guards with them. The run is dry, or nothing would be foretold.
        state.foretold = self._portal(
            "prune", "docspace_backup_prune", {**options, "dump": wishes.dump}
        )

    def _filters(self) -> Values:
        wishes = self.state.wishes
        return {**_some(wishes.prune, "storage_type", "name_pattern"), "dump": wishes.dump}

    def _remove(self, path: str) -> None:
        """A file, and when it is gone its manifest. They are where the modules run."""
        for name in (path, f"{path}.json"):
            options = {"path": name, "state": "absent"}
            result = self._start("prune", "ansible.legacy.file", options)
            if failed(result):
                self.state.stuck.append(result)
            if failed(result) or not result.get("changed"):
                return
            if name == path:
                self.state.removed_files.append(path)


def _some(options: Values, *names: str) -> Values:
    """Of these options, those that are given."""
    return {name: options[name] for name in names if name in options}


def _texts(value: Any) -> list[str]:
    """A list as Ansible takes it, also as one text with commas."""
    items = value.split(",") if isinstance(value, str) else value
    return [str(item).strip() for item in items]
