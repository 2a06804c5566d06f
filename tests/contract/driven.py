# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules and the simulator on one clock: what a module sleeps passes on the portal, at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from ansible_collections.onlyoffice.docspace.tests.simulator import DrivenClock, Simulator
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import (
    NOW,
    Clock,
    check_outcome,
    run_module,
)

TASK_SECONDS = 110
PATH = "/srv/backup"
MAKE: dict[str, Any] = {"storage_type": "local", "path": PATH}


class Stage:
    """A simulator, and modules to run on it."""

    def __init__(self, sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sim = sim
        self.clock = Clock()
        self.clock.on_sleep = self._pass
        self._monkeypatch = monkeypatch
        self._due: list[tuple[float, Callable[[], object]]] = []
        self._passed = 0.0

    def at(self, seconds: float, event: Callable[[], object]) -> None:
        """Something happens on the portal when a module first sleeps beyond this time."""
        self._due.append((self._passed + seconds, event))

    def _pass(self, seconds: float) -> None:
        self.sim.advance(seconds)
        self._passed += seconds
        due = [event for when, event in self._due if when <= self._passed]
        self._due = [item for item in self._due if item[0] > self._passed]
        for event in due:
            event()

    def run(
        self,
        module: str,
        /,
        *,
        check_mode: bool = False,
        verbosity: int = 1,
        secrets: tuple[str, ...] = (),
        **options: Any,
    ) -> dict[str, Any]:
        """A module's whole run, with what holds for each checked. None leaves an option out."""
        params = {"url": self.sim.url, "api_key": self.sim.key, **options}
        outcome = run_module(
            module,
            {name: value for name, value in params.items() if value is not None},
            monkeypatch=self._monkeypatch,
            check_mode=check_mode,
            diff=True,
            verbosity=verbosity,
            clock=self.clock,
        )
        return check_outcome(outcome, (self.sim.key, "Simulated.Stack", "auth=", *secrets))

    def send(self, method: str, call: str, **body: Any) -> Any:
        """Somebody else does something, which isn't counted with the module's requests."""
        headers = {"Authorization": f"Bearer {self.sim.key}"}
        url = f"{self.sim.url}/api/2.0/backup/{call}"
        json = body if method == "POST" else None
        log = self.sim.log.find()
        answer = requests.request(method, url, json=json, headers=headers, timeout=30)
        answer.raise_for_status()
        self.sim.log.clear()
        for item in log:
            self.sim.log.add(item)
        return answer.json().get("response")

    def backup(self, **body: Any) -> str:
        """Somebody else starts a local backup, or another one. Gives the task's id."""
        local = {"storageType": "Local", "storageParams": [{"key": "filePath", "value": PATH}]}
        return str(self.send("POST", "startbackup", **{**local, **body})["taskId"])

    def asked(self) -> list[str]:
        """What was asked so far, as `GET getbackuphistory?Dump=true`; then counting begins anew."""
        shown = [
            f"{item.method} {item.path.rpartition('/')[2]}"
            + (f"?{item.query}" if item.query else "")
            for item in self.sim.requests
        ]
        self.sim.log.clear()
        return shown


def failure(result: dict[str, Any], code: str = "task_failed", changed: bool = False) -> str:
    """The message of a run that failed as it should."""
    assert result.get("failed") is True, result
    assert result["failure"]["code"] == code, result["msg"]
    assert result["changed"] is changed
    return str(result["msg"])


def simulator(**options: Any) -> Simulator:
    """One whose clock stands where the modules' stands; a task takes 110 s, the first 11 queued."""
    return Simulator(clock=DrivenClock(NOW), task_seconds=TASK_SECONDS, **options)
