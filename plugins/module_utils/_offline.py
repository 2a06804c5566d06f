# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way in and out of a module that asks no portal.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._errors import DocSpaceError
from ._module import Result


def run_offline(
    run: Callable[[AnsibleModule], Result], argument_spec: dict[str, Any], **rules: Any
) -> None:
    """A module's main without a client: run, exit or fail. rules: as AnsibleModule takes them."""
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **rules)
    failed: DocSpaceError | None = None
    try:
        result = run(module)
    except DocSpaceError as error:
        failed = error
    # Outside of the except block, or Ansible would add the traceback.
    if failed is not None:
        module.fail_json(msg=failed.message[:990], changed=False, failure=failed.failure)
    module.exit_json(changed=result.changed, **result.values)
