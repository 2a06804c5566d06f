# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_download on the simulator: files cut, broken, elsewhere; runs that are killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup import (
    backup_files as files,
)
from ansible_collections.onlyoffice.docspace.tests.contract.driven import (
    TASK_SECONDS,
    Stage,
    failure,
    simulator,
)
from ansible_collections.onlyoffice.docspace.tests.simulator import DrivenClock, Simulator
from ansible_collections.onlyoffice.docspace.tests.simulator.archive import BROKEN

MODULE = "docspace_backup_download"
START, FILE = "startbackup", "/storage/*"
# A task of eleven steps is at its end after some looks.
EACH_LOOK = {"path": "getbackupprogress", "change": {"advance": 40}}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with simulator() as sim:
        sim.set(file_size=500_000)
        yield Stage(sim, monkeypatch)


def of_yesterday() -> Simulator:
    """A portal for processes of their own, whose clock is real: what it makes is young for them."""
    begin = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=20)
    return Simulator(clock=DrivenClock(begin), task_seconds=TASK_SECONDS)


def started(sim: Simulator) -> int:
    """How many backups were begun: a request that breaks off begins none."""
    return len([one for one in sim.log.find("POST", START) if one.status == 200])


def one_copy(folder: Path) -> files.BackupFile:
    """There is just one, read to its end, and nothing else."""
    (file,) = files.find_files(str(folder))
    checked = files.verify_file(file)
    assert checked.valid and checked.matches, checked.problems
    assert sorted(entry.name for entry in folder.iterdir()) == [
        Path(file.path).name,
        f"{Path(file.path).name}.json",
    ]
    return checked


@pytest.mark.parametrize("size", [65_536, 70_000, 200_000, 499_000])
@pytest.mark.parametrize("kind", ["cut", "cut elsewhere"])
def test_a_server_that_always_cuts(stage: Stage, tmp_path: Path, size: int, kind: str) -> None:
    path = FILE
    if kind == "cut elsewhere":
        stage.sim.set(object_storage_over=0)
        path = "/object-storage/*"
    stage.sim.fault("cut", path=path, size=size)
    result = stage.run(MODULE, dest=str(tmp_path), retries=0, secrets=("X-Amz",))
    assert result["changed"] is True and result["resumed"] == (result["size"] - 1) // size
    assert one_copy(tmp_path).sha256 == result["sha256"]
    assert stage.sim.portal.ids() == [], result.get("warnings")


def test_a_server_that_cuts_and_brings_nothing(stage: Stage, tmp_path: Path) -> None:
    stage.sim.fault("cut", path=FILE, size=1000)
    message = failure(stage.run(MODULE, dest=str(tmp_path), retries=5), "connection", True)
    assert "6000 of 49" in message and "bytes downloaded; run the task again to resume" in message
    assert stage.sim.count("GET", FILE) == 6
    stage.sim.faults.clear()
    result = stage.run(MODULE, dest=str(tmp_path))
    assert result["resumed"] == 1 and stage.sim.count("POST") == 1
    one_copy(tmp_path)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset", "times": 1},
        {"kind": "drop", "times": 2},
        {"kind": "truncate", "times": 3},
        {"kind": "status", "status": 503, "times": 3},
        {"kind": "status", "status": 429, "headers": {"Retry-After": "5"}, "times": 1},
    ],
)
def test_troubles_that_pass(stage: Stage, tmp_path: Path, fault: dict[str, Any]) -> None:
    stage.sim.fault(path=FILE, **fault)
    assert stage.run(MODULE, dest=str(tmp_path))["changed"] is True
    one_copy(tmp_path)


@pytest.mark.parametrize(
    "fault",
    [{"kind": "range", "shift": 5}, {"kind": "range", "total": 7}, {"kind": "whole"}],
    ids=lambda fault: " ".join(map(str, fault)),
)
def test_rests_that_are_none(stage: Stage, tmp_path: Path, fault: dict[str, Any]) -> None:
    stage.sim.fault("cut", path=FILE, size=100_000, times=1)
    stage.sim.fault(path=FILE, times=1, skip=int(fault["kind"] == "whole"), **fault)
    assert stage.run(MODULE, dest=str(tmp_path))["resumed"] == 0
    one_copy(tmp_path)


