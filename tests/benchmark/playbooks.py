# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real runs of `ansible-playbook` against a simulator in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import requests

from tests.isolation import environment

ROOT = Path(__file__).resolve().parents[2]


class Cost(NamedTuple):
    """Seconds on the clock, seconds of processor time, and requests to the portal."""

    wall: float
    cpu: float
    requests: float

    def per_item(self, empty: Cost, items: int) -> Cost:
        """The cost of one item, without what a playbook without tasks costs."""
        return Cost(*((mine - none) / items for mine, none in zip(self, empty)))


Costs = dict[str, list[Cost]]


@dataclass(frozen=True)
class Play:
    """A playbook to measure. prepare: called before each run."""

    name: str
    tasks: list[dict[str, Any]]
    prepare: Callable[[], object] | None = None


Kind = TypeVar("Kind", bound="Lab")


class Lab:
    """A simulator and a place to run playbooks in, with Ansible's own defaults throughout.

    options: the simulator's; so many portals come of them.
    """

    def __init__(self, *options: str, portals: int = 1) -> None:
        self._options = options or ("--seed", "empty")
        self._portals = portals

    def __enter__(self: Kind) -> Kind:
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            self.simulator = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.simulator", *self._options],
                    cwd=ROOT,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(self.simulator.terminate)
            assert self.simulator.stdout is not None
            lines = [self.simulator.stdout.readline() for _line in range(2 * self._portals)]
            pairs = [line.removeprefix("export ").strip().split("=", 1) for line in lines]
            values = [value for _name, value in pairs]
            self.portals = list(zip(values[::2], values[1::2]))  # address and key
            portal = dict(pairs[:2])
            self.url, self.key = self.portals[0]
            place = self.folder / "collections/ansible_collections/onlyoffice"
            place.mkdir(parents=True)
            (place / "docspace").symlink_to(ROOT)
            self.environment = {
                # Without the user's settings: pipelining stays off.
                **environment(self.folder),
                **portal,
                "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"),
                "ANSIBLE_LIBRARY": str(Path(__file__).with_name("library")),
                "ANSIBLE_LOCALHOST_WARNING": "false",
                "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
                "NO_PROXY": "127.0.0.1",
            }
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def order(self, method: str, path: str, body: object = None, url: str | None = None) -> Any:
        """Ask the simulator's control plane, that of another portal if its address is given."""
        with requests.Session() as session:
            session.trust_env = False  # no proxy on the way to this machine
            address = f"{url or self.url}/simulator/{path}"
            answer = session.request(method, address, json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def run(self, play: Play) -> Cost:
        """Run a playbook once."""
        playbook = self.folder / "playbook.json"
        content = {"hosts": "localhost", "gather_facts": False, "tasks": play.tasks}
        playbook.write_text(json.dumps([content]), encoding="utf-8")
        if play.prepare is not None:
            play.prepare()
        self.order("DELETE", "requests")
        before, begun = os.times(), time.perf_counter()
        done = subprocess.run(
            [executable(), str(playbook)],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        wall, after = time.perf_counter() - begun, os.times()
        if done.returncode != 0:
            raise RuntimeError(f"{play.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        cpu = sum(after[2:4]) - sum(before[2:4])
        return Cost(wall, cpu, self.order("GET", "requests")["count"])

    def compare(self, plays: Sequence[Play], items: int, rounds: int) -> Costs:
        """Run playbooks in turn, so that what else the machine does meets all alike.

        The first one is empty: what it costs in the same round is no cost of the items.
        """
        costs: Costs = {play.name: [] for play in plays}
        for number in range(1, rounds + 1):
            empty = Cost(0.0, 0.0, 0.0)
            for play in plays:
                progress(f"round {number} of {rounds}: {play.name}")
                cost = self.run(play)
                costs[play.name].append(cost.per_item(empty, 1 if play is plays[0] else items))
                empty = cost if play is plays[0] else empty
        progress("")
        return costs


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(*map(statistics.median, zip(*costs)))


def ratio(costs: Sequence[Cost], others: Sequence[Cost], figure: str) -> float:
    """The median of the ratios within each round, where both met the same load."""
    ratios = [getattr(one, figure) / getattr(other, figure) for one, other in zip(costs, others)]
    return float(statistics.median(ratios))


def executable() -> str:
    """The `ansible-playbook` beside this Python, or else the one on the path."""
    beside = Path(sys.executable).with_name("ansible-playbook")
    return str(beside) if beside.exists() else shutil.which("ansible-playbook") or str(beside)


def progress(text: str) -> None:
    """A line that the next one replaces; only for people."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def mebi() -> float:
    """How much of ru_maxrss is a MiB: macOS counts bytes."""
    return 2.0**20 if sys.platform == "darwin" else 2.0**10


def processor_time(pid: int) -> float:
    """Of another process; not a number where the system has no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))
