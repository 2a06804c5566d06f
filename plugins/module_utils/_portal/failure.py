# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task says that fails. Loaded only then.

This file is private to the collection.
"""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.parameters import remove_values

from .errors import DocSpaceError
from .gate import Interrupted
from .values import clean

LONGEST_MESSAGE = 990
# As Ansible writes it.
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def what_failed(failed: DocSpaceError, secrets: set[str]) -> dict[str, Any]:
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


def unchecked(spec: dict[str, Any]) -> dict[str, Any]:
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
