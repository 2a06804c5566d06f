# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exception that all modules fail with, and what a failed request did on the server.

This file is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any


class Effect(Enum):
    """What a failed request did on the server."""

    # Nothing: it was never sent, or turned away before it reached the API (429).
    NONE = "none"
    # The answer says no. A proxy may have sent the request twice, so a look-up has to confirm it.
    REFUSED = "refused"
    # What it asked for runs, or was done.
    STARTED = "started"
    # It may have taken effect, or may still do so.
    UNKNOWN = "unknown"


# The codes that modules document, with the title that each has in tables.
TITLES = {
    "config": "wrong options",
    "connection": "not reached",
    "tls": "certificate not trusted",
    "timeout": "no answer in time",
    "auth": "credentials refused",
    "payment": "unpaid",
    "forbidden": "not allowed",
    "not_found": "not found",
    "rate_limited": "too many requests",
    "server": "portal failed",
    "rejected": "request rejected",
    "protocol": "not understood",
    "conflict": "busy",
    "guard": "refused by a guard",
    "task_failed": "task failed",
}
LONGEST_DETAIL = 300


class DocSpaceError(Exception):
    """A failure that ends the task, with all that `fail_json` needs. It is read-only.

    A layer that knows more raises a copy: `raise error.evolve(message=...) from error`.
    """

    code: str  # one of TITLES
    message: str
    status: int | None  # of the HTTP answer, None without one
    method: str | None  # of the HTTP request, None without one
    path: str | None
    detail: str | None  # the server's words
    retry_after: float | None  # seconds that the server asks to wait
    by_api: bool  # whether the API itself answered, in its envelope
    effect: Effect  # of the request that failed
    changed: bool  # whether the task as a whole changed something, or may have
    title: str  # the code in a few words, for tables
    values: Mapping[str, Any]  # further keys of the result
    warnings: Sequence[str | None]

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        detail: str | None = None,
        retry_after: float | None = None,
        by_api: bool = False,
        effect: Effect = Effect.NONE,
        changed: bool = False,
        title: str | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.__dict__.update(
            code=code,
            message=message,
            status=status,
            method=None,
            path=None,
            detail=detail,
            retry_after=retry_after,
            by_api=by_api,
            effect=effect,
            changed=changed,
            title=title or TITLES[code],
            values=dict(values or {}),
            warnings=(),
        )

    def __setattr__(self, name: str, value: Any) -> None:
        # Python itself sets the traceback and the like.
        if not name.startswith("__"):
            raise AttributeError(f"{name}: an error is read-only. Raise a copy from evolve().")
        super().__setattr__(name, value)

    def evolve(self, **changes: Any) -> DocSpaceError:
        """Return a copy of this error with other values for some fields."""
        fields = {**self.__dict__, **changes}
        other = type(self).__new__(type(self), fields["message"])
        other.__dict__.update(fields)
        return other

    @property
    def summary(self) -> str:
        """The error in a few words, such as `HTTP 502, portal failed`."""
        return self.title if self.status is None else f"HTTP {self.status}, {self.title}"

    @property
    def transient(self) -> bool:
        """Whether a repetition may succeed. The request may have had its effect nevertheless."""
        return self.code in ("connection", "timeout") or self.status in (502, 503, 504)

    def had_no_effect(self, unread: DocSpaceError | None) -> bool:
        """Whether a write certainly did nothing, after a look-up that didn't find its effect.

        unread: why the look-up itself failed, None if it was answered.
        """
        return self.effect == Effect.NONE or (self.effect == Effect.REFUSED and unread is None)

    @property
    def failure(self) -> dict[str, Any]:
        """The result key `failure`."""
        return {
            "code": self.code,
            "title": self.title,
            "status": self.status,
            "method": self.method,
            "path": self.path,
            "detail": self.detail and self.detail[:LONGEST_DETAIL],
        }


class FileOptionsError(Exception):
    """The file options (mode, owner, group, attributes, SELinux) can't be applied to a file."""


def config_error(message: str) -> DocSpaceError:
    """An option is wrong. Raised before anything is sent."""
    return DocSpaceError("config", message)


def protocol_error(
    message: str, *, status: int | None = 200, detail: str | None = None
) -> DocSpaceError:
    """An answer can't be the API's, so that nothing may be concluded from it."""
    return DocSpaceError("protocol", message, status=status, detail=detail, effect=Effect.UNKNOWN)
