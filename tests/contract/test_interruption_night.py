# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real night that is interrupted while a backup is made: nothing is thinned out after it.

Without the interruption the night would go on to remove what is old, so each test waits for the last
process of the run and counts at the portal.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator

MARK = "DOCSPACE_TEST_RUN"
LONG = 3600.0
# With one that is fresh: a night that took the interruption for a failure would thin out for its sake.
OLD = [{"storage_type": "Local", "age_days": day} for day in (0, *range(2, 8))]


def group(pid: int, number: signal.Signals) -> None:
    """As Ctrl-C in a terminal does: all that is in the foreground."""
    os.killpg(pid, number)


def alone(pid: int, number: signal.Signals) -> None:
    """As a service manager may do, or the kernel when memory runs out."""
    os.kill(pid, number)


def members(mark: str) -> dict[int, int]:
    """The processes of a run, each with its parent."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (place / "environ").read_bytes().split(b"\0"):
                state, parent = (place / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    found[int(place.name)] = int(parent)
        except OSError:
            continue  # It ended just now, or is somebody else's.
    return found


def until(happened: Callable[[], bool], what: str) -> None:
    """Look often, and not for ever."""
    pause = threading.Event()
    for _look in range(600):
        if happened():
            return
        pause.wait(0.05)
    raise AssertionError(what)


class Night:
    """A night of one portal, from the start to where its backup is begun, or waited for."""

    def __init__(
        self,
        sim: Simulator,
        folder: Path,
        *,
        pipelined: bool = True,
        waits: bool = True,
        **keywords: Any,
    ) -> None:
        self.sim = sim
        self.mark = uuid.uuid4().hex
        role = {
            "name": "onlyoffice.docspace.backup_rotation",
            "vars": {
                "backup_rotation_connection": {"url": sim.url, "api_key": sim.key},
                "backup_rotation_backup": {
                    "storage_type": "local",
                    "path": "/srv/backup",
                    "poll_interval": 1,
                },
                "backup_rotation_prune": {"keep_last": 1},
            },
        }
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            **keywords,
            "vars": {} if pipelined else {"ansible_pipelining": False},
            "tasks": [
                {"ansible.builtin.import_role": {"name": role["name"]}, "vars": role["vars"]}
            ],
        }
        playbook = folder / "night.yml"
        playbook.write_text(json.dumps([play]), encoding="utf-8")
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": os.environ["PYTHONPATH"],
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            MARK: self.mark,
        }
        command = [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook)]
        self.output = folder / "output"
        with self.output.open("w", encoding="utf-8") as screen:
            self.running = subprocess.Popen(
                command,
                env=environment,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=subprocess.STDOUT,
            )
        self.until("POST", "startbackup", 1)
        if waits:
            # The first look was before the start.
            self.until("GET", "getbackupprogress", 2)

    def until(self, method: str, call: str, count: int) -> None:
        """Wait for a request."""

        def happened() -> bool:
            assert self.running.poll() is None, self.output.read_text(encoding="utf-8")
            return self.sim.count(method, call) >= count

        until(happened, f"{call} was not asked")

    def module(self) -> int:
        """The process of the module that runs: it has no child."""
        there = members(self.mark)
        (leaf,) = set(there) - set(there.values())
        return leaf

    def end(self) -> str:
        """Wait for the last process, whoever adopted it. Gives what was on the screen."""
        self.running.wait(60)
        until(lambda: not members(self.mark), "the run never ended")
        return self.output.read_text(encoding="utf-8")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to see processes")
class TestNight:
    """The backup ends when the test says so. After that a night that went on would thin out."""

    @pytest.mark.parametrize(
        ("send", "number"),
        [
            (group, signal.SIGINT),
            (alone, signal.SIGINT),
            (alone, signal.SIGTERM),
            (alone, signal.SIGKILL),
        ],
        ids=["ctrl-c", "int", "term", "kill"],
    )
    def test_a_night_without_its_controller_thins_nothing_out(
        self, send: Callable[[int, signal.Signals], None], number: signal.Signals, tmp_path: Path
    ) -> None:
        with Simulator(OLD, task_seconds=LONG) as sim:
            night = Night(sim, tmp_path)
            send(night.running.pid, number)
            sim.finish_tasks()
            night.end()
            assert night.running.returncode != 0
            assert sim.count("DELETE") == 0
            assert len(sim.portal.ids()) >= len(OLD)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
    def test_a_night_that_ends_with_its_beginning(
        self, number: signal.Signals, tmp_path: Path
    ) -> None:
        with Simulator(OLD, task_seconds=LONG) as sim:
            night = Night(sim, tmp_path, waits=False)
            alone(night.running.pid, number)
            sim.finish_tasks()
            night.end()
            assert night.running.returncode != 0
            assert (sim.count("DELETE"), sim.count("POST", "startbackup")) == (0, 1)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
    @pytest.mark.parametrize("pipelined", [True, False])
    def test_a_module_that_is_ended_ends_the_night(
        self, number: signal.Signals, pipelined: bool, tmp_path: Path
    ) -> None:
        with Simulator(OLD, task_seconds=LONG) as sim:
            night = Night(sim, tmp_path, pipelined=pipelined)
            os.kill(night.module(), number)
            sim.finish_tasks()
            said = night.end()
            assert night.running.returncode == 2, said
            assert "Interrupted during backup" in said
            assert sim.count("DELETE") == 0

    def test_a_task_that_takes_too_long_ends_the_night(self, tmp_path: Path) -> None:
        with Simulator(OLD, task_seconds=LONG) as sim:
            night = Night(sim, tmp_path, timeout=8)
            night.running.wait(60)
            sim.finish_tasks()
            said = night.end()
            assert night.running.returncode == 2, said
            assert sim.count("DELETE") == 0

    def test_without_an_interruption_it_goes_on(self, tmp_path: Path) -> None:
        with Simulator(OLD, task_seconds=1) as sim:
            night = Night(sim, tmp_path, waits=False)
            said = night.end()
            assert night.running.returncode == 0, said
            assert sim.count("DELETE") == len(OLD)
