# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an answer of the portal is: the API's success, or something else.

This file is private to the collection.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from .errors import DocSpaceError, protocol_error
from .transport import MOST_VALUES, read_body, too_large
from .values import Mask, is_whole
from .wire import Answer

_BOM = b"\xef\xbb\xbf"
# Python 3.9 takes time for a longer one that grows with the square of its length.
_MOST_DIGITS = 1000
_SURROGATES = re.compile("[\ud800-\udfff]")


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


def read_answer(answer: Answer, *, raw: Collection[str] = ()) -> tuple[dict[str, Any], bool]:
    """Read an answer's body: the JSON object in it, empty for anything else, and whether it is a
    web page instead.

    All text of a server comes in here, and in this order: its size is limited, it is decoded, which
    only UTF-8 can be, and secrets are masked. Cut or changed before, one wouldn't be recognised.
    raw: keys of the object `response` whose values aren't masked, for a caller that compares or
    follows them and never shows them.
    """
    try:
        content = read_body(answer)
        page = is_page(answer.headers, content)
        if sum(content.count(sign) for sign in b",[{") > MOST_VALUES:
            raise too_large(answer.status_code)
        body = _decode(content, answer, raw if answer.status_code < 400 else ())
    except MemoryError:
        raise too_large(answer.status_code) from None
    return body, page and not body


def _decode(content: bytearray, answer: Answer, raw: Collection[str]) -> dict[str, Any]:
    try:
        if content.startswith(_BOM):
            del content[: len(_BOM)]
        text = content.decode("utf-8")
        # It isn't needed any more, and large answers don't fit into memory twice.
        content.clear()
        body = json.loads(text, parse_constant=_refuse, parse_int=_integer)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(body, dict):
        return {}
    mask = answer.masker(text)
    del text
    if mask is not None:
        _mask_all(body, mask, raw)
    return body


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError("a number too long")
    return int(digits)


def _mask_all(body: dict[str, Any], mask: Mask, raw: Collection[str]) -> None:
    """Mask all texts of an object in place. Unpaired surrogates, which may be escaped, are replaced."""

    def masked(text: str) -> str:
        text = mask(text)
        return text if text.isascii() else _SURROGATES.sub("\ufffd", text)

    response: Any = body.get("response")
    kept = {}
    if isinstance(response, dict):
        kept = {key: response.pop(key) for key in raw if key in response}
    waiting: list[Any] = [body]
    while waiting:
        one = waiting.pop()
        for key, value in one.items() if isinstance(one, dict) else enumerate(one):
            if isinstance(value, str):
                one[key] = masked(value)
            elif isinstance(value, (dict, list)):
                waiting.append(value)
        if isinstance(one, dict):
            for key in [key for key in one if masked(key) != key]:
                one[masked(key)] = one.pop(key)
    if kept:
        response.update(kept)


def only_true(what: str) -> Callable[[Any], None]:
    """A reader for a call that says `true` when it is done. what: the request, such as "delete"."""

    def read(response: Any) -> None:
        if response is not True:
            raise protocol_error(f"The portal answered the {what} with something else than true.")

    return read


def is_page(headers: Mapping[str, str], content: bytearray) -> bool:
    """Whether an answer is a web page."""
    return "html" in headers.get("Content-Type", "").lower() or content[:1000].lstrip()[:1] == b"<"