@pytest.mark.parametrize("broken", sorted(set(BROKEN) - {"plain_tar"}))
@pytest.mark.parametrize("dump", [False, True])
def test_broken_files(stage: Stage, tmp_path: Path, broken: str, dump: bool) -> None:
    if dump and broken == "no_restore_info":
        pytest.skip("a dump has none")
    stage.sim.set(file_broken=broken)
    result = stage.run(MODULE, dest=str(tmp_path), dump=dump)
    assert "is not valid" in failure(result, "protocol", True)
    assert list(tmp_path.iterdir()) == []
    assert stage.sim.count("DELETE") == 0 and result["task"]["status"] == "completed"


@pytest.mark.parametrize("dump", [False, True])
@pytest.mark.parametrize("over", [None, 0])
def test_plain_archives_and_whole_ones(
    stage: Stage, tmp_path: Path, dump: bool, over: int | None
) -> None:
    stage.sim.set(object_storage_over=over)
    for broken in (None, "plain_tar"):
        folder = tmp_path / str(broken)
        folder.mkdir()
        stage.sim.set(file_broken=broken)
        stage.run(MODULE, dest=str(folder), dump=dump)
        assert one_copy(folder).kind == ("dump" if dump else "portal")
    for asked in stage.sim.second_origin.requests:
        assert not {"Authorization", "Cookie"} & set(asked.headers)
    assert len(stage.sim.second_origin.requests) == (0 if over is None else 2)


def test_the_signature_of_the_second_origin_ends_in_between(stage: Stage, tmp_path: Path) -> None:
    stage.sim.set(object_storage_over=0)
    stage.sim.fault("change", path="/object-storage/*", change={"advance": 16}, times=2)
    result = stage.run(MODULE, dest=str(tmp_path), secrets=("X-Amz",))
    assert result["changed"] is True and stage.sim.count("GET", FILE) == 3
    one_copy(tmp_path)


def test_a_key_that_may_only_read(stage: Stage, tmp_path: Path) -> None:
    """It can fetch what is there, and have nothing made."""
    key = stage.sim.portal.read_key
    failure(stage.run(MODULE, dest=str(tmp_path), api_key=key, secrets=(key,)), "forbidden")
    made = stage.run("docspace_backup", storage_type="data_store")
    options = {"id": made["backup"]["id"], "api_key": key, "secrets": (key,)}
    assert stage.run(MODULE, dest=str(tmp_path), **options)["changed"] is True
    one_copy(tmp_path)
    assert stage.sim.portal.ids() == [made["backup"]["id"]]


def test_somebody_begins_another_one_while_it_is_fetched(stage: Stage, tmp_path: Path) -> None:
    """The link is refused then, for good: the next run creates a new backup."""
    stage.sim.fault("cut", path=FILE, size=100_000, times=1)
    stage.sim.fault("status", path=FILE, status=403)
    result = stage.run(MODULE, dest=str(tmp_path))
    assert "has expired" in failure(result, "forbidden", True)
    assert list(tmp_path.iterdir()) == []


# --- runs that are killed ---


class Nursery:
    """Where runs are born, and die."""

    def __init__(self, process: subprocess.Popen[str], sim: Simulator, folder: Path) -> None:
        self.process, self.sim, self.folder = process, sim, folder

    def run(self, kill_at: int = 0, **options: Any) -> dict[str, Any]:
        portal = {"url": self.sim.url, "api_key": self.sim.key, "dest": str(self.folder)}
        order = {"options": {**portal, **options}, "kill_at": kill_at, "folder": str(self.folder)}
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@contextlib.contextmanager
def nursery(sim: Simulator, folder: Path) -> Iterator[Nursery]:
    command = [
        sys.executable,
        "-m",
        "ansible_collections.onlyoffice.docspace.tests.contract.killing",
    ]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=os.environ["PYTHONPATH"],
    ) as process:
        yield Nursery(process, sim, folder)
        assert process.stdin
        process.stdin.close()


Arrange = Callable[[Simulator], Any]
WAYS: dict[str, Arrange] = {
    "straight": lambda sim: None,
    "cut": lambda sim: sim.fault("cut", path=FILE, size=150_000),
    "elsewhere": lambda sim: sim.set(object_storage_over=0),
}


