# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotate the backups of one portal: which modules are run, in which order, with which options.

Nothing is decided here that a module can decide: the guards of the modules that delete keep backups
and copies when an earlier step failed. This file is private to the collection.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils._backup.storage import (
    CONSUMER,
    location,
    location_differences,
    schedule_differences,
)
from ..module_utils._portal.connection import CONNECTION
from ..module_utils._portal.values import normalize_portal, parse_duration, portal_key

Values = dict[str, Any]
# Runs a module for a step with options, and returns its result.
RunModule = Callable[[str, str, Values], Values]

DICTIONARIES = ("connection", "schedule", "backup", "download", "prune", "download_prune")
AGES = ("max_age", "download_max_age")
OPTIONS = (*DICTIONARIES, *AGES)
# What Ansible adds to a result, or has shown already.
NOT_REPORTED = ("invocation", "warnings", "deprecations", "diff", "log", "exception")
# Options with which docspace_backup has to create a backup and wait for it in one run.
NOT_SPLIT = {"wait", "on_timeout"}
# Options with which a backup is created that hold for the wait as well.
WAIT = ("wait_timeout", "poll_interval", "dump")
# Options with which docspace_backup is about a backup that exists, and may delete it.
NAMES_BACKUP = {"state", "id", "task_id"}
INTERRUPTED = {"code": "interrupted", "title": "interrupted"}


class Interrupted(Exception):
    """A step was cut short, so no further step is run."""


class RotationOptions(NamedTuple):
    """The variables of the role. Each dictionary has options of a module; None: skip the step."""

    connection: Values
    schedule: Values | None
    backup: Values | None
    download: Values | None
    prune: Values | None
    download_prune: Values | None
    max_age: str
    download_max_age: str | None
    dump: bool
    # Normalized; empty if it isn't valid or may hold credentials.
    address: str
    # Sentences. As long as there is one, nothing is pruned.
    mistakes: list[str]
    # Whether nothing may be sent.
    refused: bool

    @property
    def folder(self) -> Any:
        """The folder with the off-site copies as it was typed: only modules expand it."""
        return (self.download_prune or {}).get("path") or (self.download or {}).get("dest")


def parse_options(given: Mapping[str, Any], address_error: str | None) -> RotationOptions:
    """Read the role's variables, named without their prefix. What is left out is not in `given`.

    address_error: why the host can't be served at its address, if the play has found a reason.
    """
    nulls = [name for name in OPTIONS if name in given and is_null(given[name])]
    mistakes = [
        f"backup_rotation_{name}: must not be null. Leave it out instead." for name in nulls
    ]
    parts: dict[str, Values] = {}
    for name in DICTIONARIES:
        try:
            parts[name] = {} if is_null(given.get(name)) else dict(check_type_dict(given[name]))
        except TypeError:
            parts[name] = {}
            mistakes.append(f"backup_rotation_{name}: must be a dictionary of options.")
    for name in AGES:
        if name in given and name not in nulls:
            mistakes += _age_error(given[name], f"backup_rotation_{name}")
    misplaced = {
        "connection": sorted(set(parts["connection"]) - set(CONNECTION)),
        "backup": sorted(NAMES_BACKUP & set(parts["backup"])),
    }
    mistakes += [
        f"backup_rotation_{name}: must not have {', '.join(found)}. Nothing was sent."
        for name, found in misplaced.items()
        if found
    ]
    address = normal_address(parts["connection"].get("url"))
    if not address:
        mistakes.append(
            "backup_rotation_connection.url: must be the address of the portal, such as "
            "https://docs.example.com, without credentials."
        )
    elif address_error:
        mistakes.append(f"backup_rotation_connection.url: {address_error}")
    kinds = {
        boolean(part.get("dump", False), strict=False)
        for name, part in parts.items()
        if part and name != "connection" and (name != "download_prune" or "dump" in part)
    }
    if len(kinds) > 1:
        mistakes.append("dump: must be the same for all steps.")
    different = _storage_differences(parts["backup"], parts["schedule"])
    if different:
        mistakes.append(
            f"backup_rotation_backup and backup_rotation_schedule: {', '.join(different)} of "
            "third_party_consumer must be the same in both, or the server drops the records of "
            "backups that it looks for in the wrong place. Nothing was sent."
        )

    def wanted(name: str) -> Values | None:
        return None if is_null(given.get(name)) else parts[name]

    return RotationOptions(
        connection=parts["connection"],
        schedule=wanted("schedule"),
        backup=wanted("backup"),
        download=wanted("download"),
        prune=wanted("prune"),
        download_prune=wanted("download_prune"),
        max_age=str(given.get("max_age", "")),
        download_max_age=None
        if is_null(given.get("download_max_age"))
        else str(given["download_max_age"]),
        dump=True in kinds,
        address=address,
        mistakes=mistakes,
        refused=not address or bool(address_error or different) or any(misplaced.values()),
    )


