# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proxies of the environment, and what of their addresses is secret.

This file is private to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from .errors import config_error


def proxies_for(url: str, secrets: set[str]) -> dict[str, str]:
    """The proxies on the way to an address, as requests takes them. secrets: takes theirs."""
    from requests.utils import get_environ_proxies

    proxies = get_environ_proxies(url, no_proxy=None)
    secrets.update(_credentials(proxies.values()))
    address = proxies.get(urlsplit(url).scheme) or proxies.get("all")
    if address and not _readable(address):
        # Checked here, because others quote a part of it, cut within a secret.
        raise config_error(
            "The address of the proxy can't be read. Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY "
            "in the environment where the module runs. Special characters in a user name or a "
            "password are written as %40 and the like."
        )
    return dict(proxies)


def _readable(address: str) -> bool:
    place = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(place)
        # What is no port is a ValueError.
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    known = re.fullmatch("https?|socks[45][ah]?", parts.scheme)
    odd = re.search(r"[\s\\\x00-\x1f\x7f]", address) or parts.query or parts.fragment
    return bool(known and host and port != 0 and not odd and "@" not in parts.path)


def _credentials(addresses: Iterable[str]) -> set[str]:
    """Credentials in the addresses of proxies, also in one that can't be parsed."""
    found: set[str] = set()
    for address in addresses:
        pair = re.sub("^[a-z0-9+.-]*://", "", str(address).rpartition("@")[0], flags=re.IGNORECASE)
        found |= {pair, pair.partition(":")[2]}
    return {secret for one in found for secret in (one, unquote(one)) if len(secret) > 3}
