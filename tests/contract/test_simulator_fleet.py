# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many portals in one process, and the inventory of them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from ansible_collections.onlyoffice.docspace.tests import simulator
from ansible_collections.onlyoffice.docspace.tests.simulator.__main__ import main
from ansible_collections.onlyoffice.docspace.tests.simulator.fleet import ILLS, some_ill

ROOT = Path(str(simulator.__file__)).parents[2]


@contextlib.contextmanager
def fleet(tmp_path: Path, *options: str) -> Iterator[tuple[dict[str, Any], int]]:
    """The hosts of the inventory, and the process that serves them."""
    path = tmp_path / "fleet.yml"
    command = [sys.executable, "-m", "tests.simulator", "--inventory", str(path), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert str(path) in process.stdout.readline()
            read = yaml.safe_load(path.read_text(encoding="utf-8"))
            yield read["docspace_portals"]["hosts"], process.pid
        finally:
            process.kill()


def ask(host: dict[str, Any], call: str = "getbackuphistory") -> requests.Response:
    connection = host["backup_rotation_connection"]
    headers = {"Authorization": f"Bearer {connection['api_key']}"}
    url = f"{connection['url']}/api/2.0/backup/{call}"
    return requests.get(url, headers=headers, timeout=1.5)


def newest(rows: list[dict[str, Any]]) -> timedelta:
    made = max(datetime.fromisoformat(row["createdOn"]) for row in rows)
    return datetime.now(timezone.utc) - made.replace(tzinfo=timezone.utc)


def test_a_hundred_portals_are_there_at_once(tmp_path: Path) -> None:
    with fleet(tmp_path, "--portals", "100", "--ill", "none") as (hosts, pid):
        assert len(hosts) == len(
            {host["backup_rotation_connection"]["url"] for host in hosts.values()}
        )
        assert len(hosts) == 100
        assert all(host["ansible_connection"] == "local" for host in hosts.values())
        tasks = Path(f"/proc/{pid}/task")
        if tasks.exists():
            assert len(list(tasks.iterdir())) < 10
        histories = [ask(host).json()["response"] for host in list(hosts.values())[:20]]
        assert len({len(rows) for rows in histories}) > 10
        assert all(newest(rows) < timedelta(hours=26) for rows in histories)
        for host in hosts.values():
            plan = ask(host, "getbackupschedule").json()["response"]
            assert (plan["cronParams"]["period"], plan["storageType"]) == (0, 3)


def test_each_way_to_be_ill(tmp_path: Path) -> None:
    with fleet(tmp_path, "--portals", "9", "--ill", ",".join(ILLS)) as (hosts, _pid):
        path = tmp_path / "fleet.yml"
        text = path.read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if "#" in line]
        remarks = {line.split("# ")[1]: line.split(":")[0].strip() for line in lines}
        ill = {kind: hosts[remarks[words]] for kind, words in ILLS.items()}
        (well,) = [host for host in hosts.values() if host not in ill.values()]
        assert ask(well).status_code == 200
        with pytest.raises(requests.ConnectionError):
            ask(ill["down"])
        assert ask(ill["refused"]).status_code == 401
        assert ask(ill["unpaid"]).status_code == 402
        rows = ask(ill["temporary"]).json()["response"]
        assert {row["storageType"] for row in rows} == {4}
        assert newest(ask(ill["stale"]).json()["response"]) > timedelta(days=8)
        assert "response" not in ask(ill["unscheduled"], "getbackupschedule").json()
        assert len(ask(ill["unscheduled"]).json()["response"]) > 0
        for kind in ("hangs", "slow"):
            with pytest.raises(requests.ReadTimeout):
                ask(ill[kind])


def test_a_single_portal_that_is_ill(tmp_path: Path) -> None:
    with fleet(tmp_path, "--ill", "unpaid") as (hosts, _pid):
        assert ask(hosts["portal001"]).status_code == 402


def test_the_same_fleet_each_time(tmp_path: Path) -> None:
    seen = []
    for _turn in range(2):
        with fleet(tmp_path, "--portals", "3", "--ill", "none") as (hosts, _pid):
            rows = [ask(host).json()["response"] for host in hosts.values()]
            seen.append([{row["id"] for row in portal} for portal in rows])
    assert seen[0] == seen[1]
    assert not seen[0][0] & seen[0][1]


def test_a_few_are_ill_unless_it_is_said_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    assert sorted(some_ill(100).values()) == sorted(ILLS)
    assert some_ill(6) == {2: "down", 4: "refused"}
    assert some_ill(2) == {}
    assert some_ill(100, "none") == {}
    assert list(some_ill(4, "stale").values()) == ["stale"]
    assert main(["--portals", "3", "--ill", "sad"]) == 1
    assert "'sad' is not one of down" in capsys.readouterr().err
    assert main(["--portals", "1", "--ill", "down,stale"]) == 1
    with pytest.raises(SystemExit):
        main(["--portals", "3", "--ill", "none", "--seed", "3"])
