# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotate the backups of one portal, for the role backup_rotation: run the modules, return the report.

The options are the variables of the role. They are read here and not given to the task, because some
callbacks and settings show the arguments of a task, and one of them is the key.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ..module_utils._portal.values import clean, is_same_portal
from ..plugin_utils._rotation import (
    INTERRUPTED,
    OPTIONS,
    Rotation,
    find_duplicates,
    normal_address,
    parse_options,
)
from ..plugin_utils._rotation_report import report, sentences, step_summary

PREFIX = "backup_rotation_"
# Set by the role: the fact with a host's address, and what the tasks before this one returned.
ADDRESS, COMPARED, STARTED = (
    f"_backup_rotation_{name}" for name in ("address", "duplicates", "start")
)
# A shell adds the number of the signal that ended a program.
KILLED = 128


class ActionModule(ActionBase):
    """Run each step as a module, on the host of the connection."""

    _supports_check_mode = True
    _supports_async = False
    _VALID_ARGS = frozenset(("compare", "inspect", "start"))

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        self._controller = controller()
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._vars = {} if task_vars is None else task_vars
        if self._flag("compare"):
            return {**result, **self._compare()}
        self._steps: list[dict[str, Any]] = []
        self._extra: dict[str, Any] = {}
        self._step = "read"
        self._use_pipelining()
        given, mistakes = self._read_variables()
        options = parse_options(given, self._address_error(given))
        options = options._replace(
            mistakes=mistakes + options.mistakes, refused=options.refused or bool(mistakes)
        )
        rotation = Rotation(options, self._run_module, dry=self._task.check_mode)
        try:
            if self._flag("start"):
                rotation.start()
            elif self._flag("inspect"):
                rotation.inspect()
            else:
                rotation.run(self._started(options.address))
        except BaseException as error:
            # Each release of Ansible has this class in another place.
            if type(error).__name__ != "TaskTimeoutError":
                raise
            message = "The time-out of the task has passed, and its module may still run."
            rotation.results[self._step] = interrupted(self._step, message)
        if self._flag("start"):
            result["started"] = {"portal": options.address, "results": rotation.results}
        else:
            result["report"] = report(rotation, str(self._vars["inventory_hostname"]))
            result["sentences"] = sentences(result["report"]["problems"])
        changed = any(step["changed"] for step in self._steps)
        result.update(changed=changed, steps=self._steps, **self._extra)
        return result

    def _flag(self, name: str) -> bool:
        return bool(boolean(self._task.args.get(name, False), strict=False))

    def _compare(self) -> dict[str, Any]:
        """Find the hosts of the play that have the same address, and those that have none yet."""
        hosts = self._vars.get("ansible_play_hosts_all", [])
        hostvars, addresses = self._vars["hostvars"], {}
        for host in hosts:
            found = hostvars.get(host) or {}
            if ADDRESS in found:
                addresses[host] = normal_address(found[ADDRESS])
        unsettled = set(self._vars.get("ansible_play_batch", hosts)) - set(addresses)
        return {"hosts": find_duplicates(addresses), "unsettled": sorted(unsettled)}

    def _address_error(self, given: Mapping[str, Any]) -> str | None:
        """Say why the play doesn't let this host use its address."""
        compared = self._vars.get(COMPARED) or {}
        connection = given.get("connection")
        url = connection.get("url") if isinstance(connection, Mapping) else None
        try:
            settled = is_same_portal(str(self._vars.get(ADDRESS)), str(url))
        except ValueError:
            settled = False
        if not settled or "hosts" not in compared:
            return (
                "this play hasn't compared the addresses of its hosts. Run the whole role, without "
                "--start-at-task."
            )
        others = compared["hosts"].get(self._vars["inventory_hostname"])
        if others:
            return (
                "must not be the address of another host of this play. Remove one of the hosts. The "
                f"same portal: {', '.join(others)}."
            )
        if compared["unsettled"]:
            return (
                "the addresses of all hosts of the play must be known before one of them is used. Run "
                "the role with the strategy linear, and for all hosts of the play. Not known: "
                f"{', '.join(compared['unsettled'][:5])}."
            )
        return None

    def _read_variables(self) -> tuple[dict[str, Any], list[str]]:
        """Return the role's variables without their prefix, and what is wrong with the others."""
        given: dict[str, Any] = {}
        mistakes = []
        for name in OPTIONS:
            if PREFIX + name in self._vars:
                try:
                    # In a dictionary a value may be omitted.
                    value = self._templar.template({name: self._vars[PREFIX + name]})
                except AnsibleError as error:
                    mistakes.append(f"{PREFIX}{name}: {clean(error)}")
                else:
                    given.update(plain(value, self._vars.get("omit")))
        return given, mistakes

    def _started(self, address: str) -> dict[str, Any] | None:
        """Return what the task before has started on this portal, None if it wasn't run."""
        started = (self._vars.get(STARTED) or {}).get("started")
        if not started or started["portal"] != address:
            return None
        results: dict[str, Any] = plain(started["results"], None)
        return results

    def _use_pipelining(self) -> None:
        """Hand modules over through a pipe on this machine, so that no file holds the key.

        That is safe, because no terminal and no password are in between. A host that sets
        ansible_pipelining keeps its setting.
        """
        connection = self._connection
        local = getattr(connection, "transport", None) == "local" and not connection.become
        # The variables of the task always have it: Ansible puts its default there.
        host = self._vars.get("hostvars", {}).get(self._vars["inventory_hostname"], {})
        if local and "ansible_pipelining" not in host:
            connection.set_option("pipelining", True)

    def _run_module(self, step: str, module: str, options: dict[str, Any]) -> dict[str, Any]:
        """Run one module. No step is run once its controller has ended."""
        if os.getppid() != self._controller:
            return interrupted(step, "The process that ran the play has ended.")
        self._step = step
        try:
            result = self._execute_module(
                module_name=module, module_args=dict(options), task_vars=self._vars
            )
        except AnsibleConnectionFailure as error:
            result = {"unreachable": True, "msg": f"The host is unreachable: {error}"}
        if was_killed(result):
            result = {**result, **interrupted(step, str(result.get("msg")))}
        self._steps.append(step_summary(step, module, result))
        self._add_extra(step, result)
        return dict(result)

    def _add_extra(self, step: str, result: Mapping[str, Any]) -> None:
        """Pass on what is in addition to a result, with the name of the step."""
        warnings = [f"{step}: {warning_text(one)}" for one in result.get("warnings") or []]
        facts = {
            name: value
            for name, value in (result.get("ansible_facts") or {}).items()
            if str(name).startswith("discovered_interpreter")
        }
        if facts:
            self._extra.setdefault("ansible_facts", {}).update(facts)
        for key, found in (("warnings", warnings), ("deprecations", result.get("deprecations"))):
            if found:
                self._extra.setdefault(key, []).extend(found)
        if self._task.diff and result.get("diff"):
            self._extra.setdefault("diff", []).extend(prefix_diff(step, result["diff"]))


