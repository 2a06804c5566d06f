# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pruning 500 of 1,000 against a loop of uri, and its deletes against a bare pool of requests."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import requests

from plugins.module_utils._backup.api import BackupApi
from plugins.module_utils._backup.delete import delete_backups
from plugins.module_utils._backup.prune import plan_named
from plugins.module_utils._portal.client import Client
from plugins.module_utils._portal.connection import Connection

from .loop import API, HEADERS
from .playbooks import Cost, Lab, Play, median, processor_time, progress, ratio
from .report import Ratio, Report, table

HISTORY = 1000
DELETES = 500
ITEMS = 25  # of the loop, which is slow enough to be measured in small
ROUNDS = 5
POOL_ROUNDS = 31
CONCURRENCY = (4, 10)


def main() -> None:
    """About two minutes on two processors with nothing else to do."""
    with Lab() as lab:
        # As in the playbooks: no proxy between this process and the simulator.
        os.environ["NO_PROXY"] = lab.environment["NO_PROXY"]
        print(tasks(lab))
        print()
        print(pools(lab))


def seed(lab: Lab) -> list[str]:
    """A copy a day; gives the ids of the older half, oldest first."""
    lab.order("POST", "reset", {"seed": HISTORY})
    rows = lab.order("GET", "state")["backups"]
    return [row["id"] for row in sorted(rows, key=lambda row: str(row["createdOn"]))][:DELETES]


def tasks(lab: Lab) -> str:
    """One task against many."""
    ids = seed(lab)
    keep = {"onlyoffice.docspace.docspace_backup_prune": {"keep_last": HISTORY - DELETES}}
    nothing = {"onlyoffice.docspace.docspace_backup_prune": {"keep_last": HISTORY}}
    uri = {
        "ansible.builtin.uri": {
            "url": f"{API}/deletebackup/{{{{ item }}}}",
            "method": "DELETE",
            "headers": HEADERS,
        },
        "loop": ids[:ITEMS],
    }

    def fill() -> None:
        seed(lab)

    none = Play("docspace_backup_prune, nothing to remove", [nothing], fill)
    half = Play(f"docspace_backup_prune, {DELETES} of {HISTORY:,}", [keep], fill)
    loop = Play(f"ansible.builtin.uri, {ITEMS} deletes", [uri], fill)
    costs = lab.compare([Play("an empty playbook", []), none, half, loop], 1, ROUNDS)
    medians = {name: median(runs) for name, runs in costs.items()}
    empty = medians.pop("an empty playbook")
    scaled = Cost(*(value * DELETES / ITEMS for value in medians[loop.name]))
    medians[f"  scaled to {DELETES}"] = scaled
    item, one_task = medians[loop.name].wall / ITEMS, medians[none.name].wall
    deleting = medians[half.name].wall - one_task

    def times_faster(figure: str) -> float:
        return ratio(costs[loop.name], costs[half.name], figure) * DELETES / ITEMS

    report = Report(
        ["a task", "s", "s of processor", "requests"],
        [
            [name, f"{cost.wall:.2f}", f"{cost.cpu:.2f}", f"{cost.requests:g}"]
            for name, cost in medians.items()
        ],
        [
            Ratio(f"{DELETES} uri deletes / one task", times_faster("wall"), 50, at_most=False),
            Ratio("  the same in processor time", times_faster("cpu")),
        ],
        [
            f"{ROUNDS} rounds in turn: medians, and the median of the ratios in each round, "
            f"without the {empty.wall:.2f} s of an empty playbook.\n"
            f"The loop is measured with {ITEMS} items and scaled: each costs what the one before "
            f"did, {item * 1000:.0f} ms, nearly all of it Ansible's own.\n"
            "It is told the ids, and reads no history.",
            f"A ratio of 100 allows the task {scaled.wall / 100:.2f} s. It takes {one_task:.2f} s "
            "without a delete: Ansible starts a process, Python starts, requests\nis imported, the "
            f"history is read. {deleting:.2f} s are the {DELETES} deletes, "
            f"{deleting / DELETES * 1000:.1f} ms each. There can't be fewer, as the server has no "
            "call for several,\nand one Python process sends them no faster: see the pool below.",
        ],
    )
    return report.text()


