# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module: check the arguments, call its `run`, exit or fail.

`run_module` is for modules that talk to a portal, `run_offline` for the others. No other file ends a
task. This file is private to the collection.
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
from .http_session import REQUESTS_ERROR
from .interrupts import Interrupted, InterruptGuard
from .values import clean, has_surrogate, is_common, printable

# No option needs a larger number, and some of Python's conversions fail on one.
LARGEST_NUMBER = 10**15
LONGEST_MESSAGE = 990
# As Ansible writes it.
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class Result:
    """What a module's `run` returns. values: the keys of the module's result."""

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


def run_module(
    run: Callable[[AnsibleModule, Client], Result],
    argument_spec: dict[str, Any],
    *,
    null: Sequence[str] = (),
    empty: Sequence[str] = (),
    **rules: Any,
) -> None:
    """Run a module that talks to a portal.

    null, empty: as in `reject_empty_options`. rules: as AnsibleModule takes them.
    """

    def check_args(given: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
        kept = check_given(given, secrets)
        own = {name: value for name, value in kept.items() if name not in CONNECTION}
        reject_empty_options(own, argument_spec, null=null, empty=empty)
        # A null that is allowed counts as left out; Ansible would look for it in the choices.
        return {name: value for name, value in kept.items() if value is not None}

    def execute(module: AnsibleModule, log: list[str], guard: InterruptGuard) -> Result:
        if REQUESTS_ERROR is not None:
            module.fail_json(msg=missing_requests(REQUESTS_ERROR), exception=REQUESTS_ERROR)
        connection = build_connection(module.params, module.no_log_values, warn=module.warn)
        return run(module, Client(connection, log.append, guard))

    exclusive = [("api_key", "username"), ("api_key", "password")]
    exclusive += rules.pop("mutually_exclusive", [])
    spec = {**CONNECTION, **argument_spec}
    _run(spec, check_args, execute, mutually_exclusive=exclusive, **rules)


def run_offline(
    run: Callable[[AnsibleModule, InterruptGuard], Result],
    argument_spec: dict[str, Any],
    *,
    addresses: Sequence[str] = (),
    empty: Sequence[str] = (),
    **rules: Any,
) -> None:
    """Run a module that talks to no portal.

    addresses: options that are a portal's address. empty: as in `reject_empty_options`.
    """

    def check_args(given: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
        for name in addresses:
            secrets |= secrets_in(str(given.get(name, "")))
        reject_empty_options(given, argument_spec, empty=empty)
        return given

    _run(argument_spec, check_args, lambda module, _log, guard: run(module, guard), **rules)


def _run(
    spec: dict[str, Any],
    check_args: Callable[[dict[str, Any], set[str]], dict[str, Any]],
    execute: Callable[[AnsibleModule, list[str], InterruptGuard], Result],
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
                        f"{clean(name)}: contains an unpaired surrogate. Was it read in another "
                        "encoding than UTF-8?"
                    )
            self.params = check_args(self.params, secrets)
            self.no_log_values |= secrets

    class RefusedModule(AnsibleModule):
        """Takes any arguments, to report what is wrong with them."""

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
            result = execute(module, log, guard)
    except DocSpaceError as error:
        failed = error
    except Interrupted as signal:
        failed = interrupted(signal, guard)
    # Outside of the except block, or Ansible would add the traceback.
    if module is None:
        # Without the other rules, so that the message is ours; but the file options are options, too.
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


def reject_empty_options(
    given: dict[str, Any],
    spec: dict[str, Any],
    *,
    null: Sequence[str] = (),
    empty: Sequence[str] = (),
) -> None:
    """Reject options that are null, empty or blank, and numbers that nobody means.

    An empty value could mean everything, nothing, or a default. A null isn't an option that is left
    out: since ansible-core 2.19 a template that yields nothing is null, as is a blank survey answer.

    null, empty: names of the options for which that value is allowed.
    """
    for name, value in given.items():
        if name.startswith("_ansible_"):
            continue
        kind = spec.get(name, {}).get("type")
        items = value if isinstance(value, list) else [value]
        # Not a number is neither larger nor smaller.
        if any(isinstance(item, (int, float)) and not abs(item) < LARGEST_NUMBER for item in items):
            raise config_error(f"{name}: the number is too large, or not a number.")
        if isinstance(value, bool) and kind in ("int", "float"):
            raise config_error(
                f"{name}: must be a number. YAML reads an unquoted yes or on as true."
            )
        allowed: tuple[Any, ...] = (None,) if name in null else ([], "") if name in empty else ()
        if value in allowed or (kind == "dict" and value == {}):
            continue
        if _is_blank(value):
            what = "null" if None in items else "empty"
            raise config_error(
                f"{name}: is {what}, which could mean more than you want. Leave it out, or use omit: "
                '"{{ a_variable | default(omit, true) }}".'
            )


def _is_blank(value: Any) -> bool:
    """Whether a value is empty, or an item of a list, which may be written as text."""
    if isinstance(value, (list, tuple)):
        return not value or any(map(_is_blank, value))
    return value is None or value == {} or not str(value).replace(",", "").strip()


def failure_result(failed: DocSpaceError, secrets: set[str]) -> dict[str, Any]:
    """Return what `fail_json` takes. Masked before it is cut: half a secret isn't recognised."""
    message = str(remove_values(failed.message, secrets))
    detail = failed.detail and str(remove_values(failed.detail, secrets))
    return {
        "msg": message[:LONGEST_MESSAGE],
        "changed": failed.changed,
        "failure": failed.evolve(detail=detail).failure,
        **failed.values,
    }


def interrupted(signal: Interrupted, guard: InterruptGuard) -> DocSpaceError:
    """Return the error of a run that a signal ended."""
    sent = " Earlier requests may have taken effect or still run." if signal.wrote else ""
    return DocSpaceError(
        "task_failed",
        f"Interrupted by {signal.name}. No further request that writes was sent.{sent} {guard.advice}",
        changed=signal.wrote,
        # A caller that runs several modules tells it from other failures by this.
        title="interrupted",
        values=guard.values,
    )


def refused_arguments(given: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a refused task in a form that can be logged and returned.

    Secret ones are replaced: as secrets, their parts may be too short to be masked in the message.
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
    """Return a spec that accepts anything, for a refused task. An address may hold credentials."""
    return {
        name: {
            "type": "raw",
            "aliases": option.get("aliases", []),
            "no_log": name == "url" or bool(option.get("no_log")),
        }
        for name, option in spec.items()
    }


def missing_requests(trace: str) -> str:
    """Return the message for a `requests` that can't be imported."""
    reason = trace.strip().splitlines()[-1]
    message = str(missing_required_lib("requests"))
    if reason.startswith(
        ("ModuleNotFoundError: No module named 'requests'", "ImportError: No mod")
    ):
        return message
    return f"{message} It is installed, but can't be imported: {reason}"


def set_file_options(module: AnsibleModule, path: str) -> bool:
    """Apply Ansible's file options to a file. Returns whether one of them differed.

    In check mode they are only checked. Raises a FileOptionsError for one that can't be applied.
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


def now() -> datetime:
    """Return the time in UTC and whole seconds."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def _warn(module: AnsibleModule, warnings: Sequence[str | None]) -> None:
    for warning in filter(None, warnings):
        # Ansible masks secrets in the result, but not in every version in warnings.
        module.warn(clean(remove_values(warning, module.no_log_values)))
