# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the end of an HTTP exchange means for the user: an exception of requests, or an answer.

This file is private to the collection.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any
from urllib.parse import urlsplit

from .errors import DocSpaceError, config_error, is_whole, protocol_error

_BY_STATUS = {
    401: (
        "auth",
        "The portal doesn't accept these credentials. Check that the key exists, is enabled and "
        "hasn't expired, or that user name and password are right.",
    ),
    402: (
        "payment",
        "The portal refuses for lack of payment or quota. Check its tariff or licence, and how "
        "many backups it may make in a month.",
    ),
    403: (
        "forbidden",
        "These credentials may not do this, or the portal is being restored. Use the key of a "
        "portal administrator with the scope '*' or '*:write' ('*:read' only reads); server-wide "
        "backups also need access to the server's settings.",
    ),
    404: (
        "not_found",
        "The portal doesn't know this address, or is suspended. Check that 'url' is the portal's "
        "own address, without '/api/2.0'.",
    ),
    429: ("rate_limited", "The portal takes no more requests for now. Run again later."),
}
_OTHER_4XX = ("rejected", "The portal rejects the request. Check the options of the task.")
_OTHER_5XX = (
    "server",
    "The portal failed. Run again later; if it stays, look into the portal's log.",
)


def from_exception(error: Exception, host: str) -> DocSpaceError:
    """What an exception of `requests` means: no answer came, or not the whole of it."""
    from requests import exceptions as kinds

    inner: Any = error.args[0] if error.args else error
    inner = getattr(inner, "reason", None) or inner
    # urllib3 writes ('Connection aborted.', what it was).
    aborted = getattr(inner, "args", ())[1:2]
    words = str(aborted[0] if aborted and isinstance(aborted[0], Exception) else inner)
    detail = re.sub(r"<[^>]* object at 0x\w+>[:,]? ?|\w+\(host=[^)]*\)[:,]? ?", "", words)
    detail = re.sub(r"//[^/@\s]*@", "//***@", detail)[:300]
    # A CA bundle that holds no certificate is a bare OSError.
    if isinstance(error, kinds.SSLError) or not isinstance(
        error, (kinds.RequestException, ValueError)
    ):
        return DocSpaceError(
            "tls",
            f"No trusted TLS connection to {host}: {detail}. Check the portal's certificate and "
            "host name; for a private certificate authority give its file in 'ca_path'.",
            detail=detail,
        )
    # A time-out while the body is read comes as a ConnectionError around urllib3's own.
    if isinstance(error, kinds.Timeout) or type(inner).__name__ == "ReadTimeoutError":
        return DocSpaceError(
            "timeout",
            f"{host} didn't answer in time. Check that the portal is up and not overloaded, or "
            "raise 'timeout'.",
            detail=detail,
        )
    if isinstance(error, ValueError):
        return config_error(f"No request can be made to {host}: {detail}. Check 'url'.")
    if isinstance(error, kinds.ProxyError):
        sentence = f"The proxy before {host} refuses: {detail}. Check the proxy variables"
    elif isinstance(error, (kinds.ChunkedEncodingError, kinds.ContentDecodingError)):
        sentence = f"{host} cut its answer off: {detail}. Run again; look at proxies on the way"
    elif type(inner).__name__ in ("NewConnectionError", "NameResolutionError"):
        sentence = f"{host} can't be reached: {detail}. Check 'url', firewalls and the portal"
    else:
        sentence = f"{host} closed the connection without an answer: {detail}. Run again"
    return DocSpaceError("connection", f"{sentence}.", detail=detail)


def from_answer(answer: Any, body: dict[str, Any]) -> DocSpaceError | None:
    """What an answer means that isn't the API's success (C7-C9), None for one that is.

    body: the decoded JSON object, empty where there was none. The HTTP status is trusted first.
    """
    status: int = answer.status_code
    detail = _words(body)
    if status >= 400:
        code, sentence = _BY_STATUS.get(status, _OTHER_5XX if status >= 500 else _OTHER_4XX)
        says = f" The portal says: {detail}" if detail else ""
        return DocSpaceError(
            code,
            f"{sentence} (HTTP {status}.){says}",
            status=status,
            detail=detail,
            retry_after=_seconds(answer.headers.get("Retry-After")) if status == 429 else None,
        )
    if status >= 300:
        place = _without_query(answer.headers.get("Location", ""))
        return protocol_error(
            f"The portal redirects to '{place}', which isn't followed. Give the portal's own "
            "address in 'url'.",
            status=status,
        )
    if not is_whole(body.get("status")) or not is_whole(body.get("statusCode")):
        return protocol_error(
            "This answer doesn't come from the DocSpace API, so nothing is concluded from it. "
            "Check that 'url' is the portal's own address, and no login page or other web server.",
            status=status,
        )
    if body["status"] != 0 or not 200 <= body["statusCode"] < 300:
        says = f" It says: {detail}" if detail else ""
        return protocol_error(
            f"The portal answers with HTTP {status} and an error inside.{says}", status=status
        )
    return None


def decode(content: bytes) -> dict[str, Any]:
    """The JSON object of a body, empty when it is anything else."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _words(body: dict[str, Any]) -> str | None:
    """The first line of the server's message; never the stack trace beside it (C10)."""
    inner = body.get("error") or body.get("response") or body
    if not isinstance(inner, dict):
        return None
    text = str(inner.get("message") or inner.get("title") or "").strip()
    if isinstance(inner.get("errors"), dict):
        text += f" {inner['errors']}"
    return text.splitlines()[0][:300] if text else None


def _without_query(location: str) -> str:
    """What of a redirect's goal may be shown: no credentials, no query, no fragment."""
    try:
        goal = urlsplit(location)
    except ValueError:
        return "an address that can't be read"
    place = f"{goal.scheme}://{goal.netloc.rpartition('@')[2]}" if goal.netloc else ""
    return f"{place}{goal.path}"[:200]


def _seconds(header: str | None) -> float | None:
    """A Retry-After header: a number of seconds, or a date."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
