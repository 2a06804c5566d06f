# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an answer of the portal is: the API's success, or something else.

This file is private to the collection.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .errors import DocSpaceError, protocol_error
from .values import is_whole

Mask = Callable[[str], str]


def from_answer(
    status: int, headers: Mapping[str, str], body: dict[str, Any], *, page: bool
) -> DocSpaceError | None:
    """What an answer means that isn't the API's success (C7-C9), None for one that is.

    body: the decoded JSON object, empty where there was none. page: whether something else came
    that looks like a web page. The HTTP status is trusted first.
    """
    inner: Any = body.get("status")
    code: Any = body.get("statusCode")
    if status < 300 and is_whole(inner) and is_whole(code) and inner == 0 and 200 <= code < 300:
        return None
    from .refusals import from_refusal

    return from_refusal(status, headers, body, page=page)


def decode(content: bytearray, mask: Mask | None) -> dict[str, Any]:
    """The JSON object of a body, empty when it is anything else.

    mask: takes secrets out of all texts in it, None where there are none. That comes first, because
    later texts are cut, and half a secret wouldn't be recognised.
    """
    try:
        body = json.loads(content, parse_constant=_refuse)
        body = body if isinstance(body, dict) else {}
        return body if mask is None else dict(_masked(body, mask))
    except (ValueError, RecursionError):
        return {}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _masked(value: Any, mask: Mask) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [_masked(item, mask) for item in value]
    if isinstance(value, dict):
        return {mask(key): _masked(item, mask) for key, item in value.items()}
    return value


def only_true(what: str) -> Callable[[Any], None]:
    """A reader for a call that says `true` when it is done. what: the request, such as "delete"."""

    def read(response: Any) -> None:
        if response is not True:
            raise protocol_error(f"The portal answered the {what} with something else than true.")

    return read


def is_page(headers: Mapping[str, str], content: bytearray) -> bool:
    """Whether an answer is a web page."""
    return "html" in headers.get("Content-Type", "").lower() or content.lstrip()[:1] == b"<"
