# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A portal's one address, and what its backup files are called.

This file is private to the collection.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timezone
from urllib.parse import urlsplit

from .._portal.values import PORTS

_NAME = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9.~-]*_(?:dump_)?\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.tar\.gz", re.ASCII
)
# A name may have 255 bytes, and the working names of a download are made from it.
_LONGEST = 150


def normal_portal(url: str) -> str:
    """The one spelling of a portal's address: two that are alike are one portal.

    Scheme and host in lower case, the scheme's own port left out, the prefix without slashes that
    mean nothing. `HTTPS://Docs.Example.com:443/team/` becomes `https://docs.example.com/team`. A
    ValueError, which doesn't repeat the address, when it isn't one or holds more.
    """
    if re.search(r"[\s\x00-\x1f\x7f\\?#@]", url):
        raise ValueError("only scheme, host, port and a path prefix belong into the address")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        if host and not host.isascii():
            host = host.encode("idna").decode("ascii")
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in PORTS or port == 0:
        raise ValueError("the address has to begin with http:// or https:// and a host")
    place = f"[{host}]" if ":" in host else host
    if port not in (None, PORTS[parts.scheme]):
        place += f":{port}"
    return f"{parts.scheme}://{place}{re.sub('/{2,}', '/', parts.path).rstrip('/')}"


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