def controller() -> int:
    """Return the process that runs the play: the parent of this one, as long as it lives.

    A parent that died before this call can't be told from the process that adopted this one, so
    multiprocessing is asked first.
    """
    parent = multiprocessing.parent_process()
    return os.getppid() if parent is None or parent.pid is None else parent.pid


def interrupted(step: str, message: str) -> dict[str, Any]:
    """Return the result of a step that was cut short."""
    msg = f"Interrupted during {step}, so no further step was run: {message}"
    return {"failed": True, "msg": msg, "failure": INTERRUPTED}


def was_killed(result: Mapping[str, Any]) -> bool:
    """Whether a signal ended a module, which may have been able to say so."""
    if (result.get("failure") or {}).get("title") == "interrupted":
        return True
    status = result.get("rc")
    return "module_stdout" in result and isinstance(status, int) and (status < 0 or status > KILLED)


def is_omitted(value: Any, omitted: Any) -> bool:
    """Whether a value is Ansible's placeholder for an option that is left out."""
    return omitted is not None and (value is omitted or value == omitted)


def plain(value: Any, omitted: Any) -> Any:
    """Copy a value into usual dictionaries and lists, without what is omitted."""
    if isinstance(value, Mapping):
        return {
            str(key): plain(item, omitted)
            for key, item in value.items()
            if not is_omitted(item, omitted)
        }
    if isinstance(value, (list, tuple)):
        return [plain(item, omitted) for item in value if not is_omitted(item, omitted)]
    return value


def warning_text(warning: Any) -> str:
    """Return a warning as text. Since ansible-core 2.19 it is an object."""
    return str(getattr(getattr(warning, "event", None), "msg", warning))


def prefix_diff(step: str, diff: Any) -> list[dict[str, Any]]:
    """Return the differences of a step, each with the step in its header."""
    found = []
    for part in diff if isinstance(diff, list) else [diff]:
        if "prepared" in part:
            found.append({**part, "prepared": f"{step}:\n{part['prepared']}"})
        else:
            headers = {
                name: f"{step}: {part[name]}" if name in part else step
                for name in ("before_header", "after_header")
            }
            found.append({**part, **headers})
    return found
