# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup files on their way into the simulator: uploads, and the restore from them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ansible_collections.onlyoffice.docspace.tests.simulator import DrivenClock, Simulator

DENIED = "access denied"
START = {
    "backupId": "",
    "storageType": "Local",
    "storageParams": [{"key": "filePath", "value": ""}],
}


@pytest.fixture
def source() -> Iterator[Simulator]:
    with Simulator(clock=DrivenClock(), task_seconds=11) as running:
        yield running


@pytest.fixture
def target() -> Iterator[Simulator]:
    with Simulator(seed=3, clock=DrivenClock(), task_seconds=11) as running:
        yield running


def send(
    sim: Simulator, method: str, call: str, key: str = "", **options: Any
) -> requests.Response:
    headers = {"Authorization": f"Bearer {key or sim.key}"}
    url = f"{sim.url}/api/2.0/backup/{call}"
    return requests.request(method, url, headers=headers, timeout=30, **options)


def backup(sim: Simulator, dump: bool = False) -> bytes:
    """The file of a new backup."""
    make(sim, dump)
    return fetch(sim, dump)


def make(sim: Simulator, dump: bool = False) -> None:
    """A new temporary backup."""
    send(sim, "POST", "startbackup", json={"storageType": "DataStore", "dump": dump})
    sim.finish_tasks()


def fetch(sim: Simulator, dump: bool = False) -> bytes:
    """The file of the last temporary backup."""
    task = send(sim, "GET", "getbackupprogress", params={"Dump": str(dump).lower()}).json()
    headers = {"Authorization": f"Bearer {sim.key}"}
    return requests.get(sim.url + task["response"]["link"], headers=headers, timeout=30).content


def init(sim: Simulator, size: int, key: str = "") -> dict[str, Any]:
    """The answer to an init."""
    query = f"init=true&totalSize={size}&extension=tar.gz"
    url = f"{sim.url}/backupFileUpload.ashx?{query}"
    headers = {"Authorization": f"Bearer {key or sim.key}"}
    answer: dict[str, Any] = requests.post(url, headers=headers, timeout=30).json()
    return answer


def chunk(sim: Simulator, data: bytes, key: str = "") -> dict[str, Any]:
    """The answer to a chunk."""
    answer: dict[str, Any] = requests.post(
        f"{sim.url}/backupFileUpload.ashx",
        files={"file": ("backup.tar.gz", data, "application/octet-stream")},
        headers={"Authorization": f"Bearer {key or sim.key}"},
        timeout=30,
    ).json()
    return answer


def upload(sim: Simulator, data: bytes) -> None:
    """A whole upload."""
    size = init(sim, len(data))["ChunkSize"]
    ends = [chunk(sim, data[at : at + size])["EndUpload"] for at in range(0, len(data), size)]
    assert ends == [False] * (len(ends) - 1) + [True]


def start(sim: Simulator, dump: bool = False, key: str = "") -> dict[str, Any]:
    """The task of a restore from what was uploaded."""
    answer = send(sim, "POST", "startrestore", key, json={**START, "dump": dump})
    task: dict[str, Any] = answer.json()["response"]
    return task


def seen(sim: Simulator) -> dict[str, Any]:
    """The restore as anybody sees it."""
    url = f"{sim.url}/api/2.0/backup/getrestoreprogress"
    task: dict[str, Any] = requests.get(url, timeout=30).json()["response"]
    return task


def restored(sim: Simulator, data: bytes, dump: bool = False) -> dict[str, Any]:
    """Upload, restore, and the task's end."""
    upload(sim, data)
    begun = start(sim, dump)
    sim.finish_restores()
    ended = seen(sim)
    assert (ended["taskId"], ended["isCompleted"]) == (begun["taskId"], True)
    return ended


def history(sim: Simulator, key: str = "") -> requests.Response:
    return send(sim, "GET", "getbackuphistory", key)


# The upload


