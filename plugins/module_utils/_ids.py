# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one spelling of a UUID. This file is private to the collection."""

from __future__ import annotations

import re

_UUID = re.compile(
    r"(\{)?([0-9a-f]{8})(-?)([0-9a-f]{4})\3([0-9a-f]{4})\3([0-9a-f]{4})\3([0-9a-f]{12})(?(1)\})",
    re.ASCII | re.IGNORECASE,
)


def normal_uuid(text: str) -> str | None:
    """A UUID in lower case with hyphens, None for anything else.

    Hyphens stand in all the usual places or in none, and braces may stand around.
    """
    found = _UUID.fullmatch(text)
    return "-".join(found.group(2, 4, 5, 6, 7)).lower() if found else None
