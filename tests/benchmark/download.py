# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy off site, fetched and checked, against curl, sha256sum and tar: time, and memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import requests

from .playbooks import Lab, progress
from .report import Ratio, Report

MEGA = 10**6
SIZES = (20 * MEGA, 300 * MEGA)
LARGE = 2000 * MEGA
ROUNDS = 5
GOAL = 1.0
MOST_MORE = 20.0
MODULE = "ansible_collections.onlyoffice.docspace.plugins.modules.docspace_backup_download"
# What people write without this collection: three passes, one after the other.
RECIPE = 'curl -fsS -o "$1" -H "Authorization: Bearer $3" "$2" && sha256sum "$1" && tar -tzf "$1" >/dev/null'


class Took(NamedTuple):
    """Seconds of the clock and of the processor, and MiB of the largest process."""

    wall: float
    cpu: float
    memory: float


class Portal:
    """A simulated portal with one temporary backup of a size."""

    def __init__(self, lab: Lab, size: int) -> None:
        self.lab = lab
        lab.order("POST", "reset", {})
        lab.order("POST", "set", {"file_size": size})
        api, headers = f"{lab.url}/api/2.0/backup", {"Authorization": f"Bearer {lab.key}"}
        started = {"storageType": "DataStore", "storageParams": []}
        requests.post(f"{api}/startbackup", json=started, headers=headers, timeout=60)
        lab.order("POST", "clock", {"finish_tasks": True})
        task = requests.get(f"{api}/getbackupprogress", headers=headers, timeout=60).json()
        self.id, self.link = task["response"]["taskId"], lab.url + task["response"]["link"]
        # The file is made when somebody first asks for it.
        self.recipe()

    def ours(self) -> Took:
        """The module's process, from Python's start to its result."""
        dest = self.lab.folder / "ours.tar.gz"
        options = {"url": self.lab.url, "api_key": self.lab.key, "dest": str(dest), "id": self.id}
        arguments = self.lab.folder / "arguments.json"
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}), encoding="utf-8")
        took = measured([sys.executable, "-m", MODULE, str(arguments)], self.lab)
        dest.unlink()
        Path(f"{dest}.json").unlink()
        return took

    def recipe(self) -> Took:
        """curl, sha256sum and tar."""
        dest = self.lab.folder / "theirs.tar.gz"
        took = measured(["sh", "-c", RECIPE, "sh", str(dest), self.link, self.lab.key], self.lab)
        dest.unlink()
        return took


def measured(command: Sequence[str], lab: Lab) -> Took:
    """Run a command to its end."""
    environment = {**lab.environment, "PYTHONPATH": str(lab.folder / "collections")}
    begun = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _pid, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed")
    return Took(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def median(runs: Sequence[Took]) -> Took:
    """Of each figure by itself."""
    return Took(*map(statistics.median, zip(*runs)))


def main() -> None:
    """Some minutes: the files are fetched and read many times."""
    rows, ratios, memory = [], [], {}
    with Lab() as lab:
        for size in SIZES:
            portal = Portal(lab, size)
            ours, theirs = [], []
            for number in range(ROUNDS):
                progress(f"{size // MEGA} MB, round {number + 1} of {ROUNDS}")
                # Both have what the other left in the disk's cache.
                ours.append(portal.ours())
                theirs.append(portal.recipe())
            memory[size] = median(ours).memory
            for name, runs in (("docspace_backup_download", ours), ("the recipe", theirs)):
                took = median(runs)
                cells = [f"{took.wall:.2f}", f"{took.cpu:.2f}", f"{took.memory:.1f}"]
                rows.append([f"{name}, {size // MEGA} MB", *cells])
            walls = [mine.wall / other.wall for mine, other in zip(ours, theirs)]
            goal = GOAL if size == SIZES[-1] else None
            what = f"ours / the recipe, {size // MEGA} MB"
            ratios.append(Ratio(what, statistics.median(walls), goal))
            cpus = [mine.cpu / other.cpu for mine, other in zip(ours, theirs)]
            ratios.append(Ratio("  the same in processor time", statistics.median(cpus)))
        progress(f"{LARGE // MEGA} MB, once")
        took = Portal(lab, LARGE).ours()
        cells = [f"{took.wall:.2f}", f"{took.cpu:.2f}", f"{took.memory:.1f}"]
        rows.append([f"docspace_backup_download, {LARGE // MEGA} MB", *cells])
        more = took.memory - memory[SIZES[0]]
        what = f"MiB more for {LARGE // MEGA} MB than for {SIZES[0] // MEGA} MB"
        ratios.append(Ratio(what, more, MOST_MORE))
    progress("")
    notes = [
        "The module: its process, with Python's start, its requests, and fsync of file and folder.\n"
        "The recipe: curl, sha256sum and tar -tzf, one after the other, on the same file. It looks\n"
        "at no table, and doesn't go on where it was cut off."
    ]
    head = ["", "s", "s of processor", "MiB at most"]
    print(Report(head, rows, ratios, notes).text())
