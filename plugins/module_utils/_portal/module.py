# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all modules share: one way in, one exit and one fail.

This file is private to the collection.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values

from .accidents import refuse_accidents
from .client import Client
from .connection import CONNECTION, build_connection, check_given
from .credentials import note_secrets
from .errors import DocSpaceError, FileOptionsError, config_error
from .gate import Gate, Interrupted
from .values import clean, has_surrogate, is_common, printable
from .wire import REQUESTS_ERROR


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
    run: Callable[[AnsibleModule, Gate], Result],
    argument_spec: dict[str, Any],
    *,
    addresses: Sequence[str] = (),
    empty: Sequence[str] = (),
    **rules: Any,
) -> None:
    """The main of a module that asks no portal.

    addresses: options that hold a portal's address. empty: as `refuse_accidents` takes it.
    """

    from .address import secrets_in

    def look(given: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
        for name in addresses:
            secrets |= secrets_in(str(given.get(name, "")))
        refuse_accidents(given, argument_spec, empty=empty)
        return given

    _main(argument_spec, look, lambda module, _log, gate: run(module, gate), needs=None, **rules)


def _main(
    spec: dict[str, Any],
    look: Callable[[dict[str, Any], set[str]], dict[str, Any]],
    act: Callable[[AnsibleModule, list[str], Gate], Result],
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
    gate, result = Gate(), Result(changed=False)
    failed: DocSpaceError | None = None
    try:
        with gate.closed_by_signals():
            module = Module(argument_spec=spec, supports_check_mode=True, **rules)
            if needs is not None:
                from .failure import missing_requests

                module.fail_json(msg=missing_requests(needs), exception=needs)
            result = act(module, log, gate)
    except DocSpaceError as error:
        failed = error
    except Interrupted as signal:
        from .failure import interrupted

        failed = interrupted(signal, gate.advice)
        failed.values = gate.values
    # Outside of the except block, or Ansible would add the traceback.
    if module is None:
        from .failure import refused_arguments, unchecked

        # Without the other rules, so that the refusal is ours; but these are options, too.
        common = bool(rules.get("add_file_common_args"))
        module = RefusedModule(
            unchecked(spec), supports_check_mode=True, add_file_common_args=common
        )
    verbose = {"log": log} if log and module._verbosity else {}
    if failed is not None:
        from .failure import what_failed

        _warn(module, failed.warnings)
        module.fail_json(**printable({**what_failed(failed, module.no_log_values), **verbose}))
    _warn(module, result.warnings)
    diff = {} if result.diff is None else {"diff": result.diff}
    module.exit_json(changed=result.changed, **printable({**result.values, **diff, **verbose}))


def _warn(module: AnsibleModule, warnings: Sequence[str | None]) -> None:
    for warning in filter(None, warnings):
        # Ansible masks secrets in the result, but not in every version in warnings.
        module.warn(clean(remove_values(warning, module.no_log_values)))
