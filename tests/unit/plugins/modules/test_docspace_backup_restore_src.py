# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_restore from a file, and by a task's id, against a scripted portal.

Each chunk that comes, and each that doesn't. What the simulator can play is in
tests/contract/test_restoring_files.py.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup import upload as source
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.archive import (
    ArchiveChecker,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.manifest import (
    Manifest,
    write_manifest,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import PORTAL, targz
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import (
    KEY,
    NOW,
    Clock,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import ONE, THREE, TWO, task
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    CLOSE,
    Answer,
    Wire,
    empty,
    html,
    ok,
    plain_json,
)

Run = Callable[..., dict[str, Any]]

MODULE = "docspace_backup_restore"
PAGE = "/backupFileUpload.ashx"
FILE = targz({**PORTAL, "files/folder_1000/file_3/v1/content.bin": Random(2).randbytes(9000)})
INIT = f"{PAGE}?init=true&totalSize={len(FILE)}&extension=tar.gz"
SIGNED: dict[str, str | None] = {"Authorization": f"Bearer {KEY}", "Expect": None}
ANONYMOUS: dict[str, str | None] = {"Authorization": None}
HISTORY, BACKUP, RESTORE, START = (
    "getbackuphistory",
    "getbackupprogress",
    "getrestoreprogress?Dump=false",
    "startrestore",
)
DUMP = "?Dump=true"
RESTORE_DUMP = f"getrestoreprogress{DUMP}"
BODY = {
    "backupId": "",
    "storageType": "Local",
    "storageParams": [{"key": "filePath", "value": ""}],
    "notify": False,
}
CREATED = task(TWO, status=0, backupProgressEnum=1)
DONE = task(TWO, 100, status=2, backupProgressEnum=1)
WAITS = task(THREE, status=0, backupProgressEnum=1)


@pytest.fixture
def src(tmp_path: Path) -> str:
    place = tmp_path / "copy.tar.gz"
    place.write_bytes(FILE)
    return str(place)


def taken(ended: bool = False, chunk: Any = 10**7, **values: Any) -> Answer:
    """An answer to an init or a chunk, which has no Content-Type (C40)."""
    said = {"Success": True, "ChunkSize": chunk, "EndUpload": ended, **values}
    return plain_json(said)._replace(headers={})


def restores(wire: Wire, *looks: Any, dump: bool = False) -> None:
    """The looks at the portal's restore, and before it at that of the whole server."""
    wire.expect("GET", RESTORE if dump else RESTORE_DUMP, ok(None), headers=ANONYMOUS)
    for seen in looks or (None,):
        wire.expect("GET", RESTORE_DUMP if dump else RESTORE, ok(seen), headers=ANONYMOUS)


def busy(wire: Wire, *looks: Any, dump: bool = False) -> None:
    """The busy check."""
    restores(wire, *looks, dump=dump)
    for target in (BACKUP, BACKUP + DUMP):
        wire.expect("GET", target, ok(None), headers=SIGNED)


def unused(wire: Wire, *, after: Any = None) -> None:
    """The looks at both restores, before an upload is thrown away."""
    wire.expect("GET", RESTORE, ok(after), headers=ANONYMOUS)
    if after is None:
        wire.expect("GET", RESTORE_DUMP, ok(None), headers=ANONYMOUS)


def history(wire: Wire) -> None:
    wire.expect("GET", HISTORY, ok([]), headers=SIGNED)


def check(wire: Wire, *looks: Any) -> None:
    """All that is read before the upload."""
    history(wire)
    busy(wire, *looks)


def init(wire: Wire, answer: Answer | None = None) -> None:
    wire.expect("POST", INIT, answer or taken(), headers={**SIGNED, "Content-Length": "0"})


def send(wire: Wire, begin: int = 0, end: int = len(FILE), answer: Answer | None = None) -> None:
    answer = answer or taken(end == len(FILE))
    wire.expect("POST", PAGE, answer, body=FILE[begin:end], headers=SIGNED)


def restore(run: Run, src: str, **options: Any) -> dict[str, Any]:
    return run(MODULE, src=src, **{"confirm": "127.0.0.1", **options})


def refused(result: dict[str, Any], code: str, changed: bool = False) -> str:
    assert result["failed"] is True
    assert result["failure"]["code"] == code, result["msg"]
    assert result["changed"] is changed
    return str(result["msg"])


# --- the upload ---


def test_each_byte_comes_once_and_in_order(wire: Wire, run: Run, src: str) -> None:
    check(wire)
    init(wire, taken(chunk=4000))
    for begin in range(0, len(FILE), 4000):
        send(wire, begin, min(begin + 4000, len(FILE)))
    busy(wire)
    wire.expect("POST", START, ok(CREATED), body=BODY, headers=SIGNED)
    result = restore(run, src, wait=False)
    assert (result["changed"], result["task"]["id"]) == (True, TWO)
    assert result["file"]["path"] == src


def test_the_users_are_told_and_the_whole_server_is_meant(wire: Wire, run: Run, src: str) -> None:
    """A dump is announced, and its own history asked."""
    from ansible_collections.onlyoffice.docspace.tests.unit.plugins import archives

    Path(src).write_bytes(archives.targz(archives.DUMP))
    size = Path(src).stat().st_size
    wire.expect("GET", HISTORY + DUMP, ok([]))
    busy(wire, dump=True)
    target = f"{PAGE}?init=true&totalSize={size}&extension=tar.gz"
    wire.expect("POST", target, taken())
    wire.expect("POST", PAGE, taken(True), body=Path(src).read_bytes())
    busy(wire, dump=True)
    wire.expect("POST", START, ok(CREATED), body={**BODY, "notify": True, "dump": True})
    assert restore(run, src, notify=True, dump=True, wait=False)["changed"] is True


def test_a_prefix_of_the_address_counts_for_the_upload_too(wire: Wire, run: Run, src: str) -> None:
    api = "/office/api/2.0/backup/"
    wire.expect("GET", f"{api}{HISTORY}", ok([]))
    for target in (BACKUP, BACKUP + DUMP, RESTORE, RESTORE_DUMP):
        wire.expect("GET", api + target, ok(None), in_order=False)
    wire.expect("POST", f"/office{INIT}", taken(Success=False, Message="no"))
    assert "It says: no" in refused(restore(run, src, url=f"{wire.url}/office/"), "rejected")


@pytest.mark.parametrize("chunk", [0, -5, None, "10", 1.5, True, [], {}])
def test_a_chunk_size_that_makes_no_sense(chunk: Any, wire: Wire, run: Run, src: str) -> None:
    check(wire)
    init(wire, taken(chunk=chunk))
    refused(restore(run, src, retries=0), "protocol")


def test_a_chunk_size_without_bound(wire: Wire, run: Run, src: str) -> None:
    check(wire)
    init(wire, taken(chunk=10**18))
    send(wire)
    busy(wire)
    wire.expect("POST", START, ok(CREATED), body=BODY)
    assert restore(run, src, wait=False)["changed"] is True


def test_after_a_doubt_all_begins_anew_from_the_first_byte(
    wire: Wire, run: Run, src: str, clock: Clock
) -> None:
    check(wire)
    init(wire, taken(chunk=5000))
    send(wire, 0, 5000)
    send(wire, 5000, len(FILE) if len(FILE) < 10000 else 10000, CLOSE)
    unused(wire)
    init(wire, html(502))
    unused(wire)
    init(wire, taken(chunk=10**6))
    send(wire)
    busy(wire)
    wire.expect("POST", START, ok(CREATED), body=BODY)
    result = restore(run, src, wait=False, verbosity=1)
    assert result["changed"] is True
    assert len(clock.sleeps) == 2
    assert result["log"].count("the upload begins anew") == 2


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (taken(Success=False, Message="backup_temp is not disc"), "rejected", "takes no upload"),
        (taken(Success=False, Message='"guest" access denied "x"'), "auth", "administrator"),
        (taken(Success=False, Message='"Jane" access denied "x"'), "forbidden", "administrator"),
        (taken(Success=False, Message="Out of\nspace"), "rejected", "It says: Out of"),
        (taken(Success=False, Message=None), "rejected", "It says: nothing"),
        (taken(Success=False, Message=f"bad key {KEY}"), "rejected", "bad key ****"),
        (empty(401), "auth", "HTTP 401"),
        (
            plain_json({"title": "Request Entity Too Large"}, 413),
            "rejected",
            "client_max_body_size",
        ),
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_a_refusal_is_not_repeated(
    first: bool, answer: Answer, code: str, words: str, wire: Wire, run: Run, src: str
) -> None:
    """Of the init, with nothing to throw away; or of a chunk, with an init behind it."""
    check(wire)
    init(wire, answer if first else None)
    if not first:
        send(wire, answer=answer)
        unused(wire)
        init(wire)
    result = restore(run, src)
    assert words in refused(result, code)
    assert result["failure"]["method"] == "POST" and PAGE in result["failure"]["path"]
    assert "warnings" not in result


def test_what_cannot_be_thrown_away_is_told(wire: Wire, run: Run, src: str) -> None:
    check(wire)
    init(wire)
    send(wire, answer=empty(401))
    unused(wire)
    init(wire, CLOSE)
    result = restore(run, src)
    refused(result, "auth")
    assert "the next upload replaces it" in result["warnings"][0]


# --- twenty minutes ---


class Slow(Clock):
    """A clock that goes on with each look at it, as if everything took so long."""

    step = 0.0

    def monotonic(self) -> float:
        self._passed += self.step
        return super().monotonic()


@pytest.fixture
def clock() -> Clock:
    return Slow()


def test_what_cannot_be_done_in_time_ends_soon(
    wire: Wire, run: Run, src: str, clock: Clock
) -> None:
    """After half a minute, not after twenty; and no repetition helps."""
    assert isinstance(clock, Slow)
    clock.step = 20.0
    check(wire)
    init(wire, taken(chunk=100))
    send(wire, 0, 100)
    # The second one breaks off, so that it isn't told from none.
    unused(wire)
    init(wire)
    result = restore(run, src, retries=9)
    message = refused(result, "timeout")
    assert "20 minutes" in message and f"of {len(FILE)} bytes went" in message
    assert "Mbit/s are needed" in message and "100 bytes in" in message
    assert clock.sleeps == []


def test_what_is_fast_enough_goes_on(wire: Wire, run: Run, src: str, clock: Clock) -> None:
    assert isinstance(clock, Slow)
    clock.step = 12.0
    check(wire)
    init(wire, taken(chunk=1000))
    for begin in range(0, len(FILE), 1000):
        send(wire, begin, min(begin + 1000, len(FILE)))
    busy(wire)
    wire.expect("POST", START, ok(CREATED), body=BODY)
    result = restore(run, src, wait=False, verbosity=1)
    assert result["changed"] is True
    (line,) = [line for line in result["log"] if line.startswith("uploaded")]
    assert 200 < float(line.split(" in ")[1].split(" ")[0]) < 1200


# --- a restore that waits for a file (C44) ---


def test_a_restore_that_waits_for_ten_seconds_is_not_running(
    wire: Wire, run: Run, src: str, clock: Clock
) -> None:
    check(wire, *[WAITS] * 6)
    init(wire)
    send(wire)
    busy(wire, WAITS)
    wire.expect("POST", START, ok(WAITS), body=BODY)
    result = restore(run, src, wait=False)
    assert result["task"]["id"] == THREE
    assert THREE in result["warnings"][0]
    assert sum(clock.sleeps) == 10


@pytest.mark.parametrize("begins", [task(THREE, 0), task(THREE, 3), task(THREE, 3, status=0)])
def test_a_restore_that_begins_meanwhile_is_running(
    begins: Any, wire: Wire, run: Run, src: str
) -> None:
    history(wire)
    restores(wire, WAITS, WAITS, begins)
    assert f"'task_id: {THREE}'" in refused(restore(run, src), "conflict")


def test_a_server_that_gives_no_status_is_believed_to_restore(
    wire: Wire, run: Run, src: str, clock: Clock
) -> None:
    older = {name: value for name, value in WAITS.items() if name != "status"}
    history(wire)
    restores(wire, older)
    refused(restore(run, src), "conflict")
    assert clock.sleeps == []


def test_a_known_task_that_stays_where_it_was_was_not_started(
    wire: Wire, run: Run, src: str
) -> None:
    check(wire, *[WAITS] * 6)
    init(wire)
    send(wire)
    busy(wire, WAITS)
    wire.expect("POST", START, CLOSE, body=BODY)
    for _look in range(10):
        wire.expect("GET", RESTORE, ok(WAITS))
    message = refused(restore(run, src), "connection", changed=True)
    assert message.startswith("Not known whether the restore was started")
    assert "'task_id'" in message and "run again" not in message.lower()


# --- files of others ---


def vouch(src: str, url: str) -> Path:
    """Lay the right manifest beside the file."""
    manifest = Manifest(
        portal=url,
        id=ONE,
        file_name="backup.tar.gz",
        storage_type="data_store",
        created_on=NOW,
        dump=False,
        size=len(FILE),
        sha256=hashlib.sha256(FILE).hexdigest(),
        entries=len(PORTAL) + 1,
    )
    write_manifest(manifest, f"{src}.json")
    return Path(f"{src}.json")


@pytest.mark.parametrize("kind", ["owner", "mode"])
def test_a_file_that_others_may_have_written(wire: Wire, run: Run, src: str, kind: str) -> None:
    """A portal is restored from it only if a manifest that they can't have written confirms it."""
    if kind == "mode":
        Path(src).chmod(0o666)
    elif os.geteuid() == 0:
        os.chown(src, 54321, -1)
    else:
        pytest.skip("only root can give a file to another user; 'mode' is the same check")
    for check_mode in (True, False):
        msg = refused(restore(run, src, check_mode=check_mode), "guard")
        assert "can't be trusted" in msg and "Nothing was sent" in msg
    manifest = vouch(src, wire.url)
    manifest.chmod(0o606)
    assert "can't be trusted" in refused(restore(run, src), "guard")
    assert wire.connections == 0
    manifest.chmod(0o600)
    check(wire)
    assert restore(run, src, check_mode=True)["changed"] is True


@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "circular link", "device"])
def test_a_path_that_is_no_regular_file(wire: Wire, run: Run, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "odd.tar.gz"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "link to a pipe":
        os.mkfifo(tmp_path / "pipe")
        place.symlink_to(tmp_path / "pipe")
    elif kind == "device":
        place.symlink_to("/dev/zero")
    else:
        place.symlink_to(place)
    assert refused(restore(run, str(place)), "config").startswith("src: ")
    assert wire.connections == 0


@pytest.mark.parametrize("begin", [b"", FILE], ids=["zeros", "after a valid backup"])
def test_a_broken_file_is_not_read_to_its_end(
    wire: Wire, run: Run, src: str, begin: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four terabytes that take no room on the disk."""
    Path(src).write_bytes(begin)
    os.truncate(src, 4 * 1024**4)
    read: list[int] = []

    class Counted(ArchiveChecker):
        def feed(self, data: bytes) -> None:
            read.append(len(data))
            super().feed(data)

    monkeypatch.setattr(source, "ArchiveChecker", Counted)
    assert "is no whole backup" in refused(restore(run, src), "guard")
    assert 0 < sum(read) < 1024**2
    assert wire.connections == 0


@pytest.mark.parametrize("kind", ["link", "hard link"])
def test_another_name_of_a_file(wire: Wire, run: Run, src: str, kind: str) -> None:
    """The user typed it. A second hard link is what tools leave that copy folders."""
    other = Path(src).with_name("latest.tar.gz")
    if kind == "link":
        other.symlink_to(src)
    else:
        os.link(src, other)
    check(wire)
    assert restore(run, str(other), check_mode=True)["changed"] is True


def test_a_pipe_in_the_place_of_a_manifest(wire: Wire, run: Run, src: str) -> None:
    os.mkfifo(f"{src}.json")
    check(wire)
    (warning,) = restore(run, src, check_mode=True)["warnings"]
    assert "it isn't a regular file" in warning


# --- exactly one of id, src and task_id ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "id, src, task_id"),
        ({"id": ONE, "src": "/x", "confirm": "127.0.0.1"}, "id|src|task_id"),
        ({"id": ONE, "task_id": TWO}, "id|src|task_id"),
        ({"src": "/x", "task_id": TWO}, "id|src|task_id"),
        ({"id": ONE}, "confirm"),
        ({"src": "/x"}, "confirm"),
        ({"task_id": TWO, "max_age": "1d"}, "max_age|task_id"),
    ],
)
def test_options_that_do_not_go_together(
    options: dict[str, Any], words: str, wire: Wire, run: Run
) -> None:
    """Ansible itself says so."""
    result = run(MODULE, **options)
    assert result["failed"] is True and words in result["msg"]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"task_id": "latest"}, "config", "task_id: must be the ID of a restore, not 'latest'"),
        ({"task_id": TWO, "notify": True}, "config", "notify: "),
        ({"task_id": TWO, "confirm": "other"}, "guard", "confirm: "),
        ({"task_id": TWO, "wait_timeout": 0}, "config", "wait_timeout: "),
        ({"id": ONE, "confirm": "127.0.0.1", "max_age": "3m"}, "config", "max_age: "),
        ({"src": "/none", "confirm": "127.0.0.1", "max_age": "soon"}, "config", "max_age: "),
        ({"src": "", "confirm": "127.0.0.1"}, "config", "src: is empty"),
        ({"src": "/x", "confirm": "127.0.0.1", "max_age": ""}, "config", "max_age: is empty"),
    ],
)
def test_options_that_mean_nothing(
    options: dict[str, Any], code: str, words: str, wire: Wire, run: Run
) -> None:
    assert words in refused(run(MODULE, **options), code)
    assert wire.connections == 0


# --- what an interruption tells ---


def interrupted(clock: Clock, number: signal.Signals) -> None:
    clock.on_sleep = lambda _seconds: signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_it_is_followed(
    number: signal.Signals, wire: Wire, run: Run, src: str, clock: Clock
) -> None:
    check(wire)
    init(wire)
    send(wire)
    busy(wire)
    wire.expect("POST", START, ok(CREATED), body=BODY)
    interrupted(clock, number)
    message = refused(restore(run, src), "task_failed", changed=True)
    assert f"Wait for it with 'task_id: {TWO}', and start no other restore." in message
    assert "Run the task again" not in message


def test_interrupted_while_it_is_sent(wire: Wire, run: Run, src: str, clock: Clock) -> None:
    """Not followed by an init: nothing that writes comes after an interruption."""
    check(wire)
    init(wire)
    send(wire, answer=CLOSE)
    interrupted(clock, signal.SIGTERM)
    message = refused(restore(run, src), "task_failed", changed=True)
    assert "Nothing was restored" in message and "it uploads the file anew" in message


def test_interrupted_while_a_lost_start_is_looked_for(
    wire: Wire, run: Run, src: str, clock: Clock
) -> None:
    check(wire)
    init(wire)
    send(wire)
    busy(wire)
    wire.expect("POST", START, CLOSE, body=BODY)
    wire.expect("GET", RESTORE, ok(None))
    interrupted(clock, signal.SIGINT)
    message = refused(restore(run, src), "task_failed", changed=True)
    assert "docspace_backup_info" in message and "start no other restore" in message


# --- what is loaded ---