def test_an_upload_is_forgotten_twenty_minutes_after_its_init(target: Simulator) -> None:
    init(target, 30)
    target.advance(19 * 60)
    assert chunk(target, b"x" * 10)["Success"] is True
    target.advance(59)
    assert chunk(target, b"x" * 10)["Success"] is True
    target.advance(1)
    late = chunk(target, b"x" * 10)
    assert (late["Success"], late["Message"]) == (False, "Need init upload.")
    with Simulator(server="3.0", clock=DrivenClock()) as older:
        init(older, 30, older.portal.token)
        for _turn in range(3):
            older.advance(19 * 60)
            assert chunk(older, b"x" * 10, older.portal.token)["Success"] is True


def test_a_chunk_may_be_too_large(target: Simulator) -> None:
    target.set(chunk_size=1000)
    assert init(target, 3000)["ChunkSize"] == 1000
    assert chunk(target, b"x" * 1001)["Success"] is False
    ends = [chunk(target, b"x" * 1000)["EndUpload"] for _turn in range(3)]
    assert ends == [False, False, True]


def test_a_portal_without_a_disk_takes_no_upload(target: Simulator) -> None:
    target.set(temp_on_object_storage=True)
    answer = init(target, 10)
    assert (answer["Success"], answer["Message"]) == (False, "backup_temp is not disc")


def test_lost_and_odd_answers_to_chunks(target: Simulator, source: Simulator) -> None:
    data = backup(source)
    half = len(data) // 2
    path = "/backupFileUpload.ashx"
    init(target, len(data))
    target.fault("drop", path=path, after=True, times=1)
    with pytest.raises(requests.ConnectionError):
        chunk(target, data[:half])
    # It was taken all the same: sent again, it is there twice.
    assert chunk(target, data[:half])["EndUpload"] is (2 * half >= len(data))
    init(target, len(data))
    odd = {"Success": True, "ChunkSize": 10, "EndUpload": True}
    target.fault("json", path=path, after=True, body=odd, times=1)
    assert chunk(target, data[:half]) == odd
    assert chunk(target, data[half:])["EndUpload"] is True
    start(target)
    target.finish_restores()
    assert history(target, source.key).status_code == 200


# The restore


def test_the_portal_is_the_backup_afterwards(target: Simulator, source: Simulator) -> None:
    old, other = target.key, source.key
    data = backup(source)
    assert restored(target, data)["error"] == ""
    assert history(target, old).status_code == 401
    answer = history(target, other)
    assert (answer.status_code, answer.json()["response"]) == (200, [])
    assert history(target, source.portal.read_key).status_code == 200
    assert (target.key, target.portal.token) == (other, source.portal.token)
    page = requests.get(f"{target.url}/simulator/", timeout=30).json()["portals"][0]
    assert (page["key"], page["ownerless"]) == (other, False)


def test_a_backup_is_of_its_moment(source: Simulator, target: Simulator) -> None:
    make(source)
    later = source.portal.add_key()
    restored(target, fetch(source))
    assert history(target, source.key).status_code == 200
    assert history(target, later).status_code == 401


def test_the_keys_can_be_others_still(target: Simulator, source: Simulator) -> None:
    target.set(restore_replaces_keys=True)
    restored(target, backup(source))
    assert history(target, source.key).status_code == 401
    assert history(target).status_code == 200


def test_a_backup_of_ones_own(source: Simulator) -> None:
    assert restored(source, backup(source))["error"] == ""
    assert history(source).json()["response"] == []


def test_a_backup_of_the_whole_server(target: Simulator, source: Simulator) -> None:
    upload(target, backup(source, dump=True))
    start(target, dump=True)
    target.finish_restores()
    assert seen(target)["error"] == ""
    assert history(target, source.key).status_code == 200


@pytest.mark.parametrize("dump", [False, True])
def test_the_wrong_kind_fails_and_the_portal_comes_back(
    target: Simulator, source: Simulator, dump: bool
) -> None:
    assert "kind" in restored(target, backup(source, dump=not dump), dump)["error"]
    assert len(history(target).json()["response"]) == 3


def test_a_portal_is_offline_while_its_archive_is_opened(target: Simulator) -> None:
    upload(target, b"not an archive at all")
    begun = start(target)
    target.advance(5)
    assert (seen(target)["taskId"], seen(target)["status"]) == (begun["taskId"], 1)
    assert history(target).status_code == 403
    target.finish_restores()
    assert seen(target)["error"] != ""
    assert len(history(target).json()["response"]) == 3


