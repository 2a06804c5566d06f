# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the backup files of a portal are called.

This file is private to the collection.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timezone
from urllib.parse import urlsplit

_NAME = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9.~-]*_(?:dump_)?\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.tar\.gz", re.ASCII
)
# A name may have 255 bytes, and the working names of a download are made from it.
_LONGEST = 150


def name_of_file(portal: str, created_on: datetime, *, dump: bool) -> str:
    """What a portal's backup of a time is called: made from nothing that the server says.

    portal: as `normal_portal` gives it. `docs.example.com-8443-team_2026-11-25T08-27-30Z.tar.gz`
    """
    parts = urlsplit(portal)
    place = "-".join(filter(None, (parts.hostname, str(parts.port or ""), parts.path)))
    # An underscore only stands between the parts, and a name begins with a letter or a digit.
    place = re.sub("[^A-Za-z0-9.~]+", "-", place).strip("-.~") or "portal"
    if len(place) > _LONGEST:
        place = f"{place[:_LONGEST]}-{hashlib.sha256(portal.encode()).hexdigest()[:8]}"
    moment = created_on.astimezone(timezone.utc).replace(microsecond=0, tzinfo=None).isoformat()
    return f"{place}_{'dump_' if dump else ''}{moment.replace(':', '-')}Z.tar.gz"


def is_name_of_file(name: str) -> bool:
    """Whether a file's name has the form of `name_of_file`."""
    return _NAME.fullmatch(name) is not None
