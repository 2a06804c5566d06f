# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What restore_drill needs: to tell whether two addresses are one portal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.names import (
    normal_portal,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._untrusted import (
    untrusted_filters,
)


def portal(url: object) -> str:
    """The one spelling of a portal's address, of scheme, host, port and prefix."""
    try:
        return normal_portal(str(url))
    except ValueError as error:
        raise AnsibleFilterError(f"url: {error}, such as 'https://docspace.example.com'") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return untrusted_filters({"docspace_portal": portal})
