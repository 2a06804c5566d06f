# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One night of one portal in one task: it runs the modules, and plugin_utils judges.

What each option means is in the module of the same name. This is what the role backup_rotation runs.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ..plugin_utils._rotation import (
    OPTIONS,
    addresses,
    is_null,
    options_of_role,
    read_wishes,
    shared,
)
from ..plugin_utils._rotation_night import Night
from ..plugin_utils._rotation_report import account, report, sentences
from ..plugin_utils._rotation_state import State

# From here on a shell's status says that a signal ended the program.
KILLED = 128


class Unwanted(Exception):
    """The run was interrupted: no further step is begun."""


class Refused(Exception):
    """Options that the role doesn't take."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__(*messages)
        self.messages = messages


class ActionModule(ActionBase):
    """Runs the steps. Each is a module, where the connection leads."""

    _supports_check_mode = True
    _supports_async = False
    _VALID_ARGS = frozenset((*OPTIONS, "only_look", "shared", "begin", "begun"))

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        self._controller = controller()
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._vars = {} if task_vars is None else task_vars
        self._steps: list[dict[str, Any]] = []
        self._beside: dict[str, Any] = {}
        try:
            options = self._options()
        except Refused as error:
            words = "\n".join(error.messages)
            return {**result, "failed": True, "msg": words, "argument_errors": error.messages}
        self._settle_pipelining()
        looks, begins = self._flag("only_look"), self._flag("begin")
        state = State(
            read_wishes(options, self._twins),
            dry=self._task.check_mode,
            looks=looks,
        )
        night = Night(state, self._start)
        try:
            if begins:
                result["begun"] = {"portal": state.wishes.address, **night.begin()}
            elif looks:
                night.look()
            else:
                night.serve(self._begun(state.wishes.address))
        except Unwanted as error:
            failure = {"code": "task_failed", "title": "interrupted"}
            result.update(failed=True, msg=str(error), failure=failure)
        else:
            if not begins:
                result["report"] = report(state, str(self._vars["inventory_hostname"]))
                result["sentences"] = sentences(result["report"]["problems"])
        changed = any(step["changed"] for step in self._steps)
        result.update(changed=changed, steps=self._steps, **self._beside)
        return result

    def _flag(self, name: str) -> bool:
        return bool(boolean(self._task.args.get(name, False), strict=False))

    def _begun(self, address: str) -> dict[str, Any]:
        """What the task before began, if it did and it was on this portal."""
        begun = self._task.args.get("begun") or {}
        return begun if "make" in begun and begun["portal"] == address else {}

    def _options(self) -> dict[str, Any]:
        """The options as they are given, if the role takes them so. The playbooks for many portals
        leave that check to this place: as a task of its own it would be a third of what they do."""
        for name in set(OPTIONS) - set(self._task.args):
            if f"backup_rotation_{name}" in self._vars:
                # Before ansible-core 2.19, `default(omit)` also hides a variable in which another
                # one isn't defined. Read once more, it says so.
                self._templar.template(self._vars[f"backup_rotation_{name}"])
        given = {
            name: None if is_null(value) else value
            for name, value in self._task.args.items()
            if name in OPTIONS
        }
        spec = options_of_role()
        named = {f"backup_rotation_{name}": value for name, value in given.items()}
        checked = ArgumentSpecValidator(spec).validate(named, validate_role_argument_spec=True)
        if checked.error_messages:
            raise Refused(checked.error_messages)
        return given

    def _twins(self, address: str) -> list[str]:
        found = self._task.args.get("shared")
        if found is None:
            hosts = self._vars.get("ansible_play_hosts_all", [])
            found = shared(addresses(self._vars.get("hostvars", {}), hosts))
        return list(found.get(address, []))

    def _settle_pipelining(self) -> None:
        """On this machine, and as the same user, a module is always handed over through a pipe.

        That is sound, because no terminal and no password are in between; it is faster, and the key
        is in no file, which a run that is killed would leave behind. Who sets ansible_pipelining
        for the host keeps their way.
        """
        connection = self._connection
        local = getattr(connection, "transport", None) == "local" and not connection.become
        # A task's own variables have it in any case: Ansible puts its default there.
        host = self._vars.get("hostvars", {}).get(self._vars["inventory_hostname"], {})
        if local and "ansible_pipelining" not in host:
            connection.set_option("pipelining", True)

    def _start(self, step: str, module: str, options: dict[str, Any]) -> dict[str, Any]:
        """Run one module, and note what it said. Nothing is begun that nobody waits for any more.

        Only a connection that fails is taken for a result: what interrupts goes through.
        """
        if os.getppid() != self._controller:
            raise Unwanted(f"Interrupted before {step}: the process that ran the play is gone.")
        try:
            result = self._execute_module(
                module_name=module, module_args=dict(options), task_vars=self._vars
            )
        except AnsibleConnectionFailure as error:
            result = {"unreachable": True, "msg": f"The host can't be reached: {error}"}
        self._steps.append(account(step, module, result))
        self._note(step, result)
        if was_interrupted(result):
            raise Unwanted(f"Interrupted during {step}, so nothing more was begun: {result['msg']}")
        return dict(result)

    def _note(self, step: str, result: Mapping[str, Any]) -> None:
        """What stands beside a result: it is passed on, with the step where there is room for it."""
        warnings = [f"{step}: {text(one)}" for one in result.get("warnings") or []]
        facts = {
            name: value
            for name, value in (result.get("ansible_facts") or {}).items()
            if str(name).startswith("discovered_interpreter")
        }
        if facts:
            self._beside.setdefault("ansible_facts", {}).update(facts)
        for key, found in (("warnings", warnings), ("deprecations", result.get("deprecations"))):
            if found:
                self._beside.setdefault(key, []).extend(found)
        if self._task.diff and result.get("diff"):
            self._beside.setdefault("diff", []).extend(headed(step, result["diff"]))


def controller() -> int:
    """The process that runs the play. It is this one's parent, as long as it lives.

    Asked for by name where a worker was forked, or one that died before could not be told from
    the process that adopts the worker.
    """
    parent = multiprocessing.parent_process()
    return os.getppid() if parent is None or parent.pid is None else parent.pid


def was_interrupted(result: Mapping[str, Any]) -> bool:
    """Whether a signal ended a module: it says so itself, or could say nothing any more."""
    if (result.get("failure") or {}).get("title") == "interrupted":
        return True
    status = result.get("rc")
    return "module_stdout" in result and isinstance(status, int) and (status < 0 or status > KILLED)


def text(warning: Any) -> str:
    """A warning as text: ansible-core 2.19 has them as objects, which keep it in their event."""
    return str(getattr(getattr(warning, "event", None), "msg", warning))


def headed(step: str, diff: Any) -> list[dict[str, Any]]:
    """A step's differences, each with the step in its header."""
    parts = diff if isinstance(diff, list) else [diff]
    found = []
    for part in parts:
        if "prepared" in part:
            found.append({**part, "prepared": f"{step}:\n{part['prepared']}"})
        else:
            headers = {
                name: f"{step}: {part[name]}" if name in part else step
                for name in ("before_header", "after_header")
            }
            found.append({**part, **headers})
    return found
