# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_restore from a file on the simulator: what can go wrong on the way back, and what
lies on the portal afterwards."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.manifest import (
    Manifest,
    write_manifest,
)
from ansible_collections.onlyoffice.docspace.tests.contract.driven import (
    TASK_SECONDS,
    Stage,
    failure,
    simulator,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import (
    DUMP,
    PORTAL,
    packed,
    tar,
    targz,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import NOW

MODULE = "docspace_backup_restore"
ID = "10000000-0000-4000-8000-000000000001"
PAGE = "/backupFileUpload.ashx"
INIT, CHUNK, START = f"POST {PAGE[1:]}?init", f"POST {PAGE[1:]}", "POST startrestore"
# Four chunks, the last one smaller.
CHUNK_SIZE = 6000
FILE = targz({**PORTAL, "files/folder_1000/file_3/v1/content.bin": Random(1).randbytes(20000)})
SERVERS_FILE = targz(DUMP)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    rows = [{"id": ID, "storage_type": "Local", "age_days": 3}]
    with simulator(seed=rows) as sim:
        sim.set(chunk_size=CHUNK_SIZE)
        yield Stage(sim, monkeypatch)


@pytest.fixture
def src(tmp_path: Path) -> Path:
    place = tmp_path / "copy.tar.gz"
    place.write_bytes(FILE)
    return place


def restore(stage: Stage, src: Path, **options: Any) -> dict[str, Any]:
    return stage.run(MODULE, src=str(src), **{"confirm": "127.0.0.1", **options})


def manifest(src: Path, **fields: Any) -> None:
    """A manifest beside a file, the right one but for these fields."""
    content = src.read_bytes()
    right = Manifest(
        portal="https://docs.example.com",
        id=ID,
        file_name="workspace.tar.gz",
        storage_type="data_store",
        created_on=NOW - timedelta(hours=12),
        dump=False,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        entries=6,
    )
    write_manifest(right._replace(**fields), f"{src}.json")


def asked(stage: Stage) -> list[str]:
    """What was written, in its order."""
    found = [line for line in stage.asked() if not line.startswith("GET ")]
    return [line.partition("=")[0] for line in found]


def started(stage: Stage) -> int:
    return stage.sim.count("POST", "startrestore")


# --- restored ---


def test_a_file_comes_back_and_each_request_that_it_costs(stage: Stage, src: Path) -> None:
    result = restore(stage, src)
    assert result["changed"] is True
    assert result["task"]["status"] == "completed"
    assert result["backup"] is None
    sha256 = hashlib.sha256(FILE).hexdigest()
    file = {"path": str(src), "size": len(FILE), "sha256": sha256, "kind": "portal"}
    assert result["file"] == file
    assert "warnings" not in result
    assert stage.sim.portal.uploaded == FILE
    assert stage.sim.state()["restore"]["status"] == 2
    assert {item.authorization for item in stage.sim.log.find("GET", "getrestoreprogress")} == {""}
    sizes = [item.size for item in stage.sim.log.find("POST", PAGE)[1:]]
    assert len(set(sizes[:3])) == 1 and sizes[3] < sizes[0] < CHUNK_SIZE + 400
    shown = stage.asked()
    assert shown.count("GET getbackupprogress") == 2, "also after the last chunk"
    last = len(shown) - 1 - shown[::-1].index(CHUNK)
    assert shown[last + 1 :].index(START) == 4, "the check, and at once the start"
    assert [line.partition("=")[0] for line in shown if "POST" in line] == [
        *(INIT, CHUNK, CHUNK, CHUNK, CHUNK, START)
    ]


def test_the_user_sees_how_fast_it_was(stage: Stage, src: Path) -> None:
    log = restore(stage, src)["log"]
    for word in ("checked", "uploaded"):
        (line,) = [line for line in log if line.startswith(word)]
        assert f"{len(FILE)} bytes in 0.0 s" in line and "MB/s" in line


@pytest.mark.parametrize(
    ("content", "dump", "extension"),
    [
        (packed(tar(PORTAL)), False, "tar.gz"),
        (tar(PORTAL), False, "tar"),
        (SERVERS_FILE, True, "tar.gz"),
    ],
)
def test_each_form_and_kind(
    stage: Stage, src: Path, content: bytes, dump: bool, extension: str
) -> None:
    src.write_bytes(content)
    result = restore(stage, src, dump=dump)
    assert result["task"]["status"] == "completed"
    assert result["file"]["kind"] == ("dump" if dump else "portal")
    (init,) = [item for item in stage.sim.log.find("POST", PAGE) if item.query]
    assert init.query == f"init=true&totalSize={len(content)}&extension={extension}"


@pytest.mark.parametrize("size", [1, 7, len(FILE) - 1, len(FILE), len(FILE) + 1, 2**30])
def test_chunks_of_any_size(stage: Stage, src: Path, size: int) -> None:
    if size < 100:
        src.write_bytes(packed(tar({name: PORTAL[name][:9] for name in PORTAL})))
    stage.sim.set(chunk_size=size)
    restore(stage, src)
    assert stage.sim.portal.uploaded == src.read_bytes()
    assert stage.sim.count("POST", PAGE) == 1 + -(-src.stat().st_size // size)


def test_a_link_to_a_file(stage: Stage, src: Path) -> None:
    link = src.with_name("link")
    link.symlink_to(src)
    assert restore(stage, link)["task"]["status"] == "completed"


def test_what_is_known_of_a_file_by_its_manifest(stage: Stage, src: Path) -> None:
    manifest(src)
    result = restore(stage, src)
    assert result["backup"] == {
        "id": ID,
        "file_name": "workspace.tar.gz",
        "storage_type": "data_store",
        "created_on": "2026-11-05T00:00:00Z",
        "expires_on": None,
        "age_seconds": 43200,
        "age": "12 hours",
    }
    assert result["diff"]["after"] == {
        "restored_from": str(src),
        "file_name": "copy.tar.gz",
        "portal": "https://docs.example.com",
        "created_on": "2026-11-05T00:00:00Z",
        "age": "12 hours",
        "storage_type": "data_store",
        "kind": "portal",
    }
    (warning,) = result["warnings"]
    assert "https://docs.example.com" in warning and stage.sim.url in warning


def test_no_warning_at_its_own_portal(stage: Stage, src: Path) -> None:
    manifest(src, portal=stage.sim.url)
    assert "warnings" not in restore(stage, src, url=f"{stage.sim.url}//")


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"size": 5}, "size"), ({"sha256": "a" * 64}, "sha256"), ({"dump": True}, "kind")],
)
def test_a_manifest_of_another_file_is_not_believed(
    stage: Stage, src: Path, fields: dict[str, Any], word: str
) -> None:
    manifest(src, **fields)
    result = restore(stage, src, check_mode=True)
    assert result["backup"] is None
    assert "that of another file" in result["warnings"][0] and word in result["warnings"][0]
    assert "another file" in failure(restore(stage, src, max_age="10d"), "guard")