def _age_error(value: object, name: str) -> list[str]:
    try:
        parse_duration(value, name)
    except ValueError:
        return [f"{name}: must be a duration like 26h, 2d or 1d12h, or a number of seconds."]
    return []


def _storage_differences(backup: Values, schedule: Values) -> list[str]:
    """Return the parameters of an object storage in which a backup and the schedule differ."""
    kinds = {str(part.get("storage_type", "")) for part in (backup, schedule)}
    if kinds != {CONSUMER} or schedule.get("state") == "absent":
        return []
    # A schedule without a subdir gets that of a manual backup from its module (C47).
    one, other = (location(storage_params(part), scheduled=False) for part in (backup, schedule))
    return location_differences(one, other)


def storage_params(part: Mapping[str, Any]) -> dict[str, str]:
    """Return all parameters of the storage in the options of a module."""
    found: dict[str, str] = {}
    for option in ("storage_params", "storage_secrets"):
        with contextlib.suppress(TypeError):  # the module refuses it
            pairs = check_type_dict(part.get(option) or {})
            found.update({str(key): str(value) for key, value in pairs.items()})
    return found


def is_null(value: object) -> bool:
    """Whether an option is null. Before ansible-core 2.19, a template turns that into ''."""
    return value is None or (isinstance(value, str) and value == "")


def normal_address(url: object) -> str:
    """Normalize an address. Return '' for one that isn't valid or may hold credentials."""
    try:
        return normalize_portal("" if url is None else str(url))
    except ValueError:
        return ""


