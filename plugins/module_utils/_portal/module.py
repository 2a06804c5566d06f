# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that came out empty, or as no number anybody means. Nothing may happen by accident.

This file is private to the collection.

What a task says that fails. Loaded only then.

This file is private to the collection.

What all modules share: one way in, one exit and one fail.

This file is private to the collection.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.parameters import remove_values

from .client import Client
from .connection import CONNECTION, build_connection, check_given, note_secrets, secrets_in
from .errors import DocSpaceError, FileOptionsError, config_error
from .http import REQUESTS_ERROR
from .interrupts import Interrupted, InterruptGuard
from .values import clean, has_surrogate, is_common, printable

# No option has a use for more, and some of Python's conversions break on it.
LARGEST = 10**15


def reject_empty_options(
    given: dict[str, Any],
    spec: dict[str, Any],
    *,
    null: Sequence[str] = (),
    empty: Sequence[str] = (),
) -> None:
    """Refuse what came out empty: it would mean everything, nothing, or a default unasked for.

    A null isn't an option that is left out: a template that yields nothing is null since
    ansible-core 2.19, and so is a blank answer of a survey. given: the options of a task. null,
    empty: those for which that is an answer.
    """
    for name, value in given.items():
        if name.startswith("_ansible_"):
            continue
        kind = spec.get(name, {}).get("type")
        items = value if isinstance(value, list) else [value]
        # Not a number is neither larger nor smaller.
        if any(isinstance(item, (int, float)) and not abs(item) < LARGEST for item in items):
            raise config_error(f"{name}: the number is too large, or none.")
        if isinstance(value, bool) and kind in ("int", "float"):
            raise config_error(f"{name}: give a number. Was 'yes' or 'on' meant as text?")
        fine: tuple[Any, ...] = (None,) if name in null else ([], "") if name in empty else ()
        if value in fine or (kind == "dict" and value == {}):
            continue
        if _is_blank(value):
            what = "null" if None in items else "empty"
            raise config_error(
                f"{name}: it is {what}, which may mean more than was meant. Leave it out, or use "
                'omit: "{{ a_variable | default(omit, true) }}".'
            )


def _is_blank(value: Any) -> bool:
    """Whether there is nothing in a value, or in an item of a list, which may be a text."""
    if isinstance(value, (list, tuple)):
        return not value or any(map(_is_blank, value))
    return value is None or value == {} or not str(value).replace(",", "").strip()


LONGEST_MESSAGE = 990
# As Ansible writes it.
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def failure_result(failed: DocSpaceError, secrets: set[str]) -> dict[str, Any]:
    """What `fail_json` takes. Masked before it is cut: half a secret wouldn't be recognised."""
    message = str(remove_values(failed.message, secrets))
    failed.detail = failed.detail and str(remove_values(failed.detail, secrets))
    return {
        "msg": message[:LONGEST_MESSAGE],
        "changed": failed.changed,
        "failure": failed.failure,
        **failed.values,
    }


