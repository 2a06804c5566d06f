# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks/fleet_prepare.yml needs: the addresses of all portals, found once for all hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._rotation import (
    addresses,
    shared,
)
from ansible_collections.onlyoffice.docspace.plugins.plugin_utils._untrusted import (
    untrusted_filters,
)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return untrusted_filters({"docspace_addresses": addresses, "docspace_shared": shared})
