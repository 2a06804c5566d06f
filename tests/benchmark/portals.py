# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many simulated portals in a process of their own, and playbooks that serve them all."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from ..simulator.fleet import Member, inventory
from .playbooks import Lab, executable, mebi, processor_time

FORKS = 10


class Took(NamedTuple):
    """Of a playbook: seconds, seconds of processor time, those of the simulator meanwhile, MiB
    of its largest process, and requests to all portals."""

    wall: float
    cpu: float
    server: float
    memory: float
    requests: float


class Portals(Lab):
    """So many portals, all well. task_seconds: how long a backup takes on each."""

    def __init__(self, count: int, task_seconds: float = 3.0) -> None:
        pace = ("--task-seconds", str(task_seconds))
        super().__init__("--portals", str(count), "--ill", "none", *pace, portals=count)

    def inventory(self) -> Path:
        """Write it."""
        members = [
            Member(f"portal{number:04d}", url, key)
            for number, (url, key) in enumerate(self.portals, start=1)
        ]
        path = self.folder / "portals.yml"
        path.write_text(inventory(members), encoding="utf-8")
        return path

    def play(self, playbook: str, *options: str) -> Took:
        """Run a playbook on all portals."""
        for url, _key in self.portals:
            self.order("DELETE", "requests", url=url)
        command = [executable(), "--inventory", str(self.inventory()), "--forks", str(FORKS)]
        output = self.folder / "output"
        server, begun = processor_time(self.simulator.pid), time.perf_counter()
        with output.open("w", encoding="utf-8") as screen:
            process = subprocess.Popen(
                [*command, playbook, *options],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=subprocess.STDOUT,
            )
            _pid, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"{playbook}: {output.read_text(encoding='utf-8')[-3000:]}")
        return Took(
            wall,
            usage.ru_utime + usage.ru_stime,
            processor_time(self.simulator.pid) - server,
            usage.ru_maxrss / mebi(),
            sum(self.order("GET", "requests", url=url)["count"] for url, _key in self.portals),
        )
