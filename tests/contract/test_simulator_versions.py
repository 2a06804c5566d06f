# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator as an older server: what it lacks, and what it answers otherwise."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import requests

from ansible_collections.onlyoffice.docspace.tests.simulator import DrivenClock, Simulator
from ansible_collections.onlyoffice.docspace.tests.simulator.__main__ import main

VERSIONS = ["3.0", "3.1", "3.2", "3.5", "3.6", "3.7"]
KEYS = VERSIONS[1:]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
LOCAL = {"storageType": "Local", "storageParams": [{"key": "filePath", "value": "/srv/backup"}]}


def old(server: str, **options: Any) -> Simulator:
    return Simulator(server=server, clock=DrivenClock(), task_seconds=11, **options)


def ask(
    sim: Simulator, method: str, call: str, key: str | None = None, **options: Any
) -> requests.Response:
    basic = base64.b64encode(f"{sim.portal.username}:{sim.portal.password}".encode()).decode()
    headers = {"Authorization": f"Bearer {key}" if key else f"Basic {basic}"}
    url = f"{sim.url}/api/2.0/backup/{call}"
    return requests.request(method, url, headers=headers, timeout=10, **options)


def listed(sim: Simulator, call: str = "getbackuphistory") -> list[str]:
    return [row["id"] for row in ask(sim, "GET", call).json()["response"]]


@pytest.mark.parametrize("server", VERSIONS)
def test_what_a_progress_has(server: str) -> None:
    with old(server, settings={"task_end": "warning"}) as sim:
        begun = ask(sim, "POST", "startbackup", json=LOCAL).json()["response"]
        sim.finish_tasks()
        ended = ask(sim, "GET", "getbackupprogress").json()["response"]
        assert ("status" in begun, "status" in ended) == (server == "3.7", server == "3.7")
        assert ("warning" in ended) == (server in ("3.6", "3.7"))
        assert ended["taskId"] == begun["taskId"] == listed(sim)[0]
        restore = {**LOCAL, "backupId": begun["taskId"]}
        asked = ask(sim, "POST", "startrestore", json=restore).json()["response"]
        assert ("status" in asked) == (server == "3.7")
        # 3.0 answers with a task that has ended, which is not even a restore.
        assert (asked["taskId"] == begun["taskId"]) == (server == "3.0")


@pytest.mark.parametrize("server", VERSIONS)
def test_which_calls_there_are_and_for_whom(server: str) -> None:
    with old(server) as sim:
        assert ask(sim, "POST", "cancelbackup").status_code == (200 if server == "3.7" else 404)
        new = server in ("3.5", "3.6", "3.7")
        for call, others in (("getbackupscount", ("3.5",)), ("getservicestate", ("3.5", "3.6"))):
            assert ask(sim, "GET", call).status_code == (200 if new else 404)
            if new:
                answer = ask(sim, "GET", call, sim.portal.user_key)
                assert answer.status_code == (200 if server in others else 403), call


@pytest.mark.parametrize("server", VERSIONS)
def test_keys_and_their_scopes(server: str) -> None:
    with old(server) as sim:
        (one,) = sim.seed(1)
        expected = {"3.0": 401, "3.1": 200}.get(server, 403)
        call = f"deletebackup/{one}"
        assert ask(sim, "DELETE", call, sim.portal.read_key).status_code == expected
        assert listed(sim) == ([] if server == "3.1" else [one])
        known = 401 if server == "3.0" else 200
        assert ask(sim, "GET", "getbackuphistory", sim.key).status_code == known
        assert ask(sim, "GET", "getbackuphistory", sim.portal.token).status_code == 200
        plain = ask(sim, "GET", "getbackuphistory", sim.portal.user_token("user@example.test"))
        assert plain.status_code == (500 if server == "3.0" else 403)


@pytest.mark.parametrize("server", VERSIONS)
def test_backups_of_the_whole_server(server: str) -> None:
    with old(server) as sim:
        (dump,) = sim.seed([{"owner": "server (dump)"}])
        garbage = ask(sim, "GET", "getbackupprogress?Dump=garbage")
        assert garbage.status_code == (200 if server == "3.0" else 400)
        assert listed(sim) == ([dump] if server == "3.0" else [])
        assert listed(sim, "getbackuphistory?Dump=true") == [dump]
        assert ask(sim, "DELETE", f"deletebackup/{dump}").json()["response"] is True
        kept = [dump] if server == "3.1" else []
        assert listed(sim, "getbackuphistory?Dump=true") == kept
        task = ask(sim, "POST", "startbackup", json={**LOCAL, "dump": True}).json()["response"]
        sim.finish_tasks()
        assert (task["taskId"] in listed(sim)) == (server == "3.0")
        assert task["taskId"] in listed(sim, "getbackuphistory?Dump=true")


@pytest.mark.parametrize("server", VERSIONS)
def test_a_backup_of_another_portal(server: str) -> None:
    with old(server, hosts=["one.example.test", "two.example.test"]) as sim:
        (foreign,) = sim.portals[1].seed(1)
        assert ask(sim, "DELETE", f"deletebackup/{foreign}").json()["response"] is True
        assert sim.portals[1].backup(foreign)["removed"] is (server == "3.0")


@pytest.mark.parametrize("server", VERSIONS)
def test_statuses_of_failures(server: str) -> None:
    with old(server) as sim:
        (one,) = sim.seed(1)
        unknown = ask(sim, "POST", "startrestore", json={**LOCAL, "backupId": UNKNOWN})
        assert unknown.status_code == {"3.0": 200, "3.1": 500}.get(server, 404)
        folder = {"storageType": "Documents", "storageParams": [{"key": "folderId", "value": "9"}]}
        answer = ask(sim, "POST", "startbackup", json=folder)
        assert answer.status_code == (404 if server == "3.7" else 500)
        assert answer.json()["statusCode"] == answer.status_code
        refused = ask(sim, "POST", "startbackup", json={"storageType": "Tape"})
        told = (1, 400) if server == "3.7" else (0, 200)
        assert refused.status_code == 400
        assert (refused.json()["status"], refused.json()["statusCode"]) == told
        sim.set(plan_has_backup=False)
        unpaid = ask(sim, "POST", "startrestore", json={**LOCAL, "backupId": one})
        assert unpaid.status_code == (500 if server in ("3.0", "3.1") else 402)


@pytest.mark.parametrize("server", ["3.6", "3.7"])
def test_a_file_that_may_not_be_removed_hides_its_record(server: str) -> None:
    with old(server, settings={"delete_forbidden": True}) as sim:
        (one,) = sim.seed(1)
        answer = ask(sim, "DELETE", f"deletebackup/{one}")
        assert answer.status_code == (403 if server == "3.7" else 500)
        assert listed(sim) == []
        assert sim.portal.backup(one)["file_exists"] is True


@pytest.mark.parametrize("server", ["3.3", "3", "3.61", "2.0", "new"])
def test_a_version_that_it_does_not_play(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"not one of 3\.0, 3\.1"):
        old(server)
    assert main(["--server", server]) == 1
    assert server in capsys.readouterr().err


def test_the_whole_version_is_taken_too() -> None:
    with old("3.6.1") as sim:
        assert "status" not in ask(sim, "POST", "startbackup", json=LOCAL).json()["response"]