def test_a_dry_run_makes_all_checks_and_writes_nothing(stage: Stage, src: Path) -> None:
    result = restore(stage, src, check_mode=True)
    assert (result["changed"], result["task"]) == (True, None)
    assert result["file"]["size"] == len(FILE)
    assert {line.partition(" ")[0] for line in stage.asked()} == {"GET"}
    assert stage.sim.portal.uploaded is None


# --- refused before anything is sent ---

BROKEN = {
    "cut off": (FILE[:-9], "cut off"),
    "a byte flipped": (FILE[:9000] + bytes([FILE[9000] ^ 1]) + FILE[9001:], "gzip stream"),
    "the checksum is wrong": (FILE[:-8] + b"\0" * 4 + FILE[-4:], "gzip stream"),
    "something behind": (FILE + b"\0", "follows the end"),
    "no backup": (b"<html>" * 900, "neither a gzip nor a tar"),
    "empty": (b"", "empty"),
    "without its people": (targz({"storage/restore_info": b"<a/>"}), "tenants_tenants"),
    "without its marker": (targz({"databases/core/tenants_tenants": b"<a/>"}), "restore_info"),
}


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_is_not_whole(stage: Stage, src: Path, case: str, check_mode: bool) -> None:
    content, words = BROKEN[case]
    src.write_bytes(content)
    message = failure(restore(stage, src, check_mode=check_mode), "guard")
    assert words in message and "Nothing was sent" in message
    assert stage.sim.requests == []


