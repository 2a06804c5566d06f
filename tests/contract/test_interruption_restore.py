# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ansible-playbook that restores and is interrupted: nothing that writes begins after it, and
what the next runs say leads to following."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.simulator import Simulator
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import PORTAL, targz

MODULE = "onlyoffice.docspace.docspace_backup_restore"
PAGE = "/backupFileUpload.ashx"
CHUNKS = 40
FILE = targz({**PORTAL, "files/folder_1000/file_3/v1/content.bin": Random(3).randbytes(39_000)})


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(task_seconds=0.2) as portal:
        portal.set(chunk_size=-(-len(FILE) // CHUNKS))
        yield portal


@pytest.fixture
def src(tmp_path: Path) -> str:
    place = tmp_path / "copy.tar.gz"
    place.write_bytes(FILE)
    return str(place)


def play(folder: Path, sim: Simulator, **options: Any) -> subprocess.Popen[str]:
    """Begin a playbook, in a group of its own as in a terminal, where Ctrl-C reaches all of it."""
    task = {MODULE: {"url": sim.url, "api_key": sim.key, "poll_interval": 1, **options}}
    playbook = folder / "restore.yml"
    playbook.write_text(
        json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}])
    )
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook)],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": os.environ["PYTHONPATH"],
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        },
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until(condition: Callable[[], bool], running: subprocess.Popen[str]) -> None:
    """Wait for something that the playbook does."""
    tick = threading.Event()
    while not condition():
        assert running.poll() is None, "it ended before"
        tick.wait(0.05)


def interrupt(running: subprocess.Popen[str], number: signal.Signals) -> None:
    os.killpg(running.pid, number)
    running.communicate(timeout=30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_during_the_upload(
    number: signal.Signals, sim: Simulator, src: str, tmp_path: Path
) -> None:
    sim.fault("delay", method="POST", path=PAGE, seconds=0.2)
    with play(tmp_path, sim, src=src, confirm="127.0.0.1") as running:
        until(lambda: sim.count("POST", PAGE) >= 5, running)
        interrupt(running, number)
    at_the_end = sim.count("POST")
    assert at_the_end < CHUNKS
    # A module that lives on would go on now: five times as long as a chunk takes.
    threading.Event().wait(1)
    assert sim.count("POST") == at_the_end, "neither a chunk, nor an init, nor a start"
    sim.faults.clear()
    with play(tmp_path, sim, src=src, confirm="127.0.0.1") as again:
        text = again.communicate(timeout=60)[0]
    assert again.returncode == 0, text
    assert sim.portal.uploaded == FILE
    assert sim.count("POST", "startrestore") == 1


def test_interrupted_while_it_is_followed(sim: Simulator, src: str, tmp_path: Path) -> None:
    sim.set(task_start_delay_ms=0, task_step_ms=1_000_000)
    with play(tmp_path, sim, src=src, confirm="127.0.0.1") as running:
        until(lambda: sim.count("POST", "startrestore") == 1, running)
        polls = sim.count("GET", "getrestoreprogress")
        until(lambda: sim.count("GET", "getrestoreprogress") > polls, running)
        interrupt(running, signal.SIGTERM)
    known = sim.state()["restore"]["taskId"]
    # The same again starts no second one, and says what to do instead.
    with play(tmp_path, sim, src=src, confirm="127.0.0.1") as again:
        text = again.communicate(timeout=60)[0]
    assert again.returncode != 0 and f"'task_id: {known}'" in " ".join(text.split()), text
    assert sim.count("POST", "startrestore") == 1
    with play(tmp_path, sim, task_id=known) as following:
        until(lambda: "getrestoreprogress" in sim.requests[-1].path, following)
        sim.finish_restores()
        text = following.communicate(timeout=60)[0]
    assert following.returncode == 0, text
    assert "changed=0" in text
    assert sim.count("POST", "startrestore") == 1