@pytest.mark.parametrize(
    ("broken", "fails"),
    [("no_tenants", False), ("truncated", True), ("crc", True), ("cut_tar", True)],
)
def test_a_broken_archive_leaves_a_portal_without_owner(
    target: Simulator, source: Simulator, broken: str, fails: bool
) -> None:
    source.set(file_broken=broken)
    keys = (target.key, source.key, target.portal.token)
    assert bool(restored(target, backup(source))["error"]) is fails
    assert [history(target, key).status_code for key in keys] == [401] * 3
    basic = (target.portal.username, target.portal.password)
    url = f"{target.url}/api/2.0/backup/getbackuphistory"
    assert requests.get(url, auth=basic, timeout=30).status_code == 401
    assert DENIED in init(target, 10)["Message"]
    page = requests.get(f"{target.url}/simulator/", timeout=30).json()["portals"][0]
    assert page["ownerless"] is True
    target.reset()
    assert history(target).status_code == 200


@pytest.mark.parametrize("broken", ["garbage", "no_restore_info", "plain_tar"])
def test_what_the_server_overlooks(target: Simulator, source: Simulator, broken: str) -> None:
    source.set(file_broken=broken)
    assert restored(target, backup(source))["error"] == ""
    assert history(target, source.key).status_code == 200


def test_half_an_upload_is_restored_too(target: Simulator, source: Simulator) -> None:
    data = backup(source)
    init(target, len(data))
    assert chunk(target, data[: len(data) // 2])["EndUpload"] is False
    start(target)
    target.finish_restores()
    assert seen(target)["error"] != ""
    assert history(target, source.key).status_code == 401


def test_a_chunk_that_came_twice_breaks_the_archive(target: Simulator, source: Simulator) -> None:
    data = backup(source)
    init(target, len(data))
    for piece in (data[:20_000], data[:20_000], data[20_000:]):
        chunk(target, piece)
    start(target)
    target.finish_restores()
    assert seen(target)["error"] != ""


def test_a_start_without_an_upload_waits_and_the_next_one_is_the_same(
    target: Simulator, source: Simulator
) -> None:
    data = backup(source)
    waiting = start(target)
    target.advance(3600)
    assert (seen(target)["status"], seen(target)["progress"]) == (0, 0)
    assert history(target).status_code == 200
    upload(target, data)
    target.advance(60)
    assert seen(target)["status"] == 0
    again = start(target)
    assert again["taskId"] == waiting["taskId"]
    target.finish_restores()
    assert (seen(target)["taskId"], seen(target)["status"]) == (waiting["taskId"], 2)
    assert history(target, source.key).status_code == 200


def test_an_init_while_a_restore_runs_takes_nothing_from_it(
    target: Simulator, source: Simulator
) -> None:
    upload(target, backup(source))
    start(target)
    target.advance(5)
    assert init(target, 10)["Success"] is True
    target.finish_restores()
    assert seen(target)["error"] == ""
    # The init threw the upload away, so the next one waits.
    start(target, key=source.key)
    target.advance(60)
    assert seen(target)["status"] == 0


def test_an_archive_of_somebody_else_changes_no_keys(target: Simulator) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in ("databases/core/tenants_tenants", "storage/restore_info"):
            info = tarfile.TarInfo(name)
            info.size = 9
            archive.addfile(info, io.BytesIO(b"<x>1</x>\n"))
    assert restored(target, file.getvalue())["error"] == ""
    assert history(target).json()["response"] == []


def test_a_service_takes_only_the_portals_own_files(source: Simulator) -> None:
    with Simulator(kind="saas", hosts=["127.0.0.1"], clock=DrivenClock(), task_seconds=11) as sim:
        data = backup(sim)
        assert restored(sim, data)["error"] == ""
        assert "not a backup of this portal" in restored(sim, backup(source))["error"]
        assert history(sim).status_code == 200


def test_a_large_file_goes_there_and_back(source: Simulator, target: Simulator) -> None:
    source.set(file_size=25_000_000)
    assert restored(target, backup(source))["error"] == ""
    chunks = [item.size for item in target.log.find(path="/backupFileUpload.ashx")]
    assert len(chunks) == 4 and 10_485_760 < max(chunks) < 10_487_000
    assert history(target, source.key).status_code == 200
