# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaying recorded scenes against the simulator, over a real socket and with a driven clock."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ansible_collections.onlyoffice.docspace.tests.contract.compare import Comparison
from ansible_collections.onlyoffice.docspace.tests.simulator import DrivenClock, Simulator

HERE = Path(__file__).parent
RECORDED: dict[str, Any] = json.loads((HERE / "exchanges.json").read_text(encoding="utf-8"))
# Recorded later, of the same portal: files on their way out and in.
FILES: dict[str, Any] = json.loads((HERE / "exchanges-upload.json").read_text(encoding="utf-8"))
# The recorded seeds that are "made now" carry dates of this month.
BEGIN = datetime(2026, 11, 23, 20, 19, 51, tzinfo=timezone.utc)


def names() -> list[str]:
    """All recorded exchanges, in their order."""
    return [
        step["exchange"]["name"]
        for recording in (RECORDED, FILES)
        for scene in recording["scenes"]
        for step in scene["steps"]
        if "exchange" in step
    ]


def replay_all() -> dict[str, list[str]]:
    """Each exchange's differences."""
    found: dict[str, list[str]] = {}
    for recording in (RECORDED, FILES):
        # How far a restore had come was the recording machine's speed there.
        comparison = Comparison(paced=recording is RECORDED)
        for scene in recording["scenes"]:
            with simulator(scene["server"]) as sim:
                Scene(sim, comparison, found).play(scene["steps"])
    return found


def simulator(server: str) -> Simulator:
    """The kind of server that a scene was recorded from, with its people and keys."""
    saas = server == "saas"
    host = RECORDED["portal"]["host"]
    # The restore itself was a stand-in: it took ten letters for an archive.
    settings: dict[str, Any] = {
        "rate_limits": server.endswith("ratelimit"),
        "restore_opens_archive": False,
    }
    if saas:
        settings.update(free_backups=0, plan_has_backup=False)
    sim = Simulator(
        kind="saas" if saas else "standalone",
        hosts=[host, "other.example.test"] if saas else [host],
        licence="licence" in server,
        clock=DrivenClock(BEGIN),
        settings=settings,
    )
    users = {user["name"].split("@")[0]: user["name"] for user in RECORDED["portal"]["users"]}
    for key in RECORDED["portal"]["api_keys"]:
        sim.portal.add_key(key["scopes"], key["state"], users[key["owner"]], key["key"])
    return sim


class Scene:
    """One scene's steps, in order."""

    def __init__(self, sim: Simulator, comparison: Comparison, found: dict[str, list[str]]) -> None:
        self.sim = sim
        self.comparison = comparison
        self.found = found
        self.connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=10)

    def play(self, steps: list[dict[str, Any]]) -> None:
        """Run all steps."""
        for step in steps:
            ((kind, value),) = step.items()
            getattr(self, f"step_{kind}")(value)
        self.connection.close()

    def step_reset(self, _value: bool) -> None:
        """The recording's reset emptied the database and left the files on the disk: a file that
        `history.30` seeds as missing is there, because an earlier seed had put it there."""
        self.sim.reset(keep_files=True)

    def step_seed(self, value: list[dict[str, Any]]) -> None:
        """Add backups."""
        self.sim.seed(value)

    def step_set(self, value: dict[str, Any]) -> None:
        """Change the world."""
        self.sim.set(**value)

    def step_wait(self, seconds: float) -> None:
        """Let time pass."""
        self.sim.advance(seconds)

    def step_wait_until(self, value: str) -> None:
        """Let time pass until no task of that kind runs."""
        if value == "no restore runs":
            self.sim.finish_restores()
        else:
            self.sim.finish_tasks()

    def step_exchange(self, exchange: Mapping[str, Any]) -> None:
        """Ask, and note what is not alike."""
        status, headers, body = self.ask(exchange["request"])
        differences = self.comparison.differences(exchange["response"], status, headers, body)
        differences += self.aftermath(exchange)
        self.found[exchange["name"]] = differences

    def ask(self, request: Mapping[str, Any]) -> tuple[int, dict[str, str], str]:
        """Send a request exactly as it was recorded."""
        path = self.comparison.to_simulated(request["path"])
        connection = self.connection
        connection.putrequest(request["method"], path, skip_host=True, skip_accept_encoding=True)
        for name, value in request["headers"].items():
            connection.putheader(name, self.with_token(value))
        body = request.get("body", "").encode()
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()

    def with_token(self, value: str) -> str:
        """A header with the portal tokens of this run."""
        portal = self.sim.portal
        value = value.replace("<portal token of the administrator>", portal.token)
        plain = RECORDED["portal"]["users"][1]["name"]
        return value.replace("<portal token of a plain user>", portal.user_token(plain))

    def aftermath(self, exchange: Mapping[str, Any]) -> list[str]:
        """What database and disk hold now: the record named in `after`, or in the path."""
        after = exchange.get("after", [])
        found = []
        for wanted in after if isinstance(after, list) else [after]:
            state = self.sim.portal.backup(wanted.get("Id") or named_id(exchange))
            for name, key in (("Removed", "removed"), ("fileExists", "file_exists")):
                if name in wanted and wanted[name] != state[key]:
                    found.append(f"after: {name} {state[key]}, recorded {wanted[name]}")
        return found


def named_id(exchange: Mapping[str, Any]) -> str:
    """The backup that the request names, whatever the spelling."""
    path = unquote(exchange["request"]["path"]).lower()
    digits = re.sub("[^0-9a-f]", "", path.split("deletebackup")[1])
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
