# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was asked of the simulator, for tests that count requests."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from typing import Any


@dataclass
class Logged:
    """One request; `size` is that of its body, `status` is None when it got no answer. No secret
    is kept."""

    method: str
    path: str
    query: str
    host: str
    authorization: str
    status: int | None = None
    fault: str = ""
    range: str = ""
    size: int = 0


class RequestLog:
    """All requests in the order of their coming."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: list[Logged] = []

    def add(self, item: Logged) -> None:
        """Note a request."""
        with self._lock:
            self._items.append(item)

    def clear(self) -> None:
        """Start counting again."""
        with self._lock:
            self._items = []

    def find(self, method: str | None = None, path: str | None = None) -> list[Logged]:
        """The requests of that method and path (a shell pattern, `getbackuphistory` for short)."""
        with self._lock:
            return [item for item in self._items if matches(item.method, item.path, method, path)]

    def as_data(self, method: str | None = None, path: str | None = None) -> list[dict[str, Any]]:
        """The same for the control plane."""
        return [asdict(item) for item in self.find(method, path)]


def matches(method: str, path: str, wanted_method: str | None, wanted_path: str | None) -> bool:
    """Whether a request is meant by a method and a path pattern."""
    if wanted_method and method.upper() != wanted_method.upper():
        return False
    if not wanted_path:
        return True
    pattern = wanted_path.lower()
    if not pattern.startswith("/"):
        pattern = f"*/backup/{pattern}"
    shown = path.lower().rstrip("/")
    return fnmatch(shown, pattern) or fnmatch(shown, f"{pattern}/*")


def scheme(header: str) -> str:
    """The first word of an Authorization header, when there is more than that word."""
    word, space, _rest = header.partition(" ")
    if not header:
        return ""
    return word if space else "raw"
