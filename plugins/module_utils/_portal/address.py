# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in an address: what is wrong with it, and what of it nobody may see.

This file is private to the collection.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

from .errors import DocSpaceError, config_error
from .values import PORTS, normal_portal


def secrets_in(address: str, shortest: int = 1) -> set[str]:
    """Credentials and the values of a query, also of an address that can't be parsed.

    As they stand, decoded, and encoded; those with so many characters at least.
    """
    place = bare(address)
    query = address[len(place) + 1 :]
    pair = re.sub("^[a-z0-9+.-]*:?/+", "", place.rpartition("@")[0], flags=re.IGNORECASE)
    shown = {pair, pair.partition(":")[2], query, *re.split("[=&]", query)[1::2]}
    spelled = {
        form for text in shown for form in (text, unquote(text), quote(text, "", errors="replace"))
    }
    return {secret for secret in spelled if len(secret) >= shortest}


def bare(address: str) -> str:
    """An address without query and fragment."""
    return re.split("[?#]", address, maxsplit=1)[0]


def read_url(url: str, secrets: set[str]) -> str:
    """The address without what doesn't count; what is secret in a wrong one goes into secrets."""
    # The task's arguments are shown in its result, also those that are refused.
    secrets |= secrets_in(url)
    address = bare(url)
    if "@" in address:
        raise config_error(
            f"url: no credentials in the address (***@{address.rpartition('@')[2][:100]}). Give "
            "them in 'api_key', or 'username' and 'password'."
        )
    if url != url.strip():
        raise config_error("url: white space around the address. Was it read with its line end?")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        if "[" in parts.netloc and ":" not in str(host):  # old Pythons take anything there
            host = None
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in PORTS or port == 0:
        raise _no_address()
    if address != url or re.search(r"[\s\x00-\x1f\x7f\\]", address):
        raise config_error(
            "url: only scheme, host, port and a path prefix belong into the address, such as "
            "'https://docspace.example.com'; no query, and no white space."
        )
    try:
        # What stands in manifests and reports has to have a normal form.
        normal_portal(address)
    except ValueError:
        raise _no_address() from None
    path = re.sub("/{2,}", "/", parts.path).rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _no_address() -> DocSpaceError:
    return config_error(
        "url: give an address that begins with http:// or https:// and a host, such as "
        "'https://docspace.example.com'."
    )