def find_duplicates(addresses: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the hosts whose portal is another host's too, each with these others."""
    hosts: dict[tuple[str, int | None, str], list[str]] = {}
    for host, address in addresses.items():
        if address:
            hosts.setdefault(portal_key(address), []).append(host)
    same = (group for group in hosts.values() if len(group) > 1)
    return {host: [other for other in group if other != host] for group in same for host in group}


class Rotation:
    """Run the steps and keep their results.

    A step that fails ends nothing: the report shows it. results: by step; a step that wasn't run
    has none.
    """

    def __init__(self, options: RotationOptions, run_module: RunModule, *, dry: bool) -> None:
        self.options = options
        self.dry = dry
        self.results: dict[str, Values] = {}
        self.blocked = False
        self._run_module = run_module

    def start(self) -> None:
        """Set the schedule and start the backup, without waiting for it."""
        options = self.options
        if options.refused:
            return
        with contextlib.suppress(Interrupted):
            self._set_schedule()
            if options.backup is not None and not NOT_SPLIT & set(options.backup):
                self._create_backup(wait=False)

    def run(self, started: Mapping[str, Values] | None) -> None:
        """Do the rest. started: the results of `start`, None if it wasn't run."""
        options = self.options
        if options.refused:
            return
        self.results.update(started or {})
        if any(was_interrupted(result) for result in self.results.values()):
            return
        with contextlib.suppress(Interrupted):
            if started is None:
                self._set_schedule()
            self._finish_backup()
            self._download()
            self._prune()
            self._prune_copies()
            self._read()

    def inspect(self) -> None:
        """Only read the portal and the folder with the off-site copies."""
        if not self.options.refused:
            with contextlib.suppress(Interrupted):
                self._read()

    # Steps, in the order in which they are run.

    def _set_schedule(self) -> None:
        if self.options.schedule is not None:
            self._run("schedule", "docspace_backup_schedule", self.options.schedule)

    def _create_backup(self, **more: Any) -> None:
        options = self.options.backup or {}
        options = self._after_schedule(options, str(options.get("storage_type")))
        self._run("backup", "docspace_backup", {**options, **more})

    def _finish_backup(self) -> None:
        options, started = self.options.backup, self.results.get("backup")
        if options is None:
            return
        # A backup that somebody else started may go to another storage, so it isn't waited for by ID.
        if started is None or (started.get("joined") and not self.dry):
            self._create_backup()
        elif (
            started.get("task")
            and not started.get("backup")
            and not failed(started)
            and not self.dry
        ):
            wait = {name: options[name] for name in WAIT if name in options}
            waited = self._run(
                "backup", "docspace_backup", {**wait, "task_id": started["task"]["id"]}
            )
            still_runs = (waited.get("task") or {}).get("status") in ("created", "running")
            waited["changed"] = still_runs if failed(waited) else True

    def _download(self) -> None:
        if self.options.download is not None:
            options = self._after_schedule(self.options.download, "data_store")
            self._run("download", "docspace_backup_download", options)

    def _prune(self) -> None:
        options, backup = self.options.prune, self.results.get("backup", {})
        if options is None or self._is_blocked():
            return
        more: Values = {"require_newer_than": self.options.max_age}
        record = None if failed(backup) else backup.get("backup")
        if not self.dry and backup.get("changed") and record and record["expires_on"] is None:
            more["require_id"] = record["id"]
        if self.assumes_backup and "ids" not in options:
            more["assume_new"] = str((self.options.backup or {}).get("storage_type"))
        self._run("prune", "docspace_backup_prune", {**more, **options, "gather": ["schedule"]})

    def _prune_copies(self) -> None:
        options = self.options.download_prune
        if options is None or self._is_blocked():
            return
        limit = self.options.download_max_age or self.options.max_age
        more = {"path": self.options.folder, "dump": self.options.dump, "require_newer_than": limit}
        if self.assumes_copy:
            more["assume_new"] = "data_store"
        options = {**more, **options, "portal": self.options.address}
        self._run("download_prune", "docspace_backup_file_prune", options)

    def _read(self) -> None:
        history = as_history(self.results.get("prune", {}))
        if history is None or "now" in (self.options.prune or {}):
            options = {"gather": ["history", "schedule"], "dump": self.options.dump}
            self._run("read", "docspace_backup_info", options)
        else:
            self.results["read"] = history
        if self.options.folder is not None:
            # Reading all copies to their end would take as long as their download did.
            options = {
                "path": self.options.folder,
                "portal": self.options.address,
                "verify": False,
            }
            self._run("files", "docspace_backup_file_info", options)

    def _run(self, step: str, module: str, options: Values) -> Values:
        """Run a module and keep its result. The connection comes before what its options say."""
        connection = {} if "_file_" in module else self.options.connection
        result = self._run_module(step, f"onlyoffice.docspace.{module}", {**options, **connection})
        result = self.results[step] = public_result(result)
        if was_interrupted(result):
            raise Interrupted
        return result

    def _is_blocked(self) -> bool:
        """Whether a variable is wrong, so that nothing may be deleted."""
        wrong = any(has_wrong_options(result) for result in self.results.values())
        self.blocked = self.blocked or wrong or bool(self.options.mistakes)
        return self.blocked

    def _after_schedule(self, options: Values, storage_type: str) -> Values:
        """Return the options of a new backup.

        In a dry run the portal doesn't have the planned schedule yet, which decides whether the
        backup would cost other backups their records.
        """
        planned = self.results.get("schedule", {})
        if not self.dry or not planned.get("changed") or failed(planned):
            return options
        if schedule_differences(storage_type, storage_params(options), planned["schedule"]):
            return options
        return {**options, "allow_lost_records": True}

    # What a dry run assumes to have been done.

    @property
    def assumes_backup(self) -> bool:
        """Whether a backup that doesn't expire would have been created."""
        result, options = self.results.get("backup", {}), self.options.backup or {}
        begun = result.get("changed") or result.get("joined")
        expires = str(options.get("storage_type") or "data_store") == "data_store"
        return bool(self.dry and begun and not expires and not failed(result))

    @property
    def assumes_copy(self) -> bool:
        """Whether a copy would have been downloaded."""
        result = self.results.get("download", {})
        missing = result.get("changed") and result.get("sha256") is None
        return bool(self.dry and missing and not failed(result))


def failed(result: Mapping[str, Any]) -> bool:
    """Whether a module's result is a failure."""
    return bool(result.get("failed") or result.get("unreachable") or "msg" in result)


def was_interrupted(result: Mapping[str, Any]) -> bool:
    """Whether a step was cut short."""
    return bool((result.get("failure") or {}).get("code") == INTERRUPTED["code"])


def has_wrong_options(result: Mapping[str, Any]) -> bool:
    """Whether a module refused its options. Ansible itself does that without a `failure`."""
    if not failed(result) or has_no_result(result):
        return False
    return bool((result.get("failure") or {}).get("code", "config") == "config")


def has_no_result(result: Mapping[str, Any]) -> bool:
    """Whether it isn't known what a step has done: it was cut short, crashed, or lost its host."""
    lost = result.get("unreachable") or ("module_stdout" in result and not result.get("failure"))
    return bool(lost) or was_interrupted(result)


def public_result(result: Mapping[str, Any]) -> Values:
    """Return a module's result without what Ansible adds."""
    return {
        key: value
        for key, value in result.items()
        if key not in NOT_REPORTED and not key.startswith("_")
    }


def as_history(pruned: Mapping[str, Any]) -> Values | None:
    """Return what docspace_backup_info would read now, if the result of pruning has all of it."""
    counts = pruned.get("counts") or {}
    if failed(pruned) or not counts or counts["considered"] != counts["total"]:
        return None
    backups = [
        {key: value for key, value in row.items() if key != "reasons"}
        for row in pruned["kept"]
        if row["id"] is not None
    ]
    return {"backups": backups, "total": len(backups), "schedule": pruned["schedule"]}
