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
from ._rotation import NO_POLICY, Wishes
from ._rotation_state import State, Values, failed

NAMESPACE = "onlyoffice.docspace"
# Runs a module with options, for a step, and gives its result. When the run isn't wanted any more,
# it raises instead, and that ends the night.
Start = Callable[[str, str, Values], Values]


class Night:
    """What is done. state: what came of it."""

    def __init__(self, state: State, start: Start) -> None:
        self.state = state
        self._start = start

    def serve(self) -> None:
        """All of it."""
        self._make()
        if self._knows_enough():
            self._thin_out_at_once()
            return
        self.look()
        if self.state.thins:
            self._thin_out()

    def _knows_enough(self) -> bool:
        """Whether what was made just now proves that the portal may be thinned out.

        Its record is from the history. Nothing else has to be judged then, and the module that
        thins out reads all that the report needs: one start less.
        """
        state, wishes = self.state, self.state.wishes
        alone = wishes.offsite is None and not wishes.mistakes and not state.dry
        return bool(alone and wishes.prune and "now" not in wishes.prune and state.made_fresh)

    def _thin_out_at_once(self) -> None:
        state, options = self.state, {**self.state.wishes.prune, "gather": ["schedule"]}
        state.pruned = self._portal("prune", "docspace_backup_prune", options)
        counts = state.pruned.get("counts") or {}
        if failed(state.pruned) or counts["considered"] != counts["total"]:
            state.after = self._read()
        else:
            state.history = read_of(state.pruned)

    def _portal(self, step: str, module: str, options: Values) -> Values:
        """A module that asks the portal. What the connection says comes before all else."""
        merged = {**options, **self.state.wishes.connection}
        return self._start(step, f"{NAMESPACE}.{module}", merged)

    def _make(self) -> None:
        state, wishes = self.state, self.state.wishes
        if not wishes.served:
            return
        if wishes.schedule is not None:
            state.scheduled = self._portal("schedule", "docspace_backup_schedule", wishes.schedule)
        if wishes.make is not None:
            state.made = self._portal("make", "docspace_backup", wishes.make)
        if wishes.offsite is not None:
            state.fetched = self._portal("offsite", "docspace_backup_download", wishes.offsite)

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
        options = {"ids": ids, **_some(wishes, "max_delete", "protect_ids", "concurrency")}
        # It goes through the guards with them. The run is dry, or nothing would be foretold.
        state.foretold = self._portal(
            "prune", "docspace_backup_prune", {**options, "dump": wishes.dump}
        )

    def _filters(self) -> Values:
        wishes = self.state.wishes
        return {**_some(wishes, "storage_type", "name_pattern"), "dump": wishes.dump}

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


def read_of(pruned: Values) -> Values:
    """What a look at the portal would tell now: what was there before, as it was judged."""
    both = pruned["kept"] + pruned["removed"][::-1]
    backups = [{key: value for key, value in one.items() if key != "reasons"} for one in both]
    total = pruned["counts"]["total"]
    return {"backups": backups, "total": total, "schedule": pruned["schedule"]}


def _some(wishes: Wishes, *names: str) -> Values:
    """Options of prune, those that are given."""
    return {name: wishes.prune[name] for name in names if name in wishes.prune}


def _texts(value: Any) -> list[str]:
    """A list as Ansible takes it, also as one text with commas."""
    items = value.split(",") if isinstance(value, str) else value
    return [str(item).strip() for item in items]
