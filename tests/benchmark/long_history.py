# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole info and prune modules on a history of 10,000 and of 100,000: time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from .playbooks import Lab, executable, mebi, progress
from .report import table

SIZES = (10_000, 100_000)
ROUNDS = 3
HOUR = 3600
# Stands for Python where the module runs, and notes what it took.
METER = """\
#!{python}
import json, os, subprocess, sys, time

begun = time.monotonic()
module = subprocess.Popen([sys.executable, *sys.argv[1:]])
_pid, status, usage = os.wait4(module.pid, 0)
with open({notes!r}, "a") as notes:
    print(json.dumps([time.monotonic() - begun, usage.ru_maxrss]), file=notes)
sys.exit(os.waitstatus_to_exitcode(status))
"""
CASES: dict[str, dict[str, Any]] = {
    "docspace_backup_info, limit: 1": {"docspace_backup_info": {"limit": 1}},
    "docspace_backup_info": {"docspace_backup_info": {}},
    "docspace_backup_prune, all rules": {
        "docspace_backup_prune": {
            **dict.fromkeys(("keep_last", "keep_hourly", "keep_daily"), 24),
            **dict.fromkeys(("keep_weekly", "keep_monthly", "keep_yearly"), -1),
            **dict.fromkeys(("keep_within", "keep_within_hourly", "keep_within_daily"), "9d"),
            **dict.fromkeys(("keep_within_weekly", "keep_within_monthly"), "2y"),
            "keep_within_yearly": "9y",
            "timezone": "Europe/Berlin",
        }
    },
}


class Took(NamedTuple):
    """Seconds and MiB of the module, and of ansible-playbook with it: its largest process."""

    module: float
    module_memory: float
    playbook: float
    largest: float


def main() -> None:
    """About a minute and a half on two processors with nothing else to do."""
    rows = []
    with Lab() as lab:
        notes, meter = lab.folder / "notes", lab.folder / "meter"
        meter.write_text(METER.format(python=sys.executable, notes=str(notes)), encoding="utf-8")
        meter.chmod(0o755)
        before: dict[str, Took] = {}
        for size in SIZES:
            backups = [{"age_seconds": number * HOUR} for number in range(size)]
            lab.order("POST", "reset", {"seed": backups})
            for name, task in CASES.items():
                runs = []
                for number in range(ROUNDS):
                    progress(f"{name}, {size:,}, round {number + 1} of {ROUNDS}")
                    runs.append(run(lab, task, meter, notes))
                best = Took(*map(min, zip(*runs)))
                last = before.get(name)
                cells = [
                    f"{value:.1f}" + (f" (x{value / last[place]:.1f})" if last else "")
                    for place, value in enumerate(best)
                ]
                rows.append([name, f"{size:,}", *cells])
                before[name] = best
    progress("")
    print(
        table(
            ["in check mode", "history", "module: s", "MiB", "ansible-playbook: s", "MiB at most"],
            sorted(rows, key=lambda row: list(CASES).index(row[0])),
        )
    )
    print(
        f"\nThe best of {ROUNDS} rounds. In parentheses the growth, where the history grows tenfold. "
        "The module: its process, from Python's start to the\nprinted result. ansible-playbook: from "
        "its start to its end, the module included; MiB of the largest of its processes, which may be "
        "the module."
    )


def run(lab: Lab, task: dict[str, Any], meter: Path, notes: Path) -> Took:
    """A playbook of this one task."""
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": str(meter)},
        "tasks": [
            {
                **{f"onlyoffice.docspace.{name}": args for name, args in task.items()},
                "check_mode": True,
            }
        ],
    }
    playbook = lab.folder / "playbook.json"
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    notes.write_text("", encoding="utf-8")
    begun = time.perf_counter()
    process = subprocess.Popen(
        [executable(), str(playbook)],
        env=lab.environment,
        cwd=lab.folder,
        stdout=subprocess.DEVNULL,
    )
    _pid, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{task}: ansible-playbook failed")
    lines = notes.read_text(encoding="utf-8").splitlines()
    took, memory = max(json.loads(line) for line in lines)
    return Took(took, memory / mebi(), wall, usage.ru_maxrss / mebi())
