# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all modules share: one way in, one exit and one fail.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.parameters import remove_values

from .client import REQUESTS_ERROR, Client
from .connection import CONNECTION, build_client
from .errors import DocSpaceError, config_error
from .values import parse_duration, parse_time


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
    run: Callable[[AnsibleModule, Client], Result], argument_spec: dict[str, Any], **rules: Any
) -> None:
    """A module's main: build the client, run, exit or fail. rules: as AnsibleModule takes them."""
    module = AnsibleModule(
        argument_spec={**CONNECTION, **argument_spec},
        supports_check_mode=True,
        mutually_exclusive=[("api_key", "username"), ("api_key", "password")],
        **rules,
    )
    if REQUESTS_ERROR is not None:
        module.fail_json(msg=missing_required_lib("requests"), exception=REQUESTS_ERROR)
    log: list[str] = []
    client: Client | None = None
    failed: DocSpaceError | None = None
    try:
        client = build_client(module, log.append)
        result = run(module, client)
    except DocSpaceError as error:
        failed = error
        if failed.code == "protocol" and failed.method is None and client and client.last:
            # Found only when the answer was read for what it means.
            failed.method, failed.path = client.last
    for warning in filter(None, result.warnings if failed is None else failed.warnings):
        # Ansible masks secrets in the result, but not in every version in warnings.
        module.warn(str(remove_values(warning, module.no_log_values)))
    verbose = {"log": log} if log and module._verbosity else {}
    # Outside of the except block, or Ansible would add the traceback.
    if failed is not None:
        module.fail_json(
            msg=failed.message[:990],
            changed=failed.changed,
            failure=failed.failure,
            **failed.values,
            **verbose,
        )
    diff = {} if result.diff is None else {"diff": result.diff}
    module.exit_json(changed=result.changed, **result.values, **diff, **verbose)
