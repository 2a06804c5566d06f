# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A loop item of docspace_backup against ping, a bare module, and the recipe of two uri tasks."""

from __future__ import annotations

import uuid
from typing import Any

from .playbooks import Lab, Play, median, ratio
from .report import Ratio, Report

ITEMS = 15
ROUNDS = 5
OTHERS = 30  # backups that stay, so that the history is one of a month
THERE = [str(uuid.UUID(int=number)) for number in range(1, ITEMS + 1)]
NEVER = [str(uuid.UUID(int=1000 + number)) for number in range(1, ITEMS + 1)]

API = "{{ lookup('env', 'DOCSPACE_BASE_URL') }}/api/2.0/backup"
HEADERS = {"Authorization": "Bearer {{ lookup('env', 'DOCSPACE_API_KEY') }}"}


def ping() -> list[dict[str, Any]]:
    """The least that a task can be."""
    return [{"ansible.builtin.ping": {}, "loop": NEVER}]


def module(ids: list[str]) -> list[dict[str, Any]]:
    """One task of this collection."""
    call = {"id": "{{ item }}", "state": "absent"}
    return [{"onlyoffice.docspace.docspace_backup": call, "loop": ids}]


def bare(ids: list[str]) -> list[dict[str, Any]]:
    """The floor of a task that deletes a backup with Python and requests."""
    return [{"bare_delete": {"id": "{{ item }}"}, "loop": ids}]


def recipe(ids: list[str]) -> list[dict[str, Any]]:
    """The same without it, in its cheapest form: two loops rather than an included file."""
    found = "item.json.response | selectattr('id', 'equalto', item.item) | list | length > 0"
    return [
        {
            "ansible.builtin.uri": {"url": f"{API}/getbackuphistory", "headers": HEADERS},
            "loop": ids,
            "register": "histories",
        },
        {
            "ansible.builtin.uri": {
                "url": f"{API}/deletebackup/{{{{ item.item }}}}",
                "method": "DELETE",
                "headers": HEADERS,
            },
            "loop": "{{ histories.results }}",
            "loop_control": {"label": "{{ item.item }}"},
            "when": found,
        },
    ]


def main() -> None:
    """About two and a half minutes on two processors with nothing else to do."""
    with Lab() as lab:
        backups: list[dict[str, Any]] = [{"age_days": day} for day in range(OTHERS)]
        backups += [{"id": item, "age_days": OTHERS} for item in THERE]

        def seed() -> None:
            lab.order("POST", "reset", {"seed": backups})

        plays = [
            Play("an empty playbook", []),
            Play("ansible.builtin.ping", ping()),
            Play("docspace_backup, not there", module(NEVER), seed),
            Play("two uri tasks, not there", recipe(NEVER), seed),
            Play("a bare module, deleted", bare(THERE), seed),
            Play("docspace_backup, deleted", module(THERE), seed),
            Play("two uri tasks, deleted", recipe(THERE), seed),
        ]
        costs = lab.compare(plays, ITEMS, ROUNDS)

    def against(name: str, other: str, goal: float | None = None) -> list[Ratio]:
        def value(figure: str) -> float:
            return ratio(costs[name], costs[other], figure)

        return [
            Ratio(f"{name} / {other}", value("wall"), goal),
            Ratio("  the same in processor time", value("cpu")),
        ]

    empty = median(costs.pop("an empty playbook"))
    each = {name: median(found) for name, found in costs.items()}
    report = Report(
        ["a loop item", "ms", "processor ms", "requests"],
        [
            [name, f"{cost.wall * 1000:.0f}", f"{cost.cpu * 1000:.0f}", f"{cost.requests:g}"]
            for name, cost in each.items()
        ],
        [
            *against("docspace_backup, not there", "ansible.builtin.ping", 1.45),
            *against("docspace_backup, deleted", "ansible.builtin.ping", 1.45),
            *against("docspace_backup, deleted", "a bare module, deleted", 1.05),
            *against("docspace_backup, deleted", "two uri tasks, deleted"),
            *against("docspace_backup, not there", "two uri tasks, not there"),
        ],
        [
            f"{ITEMS} items in a loop on localhost, {ROUNDS} rounds in turn, medians, without the "
            f"{empty.wall * 1000:.0f} ms of an empty playbook.\n"
            f"A history of {OTHERS} backups, and {ITEMS} more to delete. Ansible's defaults: no "
            "pipelining.\n"
            "Where the backup isn't there, the recipe is one request too: its second task is "
            "skipped."
        ],
    )
    print(report.text())
