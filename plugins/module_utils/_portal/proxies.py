# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proxies of the environment: what is wrong with one, and what is secret. Loaded if there are any.

This file is private to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from .address import secrets_in
from .errors import config_error
from .values import has_surrogate

# A name as short as this would be masked all over the result.
SHORTEST_SECRET = 4


def check_proxies(url: str, proxies: Mapping[str, str], secrets: set[str]) -> None:
    """Refuse a proxy on the way to an address that can't be read. secrets: takes those of all."""
    for place in proxies.values():
        secrets |= secrets_in(str(place), SHORTEST_SECRET)
    address = proxies.get(urlsplit(url).scheme) or proxies.get("all")
    if address and not _readable(address):
        # Checked here, because others quote a part of it, cut within a secret.
        raise config_error(
            "The address of the proxy can't be read. Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY "
            "in the environment where the module runs. Special characters in a user name or a "
            "password are written as %40 and the like."
        )


def _readable(address: str) -> bool:
    place = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(place)
        # What is no port is a ValueError.
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    known = not has_surrogate(address) and re.fullmatch("https?|socks[45][ah]?", parts.scheme)
    odd = re.search(r"[\s\\\x00-\x1f\x7f]", address) or parts.query or parts.fragment
    return bool(known and host and port != 0 and not odd and "@" not in parts.path)
