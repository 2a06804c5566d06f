# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One night of one portal, step by step. A step that fails ends nothing: it is a problem.

But nothing goes, neither here nor there, unless a lasting copy is there that is young enough. This
file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable

from ..module_utils._backup.storage import schedule_differences
from ._rotation import storage_params
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
            options = self._after_schedule(wish, str(wish.get("storage_type")))
            state.made = self._portal("make", "docspace_backup", options)

    def _fetch(self) -> None:
        state, wish = self.state, self.state.wishes.offsite
        if state.wishes.served and wish is not None:
            options = self._after_schedule(wish, "data_store")
            state.fetched = self._portal("offsite", "docspace_backup_download", options)

    def _after_schedule(self, options: Values, storage_type: str) -> Values:
        """The options of a new backup. In a dry run the schedule that the portal has isn't the one
        that the backup would meet, so the planned one decides whether records would be lost."""
        state, planned = self.state, self.state.scheduled
        if not state.dry or not planned.get("changed") or failed(planned):
            return options
        if schedule_differences(storage_type, storage_params(options), planned["schedule"]):
            return options
        return {**options, "allow_lost_records": True}

    def look(self) -> None:
        """Read what is there."""
        state, wishes = self.state, self.state.wishes
        if not wishes.served:
            return
        state.history = self._read()
        if wishes.offsite is not None:
            options = {"path": wishes.offsite_dest, "portal": wishes.address, "deep": False}
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
            state.pruned_files = self._prune_files()
        if not state.why_not and state.relies_on_file and not state.verified:
            # Before a backup is deleted because this file is there, it is read to its end. The
            # folder is the one that was typed: the path that was read could mean another file.
            ids = [state.dated_files[0]["id"]]
            options = {"path": wishes.offsite_dest, "portal": wishes.address, "ids": ids}
            state.proof = self._files("prune", options)
        if wishes.prune and not state.why_not:
            kind = str((wishes.make or {}).get("storage_type"))
            new = {"assume_new": kind} if state.would_make else {}
            state.pruned = self._portal("prune", "docspace_backup_prune", {**wishes.prune, **new})
        if failed(state.pruned) and not state.dry:
            # What went well is known without it.
            state.after = self._read()

    def _prune_files(self) -> Values:
        """By a module that has all the guards, also that the newest file is what it should be."""
        state, wishes = self.state, self.state.wishes
        options = {
            **wishes.keep,
            "path": wishes.offsite_dest,
            "portal": wishes.address,
            "dump": wishes.dump,
        }
        if state.would_fetch:
            options["assume_new"] = "data_store"
        if not state.fresh_here:
            options["require_newer_than"] = wishes.max_age
        module = f"{NAMESPACE}.docspace_backup_file_prune"
        return self._start("prune", module, options)


def _some(options: Values, *names: str) -> Values:
    """Of these options, those that are given."""
    return {name: options[name] for name in names if name in options}
