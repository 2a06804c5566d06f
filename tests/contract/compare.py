# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing an answer of the simulator with a recorded one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

HEADERS = ("Content-Type", "Allow", "WWW-Authenticate")
RECORDED_ID = re.compile(r"dddddddd-0000-4000-8000-[0-9]{12}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TRACE = re.compile(r"00-([0-9a-f]{32}-[0-9a-f]{16}|<trace id>)-00")
STAMP = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")
SERVER_MADE = ("fileName", "createdOn", "expiresOn", "link")


class Comparison:
    """Remembers which simulated id stands for which recorded one."""

    def __init__(self, paced: bool = True) -> None:
        self.ids: dict[str, str] = {}
        # Whether a running restore was recorded at a pace that the simulator keeps.
        self.paced = paced

    def to_simulated(self, text: str) -> str:
        """A request with the ids that the simulator made."""
        return RECORDED_ID.sub(lambda found: self.ids.get(found[0], found[0]), text)

    def differences(
        self, recorded: Mapping[str, Any], status: int, headers: Mapping[str, str], body: str
    ) -> list[str]:
        """What is not alike, in words."""
        found = []
        if status != recorded["status"]:
            found.append(f"status {status}, recorded {recorded['status']}")
        for name in HEADERS:
            wanted, got = recorded["headers"].get(name), headers.get(name)
            if wanted != got:
                found.append(f"{name} {got!r}, recorded {wanted!r}")
        if recorded["body"].startswith("{") and body.startswith("{"):
            self.values(json.loads(recorded["body"]), json.loads(body), "", found)
        elif recorded["body"] != body:
            found.append(f"body {body[:200]!r}, recorded {recorded['body'][:200]!r}")
        return found

    def values(self, wanted: Any, got: Any, path: str, found: list[str]) -> None:
        """Compare two JSON values, member by member."""
        if isinstance(wanted, dict) and isinstance(got, dict):
            self.objects(wanted, got, path, found)
        elif isinstance(wanted, list) and isinstance(got, list):
            if len(wanted) != len(got):
                found.append(f"{path}: {len(got)} items, recorded {len(wanted)}")
            for number, (left, right) in enumerate(zip(wanted, got)):
                self.values(left, right, f"{path}[{number}]", found)
        elif isinstance(wanted, str) and isinstance(got, str):
            if not self.same_text(wanted, got):
                found.append(f"{path}: {got!r}, recorded {wanted!r}")
        elif type(wanted) is not type(got) or wanted != got:
            found.append(f"{path}: {got!r}, recorded {wanted!r}")

    def objects(
        self, wanted: Mapping[str, Any], got: Mapping[str, Any], path: str, found: list[str]
    ) -> None:
        """Objects have the same members; what the server made up is compared by its shape."""
        if set(wanted) != set(got):
            found.append(f"{path}: members {sorted(got)}, recorded {sorted(wanted)}")
        made = str(wanted.get("id", wanted.get("taskId", "")))
        for name in set(wanted) & set(got):
            left, right = wanted[name], got[name]
            if name == "stack":
                left, right = type(left).__name__, type(right).__name__
            elif name == "traceId":
                left, right = bool(TRACE.fullmatch(left)), bool(TRACE.fullmatch(right))
            elif name == "errors" and path.endswith("response"):
                # The wording of a validation is the framework's, the member's name is not.
                left, right = sorted(left), sorted(right)
            elif name == "progress" and not self.paced and runs(wanted):
                left, right = True, runs(got)
            elif name in SERVER_MADE and RECORDED_ID.fullmatch(made):
                left, right = shape(left), shape(right)
            self.values(left, right, f"{path}.{name}", found)

    def same_text(self, wanted: str, got: str) -> bool:
        """Equal, or an id that was made by the server on both sides."""
        if wanted == "<path>":
            return got.startswith("/")
        if RECORDED_ID.fullmatch(wanted) and wanted not in self.ids:
            if not UUID.fullmatch(got) or got in self.ids.values():
                return False
            self.ids[wanted] = got
        return self.to_simulated(wanted) == got


def runs(task: Mapping[str, Any]) -> bool:
    """Whether a task is a restore on its way."""
    started = (task["backupProgressEnum"], task["status"]) == (1, 1)
    return started and task["progress"] in range(100)


def shape(text: str) -> str:
    """A text without its digits and its signature; the year 1 is no date of the server's clock."""
    if text.startswith("0001-"):
        return text
    text = STAMP.sub("<time>", text)
    return re.sub("[0-9]", "9", re.sub("auth=.*", "auth=", text.replace("?expire=1440", "?E")))
