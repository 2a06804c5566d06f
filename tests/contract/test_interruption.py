# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ansible-playbook that is interrupted: no delete begins after it, counted at the portal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator

BACKUPS = 60


@pytest.mark.parametrize(
    ("number", "concurrency"), [(signal.SIGINT, 1), (signal.SIGINT, 10), (signal.SIGTERM, 4)]
)
def test_no_delete_begins_after_an_interruption(
    number: signal.Signals, concurrency: int, tmp_path: Path
) -> None:
    rows = [{"storage_type": "Local", "age_days": day} for day in range(BACKUPS)]
    with Simulator(rows) as sim:
        sim.fault("delay", method="DELETE", path="deletebackup/*", seconds=0.3)
        task = {
            "onlyoffice.docspace.docspace_backup_prune": {
                "url": sim.url,
                "api_key": sim.key,
                "keep_last": 1,
                "concurrency": concurrency,
            }
        }
        play = {"hosts": "localhost", "gather_facts": False, "tasks": [task]}
        playbook = tmp_path / "prune.yml"
        playbook.write_text(json.dumps([play]), encoding="utf-8")
        command = [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook)]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": os.environ["PYTHONPATH"],
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        }
        # A group of its own, as in a terminal, where Ctrl-C reaches all that belongs to the run.
        with subprocess.Popen(
            command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL
        ) as running:
            begun = threading.Event()
            while not begun.wait(0.05) and running.poll() is None:
                if sim.count("DELETE") >= concurrency:
                    begun.set()
            assert begun.is_set(), "no delete began at all"
            os.killpg(running.pid, number)
            running.wait(30)
        at_the_end = sim.count("DELETE")
        assert at_the_end < BACKUPS - 10
        # Workers that live on would go on now: four times as long as one delete takes.
        begun.clear()
        begun.wait(1.2)
        assert sim.count("DELETE") <= at_the_end + concurrency
        assert len(sim.portal.ids()) >= BACKUPS - at_the_end - concurrency