@pytest.mark.parametrize(
    ("way", "name", "step"),
    [
        ("straight", None, 1),
        ("straight", "portal.tar.gz", 3),
        ("cut", None, 4),
        ("elsewhere", None, 5),
    ],
)
def test_killed_at_any_point_and_run_again(
    tmp_path: Path, way: str, name: str | None, step: int
) -> None:
    """It ends with one whole file and nothing else, and no second backup is made for it."""
    with of_yesterday() as sim, nursery(sim, tmp_path / "copies") as runs:
        kill_at, killed = 0, True
        while killed:
            kill_at += step
            sim.reset()
            sim.set(file_size=300_000)
            sim.fault("change", **EACH_LOOK)
            WAYS[way](sim)
            runs.folder = tmp_path / f"copies{kill_at}"
            runs.folder.mkdir()
            dest: dict[str, Any] = {} if name is None else {"dest": str(runs.folder / name)}
            if name is not None:
                # What was there before stays till the new one is whole.
                (runs.folder / name).write_bytes(b"old")
            first = runs.run(kill_at, **dest)
            killed = first["killed"]
            where = f"killed at {kill_at}: {first['points'][-1]}"
            assert killed == (first["result"] is None), where
            if name is not None and any(Path(runs.folder).glob(".*")):
                content = (runs.folder / name).read_bytes()
                assert content == b"old" or len(content) > 290_000, where
            again = runs.run(max_age="2d", **dest)
            assert again["result"] and not again["result"].get("failed"), (where, again)
            copy = one_copy(runs.folder)
            assert started(sim) == 1, where
            assert again["result"]["sha256"] == copy.sha256, where
        # Requests, and what happens to files, piece by piece.
        assert kill_at > 20, first["points"]
        kinds = {point.split(" ")[0] for point in first["points"]}
        assert {"GET", "POST", "DELETE", "open", "write", "fsync", "os.rename"} <= kinds


def test_killed_again_and_again(tmp_path: Path) -> None:
    """Each run goes on from where the one before was."""
    folder = tmp_path / "copies"
    folder.mkdir()
    with of_yesterday() as sim, nursery(sim, folder) as runs:
        sim.set(file_size=2_000_000)
        sim.fault("change", **EACH_LOOK)
        sizes = []
        for number in range(6):
            # Each gets a piece or two further.
            assert runs.run(25 if number else 30, max_age="2d")["killed"]
            (part,) = folder.iterdir()
            sizes.append(part.stat().st_size)
        assert sizes[0] > 0 and sizes == sorted(set(sizes)), sizes
        last = runs.run(max_age="2d")
        assert last["result"]["resumed"] == 1 and started(sim) == 1
        one_copy(folder)


# --- a real process ---


def playbook(sim: Simulator, dest: Path, file: Path, **options: Any) -> list[str]:
    task = {
        "onlyoffice.docspace.docspace_backup_download": {
            "url": sim.url,
            "api_key": sim.key,
            "dest": str(dest),
            "poll_interval": 1,
            **options,
        }
    }
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [task]}
    file.write_text(json.dumps([play]), encoding="utf-8")
    return [str(Path(sys.executable).with_name("ansible-playbook")), "-v", str(file)]


def holders(file: Path) -> list[int]:
    """The processes that have a file open."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if link.readlink() == file:
                found.append(int(link.parts[2]))
    return found


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": os.environ["PYTHONPATH"],
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_playbook_that_is_ended_while_the_file_comes(
    number: signal.Signals, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    with Simulator(task_seconds=0.2) as sim:
        sim.set(file_size=3_000_000)
        sim.fault("drip", path=FILE, size=50_000, seconds=0.1, times=1)
        command = playbook(sim, folder, tmp_path / "play.yml")
        # A group of its own, as in a terminal, where Ctrl-C reaches all that belongs to the run.
        with subprocess.Popen(
            command, env=environment(), start_new_session=True, stdout=subprocess.DEVNULL
        ) as running:
            tick = threading.Event()
            while running.poll() is None:
                tick.wait(0.05)
                part = next(folder.glob(".*.part"), tmp_path)
                if part.stat().st_size > 400_000:
                    break
            if number == signal.SIGKILL:
                # Which is in a session of its own, and would go on.
                os.kill(holders(part)[0], number)
            os.killpg(running.pid, number)
            running.wait(30)
            while holders(part):
                tick.wait(0.05)
        assert list(folder.iterdir()) == [part]
        size = part.stat().st_size
        assert 400_000 < size < 2_900_000
        done = subprocess.run(
            [*command, "-e", "x=y"], env=environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
        assert '"resumed": 1' in done.stdout and "changed=1" in done.stdout
        assert "auth=" not in done.stdout
        one_copy(folder)
        assert started(sim) == 1
        (_first, second) = [one for one in sim.requests if one.path.startswith("/storage/")]
        assert int(second.range[6:-1]) >= size - 1
