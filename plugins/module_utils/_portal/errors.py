# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one exception of the collection, and its usual causes.

This file is private to the collection.
"""

from __future__ import annotations

from typing import Any


class DocSpaceError(Exception):
    """A failure that ends the task, with what `fail_json` needs.

    code: one of those that the modules document. status, method, path: of the HTTP exchange, None
    where there was none. detail: the server's words. retry_after: seconds that it asks to wait.
    changed: whether something was changed, or goes on, on the server. values: more result keys.
    warnings: what the user must know beside it.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        detail: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.method: str | None = None
        self.path: str | None = None
        self.changed = False
        self.values: dict[str, Any] = {}
        self.warnings: list[str | None] = []

    @property
    def transient(self) -> bool:
        """Whether a repetition may succeed; the request may have had its effect all the same."""
        return self.code in ("connection", "timeout") or self.status in (502, 503, 504)

    @property
    def failure(self) -> dict[str, Any]:
        """The result key `failure`."""
        return {
            "code": self.code,
            "status": self.status,
            "method": self.method,
            "path": self.path,
            "detail": self.detail,
        }


def config_error(message: str) -> DocSpaceError:
    """Input that our own check refuses, before anything is sent."""
    return DocSpaceError("config", message)


def protocol_error(message: str, *, status: int | None = 200) -> DocSpaceError:
    """An answer that can't be the API's, so that nothing may be concluded from it."""
    return DocSpaceError("protocol", message, status=status)


def is_whole(value: Any) -> bool:
    """Whether a decoded value is a whole number, which true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)