@pytest.mark.parametrize(("content", "dump"), [(FILE, True), (SERVERS_FILE, False)])
def test_a_file_of_the_other_kind(stage: Stage, src: Path, content: bytes, dump: bool) -> None:
    src.write_bytes(content)
    assert "'dump: " in failure(restore(stage, src, dump=dump), "guard")
    assert stage.sim.requests == []


@pytest.mark.parametrize("kind", ["none", "folder", "pipe"])
def test_a_path_that_is_no_file(stage: Stage, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "there"
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    assert failure(restore(stage, place), "config").startswith("src: ")
    assert stage.sim.requests == []


@pytest.mark.parametrize("confirm", ["", "localhost", "127.0.0.1:80"])
def test_nothing_is_read_or_sent_unless_confirmed(
    stage: Stage, tmp_path: Path, confirm: str
) -> None:
    message = failure(restore(stage, tmp_path / "none", confirm=confirm), "guard")
    assert message.startswith("confirm: ")


@pytest.mark.parametrize(
    ("hours", "max_age", "good"),
    [
        (12, "13h", True),
        (12, "12h", False),
        (12, "1h", False),
        (-1, "10d", False),
        (None, "1d", False),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_max_age_of_a_file(
    stage: Stage, src: Path, hours: int | None, max_age: str, good: bool, check_mode: bool
) -> None:
    if hours is not None:
        manifest(src, created_on=NOW - timedelta(hours=hours), portal=stage.sim.url)
    result = restore(stage, src, max_age=max_age, check_mode=check_mode)
    if good:
        assert result["changed"] is True
    else:
        assert failure(result, "guard").startswith("max_age: ")
        assert stage.sim.requests == []


@pytest.mark.parametrize(("max_age", "good"), [("4d", True), ("3d", False), ("1d", False)])
def test_max_age_of_a_record(stage: Stage, max_age: str, good: bool) -> None:
    result = stage.run(MODULE, id=ID, confirm="127.0.0.1", max_age=max_age)
    if good:
        assert result["changed"] is True
    else:
        assert "3 days old (2026-11-02T12:00:00Z)" in failure(result, "guard")
        assert {item.method for item in stage.sim.requests} == {"GET"}


def test_max_age_of_a_record_of_tomorrow(stage: Stage) -> None:
    (later,) = stage.sim.seed([{"storage_type": "Local", "age_days": -1}])
    result = stage.run(MODULE, id=later, confirm="127.0.0.1", max_age="10d")
    assert "future" in failure(result, "guard")


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("dump", [False, True])
@pytest.mark.parametrize("call", ["startbackup", "startrestore"])
def test_nothing_is_uploaded_while_something_runs(
    stage: Stage, src: Path, call: str, dump: bool, check_mode: bool
) -> None:
    if call == "startbackup":
        stage.backup(dump=dump)
    else:
        stage.send("POST", call, backupId=ID, dump=dump)
        stage.sim.advance(40)
    message = failure(restore(stage, src, check_mode=check_mode), "conflict")
    if call == "startrestore":
        running = stage.send("GET", f"getrestoreprogress?Dump={str(dump).lower()}")["taskId"]
        assert f"'task_id: {running}'" in message and "no other" in message
        assert ("'dump: true'" in message) is dump
    assert {item.method for item in stage.sim.requests} == {"GET"}


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_portal_that_is_not_paid_for(
    stage: Stage, src: Path, monkeypatch: pytest.MonkeyPatch, check_mode: bool
) -> None:
    """Known before gigabytes are sent: the history is refused for the same reason."""
    stage.sim.set(tariff_state="NotPaid")
    failure(restore(stage, src, check_mode=check_mode), "payment")
    assert stage.sim.portal.uploaded is None


def test_a_history_that_broke_is_no_hindrance(stage: Stage, src: Path) -> None:
    stage.sim.fault("status", status=500, path="getbackuphistory", times=1)
    assert restore(stage, src)["task"]["status"] == "completed"


# --- trouble on the way: the upload begins anew, and no chunk is sent twice ---

DONE = {"Success": True, "ChunkSize": CHUNK_SIZE, "EndUpload": True}
ONGOING = {**DONE, "EndUpload": False}
FORGOTTEN = {"Success": False, "Message": "Need init upload.", "ChunkSize": 0, "EndUpload": False}
DOUBTS: dict[str, dict[str, Any]] = {
    "closed before it came": {"kind": "drop"},
    "closed after it was taken": {"kind": "drop", "after": True},
    "reset before it came": {"kind": "reset"},
    "reset after it was taken": {"kind": "reset", "after": True},
    "half of the answer": {"kind": "truncate", "after": True},
    "500": {"kind": "status", "status": 500},
    "502 of a proxy": {"kind": "status", "status": 502, "after": True},
    "503": {"kind": "status", "status": 503},
    "504 of a proxy": {"kind": "status", "status": 504, "after": True},
    "too many requests": {"kind": "status", "status": 429},
    "too many for a while": {"kind": "status", "status": 429, "headers": {"Retry-After": "7"}},
    "a page": {"kind": "html"},
    "no object": {"kind": "json", "body": [], "after": True},
    "an empty object": {"kind": "json", "body": {}, "after": True},
    "Success is a word": {"kind": "json", "body": {**ONGOING, "Success": "true"}, "after": True},
    "without EndUpload": {"kind": "json", "body": {"Success": True, "ChunkSize": 9}, "after": True},
    "the upload is forgotten": {"kind": "json", "body": FORGOTTEN},
}


@pytest.mark.parametrize("skip", [0, 1, 2, 4])
@pytest.mark.parametrize("doubt", DOUBTS)
def test_after_a_doubt_it_begins_anew(stage: Stage, src: Path, doubt: str, skip: int) -> None:
    stage.sim.fault(**DOUBTS[doubt], path=PAGE, skip=skip, times=1)
    result = restore(stage, src)
    assert result["task"]["status"] == "completed"
    assert stage.sim.portal.uploaded == FILE
    assert asked(stage) == [
        *[INIT, CHUNK, CHUNK, CHUNK, CHUNK][: skip + 1],
        *[INIT, *[CHUNK] * 4, START],
    ]
    assert "the upload begins anew" in result["log"]


@pytest.mark.parametrize(("skip", "body"), [(1, DONE), (3, DONE), (4, ONGOING), (0, DONE)])
def test_an_end_at_the_wrong_place(
    stage: Stage, src: Path, skip: int, body: dict[str, Any]
) -> None:
    """Somebody else's upload came between, or a chunk was lost."""
    stage.sim.fault("json", body=body, path=PAGE, skip=skip, times=1, after=True)
    assert restore(stage, src)["task"]["status"] == "completed"
    assert asked(stage).count(INIT) == 2
    assert stage.sim.portal.uploaded == FILE


@pytest.mark.parametrize("size", [None, 0, -1, "10", True, 0.5])
def test_a_chunk_size_that_is_none(stage: Stage, src: Path, size: Any) -> None:
    body = {**ONGOING, "ChunkSize": size}
    stage.sim.fault("json", body=body, path=PAGE, times=9, after=True)
    failure(restore(stage, src, retries=1), "protocol")
    assert asked(stage) == [INIT, INIT]


@pytest.mark.parametrize("retries", [0, 1, 3])
@pytest.mark.parametrize("doubt", ["reset after it was taken", "502 of a proxy", "a page"])
def test_it_begins_anew_only_so_often(stage: Stage, src: Path, doubt: str, retries: int) -> None:
    for number in range(retries + 1):
        stage.sim.fault(**DOUBTS[doubt], path=PAGE, skip=2 + 3 * number, times=1)
    result = restore(stage, src, retries=retries)
    assert result["failed"] and result["changed"] is False
    assert result["failure"]["path"] == PAGE
    # The last init throws away what lies there.
    assert asked(stage) == [INIT, CHUNK, CHUNK] * (retries + 1) + [INIT]
    assert stage.sim.portal.uploaded is None
    assert started(stage) == 0


# --- trouble that ends it ---

REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a disk that is full": (
        {
            "kind": "json",
            "body": {**FORGOTTEN, "Message": "There is not enough space on the disk."},
        },
        "rejected",
        "not enough space",
    ),
    "no right any more": (
        {"kind": "json", "body": {**FORGOTTEN, "Message": '"Jane" access denied "Edit"'}},
        "forbidden",
        "administrator",
    ),
    "no credentials any more": (
        {"kind": "json", "body": {**FORGOTTEN, "Message": '"guest" access denied "Edit"'}},
        "auth",
        "administrator",
    ),
    "too large for a proxy": (
        {"kind": "status", "status": 413},
        "rejected",
        "client_max_body_size",
    ),
    "not found": ({"kind": "status", "status": 404}, "not_found", "HTTP 404"),
    "refused by a proxy": ({"kind": "status", "status": 403}, "forbidden", "HTTP 403"),
    "redirected": ({"kind": "redirect"}, "protocol", "redirects"),
    "told to wait for long": (
        {"kind": "status", "status": 429, "headers": {"Retry-After": "60"}},
        "rate_limited",
        "HTTP 429",
    ),
}


@pytest.mark.parametrize("skip", [0, 1, 4])
@pytest.mark.parametrize("trouble", REFUSED)
def test_a_refusal_ends_it_and_nothing_is_left(
    stage: Stage, src: Path, trouble: str, skip: int
) -> None:
    fault, code, words = REFUSED[trouble]
    stage.sim.fault(**fault, path=PAGE, skip=skip, times=1)
    result = restore(stage, src)
    assert words in failure(result, code)
    assert "msg" in result and "warnings" not in result
    sent = [INIT, CHUNK, CHUNK, CHUNK, CHUNK][: skip + 1]
    assert asked(stage) == (sent + [INIT] if skip else sent)
    assert stage.sim.portal.uploaded is None


def test_what_cannot_be_thrown_away_is_told(stage: Stage, src: Path) -> None:
    stage.sim.fault("status", status=404, path=PAGE, skip=2)
    result = restore(stage, src)
    failure(result, "not_found")
    assert "may still lie on the portal" in result["warnings"][0]
    assert stage.sim.portal.uploaded is not None


def test_a_portal_without_a_disk_takes_no_upload(stage: Stage, src: Path) -> None:
    stage.sim.set(temp_on_object_storage=True)
    assert "object storage" in failure(restore(stage, src), "rejected")
    assert asked(stage) == [INIT]


def test_a_key_that_only_reads_fails_at_the_start(stage: Stage, src: Path) -> None:
    """It may upload (C40); nothing of that is left."""
    result = restore(stage, src, api_key=stage.sim.portal.read_key)
    assert "'*:write'" in failure(result, "forbidden")
    assert asked(stage) == [INIT, *[CHUNK] * 4, START, INIT]
    assert stage.sim.portal.uploaded is None
    assert stage.sim.state()["restore"] is None


@pytest.mark.parametrize("what", ["backup", "restore"])
def test_something_that_began_during_the_upload(stage: Stage, src: Path, what: str) -> None:
    body = {"storageType": "Local", "storageParams": [{"key": "filePath", "value": "/srv/backup"}]}
    call = ("startbackup", body) if what == "backup" else ("startrestore", {"backupId": ID})
    # While the upload begins anew there is time for somebody else.
    stage.sim.fault("status", status=502, path=PAGE, skip=2, times=1)
    stage.at(0.4, lambda: stage.send("POST", call[0], **call[1]))
    stage.at(0.4, lambda: stage.sim.advance(20))
    result = restore(stage, src)
    assert f"{what} task" in failure(result, "conflict")
    # A restore may be reading the file, so there is no new init then.
    assert (asked(stage)[-1] == INIT) == (what == "backup")
    assert (stage.sim.portal.uploaded is None) == (what == "backup")
    assert ("may be using it" in str(result.get("warnings"))) == (what == "restore")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500, 501, 520, 524])
