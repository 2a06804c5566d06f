# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Older servers: which version the simulator plays, and how its answers differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .answers import ServerError, general


class Version(NamedTuple):
    """A version of the server, as far as answers differ."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


V3_0, V3_1, V3_2 = Version(3, 0), Version(3, 1), Version(3, 2)
V3_5, V3_6, V3_7 = Version(3, 5), Version(3, 6), Version(3, 7)
KNOWN = (V3_0, V3_1, V3_2, V3_5, V3_6, V3_7)


def version(text: str) -> Version:
    """A version from `3.6` or `3.6.1`."""
    found = next((item for item in KNOWN if f"{text}.".startswith(f"{item}.")), None)
    if found is None:
        raise ValueError(f"server {text!r} is not one of {', '.join(map(str, KNOWN))}")
    return found


def progress(task: Mapping[str, Any] | None, server: Version) -> dict[str, Any] | None:
    """A task's progress as that server says it."""
    if task is None:
        return None
    unknown = set()
    if server < V3_6:
        unknown.add("warning")
    if server < V3_7:
        unknown.add("status")
    return {name: value for name, value in task.items() if name not in unknown}


def failure(error: ServerError, server: Version) -> ServerError:
    """The same failure as that server puts it: statuses became truer over time."""
    kind = (error.kind or "").rsplit(".", 1)[-1]
    older = {
        "AuthorizingException": V3_1,
        "BillingException": V3_2,
        "DirectoryNotFoundException": V3_7,
        "UnauthorizedAccessException": V3_7,
    }
    if kind in older and server < older[kind]:
        return ServerError(500, str(error), error.kind, error.hresult)
    if kind == "FileNotFoundException" and server < V3_2:
        return general(500, str(error), error.kind or "")
    return error
