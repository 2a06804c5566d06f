# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all modules share: one way in, one exit and one fail.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.parameters import remove_values

from .accidents import refuse_accidents
from .client import Client
from .connection import CONNECTION, build_connection, check_given, note_secrets
from .errors import DocSpaceError, config_error
from .gate import Gate, Interrupted
from .values import parse_duration, parse_time
from .wire import REQUESTS_ERROR

LONGEST_MESSAGE = 990


class Result:
    """What a module's run comes to. values: the result keys of the module."""

    def __init__(
        self,
        *,
        changed: bool,
        diff: dict[str, Any] | None = None,
        warnings: Sequence[str | None] = (),
        **values: Any,
    ) -> None:
        self.changed = changed
        self.diff = diff
        self.warnings = list(warnings)
        self.values = values


def now() -> datetime:
    """The time of the run, in UTC and whole seconds as all times here."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def moment(params: dict[str, Any], option: str) -> datetime | None:
    """An option that is a time, None when it isn't given."""
    try:
        return None if params[option] is None else parse_time(params[option])
    except ValueError as error:
        raise config_error(f"{option}: {error}.") from error


def duration(params: dict[str, Any], option: str) -> int | None:
    """An option that is a duration, in seconds, None when it isn't given."""
    try:
        return None if params[option] is None else parse_duration(params[option], option)
    except ValueError as error:
        raise config_error(f"{error}.") from error


def run_module(
    run: Callable[[AnsibleModule, Client], Result],
    argument_spec: dict[str, Any],
    *,
    null: Sequence[str] = (),
    empty: Sequence[str] = (),
    **rules: Any,
) -> None:
    """A module's main: build the client, run, exit or fail.

    null, empty: as `refuse_accidents` takes them. rules: as AnsibleModule takes them.
    """

    def look(given: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
        kept = check_given(given, secrets)
        own = {name: value for name, value in kept.items() if name not in CONNECTION}
        refuse_accidents(own, argument_spec, null=null, empty=empty)
        # Where a null is an answer, it is the same as none; Ansible would look for it in choices.
        return {name: value for name, value in kept.items() if value is not None}

    def act(module: AnsibleModule, log: list[str], gate: Gate) -> Result:
        return run(module, Client(build_connection(module), log.append, gate))

    exclusive = [("api_key", "username"), ("api_key", "password")]
    exclusive += rules.pop("mutually_exclusive", [])
    spec = {**CONNECTION, **argument_spec}
    _main(spec, look, act, needs=REQUESTS_ERROR, mutually_exclusive=exclusive, **rules)


def run_offline(
    run: Callable[[AnsibleModule], Result],
    argument_spec: dict[str, Any],
    *,
    addresses: Sequence[str] = (),
    **rules: Any,
) -> None:
    """The main of a module that asks no portal. addresses: options that name one all the same."""

    def look(given: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
        for name in addresses:
            note_secrets(str(given.get(name, "")), secrets)
        refuse_accidents(given, argument_spec)
        return given

    _main(argument_spec, look, lambda module, _log, _gate: run(module), needs=None, **rules)


def _main(
    spec: dict[str, Any],
    look: Callable[[dict[str, Any], set[str]], dict[str, Any]],
    act: Callable[[AnsibleModule, list[str], Gate], Result],
    *,
    needs: str | None,
    **rules: Any,
) -> None:
    class Module(AnsibleModule):
        """With a look at the arguments before Ansible fills in, checks and logs them."""

        params: dict[str, Any]

        def _load_params(self) -> None:
            super()._load_params()
            self.params = look(self.params, self.no_log_values)

    module: AnsibleModule | None = None
    log: list[str] = []
    gate, result = Gate(), Result(changed=False)
    failed: DocSpaceError | None = None
    try:
        with gate.closed_by_signals():
            module = Module(argument_spec=spec, supports_check_mode=True, **rules)
            if needs is not None:
                module.fail_json(msg=missing_requests(needs), exception=needs)
            result = act(module, log, gate)
    except DocSpaceError as error:
        failed = error
    except Interrupted as signal:
        failed = _interrupted(signal, gate.advice)
    if module is None:
        # Without the other rules, so that the refusal is ours; but these are options, too.
        common = bool(rules.get("add_file_common_args"))
        module = AnsibleModule(
            _unchecked(spec), supports_check_mode=True, add_file_common_args=common
        )
    # Outside of the except block, or Ansible would add the traceback.
    verbose = {"log": log} if log and module._verbosity else {}
    if failed is not None:
        _fail(module, failed, verbose)
    _warn(module, result.warnings)
    diff = {} if result.diff is None else {"diff": result.diff}
    module.exit_json(changed=result.changed, **result.values, **diff, **verbose)


def _fail(module: AnsibleModule, failed: DocSpaceError, verbose: dict[str, Any]) -> NoReturn:
    _warn(module, failed.warnings)
    # Masked before they are cut: half a secret wouldn't be recognised.
    message = str(remove_values(failed.message, module.no_log_values))
    failed.detail = failed.detail and str(remove_values(failed.detail, module.no_log_values))
    module.fail_json(
        msg=message[:LONGEST_MESSAGE],
        changed=failed.changed,
        failure=failed.failure,
        **failed.values,
        **verbose,
    )
    raise AssertionError("fail_json came back")


def _warn(module: AnsibleModule, warnings: Sequence[str | None]) -> None:
    for warning in filter(None, warnings):
        # Ansible masks secrets in the result, but not in every version in warnings.
        module.warn(str(remove_values(warning, module.no_log_values)))


def _unchecked(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec that takes anything, for a task that is refused. An address may hold credentials."""
    return {
        name: {
            "type": "raw",
            "aliases": option.get("aliases", []),
            "no_log": name == "url" or bool(option.get("no_log")),
        }
        for name, option in spec.items()
    }


def _interrupted(signal: Interrupted, advice: str) -> DocSpaceError:
    sent = " What was sent before may go on or have had its effect." if signal.wrote else ""
    words = f"Interrupted by {signal.name}: nothing that writes was sent after it.{sent} {advice}"
    error = DocSpaceError("task_failed", words)
    error.changed = signal.wrote
    # Who runs several modules one after the other has to know this from any other failure.
    error.title = "interrupted"
    return error


def missing_requests(trace: str) -> str:
    """What to say when `requests` can't be imported, for whatever reason."""
    reason = trace.strip().splitlines()[-1]
    if reason.startswith(
        ("ModuleNotFoundError: No module named 'requests'", "ImportError: No mod")
    ):
        return str(missing_required_lib("requests"))
    return f"{missing_required_lib('requests')} It is there, but can't be imported: {reason}"