def test_a_file_that_is_being_restored_is_not_thrown_away(
    stage: Stage, src: Path, status: int
) -> None:
    """A proxy sent the start twice, and the portal refused the second one."""
    stage.sim.fault("status", status=status, path="startrestore", times=1, after=True)
    result = restore(stage, src)
    assert result["task"]["status"] == "completed"
    assert asked(stage) == [INIT, *[CHUNK] * 4, START]


@pytest.mark.parametrize("status", [400, 403, 500, 520])
def test_a_file_stays_when_nobody_can_say_whether_it_is_used(
    stage: Stage, src: Path, status: int
) -> None:
    stage.sim.fault("status", status=status, path="startrestore", times=1)
    stage.sim.fault("status", status=500, path="getrestoreprogress", skip=4)
    result = restore(stage, src)
    assert result["failed"] and result["changed"] is True
    assert "may be using it" in result["warnings"][0]
    assert stage.sim.portal.uploaded == FILE


@pytest.mark.parametrize("change", ["written to", "shorter", "longer"])
def test_a_file_that_changes_while_it_is_sent(stage: Stage, src: Path, change: str) -> None:
    """What was judged is what is sent, or nothing is started."""

    def spoil() -> None:
        with src.open("r+b") as file:
            if change == "written to":
                file.seek(12000)
                file.write(b"other")
            elif change == "shorter":
                file.truncate(9000)
            else:
                file.seek(0, os.SEEK_END)
                file.write(b"more")

    stage.sim.fault("status", status=502, path=PAGE, skip=1, times=1)
    stage.at(0.4, spoil)
    result = restore(stage, src)
    if change == "longer":
        assert stage.sim.portal.uploaded == FILE
        assert result["task"]["status"] == "completed"
    else:
        assert "was changed while it was sent" in failure(result, "guard")
        assert started(stage) == 0
        assert stage.sim.portal.uploaded is None


