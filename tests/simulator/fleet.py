# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many portals in one process: histories that differ, and a few that are ill."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .seeds import numbered
from .simulator import Simulator

ILLS = {
    "down": "nothing listens at its address",
    "refused": "it does not know its key",
    "temporary": "it has only copies that expire",
    "stale": "its newest copy is nine days old, and new ones fail",
    "unpaid": "it is not paid for",
    "unscheduled": "it has no schedule",
    "hangs": "it never answers",
    "slow": "each answer takes two seconds",
}
UNKNOWN_KEY = "sk-" + "0" * 64
HOUR, DAY = 3600, 86400


class Closed:
    """An address of its own where nothing listens."""

    def __init__(self, address: str, port: int) -> None:
        self._socket = socket.socket()
        self._socket.bind((address, port))
        self.url = f"http://{address}:{self._socket.getsockname()[1]}"

    def stop(self) -> None:
        """Leave the address to others."""
        self._socket.close()


@dataclass
class Member:
    """A portal as the inventory has it."""

    name: str
    url: str
    key: str
    ill: str | None = None


def some_ill(count: int, text: str | None = None) -> dict[int, str]:
    """Which of so many portals are ill, and how: one of each kind, but no more than a third; or
    those that the text names, spread over all."""
    default = ",".join(list(ILLS)[: count // 3])
    wanted = default if text is None else text
    kinds = wanted.split(",") if wanted not in ("", "none") else []
    unknown = [kind for kind in kinds if kind not in ILLS]
    if unknown:
        raise ValueError(f"ill {unknown[0]!r} is not one of {', '.join(ILLS)}, none")
    if len(kinds) > count:
        raise ValueError(f"{len(kinds)} of {count} portals cannot be ill")
    return {(place + 1) * count // (len(kinds) + 1): kind for place, kind in enumerate(kinds)}


def history(host: str, ill: str | None = None) -> list[Mapping[str, Any]]:
    """A portal's backups, the same in each run: a night's copy each day, some of another kind."""
    if ill == "temporary":
        return [record(host, 0, "DataStore", 6 * HOUR)]
    dice = random.Random(host)
    first = 9 * DAY if ill == "stale" else dice.randrange(HOUR, 20 * HOUR)
    kinds = ["Local"] * dice.randrange(5, 9) + ["Documents", "ThirdPartyConsumer"]
    rows = [
        record(host, day, dice.choice(kinds), first + day * DAY + dice.randrange(HOUR))
        for day in range(dice.randrange(5, 60))
        # The newest is there in any case; nights are missed now and then.
        if day == 0 or dice.random() > 0.05
    ]
    if dice.random() < 0.2 and ill != "stale":
        rows.append(record(host, 99, "DataStore", dice.randrange(HOUR, 12 * HOUR)))
    return rows


def record(host: str, number: int, storage_type: str, age: int) -> Mapping[str, Any]:
    """One backup as plain data."""
    names = {"id": numbered("fleet", host, number), "storage_type": storage_type}
    return {**names, "age_seconds": age}


def furnish(sim: Simulator, ill: str | None) -> None:
    """A history, a schedule, and what is wrong with the portal."""
    sim.seed(history(sim.portal.host, ill))
    if ill != "unscheduled":
        sim.portal.plan_daily(hour=random.Random(sim.portal.host).randrange(24))
    if ill == "unpaid":
        sim.set(tariff_state="NotPaid")
    elif ill == "stale":
        sim.set(task_fails_with="No space left on device")
    elif ill == "hangs":
        sim.fault("delay", seconds=DAY)
    elif ill == "slow":
        sim.fault("delay", seconds=2)


def environment(members: list[Member]) -> str:
    """The lines for a shell; the second portal's names end in _2, and so on."""
    lines = []
    for number, member in enumerate(members, start=1):
        ending = "" if number == 1 else f"_{number}"
        lines.append(f"export DOCSPACE_BASE_URL{ending}={member.url}")
        lines.append(f"export DOCSPACE_API_KEY{ending}={member.key}")
    return "\n".join(lines) + "\n"


def inventory(members: list[Member]) -> str:
    """An Ansible inventory in YAML; a portal that is ill has a comment that says so."""
    lines = [
        "---",
        "docspace_portals:",
        "  vars:",
        '    ansible_python_interpreter: "{{ ansible_playbook_python }}"',
        "  hosts:",
    ]
    for member in members:
        remark = f"  # {ILLS[member.ill]}" if member.ill else ""
        lines += [
            f"    {member.name}:{remark}",
            "      ansible_connection: local",
            "      backup_rotation_connection:",
            f"        url: {json.dumps(member.url)}",
            f"        api_key: {json.dumps(member.key)}",
        ]
    return "\n".join(lines) + "\n"