def refused_arguments(given: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a task that is refused, in a form that can be logged and returned.

    What is secret is left out: as secrets, its parts may be too short to be masked in the message.
    """
    secret = {
        name
        for option, rules in spec.items()
        for name in (option, *rules.get("aliases", ()))
        if rules.get("no_log") or option == "url"
    }
    return {
        clean(name): HIDDEN if name in secret and value is not None else _encodable(value)
        for name, value in given.items()
    }


def _encodable(value: Any) -> Any:
    if isinstance(value, dict):
        return {clean(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def unchecked_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec that takes anything, for a task that is refused. An address may hold credentials."""
    return {
        name: {
            "type": "raw",
            "aliases": option.get("aliases", []),
            "no_log": name == "url" or bool(option.get("no_log")),
        }
        for name, option in spec.items()
    }


def interrupted(signal: Interrupted, advice: str) -> DocSpaceError:
    """The failure of a run that a signal ended. advice: what to do then."""
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


def set_file_options(module: AnsibleModule, path: str) -> bool:
    """Apply Ansible's file options to a file. Gives whether one of them differed.

    In check mode they are only checked. A FileOptionsError says what can't be applied.
    """

    def fail(msg: str, **values: Any) -> NoReturn:
        details = values.get("details") or values.get("exception")
        raise FileOptionsError(
            "The file options (mode, owner, group, attributes) can't be applied in "
            f"{os.path.split(path)[0]!r}: {msg}{f' ({details})' if details else ''}."
        )

    usual = module.fail_json
    module.fail_json = fail
    try:
        options = {**module.load_file_common_arguments(module.params, path=path), "path": path}
        # The path is one that exists: nothing in it is a variable.
        return bool(module.set_fs_attributes_if_different(options, changed=False, expand=False))
    except OSError as error:
        fail(str(error.strerror))
    finally:
        module.fail_json = usual


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
        reject_empty_options(own, argument_spec, null=null, empty=empty)
        # Where a null is an answer, it is the same as none; Ansible would look for it in choices.
        return {name: value for name, value in kept.items() if value is not None}

    def act(module: AnsibleModule, log: list[str], guard: InterruptGuard) -> Result:
        return run(module, Client(build_connection(module), log.append, guard))

    exclusive = [("api_key", "username"), ("api_key", "password")]
    exclusive += rules.pop("mutually_exclusive", [])
    spec = {**CONNECTION, **argument_spec}
    _run(spec, look, act, needs=REQUESTS_ERROR, mutually_exclusive=exclusive, **rules)


def run_offline(
    run: Callable[[AnsibleModule, InterruptGuard], Result],
    argument_spec: dict[str, Any],
    *,
    addresses: Sequence[str] = (),
    empty: Sequence[str] = (),
    **rules: Any,
) -> None:
    """The main of a module that asks no portal.

    addresses: options that hold a portal's address. empty: as `refuse_accidents` takes it.
    """

    def look(given: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
        for name in addresses:
            secrets |= secrets_in(str(given.get(name, "")))
        reject_empty_options(given, argument_spec, empty=empty)
        return given

    _run(argument_spec, look, lambda module, _log, guard: run(module, guard), needs=None, **rules)


def _run(
    spec: dict[str, Any],
    look: Callable[[dict[str, Any], set[str]], dict[str, Any]],
    act: Callable[[AnsibleModule, list[str], InterruptGuard], Result],
    *,
    needs: str | None,
    **rules: Any,
) -> None:
    secrets: set[str] = set()

    class Module(AnsibleModule):
        """Checks the arguments before Ansible fills in, checks and logs them."""

        params: dict[str, Any]

        def _load_params(self) -> None:
            super()._load_params()
            note_secrets(self.params, spec, secrets)
            self.no_log_values |= secrets
            for name, value in self.params.items():
                if has_surrogate([name, value]):
                    raise config_error(
                        f"{clean(name)}: holds an unpaired surrogate, which no text may. Was it "
                        "read in another encoding than UTF-8?"
                    )
            self.params = look(self.params, secrets)
            self.no_log_values |= secrets

    class RefusedModule(AnsibleModule):
        """Takes any arguments, to say what is wrong with them."""

        params: dict[str, Any]

        def _load_params(self) -> None:
            super()._load_params()
            self.params = refused_arguments(self.params, spec)
            self.no_log_values |= {secret for secret in secrets if not is_common(secret)}

    module: AnsibleModule | None = None
    log: list[str] = []
    guard, result = InterruptGuard(), Result(changed=False)
    failed: DocSpaceError | None = None
    try:
        with guard.closed_by_signals():
            module = Module(argument_spec=spec, supports_check_mode=True, **rules)
            if needs is not None:
                module.fail_json(msg=missing_requests(needs), exception=needs)
            result = act(module, log, guard)
    except DocSpaceError as error:
        failed = error
    except Interrupted as signal:
        failed = interrupted(signal, guard.advice)
        failed.values = guard.values
    # Outside of the except block, or Ansible would add the traceback.
    if module is None:
        # Without the other rules, so that the refusal is ours; but these are options, too.
        common = bool(rules.get("add_file_common_args"))
        module = RefusedModule(
            unchecked_spec(spec), supports_check_mode=True, add_file_common_args=common
        )
    verbose = {"log": log} if log and module._verbosity else {}
    if failed is not None:
        _warn(module, failed.warnings)
        module.fail_json(**printable({**failure_result(failed, module.no_log_values), **verbose}))
    _warn(module, result.warnings)
    diff = {} if result.diff is None else {"diff": result.diff}
    module.exit_json(changed=result.changed, **printable({**result.values, **diff, **verbose}))


def _warn(module: AnsibleModule, warnings: Sequence[str | None]) -> None:
    for warning in filter(None, warnings):
        # Ansible masks secrets in the result, but not in every version in warnings.
        module.warn(clean(remove_values(warning, module.no_log_values)))
