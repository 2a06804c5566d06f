# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links of the portal to files: where they lead, and what it means when one is refused (C34-C36).

This file is private to the collection.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from .answers import from_answer, read_answer
from .client import Client
from .errors import NOTHING, DocSpaceError, protocol_error
from .values import PORTS, is_common, normal_uuid, parse_time, spellings

# Shorter ones would hide parts of sizes and times.
SHORTEST_SIGNATURE = 12
# The names of a query's values that let somebody in, for the portal and the storages behind it.
_SIGNATURES = re.compile("auth|sig|token|credential|secret|key|pass", re.IGNORECASE)

# What the portal's refusal of its own link means (C35).
_MEANS = {
    400: "The portal takes its own link for incomplete",
    403: "The portal refuses its own link: it is no longer good, or these credentials aren't those "
    "of a portal administrator",
    404: "The file behind the link is gone from the portal",
}


class Astray(DocSpaceError):
    """What came can't be put behind what is there, so that the file is begun anew."""


class Elsewhere(DocSpaceError):
    """A refusal of the storage behind the portal: it may take the next signature."""

    @property
    def transient(self) -> bool:
        """Whether a repetition may succeed."""
        return True


def whole_address(client: Client, link: Any) -> str:
    """The address of a link that the portal gives. It is a secret from here on.

    It begins with one slash and leads to the portal itself; nothing is sent anywhere else.
    """
    target = f"{client.url}{link}"
    right = isinstance(link, str) and re.fullmatch("/(?!/)[^\\\\\x00-\x1f\x7f\ud800-\udfff]*", link)
    if right:
        _hide(client, target)
    if not right or _origin(target) != _origin(client.url):
        raise protocol_error(
            "The portal's link to the file doesn't lead to the portal, so nothing is sent there. "
            "Check that 'url' is the portal's own address."
        )
    return target


def redirected(client: Client, target: str, location: str) -> str:
    """Where a redirect of the portal leads. It is a secret from here on, too."""
    place = urljoin(target, location)
    _hide(client, place)
    goal = _origin(place)
    down = target.startswith("https:") and goal is not None and goal[0] != "https"
    if not location or goal is None or down or "@" in urlsplit(place).netloc:
        why = "to a place without TLS" if down else "to an address that can't be read"
        raise protocol_error(f"The portal leads {why}, which isn't followed.", status=302)
    return place


def root(place: str) -> str:
    """The address of a place's host."""
    parts = urlsplit(place)
    return f"{parts.scheme}://{parts.netloc}"


def refused(_client: Client, answer: Any) -> DocSpaceError:
    """What the portal's answer to a link means that isn't the file."""
    status = answer.status_code
    decoded, page = read_answer(answer)
    failure = from_answer(status, answer.headers, decoded, page=page)
    error = failure or protocol_error("The portal answers without the file.", status=status)
    if status == 416:
        # The requested range isn't in this file, so the part isn't its beginning.
        error = Astray(error.code, error.message, status=status, detail=error.detail)
    if status in _MEANS:
        error.message = f"{_MEANS[status]} (HTTP {status}). Have a new backup made."
    error.outcome = NOTHING
    return error


def refused_elsewhere(_place: str, answer: Any) -> DocSpaceError:
    """The same of the storage behind it. Its words may repeat the signature: they aren't shown."""
    status = answer.status_code
    known = from_answer(status, answer.headers, {}, page=False)
    return (Astray if status == 416 else Elsewhere)(
        "protocol" if known is None else known.code,
        f"{answer.host}, where the portal keeps its files, refuses the file (HTTP "
        f"{status}). Look into the log of that storage, and at the clocks of both.",
        status=status,
        retry_after=None if known is None else known.retry_after,
    )


def _hide(client: Client, address: str) -> None:
    """Have the signature of a link masked wherever a server repeats it.

    The portal chooses it, so what would mask ids, times and the like isn't taken for one, and none
    is masked in results, which say nothing of a link.
    """
    query = re.split("[?#]", address, maxsplit=1)[1:]
    found = set(query) if "=" in "".join(query) else set()
    for pair in re.split("[&;#]", "".join(query)):
        name, _equals, value = pair.partition("=")
        if _SIGNATURES.search(name):
            found |= {value, unquote(value)}
    client.connection.signatures.update(
        form for text in found if _is_signature(text) for form in spellings(text)
    )


def _is_signature(text: str) -> bool:
    if len(text) < SHORTEST_SIGNATURE or is_common(text) or text.isdigit() or normal_uuid(text):
        return False
    try:
        parse_time(text)
    except ValueError:
        return True
    return False


def _origin(address: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.scheme not in PORTS:
        return None
    return parts.scheme, host, port or PORTS[parts.scheme]