class Run(NamedTuple):
    """Seconds on the clock, and of processor time: ours, and the simulator's."""

    wall: float
    client: float
    server: float


def pools(lab: Lab) -> str:
    """The deletes alone, in this process. Who begins changes from round to round."""
    rows, ratios = [], []
    for concurrency in CONCURRENCY:
        runs: dict[str, list[Run]] = {"docspace_backup_prune": [], "bare requests": []}
        for number in range(POOL_ROUNDS):
            progress(f"{concurrency} at a time, round {number + 1} of {POOL_ROUNDS}")
            for name in sorted(runs, reverse=number % 2 == 0):
                deletes = ours if name == "docspace_backup_prune" else bare
                runs[name].append(measure(lab, deletes, concurrency))
        progress("")
        for name, of in runs.items():
            run = Run(*map(statistics.median, zip(*of)))
            busy = [f"{part / run.wall:.0%}" for part in (run.client, run.server)]
            cells = [f"{run.wall * 1000:.0f}", f"{run.client / DELETES * 1e6:.0f}", *busy]
            rows.append([f"{name}, {concurrency} at a time", *cells])
        pairs = list(zip(runs["docspace_backup_prune"], runs["bare requests"]))
        speed = statistics.median(other.wall / own.wall for own, other in pairs)
        effort = statistics.median(other.client / own.client for own, other in pairs)
        ratios += [
            Ratio(f"speed of ours / of requests, {concurrency} at a time", speed, 0.9, False),
            Ratio("  the same in processor time of the client", effort),
        ]
    costs = table(
        [f"{DELETES} deletes", "ms", "client: µs of processor each", "client busy", "server busy"],
        rows,
    )
    return "\n\n".join(
        [
            costs,
            Report(["ratio"], [], ratios).text().split("\n\n", 1)[1],
            f"{POOL_ROUNDS} rounds in turn, medians as above. Bare requests: a ThreadPoolExecutor, a Session "
            "for each of its threads, the status and the `true` checked.\n"
            "Busy: processor time by time on the clock, 100% is one processor. The simulator is a "
            "process of its own; it would hold both back alike\nif it were the busier one. Then "
            "the ratio of the processor times says more.",
        ]
    )


Deletes = Callable[[Lab, list[str], int], float]


def measure(lab: Lab, deletes: Deletes, concurrency: int) -> Run:
    """A fresh history, then the deletes."""
    ids = seed(lab)
    server, client = processor_time(lab.simulator.pid), time.process_time()
    wall = deletes(lab, ids, concurrency)
    client = time.process_time() - client
    return Run(wall, client, processor_time(lab.simulator.pid) - server)


def ours(lab: Lab, ids: list[str], concurrency: int) -> float:
    """What the module does once its plan is made."""
    connection = Connection(
        lab.url, f"Bearer {lab.key}", verify=True, proxies={}, timeout=30, retries=3, secrets=set()
    )
    client = Client(connection, lambda _line: None)
    api = BackupApi(client, dump=False)
    plan = plan_named(api.history(), ids)
    begun = time.perf_counter()
    doomed = [record for record, _reasons in plan.remove]
    outcome = delete_backups(api, doomed, concurrency=concurrency)
    wall = time.perf_counter() - begun
    if len(outcome.removed) != DELETES:
        raise RuntimeError(f"only {len(outcome.removed)} of {DELETES} are gone")
    return wall


def bare(lab: Lab, ids: list[str], concurrency: int) -> float:
    """What one would write without us, and write well."""
    local = threading.local()

    def prepare() -> None:
        local.session = requests.Session()
        local.session.headers["Authorization"] = f"Bearer {lab.key}"

    def delete(one: str) -> bool:
        url = f"{lab.url}/api/2.0/backup/deletebackup/{one}"
        answer = local.session.delete(url, timeout=30)
        answer.raise_for_status()
        return answer.json()["response"] is True

    begun = time.perf_counter()
    with ThreadPoolExecutor(concurrency, initializer=prepare) as pool:
        done = list(pool.map(delete, ids))
    wall = time.perf_counter() - begun
    if not all(done):
        raise RuntimeError("not all are gone")
    return wall