def test_a_file_that_cannot_be_read_any_more(
    stage: Stage, src: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something was sent by then, so it is no matter of the options."""
    broken: list[bool] = []

    class Disk(io.FileIO):
        def readinto(self, buffer: Any) -> Any:
            if broken:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().readinto(buffer)

    monkeypatch.setattr(os, "fdopen", lambda file, *_mode: io.BufferedReader(Disk(file), 1))
    stage.sim.fault("status", status=502, path=PAGE, skip=1, times=1)
    stage.at(0.4, lambda: broken.append(True))
    result = restore(stage, src)
    assert "can't be read any more" in failure(result, "task_failed")
    assert started(stage) == 0 and stage.sim.portal.uploaded is None


def test_a_file_that_is_replaced_meanwhile_does_not_matter(stage: Stage, src: Path) -> None:
    other = src.with_name("other")
    other.write_bytes(b"no backup")
    stage.sim.fault("status", status=502, path=PAGE, skip=1, times=1)
    stage.at(0.4, lambda: other.replace(src))
    assert restore(stage, src)["task"]["status"] == "completed"
    assert stage.sim.portal.uploaded == FILE


def test_an_upload_that_was_too_slow_for_the_portal(stage: Stage, src: Path) -> None:
    """Twenty minutes pass on the portal between two chunks (C42)."""
    stage.sim.fault("change", change={"advance": 1201}, path=PAGE, skip=2, times=1)
    result = restore(stage, src, retries=0)
    assert "knows nothing of this upload" in failure(result, "conflict")
    assert started(stage) == 0


# --- a restore that waits for a file (C44) ---


def waiting(stage: Stage) -> str:
    """Somebody gave a start without an upload."""
    params = [{"key": "filePath", "value": ""}]
    body = {"backupId": "", "storageType": "Local", "storageParams": params}
    return str(stage.send("POST", "startrestore", **body)["taskId"])


def test_a_restore_that_waits_is_not_running(stage: Stage, src: Path) -> None:
    known = waiting(stage)
    result = restore(stage, src)
    assert result["task"]["id"] == known and result["task"]["status"] == "completed"
    (warning,) = result["warnings"]
    assert known in warning and "waiting" in warning
    assert 10 <= sum(stage.clock.sleeps) - TASK_SECONDS < 20


def test_a_restore_that_waits_is_in_the_way_of_one_from_the_history(stage: Stage) -> None:
    known = waiting(stage)
    assert known in failure(stage.run(MODULE, id=ID, confirm="127.0.0.1"), "conflict")
    assert stage.clock.sleeps == []


@pytest.mark.parametrize("seconds", [3, 9])
def test_a_restore_that_begins_late_is_running(stage: Stage, src: Path, seconds: int) -> None:
    stage.sim.set(task_start_delay_ms=seconds * 1000)
    stage.send("POST", "startrestore", backupId=ID)
    assert "runs on the portal" in failure(restore(stage, src), "conflict")
    assert stage.sim.portal.uploaded is None


@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "status", "status": 502}])
def test_a_lost_answer_counts_when_the_known_task_begins_to_run(
    stage: Stage, src: Path, fault: dict[str, Any]
) -> None:
    stage.sim.set(task_start_delay_ms=2000)
    known = waiting(stage)
    stage.sim.fault(**fault, path="startrestore", times=1, after=True)
    result = restore(stage, src)
    assert result["task"]["id"] == known and result["task"]["status"] == "completed"
    assert started(stage) == 1


@pytest.mark.parametrize("wait_first", [False, True])
def test_a_lost_answer_to_a_start_that_was_not_taken(
    stage: Stage, src: Path, wait_first: bool
) -> None:
    if wait_first:
        waiting(stage)
    stage.sim.fault("reset", path="startrestore", times=1)
    message = failure(restore(stage, src), "connection", changed=True)
    assert message.startswith("Not known whether the restore was started")
    assert "docspace_backup_info" in message and "'task_id'" in message and "no other" in message
    assert started(stage) == 1
    assert stage.sim.portal.uploaded == FILE, "it may be restored just now"


# --- followed by its task's id ---


def begun(stage: Stage, dump: bool = False) -> str:
    result = stage.run(MODULE, id=ID, confirm="127.0.0.1", wait=False)
    stage.sim.log.clear()
    return str(result["task"]["id"])


@pytest.mark.parametrize("upper", [False, True])
def test_a_restore_is_followed_by_its_id(stage: Stage, upper: bool) -> None:
    known = begun(stage)
    result = stage.run(MODULE, task_id=known.upper() if upper else known)
    assert (result["changed"], result["backup"], result["file"]) == (False, None, None)
    assert result["task"]["id"] == known and result["task"]["status"] == "completed"
    assert result["diff"] == {"before": {}, "after": {}}
    assert {item.method for item in stage.sim.requests} == {"GET"}
    again = stage.run(MODULE, task_id=known)
    assert again["task"] == result["task"]


def test_one_that_has_ended_well_is_success_at_once(stage: Stage) -> None:
    known = begun(stage)
    stage.sim.finish_restores()
    assert stage.run(MODULE, task_id=known)["task"]["status"] == "completed"
    assert stage.asked() == ["GET getrestoreprogress?Dump=false"]
    assert stage.clock.sleeps == []


@pytest.mark.parametrize("ended", [False, True])
def test_one_that_failed(stage: Stage, ended: bool) -> None:
    stage.sim.set(task_fails_with="Unexpected end of archive")
    known = begun(stage)
    if ended:
        stage.sim.finish_restores()
    result = stage.run(MODULE, task_id=known)
    assert "Unexpected end of archive" in failure(result)
    assert result["task"]["status"] == "failed"


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("wait_timeout", [12, 600])
def test_one_that_does_not_show_up(stage: Stage, there: bool, wait_timeout: int) -> None:
    known = begun(stage) if there else ""
    result = stage.run(MODULE, task_id=ID, wait_timeout=wait_timeout)
    message = failure(result, "not_found")
    assert ID in message and "'dump: true'" in message and "Nothing was started" in message
    assert (known in message) is True
    assert min(wait_timeout, 30) <= sum(stage.clock.sleeps) <= min(wait_timeout, 30) + 1


def test_one_that_shows_up_late(stage: Stage) -> None:
    stage.sim.set(restore_hidden_ms=25_000)
    known = begun(stage)
    assert stage.run(MODULE, task_id=known)["task"]["status"] == "completed"


@pytest.mark.parametrize("lists", [{"check_mode": True}, {"wait": False}])
def test_one_look(stage: Stage, lists: dict[str, Any]) -> None:
    known = begun(stage)
    stage.sim.advance(40)
    result = stage.run(MODULE, task_id=known, **lists)
    assert (result["changed"], result["task"]["status"]) == (False, "running")
    assert stage.asked() == ["GET getrestoreprogress?Dump=false"]
    failure(stage.run(MODULE, task_id=ID, **lists), "not_found")
    assert stage.clock.sleeps == []


def test_one_that_takes_too_long(stage: Stage) -> None:
    stage.sim.set(task_end="stalls")
    known = begun(stage)
    message = failure(stage.run(MODULE, task_id=known, wait_timeout=60))
    assert f"'task_id: {known}'" in message and "no other restore" in message


def test_a_portal_that_cannot_be_reached_is_no_restore_that_is_missing(stage: Stage) -> None:
    known = begun(stage)
    stage.sim.fault("drop", path="getrestoreprogress", times=4)
    assert stage.run(MODULE, task_id=known)["task"]["status"] == "completed"
    stage.sim.fault("drop", path="getrestoreprogress")
    failure(stage.run(MODULE, task_id=known), "connection")


def test_keys_that_are_refused_meanwhile_do_not_matter(stage: Stage) -> None:
    known = begun(stage)
    stage.sim.set(restore_replaces_keys=True)
    result = stage.run(MODULE, task_id=known)
    assert result["task"]["status"] == "completed"
    assert "credentials" in result["warnings"][0]


def test_a_task_of_the_whole_server(stage: Stage, src: Path) -> None:
    src.write_bytes(SERVERS_FILE)
    known = restore(stage, src, dump=True, wait=False)["task"]["id"]
    assert stage.run(MODULE, task_id=known, dump=True)["task"]["status"] == "completed"
    message = failure(stage.run(MODULE, task_id=ID, dump=True), "not_found")
    assert "'dump: false'" in message and known in message


# --- what tells a person that it runs ---


@pytest.mark.parametrize("age", [0, 40])
@pytest.mark.parametrize("key", ["good", "sk-refused-meanwhile"])
def test_the_info_module_shows_a_restore_that_runs(stage: Stage, key: str, age: int) -> None:
    known = begun(stage)
    stage.sim.advance(age)
    api_key = stage.sim.key if key == "good" else key
    progress = stage.run("docspace_backup_info", gather=["progress"], api_key=api_key)["progress"]
    assert progress["backup"] is None
    assert progress["restore"]["id"] == known
    assert progress["restore"]["status"] == ("running" if age else "created")


def test_a_second_restore_names_the_first(stage: Stage, src: Path) -> None:
    begun = restore(stage, src, wait=False)
    known = begun["task"]["id"]
    assert f"'task_id: {known}'" in begun["log"][-1]
    stage.sim.advance(30)
    message = failure(restore(stage, src), "conflict")
    assert f"Wait for it with 'task_id: {known}', and start no other restore." in message
    assert stage.run(MODULE, task_id=known)["task"]["status"] == "completed"


def test_a_time_out_leads_to_following(stage: Stage, src: Path) -> None:
    message = failure(restore(stage, src, wait_timeout=60), changed=True)
    (known,) = {stage.sim.state()["restore"]["taskId"]}
    assert f"'task_id: {known}'" in message and "no other restore" in message
    assert stage.run(MODULE, task_id=known)["task"]["status"] == "completed"


# --- on a rented portal ---


def test_a_rented_portal_takes_only_its_own_files(
    src: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulator(kind="saas", hosts=["127.0.0.1"], seed="empty") as sim:
        stage = Stage(sim, monkeypatch)
        message = failure(restore(stage, src), changed=True)
        assert "not a backup of this portal" in message
        # Its own: the file behind the link of a backup that it made.
        task = stage.send("POST", "startbackup", storageType="DataStore", storageParams=[])
        sim.finish_tasks()
        link = stage.send("GET", "getbackupprogress")["link"]
        headers = {"Authorization": f"Bearer {sim.key}"}
        src.write_bytes(requests.get(sim.url + link, headers=headers, timeout=30).content)
        assert task["taskId"] and restore(stage, src)["task"]["status"] == "completed"
