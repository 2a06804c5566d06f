# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read an answer of the portal, and tell what one means that isn't the API's success.

All text of a server enters here. This file is private to the collection.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from .errors import LONGEST_DETAIL, DocSpaceError, Effect, protocol_error
from .http_session import MOST_VALUES, Answer, read_body, too_large
from .values import Mask, clean, first_line, is_int

_BOM = b"\xef\xbb\xbf"
# Python 3.9 takes time for a longer one that grows with the square of its length.
_MOST_DIGITS = 1000
_SURROGATES = re.compile("[\ud800-\udfff]")


def read_answer(answer: Answer, *, raw: Collection[str] = ()) -> tuple[dict[str, Any], bool]:
    """Return the JSON object of an answer, empty for any other body, and whether it is a web page.

    In this order: the size is limited, the text is decoded as UTF-8, secrets are masked. A secret
    that is cut or changed before it is masked wouldn't be recognised.

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


# HTTP status: code, what failed, and what to do.
_BY_STATUS = {
    401: (
        "auth",
        "The portal rejected the credentials",
        "Check that the key exists, is enabled and hasn't expired, or that user name and password "
        "are right.",
    ),
    402: (
        "payment",
        "The portal's tariff, licence or quota doesn't allow this",
        "Check what it allows, also per month.",
    ),
    403: (
        "forbidden",
        "These credentials may not do this, or the portal is being restored",
        "Use the key of a portal administrator with the scope '*' or '*:write' ('*:read' only "
        "reads). For the whole server it also needs access to the server's settings.",
    ),
    404: (
        "not_found",
        "The portal has no such address or item, or is suspended",
        "Check the IDs in the task, and that 'url' is the portal's own address, without '/api/2.0'.",
    ),
    407: (
        "protocol",
        "A proxy before the portal asks for credentials, so the portal wasn't reached",
        "Check the proxy variables in the environment where the module runs.",
    ),
    429: ("rate_limited", "The portal accepts no more requests for now", "Run again later."),
}
# A 404 of the API itself: the address is right.
_NO_SUCH_ITEM = (
    "not_found",
    "The portal has no such item",
    "Check its ID, and that these credentials may see it.",
)
_OTHER_4XX = ("rejected", "The portal rejected the request", "Check the options of the task.")
_OTHER_5XX = (
    "server",
    "The portal returned a server error",
    "Retry later; if it persists, check the portal's log.",
)
_PAGE = (
    " The answer is a web page, not the API's: it may come from a proxy or a web server before the "
    "portal. Check the proxy variables and that server."
)
# Refused before the call ran (C32). No other status proves that: a proxy may have sent the request
# twice, and a portal that is being restored refuses the second one with 401, 403 or 404 (C31).
_HAD_NO_EFFECT = (407, 429)


def from_answer(
    status: int, headers: Mapping[str, str], body: dict[str, Any], *, page: bool
) -> DocSpaceError | None:
    """Return the error that an answer means, None for the API's success (C7-C9).

    body: the decoded JSON object, empty if there was none. page: whether a web page came instead.
    The HTTP status decides first, then the status inside of the body.
    """
    by_api = is_int(body.get("status")) and is_int(body.get("statusCode"))
    if status < 300 and by_api and body["status"] == 0 and 200 <= body["statusCode"] < 300:
        return None
    detail = _words(body)
    if status >= 400:
        row = _BY_STATUS.get(status, _OTHER_5XX if status >= 500 else _OTHER_4XX)
        if status == 404 and isinstance(body.get("error"), dict) and is_int(body.get("status")):
            row = _NO_SUCH_ITEM
        code, what, advice = row
        # 408 means that a proxy gave up waiting.
        outcome = Effect.REFUSED if by_api or (status < 500 and status != 408) else Effect.UNKNOWN
        says = f" The portal says: {detail[:LONGEST_DETAIL]}" if detail else _PAGE if page else ""
        return DocSpaceError(
            code,
            f"{what} (HTTP {status}). {advice}{says}",
            status=status,
            detail=detail,
            retry_after=_seconds(headers.get("Retry-After")) if status == 429 else None,
            effect=Effect.NONE if status in _HAD_NO_EFFECT else outcome,
            by_api=by_api,
        )
    if status >= 300:
        place = _without_query(headers.get("Location", ""))
        return protocol_error(
            f"The portal redirects to '{place}', which isn't followed. Give the portal's own "
            "address in 'url'.",
            status=status,
        )
    if not by_api:
        return protocol_error(
            "The answer doesn't come from the DocSpace API, so it is ignored. Check that 'url' is "
            "the portal's own address, not that of a login page, a proxy or another web server.",
            status=status,
        )
    says = f" It says: {detail[:LONGEST_DETAIL]}" if detail else ""
    return protocol_error(
        f"The portal answered with HTTP {status}, but reports an error in it.{says}", status=status
    )


def expect_true(what: str) -> Callable[[Any], None]:
    """Return a parser for a call that answers `true` when it is done.

    what: the request, such as "delete".
    """

    def read(response: Any) -> None:
        if response is not True:
            raise protocol_error(f"The portal answered the {what} with something other than true.")

    return read


def is_page(headers: Mapping[str, str], content: bytearray) -> bool:
    """Whether an answer is a web page."""
    return "html" in headers.get("Content-Type", "").lower() or content[:1000].lstrip()[:1] == b"<"


def _words(body: dict[str, Any]) -> str | None:
    """Return the first line of the server's message, without the stack trace next to it (C10)."""
    inner = next(
        (one for one in (body.get("error"), body.get("response")) if one and isinstance(one, dict)),
        body,
    )
    parts = [first_line(inner.get("message") or inner.get("title") or "")]
    if isinstance(inner.get("errors"), dict):
        for name, said in inner["errors"].items():
            texts = said if isinstance(said, list) else [said]
            parts.append(f"{clean(name)}: {' '.join(map(first_line, texts))}")
    return " ".join(filter(None, parts)) or None


def _without_query(location: str) -> str:
    """Return the part of a redirect's target that may be shown: no credentials, no query."""
    try:
        goal = urlsplit(location)
    except ValueError:
        goal = None
    # `urlsplit` drops some control characters, and so would join the parts of a secret.
    if goal is None or not location.isprintable():
        return "an address that can't be parsed"
    place = f"{goal.scheme}://{goal.netloc.rpartition('@')[2]}" if goal.netloc else ""
    return clean(f"{place}{goal.path}")[:200]


def _seconds(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date."""
    if header is None:
        return None
    if re.fullmatch("[0-9]+", header.strip()):
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
