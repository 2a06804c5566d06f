# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes in which the server answers (C7, C8)."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from .content import Slice

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json; charset=utf-8"
NO_CACHE = {"Cache-Control": "no-cache,no-store", "Expires": "-1", "Pragma": "no-cache"}
RFC = "https://tools.ietf.org/html/rfc9110#section-15.5."
TITLES = {403: (4, "Forbidden"), 404: (5, "Not Found"), 415: (16, "Unsupported Media Type")}


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content: Slice | None = None


@dataclass
class Rows:
    """A list that is JSON already: long histories are not serialised again for each reading."""

    items: list[str]


class ServerError(Exception):
    """An exception inside the server; the client sees the error envelope."""

    def __init__(self, status: int, message: str, kind: str | None, hresult: int) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.hresult = hresult

    def answer(self) -> Answer:
        """The error envelope; like the real one it is sent without the other headers."""
        stack = "   at Simulated.Stack.Trace()" if self.kind else None
        error = {
            "message": str(self),
            "type": self.kind,
            "stack": stack,
            "hresult": self.hresult,
        }
        body = {"error": error, "status": 1, "statusCode": self.status}
        return Answer(self.status, dump(body), {"Content-Type": JSON, **NO_CACHE})


class Invalid(Exception):
    """The request does not fit the model (400), or is not JSON at all (415)."""

    def __init__(self, status: int, errors: dict[str, list[str]] | None = None) -> None:
        super().__init__(str(errors))
        self.status = status
        self.errors = errors


def null_reference() -> ServerError:
    """What the server says about an id it never had (C17)."""
    message = "Object reference not set to an instance of an object."
    return ServerError(500, message, "System.NullReferenceException", -2147467261)


def bad_argument(message: str) -> ServerError:
    """A value that the server's code refuses."""
    return ServerError(400, message, "System.ArgumentException", -2147024809)


def missing_key(name: str) -> ServerError:
    """A storage parameter that is not there (C21)."""
    message = f"The given key '{name}' was not present in the dictionary."
    return ServerError(500, message, "System.Collections.Generic.KeyNotFoundException", -2146232969)


def access_denied() -> ServerError:
    """No right to the folder, or to the server's space."""
    return ServerError(403, "Access denied", "System.Security.SecurityException", -2146233078)


def not_administrator() -> ServerError:
    """A user without the right to manage backups (C5)."""
    kind = "ASC.Common.Security.Authorizing.AuthorizingException"
    return ServerError(403, "Access denied", kind, -2146233088)


def no_directory(message: str) -> ServerError:
    """A folder that is not there."""
    return ServerError(404, message, "System.IO.DirectoryNotFoundException", -2147024893)


def no_file() -> ServerError:
    """A backup to restore that is not there (C30)."""
    message = "Unable to find the specified file."
    return ServerError(404, message, "System.IO.FileNotFoundException", -2147024894)


def forbidden_file(path: str) -> ServerError:
    """A file that the server may not remove."""
    message = f"Access to the path '{path}' is denied."
    return ServerError(403, message, "System.UnauthorizedAccessException", -2147024891)


def io_error(message: str) -> ServerError:
    """A storage that fails."""
    return ServerError(500, message, "System.IO.IOException", -2146232800)


def bad_format(message: str) -> ServerError:
    """A value that the server cannot parse."""
    return ServerError(500, message, "System.FormatException", -2146233033)


def general(status: int, message: str, kind: str = "System.Exception") -> ServerError:
    """An exception with the framework's general code."""
    return ServerError(status, message, kind, -2146233088)


def envelope(value: Any, href: str, method: str) -> Answer:
    """Success: `response` is missing when there is nothing to say (C7)."""
    links = dump([{"href": href, "action": method}])
    if isinstance(value, Rows):
        response, count = b'"response":[' + ",".join(value.items).encode() + b"],", len(value.items)
    elif value is None:
        response, count = b"", 0
    else:
        response = b'"response":' + dump(value) + b","
        count = len(value) if isinstance(value, list) else 1
    tail = b'"links":' + links + b',"status":0,"statusCode":200}'
    body = b"{" + response + b'"count":%d,' % count + tail
    return Answer(200, body, {"Content-Type": JSON, "api-supported-versions": "2.0"})


def problem(status: int) -> Answer:
    """Bare problem details, as the server's filters send them."""
    body: dict[str, Any] = {"status": status, "traceId": trace_id()}
    if status in TITLES:
        section, title = TITLES[status]
        body = {"type": f"{RFC}{section}", "title": title, **body}
    return Answer(status, dump(body), {"Content-Type": PROBLEM})


def invalid(error: Invalid, href: str, method: str, told: bool = True) -> Answer:
    """Problem details inside the envelope; a 415 says `status: 0` and `statusCode: 200` (C8), and
    so does every refusal of a server that has not `told` it yet (before 3.7)."""
    if error.errors is None:
        section, title = TITLES[error.status]
        details = {"type": f"{RFC}{section}", "title": title, "status": error.status}
    else:
        title = "One or more validation errors occurred."
        details = {"type": f"{RFC}1", "title": title, "status": 400, "errors": error.errors}
    failed = told and error.errors is not None
    body = {
        "response": {**details, "traceId": trace_id()},
        "count": 1,
        "links": [{"href": href, "action": method}],
        "status": int(failed),
        "statusCode": 400 if failed else 200,
    }
    return Answer(error.status, dump(body), {"Content-Type": PROBLEM})


def dump(value: Any) -> bytes:
    """Compact JSON, with letters of all languages as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )


def trace_id() -> str:
    """A trace id of the usual shape."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
