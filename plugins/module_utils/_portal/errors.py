# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception of the collection, and its usual causes.

This file is private to the collection.
"""

from __future__ import annotations

from enum import Enum
from typing import Any


class Effect(Enum):
    """What a failed request did on the server."""

    # It was never sent, or turned away before it reached the API (429).
    NONE = "none"
    # The answer says no. A proxy may have sent the request twice, so a look-up has to confirm it.
    REFUSED = "refused"
    # It runs, or was done.
    STARTED = "started"
    # It may have taken effect, or may still do so.
    UNKNOWN = "unknown"


# In a few words, for a table.
_TITLES = {
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
    """A failure that ends the task, with what `fail_json` needs.

    code: one of those that the modules document. status, method, path: of the HTTP exchange, None
    where there was none. detail: the server's words. retry_after: seconds that it asks to wait.
    effect: what the request that failed did on the server. by_api: whether the API itself answered,
    in its envelope. changed: whether the task as a whole
    changed something there, or started what goes on. title: a few words, where those of the code
    say too little. values: more result keys. warnings: what the user must know beside it.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        detail: str | None = None,
        retry_after: float | None = None,
        effect: Effect = Effect.NONE,
        by_api: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.effect = effect
        self.by_api = by_api
        self.method: str | None = None
        self.path: str | None = None
        self.changed = False
        self.title = _TITLES[code]
        self.values: dict[str, Any] = {}
        self.warnings: list[str | None] = []

    def evolve(self, **changes: Any) -> DocSpaceError:
        """Return a copy of this error with other values for some fields."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__, **changes)
        other.args = (other.message,)
        return other

    @property
    def transient(self) -> bool:
        """Whether a repetition may succeed; the request may have had its effect all the same."""
        return self.code in ("connection", "timeout") or self.status in (502, 503, 504)

    def had_no_effect(self, unread: DocSpaceError | None) -> bool:
        """Whether a write certainly did nothing, after a look-up that didn't find its effect.

        unread: why the look-up wasn't answered.
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
    """Input that our own check refuses, before anything is sent."""
    return DocSpaceError("config", message)


def protocol_error(message: str, *, status: int | None = 200) -> DocSpaceError:
    """An answer that can't be the API's, so that nothing may be concluded from it."""
    return DocSpaceError("protocol", message, status=status, effect=Effect.UNKNOWN)
