# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_download against a scripted portal, which fails the test on any request too many."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import random
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.archive import (
    ArchiveChecker,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import (
    DUMP,
    MARKER,
    PORTAL,
    TABLE,
    packed,
    tar,
    targz,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import KEY
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import (
    ONE,
    THREE,
    TWO,
    row,
    task,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    CLOSE,
    Answer,
    Wire,
    empty,
    failed,
    html,
    ok,
    plain_json,
)

Run = Callable[..., dict[str, Any]]

MODULE = "docspace_backup_download"
HISTORY, PROGRESS, START = "getbackuphistory", "getbackupprogress", "startbackup"
SCHEDULE = "getbackupschedule"
DELETE = f"deletebackup/{ONE}"
LINK = "/storage/backup/root/workspace.tar.gz?expire=1440&auth=51gned1inkOfTheTests"
SIGNED = ("51gned1ink", "expire=1440")
BODY: dict[str, Any] = {"storageType": "DataStore", "storageParams": []}
TEMPORARY = row(age=60, storageType=4, expiresOn="2026-11-06T11:59:00")
DONE = task(progress=100, status=2, link=LINK)
# Of several tries' length: what it holds can't be packed.
NOISE = random.Random(1).randbytes(400_000)
FILE = targz({**PORTAL, "files/folder_1/content.bin": NOISE})
LEAST = 65536
MIDDLE = {"Authorization": f"Bearer {KEY}"}


def whole(file: bytes = FILE, **values: Any) -> Answer:
    """The file, as the portal sends it."""
    return Answer(200, file, {"Content-Type": "application/gzip"})._replace(**values)


def rest(begin: int, file: bytes = FILE, **values: Any) -> Answer:
    """The file from a place on."""
    place = {"Content-Range": f"bytes {begin}-{len(file) - 1}/{len(file)}"}
    return Answer(206, file[begin:], place)._replace(**values)


def cut(at: int, file: bytes = FILE, begin: int = 0) -> Answer:
    """An answer that ends early, at this place of the file."""
    answer = rest(begin, file) if begin else whole(file)
    headers = {**answer.headers, "Content-Length": str(len(file) - begin)}
    return answer._replace(body=file[begin:at] * 2, headers=headers, end="cut")


def ask(wire: Wire, answer: Answer, begin: int | None = None, target: str = LINK) -> None:
    """The file is asked for, from a place on."""
    wanted = None if begin is None else f"bytes={begin}-"
    wire.expect("GET", target, answer, headers={**MIDDLE, "Range": wanted})


def make(wire: Wire, *, before: Any = None, history: Any = (), link: Any = LINK) -> None:
    """A backup is made."""
    wire.expect("GET", HISTORY, ok(list(history)))
    wire.expect("GET", PROGRESS, ok(before))
    wire.expect("GET", SCHEDULE, ok(None))
    wire.expect("POST", START, ok(task(status=0)), body=BODY)
    done = task(progress=100, status=2, link=link)
    wire.expect("GET", PROGRESS, ok(done))
    wire.expect("GET", HISTORY, ok([TEMPORARY]))
    wire.expect("GET", PROGRESS, ok(done))


def named(wire: Wire, *, link: Any = LINK) -> None:
    """A backup that is there is looked for."""
    wire.expect("GET", HISTORY, ok([TEMPORARY]))
    wire.expect("GET", PROGRESS, ok(task(progress=100, status=2, link=link)))


def name(wire: Wire, time: str = "2026-11-05T11-59-00Z") -> str:
    return f"127.0.0.1-{wire.url.rpartition(':')[2]}_{time}.tar.gz"


def names(folder: Path) -> list[str]:
    """All that is in a folder."""
    return sorted(entry.name for entry in folder.iterdir())


def refused(result: dict[str, Any], code: str, *, changed: bool = False) -> str:
    assert result.get("failed") is True, result
    assert result["failure"]["code"] == code, result["msg"]
    assert result["changed"] is changed
    return str(result["msg"])


# --- the road ---


def test_made_fetched_checked_and_put_in_place(wire: Wire, run: Run, tmp_path: Path) -> None:
    make(wire)
    ask(wire, whole())
    wire.expect("DELETE", DELETE, ok(True))
    result = run(MODULE, dest=str(tmp_path), verbosity=1, secrets=SIGNED)
    file = tmp_path / name(wire)
    assert names(tmp_path) == [file.name, f"{file.name}.json"]
    assert file.read_bytes() == FILE
    assert {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()} == {0o600}
    checksum = hashlib.sha256(FILE).hexdigest()
    assert json.loads((tmp_path / f"{file.name}.json").read_text()) == {
        "format": 1,
        "portal": wire.url,
        "id": ONE,
        "file_name": "workspace.tar.gz",
        "storage_type": "data_store",
        "created_on": "2026-11-05T11:59:00Z",
        "dump": False,
        "size": len(FILE),
        "sha256": checksum,
        "entries": 6,
    }
    assert result["changed"] is True and result["joined"] is False and result["resumed"] == 0
    assert (result["dest"], result["size"], result["sha256"]) == (str(file), len(FILE), checksum)
    assert result["backup"]["id"] == result["task"]["id"] == ONE
    assert result["backup"]["expires_on"] == "2026-11-06T11:59:00Z"
    assert result["diff"]["before"] == {} and result["diff"]["after"]["dest"] == str(file)
    assert "warnings" not in result
    words = [line.split(" ")[0].rstrip(":") for line in result["log"]]
    assert words[-3:] == ["created", "downloaded", "verified"]
    assert wire.connections == 1, "one connection serves all requests"


def test_a_young_copy_is_enough_without_any_request(wire: Wire, run: Run, tmp_path: Path) -> None:
    make(wire)
    ask(wire, whole())
    wire.expect("DELETE", DELETE, ok(True))
    first = run(MODULE, dest=str(tmp_path))
    for how in ({"max_age": "66"}, {"max_age": "1d", "check_mode": True}, {"id": ONE}):
        again = run(MODULE, dest=str(tmp_path), **how)
        assert again["changed"] is False and again["task"] is None
        assert {key: again[key] for key in ("dest", "size", "sha256")} == {
            key: first[key] for key in ("dest", "size", "sha256")
        }
        assert again["backup"]["created_on"] == "2026-11-05T11:59:00Z"
        assert again["diff"]["before"] == again["diff"]["after"]
    # It is 65 seconds old by now, and no younger.
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(None))
    wire.expect("GET", SCHEDULE, ok(None))
    dry = run(MODULE, dest=str(tmp_path), max_age="65", check_mode=True)
    assert dry["changed"] is True and dry["dest"] is None
    assert names(tmp_path) == [name(wire), f"{name(wire)}.json"]


def test_a_named_one_stays_on_the_portal(wire: Wire, run: Run, tmp_path: Path) -> None:
    named(wire)
    ask(wire, whole())
    result = run(MODULE, dest=str(tmp_path / "portal.tar.gz"), id=ONE)
    assert result["changed"] is True
    assert names(tmp_path) == ["portal.tar.gz", "portal.tar.gz.json"]


def test_one_that_was_made_may_stay_on_the_portal(wire: Wire, run: Run, tmp_path: Path) -> None:
    make(wire)
    ask(wire, whole())
    assert run(MODULE, dest=str(tmp_path), keep_on_portal=True)["changed"] is True


@pytest.mark.parametrize("after", [[ok([TEMPORARY])], [failed(500)]])
def test_a_delete_that_fails_is_a_warning(
    wire: Wire, run: Run, tmp_path: Path, after: list[Answer]
) -> None:
    make(wire)
    ask(wire, whole())
    wire.expect("DELETE", DELETE, failed(500))
    for answer in after:
        wire.expect("GET", HISTORY, answer)
    result = run(MODULE, dest=str(tmp_path))
    assert result["changed"] is True and names(tmp_path) == [name(wire), f"{name(wire)}.json"]
    (warning,) = result["warnings"]
    assert "copy is complete" in warning and "expires" in warning


# --- cut off, and on from there ---


def test_cut_off_and_on_from_there(wire: Wire, run: Run, tmp_path: Path, clock: Any) -> None:
    named(wire)
    ask(wire, cut(LEAST + 10))
    ask(wire, cut(3 * LEAST, begin=LEAST + 10), LEAST + 10)
    ask(wire, rest(3 * LEAST), 3 * LEAST)
    result = run(MODULE, dest=str(tmp_path), id=ONE, retries=0, verbosity=1)
    assert result["resumed"] == 2 and (tmp_path / name(wire)).read_bytes() == FILE
    assert len(clock.sleeps) == 2


def test_a_try_that_brings_little_counts(wire: Wire, run: Run, tmp_path: Path) -> None:
    named(wire)
    ask(wire, cut(100))
    ask(wire, cut(200, begin=100), 100)
    ask(wire, CLOSE, 200)
    result = run(MODULE, dest=str(tmp_path), id=ONE, retries=2, secrets=SIGNED)
    refused(result, "connection")
    assert result["failure"]["path"] == "/storage/backup/root/workspace.tar.gz"
    assert names(tmp_path) == [f".{ONE}.part"]
    # The next run doesn't know how long it is, so it asks for the last byte again.
    named(wire)
    ask(wire, rest(199), 199)
    result = run(MODULE, dest=str(tmp_path), id=ONE)
    assert result["resumed"] == 1
    assert names(tmp_path) == [name(wire), f"{name(wire)}.json"]
    assert (tmp_path / name(wire)).read_bytes() == FILE


def test_a_try_that_brings_much_starts_the_count_anew(wire: Wire, run: Run, tmp_path: Path) -> None:
    named(wire)
    ask(wire, cut(10))
    ask(wire, cut(20 + LEAST, begin=10), 10)
    ask(wire, CLOSE, 20 + LEAST)
    ask(wire, rest(20 + LEAST), 20 + LEAST)
    assert run(MODULE, dest=str(tmp_path), id=ONE, retries=1)["resumed"] == 2


def test_all_is_there_but_its_end_was_not_seen(wire: Wire, run: Run, tmp_path: Path) -> None:
    """Behind the end, the server fails (C36)."""
    (tmp_path / f".{ONE}.part").write_bytes(FILE)
    named(wire)
    ask(wire, rest(len(FILE) - 1), len(FILE) - 1)
    result = run(MODULE, dest=str(tmp_path), id=ONE)
    assert result["resumed"] == 1 and (tmp_path / name(wire)).read_bytes() == FILE


OTHER = targz({**PORTAL, "files/other": NOISE[:1000]})
ODD = [
    pytest.param(rest(LEAST - 1), id="another place"),
    pytest.param(
        rest(LEAST, headers={"Content-Range": f"bytes {LEAST}-{len(FILE)}/{len(FILE) + 1}"}),
        id="another size",
    ),
    pytest.param(rest(LEAST, headers={"Content-Range": "bytes */*"}), id="no place"),
    pytest.param(rest(LEAST, headers={}), id="nothing said"),
    pytest.param(empty(416), id="not satisfiable"),
]


@pytest.mark.parametrize("answer", ODD)
def test_a_rest_that_is_none(wire: Wire, run: Run, tmp_path: Path, answer: Answer) -> None:
    """It is begun anew."""
    named(wire)
    ask(wire, cut(LEAST))
    ask(wire, answer, LEAST)
    ask(wire, whole())
    result = run(MODULE, dest=str(tmp_path), id=ONE)
    assert result["resumed"] == 0 and (tmp_path / name(wire)).read_bytes() == FILE


def test_a_server_that_knows_no_ranges(wire: Wire, run: Run, tmp_path: Path) -> None:
    named(wire)
    ask(wire, cut(LEAST))
    ask(wire, whole(), LEAST)
    result = run(MODULE, dest=str(tmp_path), id=ONE)
    assert result["resumed"] == 0 and (tmp_path / name(wire)).read_bytes() == FILE


def test_a_server_that_knows_no_ranges_and_always_cuts(
    wire: Wire, run: Run, tmp_path: Path
) -> None:
    """That brings nothing new, however much comes."""
    named(wire)
    ask(wire, cut(3 * LEAST))
    for _try in range(3):
        ask(wire, cut(3 * LEAST), 3 * LEAST)
    refused(run(MODULE, dest=str(tmp_path), id=ONE, retries=2), "connection")


def test_a_part_of_another_file(wire: Wire, run: Run, tmp_path: Path) -> None:
    (tmp_path / f".{ONE}.part").write_bytes(FILE[:LEAST] + bytes([FILE[LEAST] ^ 1]))
    named(wire)
    ask(wire, rest(LEAST), LEAST)
    ask(wire, whole())
    run(MODULE, dest=str(tmp_path), id=ONE)
    assert (tmp_path / name(wire)).read_bytes() == FILE


def test_a_part_that_is_damaged_is_not_gone_on_with(wire: Wire, run: Run, tmp_path: Path) -> None:
    (tmp_path / f".{ONE}.part").write_bytes(bytes(3 * LEAST))
    named(wire)
    ask(wire, whole())
    assert run(MODULE, dest=str(tmp_path), id=ONE)["resumed"] == 0
    assert (tmp_path / name(wire)).read_bytes() == FILE


# --- whose copy it is ---


def manifest(wire: Wire, **values: Any) -> dict[str, Any]:
    """A manifest of `FILE`."""
    return {
        "format": 1,
        "portal": wire.url,
        "id": ONE,
        "file_name": "workspace.tar.gz",
        "storage_type": "data_store",
        "created_on": "2026-11-05T11:59:00Z",
        "dump": False,
        "size": len(FILE),
        "sha256": hashlib.sha256(FILE).hexdigest(),
        "entries": 6,
        **values,
    }


def lay(file: Path, manifest: dict[str, Any] | None, content: bytes = FILE) -> None:
    """Have a copy there."""
    file.write_bytes(content)
    if manifest is not None:
        file.with_name(f"{file.name}.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("values", [{"portal": "https://other.example.com"}, {"dump": True}])
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_copy_of_something_else_is_never_replaced(
    wire: Wire, run: Run, tmp_path: Path, values: dict[str, Any], check_mode: bool
) -> None:
    file = tmp_path / "portal.tar.gz"
    lay(file, manifest(wire, **values), b"theirs")
    before = names(tmp_path)
    result = run(MODULE, dest=str(file), max_age="1d", check_mode=check_mode)
    assert "manifest says that it is of the" in refused(result, "guard")
    assert names(tmp_path) == before and file.read_bytes() == b"theirs"


def test_two_portals_with_one_name_for_their_files(wire: Wire, run: Run, tmp_path: Path) -> None:
    """Their folder is the same, too. Nothing is fetched."""
    host, _colon, port = wire.url.rpartition(":")
    other = f"{host}/{port}"
    lay(tmp_path / name(wire), manifest(wire, portal=other), b"theirs")
    for check_mode in (False, True):
        named(wire)
        refused(run(MODULE, dest=str(tmp_path), id=ONE, check_mode=check_mode), "guard")
    make(wire)
    refused(run(MODULE, dest=str(tmp_path)), "guard", changed=True)
    assert (tmp_path / name(wire)).read_bytes() == b"theirs"


SPELLINGS = ("https://127.1:{}", "http://LOCALHOST.:{}/", "http://127.0.0.1:{}/x/..")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_copy_that_was_fetched_under_another_spelling(
    wire: Wire, run: Run, tmp_path: Path, spelling: str
) -> None:
    other = spelling.format(wire.url.rpartition(":")[2])
    lay(tmp_path / "earlier.tar.gz", manifest(wire, portal=other))
    result = run(MODULE, dest=str(tmp_path), max_age="1d")
    assert result["changed"] is False and result["dest"] == str(tmp_path / "earlier.tar.gz")


@pytest.mark.parametrize("renamed", [False, True])
def test_what_was_begun_under_another_spelling_is_finished(
    wire: Wire, run: Run, tmp_path: Path, renamed: bool
) -> None:
    """Under the name that the other spelling gives."""
    other = f"http://localhost:{wire.url.rpartition(':')[2]}"
    file = name(wire).replace("127.0.0.1", "localhost")
    about = manifest(wire, portal=other)
    (tmp_path / f".{ONE}.json").write_text(json.dumps(about))
    (tmp_path / (file if renamed else f".{ONE}.part")).write_bytes(FILE)
    result = run(MODULE, dest=str(tmp_path))
    assert result["changed"] is True and result["dest"] == str(tmp_path / file)
    assert names(tmp_path) == [file, f"{file}.json"]
    assert json.loads((tmp_path / f"{file}.json").read_text()) == about


@pytest.mark.parametrize("host", ["b\u00fc" * 40, "[::1%", "[1:2]"])
def test_an_address_without_a_normal_form(run: Run, tmp_path: Path, host: str) -> None:
    result = run(MODULE, url=f"https://{host}", dest=str(tmp_path))
    assert "url: must begin with" in refused(result, "config")


def test_what_lies_in_the_place_of_a_manifest(wire: Wire, run: Run, tmp_path: Path) -> None:
    (tmp_path / "portal.tar.gz.json").write_text('{"my": "notes"}')
    result = run(MODULE, dest=str(tmp_path / "portal.tar.gz"))
    assert "its manifest can't be used" in refused(result, "guard")
    assert names(tmp_path) == ["portal.tar.gz.json"]


def test_what_is_no_copy_that_is_enough(wire: Wire, run: Run, tmp_path: Path) -> None:
    lay(tmp_path / "theirs.tar.gz", manifest(wire, portal="https://other.example.com"))
    lay(tmp_path / "dump.tar.gz", manifest(wire, dump=True))
    lay(tmp_path / "short.tar.gz", manifest(wire), FILE[:-1])
    lay(tmp_path / "future.tar.gz", manifest(wire, created_on="2026-11-05T12:05:01Z"))
    lay(tmp_path / "old.tar.gz", manifest(wire, created_on="2026-11-04T12:00:00Z"))
    lay(tmp_path / "bare.tar.gz", None)
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(None))
    wire.expect("GET", SCHEDULE, ok(None))
    result = run(MODULE, dest=str(tmp_path), max_age="1d", check_mode=True)
    assert result["changed"] is True and result["dest"] is None
    lay(tmp_path / "young.tar.gz", manifest(wire, created_on="2026-11-04T12:00:01Z"))
    result = run(MODULE, dest=str(tmp_path), max_age="1d")
    assert result["changed"] is False and result["dest"] == str(tmp_path / "young.tar.gz")


def test_the_file_that_is_there_is_replaced_at_the_end(
    wire: Wire, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "portal.tar.gz"
    lay(file, manifest(wire, id=TWO, created_on="2026-10-05T12:00:00Z", size=3), b"old")
    make(wire)
    ask(wire, cut(100))
    refused(run(MODULE, dest=str(file), max_age="1d", retries=0), "connection", changed=True)
    assert file.read_bytes() == b"old"
    assert json.loads((tmp_path / "portal.tar.gz.json").read_text())["id"] == TWO
    named(wire)
    ask(wire, rest(99), 99)
    result = run(MODULE, dest=str(file), max_age="1d")
    assert file.read_bytes() == FILE
    assert result["diff"]["before"]["id"] == TWO and result["diff"]["after"]["id"] == ONE
    assert names(tmp_path) == ["portal.tar.gz", "portal.tar.gz.json"]


PLACES = [
    pytest.param("copies", "absolute", id="relative"),
    pytest.param("{}/none/portal.tar.gz", "doesn't exist", id="no folder"),
    pytest.param("{}/none/", "doesn't exist", id="a folder that isn't there"),
    pytest.param("{}/pipe", "isn't a regular file", id="a pipe"),
    pytest.param("{}/link", "isn't a regular file", id="a link"),
]


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(("dest", "words"), PLACES)
def test_places_that_are_none(
    run: Run, tmp_path: Path, dest: str, words: str, check_mode: bool
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    result = run(MODULE, dest=dest.format(tmp_path), check_mode=check_mode)
    assert words in refused(result, "config")
    assert names(tmp_path) == ["link", "pipe"]


def test_options_that_are_refused(run: Run, tmp_path: Path) -> None:
    for wrong in (
        {"id": ONE, "max_age": "1d"},
        {"id": "no uuid"},
        {"id": ""},
        {"max_age": "1m"},
        {"max_age": ""},
        {"wait_timeout": 0},
        {"poll_interval": 0},
        {"id": "", "mode": "0600"},
    ):
        refused(run(MODULE, dest=str(tmp_path), **wrong), "config")


# --- which backup it is ---


def test_one_that_runs_is_joined_and_stays_on_the_portal(
    wire: Wire, run: Run, tmp_path: Path
) -> None:
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(task(progress=40)))
    wire.expect("GET", PROGRESS, ok(DONE))
    wire.expect("GET", HISTORY, ok([TEMPORARY]))
    wire.expect("GET", PROGRESS, ok(DONE))
    ask(wire, whole())
    result = run(MODULE, dest=str(tmp_path))
    assert result["changed"] is True and result["joined"] is True
    assert names(tmp_path) == [name(wire), f"{name(wire)}.json"]


def test_one_of_another_type_is_waited_for_first(wire: Wire, run: Run, tmp_path: Path) -> None:
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(task(TWO, 40)))
    wire.expect("GET", PROGRESS, ok(task(TWO, 100, status=2)))
    wire.expect("GET", HISTORY, ok([row(TWO)]))
    wire.expect("GET", SCHEDULE, ok(None))
    wire.expect("POST", START, ok(task(status=0)), body=BODY)
    wire.expect("GET", PROGRESS, ok(DONE))
    wire.expect("GET", HISTORY, ok([row(TWO), TEMPORARY]))
    wire.expect("GET", PROGRESS, ok(DONE))
    ask(wire, whole())
    wire.expect("DELETE", DELETE, ok(True))
    result = run(MODULE, dest=str(tmp_path))
    assert result["joined"] is False and result["backup"]["id"] == ONE
    assert names(tmp_path) == [name(wire), f"{name(wire)}.json"]


def test_another_has_taken_the_place_of_ours(wire: Wire, run: Run, tmp_path: Path) -> None:
    """The link is another backup's."""
    make(wire)
    wire._expected.pop()
    wire.expect("GET", PROGRESS, ok(task(THREE, 100, status=2, link=LINK)))
    refused(run(MODULE, dest=str(tmp_path), secrets=SIGNED), "conflict", changed=True)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "last",
    [
        None,
        task(TWO, 100, status=2, link=LINK),
        task(progress=100, status=2),
        task(progress=50),
        task(progress=50, status=3),
    ],
)
def test_a_named_one_without_a_link(wire: Wire, run: Run, tmp_path: Path, last: Any) -> None:
    for check_mode in (False, True):
        wire.expect("GET", HISTORY, ok([TEMPORARY]))
        wire.expect("GET", PROGRESS, ok(last))
        result = run(MODULE, dest=str(tmp_path), id=ONE, check_mode=check_mode)
        assert "has no link" in refused(result, "not_found")
    assert names(tmp_path) == []


def test_a_backup_that_ends_badly(wire: Wire, run: Run, tmp_path: Path) -> None:
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(None))
    wire.expect("GET", SCHEDULE, ok(None))
    wire.expect("POST", START, ok(task(status=0)), body=BODY)
    wire.expect("GET", PROGRESS, ok(task(progress=30, status=2, error="No space left")))
    result = run(MODULE, dest=str(tmp_path))
    assert "No space left" in refused(result, "task_failed")
    assert result["task"]["status"] == "failed" and names(tmp_path) == []


def test_a_wait_that_is_over_is_taken_up_by_the_next_run(
    wire: Wire, run: Run, tmp_path: Path
) -> None:
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(None))
    wire.expect("GET", SCHEDULE, ok(None))
    wire.expect("POST", START, ok(task(status=0)), body=BODY)
    wire.expect("GET", PROGRESS, ok(task(progress=30)))
    refused(run(MODULE, dest=str(tmp_path), wait_timeout=1), "task_failed", changed=True)
    assert names(tmp_path) == [f".{ONE}.part"]
    # By now it has ended. It isn't known whether this run's user made it, so it isn't deleted.
    named(wire)
    ask(wire, whole())
    result = run(MODULE, dest=str(tmp_path))
    assert result["changed"] is True and result["joined"] is False
    assert names(tmp_path) == [name(wire), f"{name(wire)}.json"]


def test_what_is_too_old_is_not_taken_up(wire: Wire, run: Run, tmp_path: Path) -> None:
    (tmp_path / f".{TWO}.part").write_bytes(FILE[:100])
    old = row(TWO, age=7201, storageType=4)
    make(wire, before=task(TWO, 100, status=2, link=LINK), history=[old])
    ask(wire, whole())
    wire.expect("DELETE", DELETE, ok(True))
    assert run(MODULE, dest=str(tmp_path), max_age="2h")["backup"]["id"] == ONE


def test_the_last_one_of_somebody_else_is_not_taken(wire: Wire, run: Run, tmp_path: Path) -> None:
    (tmp_path / f".{THREE}.part").write_bytes(FILE[:100])
    make(wire, before=task(TWO, 100, status=2, link=LINK), history=[row(TWO, storageType=4)])
    ask(wire, whole())
    wire.expect("DELETE", DELETE, ok(True))
    run(MODULE, dest=str(tmp_path))
    assert names(tmp_path) == [f".{THREE}.part", name(wire), f"{name(wire)}.json"]


def test_a_backup_without_a_time(wire: Wire, run: Run, tmp_path: Path) -> None:
    wire.expect("GET", HISTORY, ok([{**TEMPORARY, "createdOn": "soon"}]))
    wire.expect("GET", PROGRESS, ok(DONE))
    assert "no valid time" in refused(run(MODULE, dest=str(tmp_path), id=ONE), "protocol")


def test_an_unpaid_portal_makes_no_backup_in_vain(wire: Wire, run: Run, tmp_path: Path) -> None:
    wire.expect("GET", HISTORY, empty(402))
    refused(run(MODULE, dest=str(tmp_path)), "payment")
    assert names(tmp_path) == []


def test_a_task_whose_id_is_a_path(wire: Wire, run: Run, tmp_path: Path) -> None:
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(task("../../evil", 40)))
    refused(run(MODULE, dest=str(tmp_path)), "protocol", changed=False)
    assert names(tmp_path) == []


def test_of_the_whole_server(wire: Wire, run: Run, tmp_path: Path) -> None:
    file = targz(DUMP)
    dump = "?Dump=true"
    wire.expect("GET", HISTORY + dump, ok([]))
    wire.expect("GET", PROGRESS + dump, ok(None))
    wire.expect("GET", f"{SCHEDULE}?Dump=true", ok(None))
    wire.expect("POST", START, ok(task(status=0)), body={**BODY, "dump": True})
    wire.expect("GET", PROGRESS + dump, ok(DONE))
    wire.expect("GET", HISTORY + dump, ok([TEMPORARY]))
    wire.expect("GET", PROGRESS + dump, ok(DONE))
    ask(wire, whole(file))
    wire.expect("DELETE", DELETE, ok(True))
    wire.expect("GET", HISTORY + dump, ok([]))
    run(MODULE, dest=str(tmp_path), dump=True)
    stem = name(wire).replace("_", "_dump_")
    assert names(tmp_path) == [stem, f"{stem}.json"]


# --- the link ---

WRONG_LINKS = [
    "//127.0.0.1/storage/x",
    "///127.0.0.1/storage/x",
    "http://files.example.com/b.tar.gz?auth=51gned1inkOfTheTests",
    "storage/backup/x",
    "@files.example.com/x",
    ":1/x",
    ".example.com/x",
    "/\\files.example.com/x",
    "/storage/x\r\nX-Evil: 1",
    "/storage/\0x",
    5,
    ["/storage/x"],
    {"a": "/storage/x"},
]


@pytest.mark.parametrize("link", WRONG_LINKS)
def test_links_that_lead_elsewhere(wire: Wire, run: Run, tmp_path: Path, link: Any) -> None:
    for check_mode in (False, True):
        named(wire, link=link)
        result = run(MODULE, dest=str(tmp_path), id=ONE, check_mode=check_mode, secrets=SIGNED)
        assert "nothing is sent there" in refused(result, "protocol")


@pytest.mark.parametrize(
    "link", ["/storage/\ud800?auth=51gned1ink", "/storage?auth=\udcff51gned1ink"]
)
def test_a_link_with_an_unpaired_surrogate(wire: Wire, run: Run, tmp_path: Path, link: str) -> None:
    named(wire, link=link)
    assert "doesn't lead to the portal" in refused(
        run(MODULE, dest=str(tmp_path), id=ONE), "protocol"
    )
    assert names(tmp_path) == [f".{ONE}.part"] or names(tmp_path) == []


def test_a_link_whose_signature_is_a_part_of_the_result(
    wire: Wire, run: Run, tmp_path: Path
) -> None:
    """The portal chooses it, and so could make the result of a download unreadable."""
    parts = [ONE, "2026-11-05T11:59:00Z", str(tmp_path), name(wire), "workspace", str(len(FILE))]
    query = "&".join(f"auth={quote(part, safe='')}&sig{at}={part}" for at, part in enumerate(parts))
    link = f"/storage/backup/root/workspace.tar.gz?{query}"
    named(wire, link=link)
    ask(wire, whole(), target=link)
    result = run(MODULE, dest=str(tmp_path), id=ONE)
    assert result["dest"] == str(tmp_path / name(wire)) and result["size"] == len(FILE)
    assert result["backup"]["id"] == ONE
    assert result["backup"]["created_on"] == "2026-11-05T11:59:00Z"
    assert "****" not in json.dumps(result)
    assert json.loads((tmp_path / f"{name(wire)}.json").read_text())["id"] == ONE


@pytest.mark.parametrize(
    "parameter", ["auth", "X-Amz-Signature", "X-Amz-Credential", "sig", "Signature", "token"]
)
def test_a_signature_that_a_refusal_repeats(
    wire: Wire, run: Run, tmp_path: Path, parameter: str
) -> None:
    link = f"/storage/backup/root/workspace.tar.gz?expire=1440&{parameter}=51gned1ink%2FofTheTests"
    for repeated in ("51gned1ink%2FofTheTests", "51gned1ink/ofTheTests", "51gned1ink%2fofTheTests"):
        named(wire, link=link)
        ask(wire, failed(400, f"{'x' * 285}{repeated} is wrong"), target=link)
        text = json.dumps(run(MODULE, dest=str(tmp_path), id=ONE, verbosity=4))
        assert "51gn" not in text and "expire=" not in text


def test_a_link_goes_behind_the_prefix(wire: Wire, run: Run, tmp_path: Path) -> None:
    api = "/team/api/2.0/backup/"
    wire.expect("GET", api + HISTORY, ok([TEMPORARY]))
    wire.expect("GET", api + PROGRESS, ok(DONE))
    ask(wire, whole(), target=f"/team{LINK}")
    result = run(MODULE, url=f"{wire.url}/team/", dest=str(tmp_path), id=ONE)
    assert result["dest"] == str(tmp_path / name(wire).replace("_", "-team_"))


class Refusal(NamedTuple):
    answer: Answer
    code: str
    words: str
    times: int = 1


REFUSALS = [
    Refusal(empty(400), "rejected", "its own link"),
    Refusal(empty(401), "auth", "credentials"),
    Refusal(empty(403), "forbidden", "has expired"),
    Refusal(empty(404), "not_found", "deleted from the portal"),
    Refusal(empty(405), "rejected", "rejected"),
    Refusal(empty(407), "protocol", "proxy"),
    Refusal(failed(500, "No such thing."), "server", "No such thing."),
    Refusal(html(502), "server", "web page", 3),
    Refusal(empty(503), "server", "server error", 3),
    Refusal(empty(429), "rate_limited", "no more requests", 3),
    Refusal(empty(429, Retry_After="31"), "rate_limited", "no more requests"),
    Refusal(Answer(301, b"", {"Location": "/x"}), "protocol", "isn't followed"),
    Refusal(empty(204), "protocol", "DocSpace API"),
    Refusal(Answer(302), "protocol", "can't be parsed"),
    Refusal(Answer(302, b"", {"Location": "ftp://x/y"}), "protocol", "can't be parsed"),
    Refusal(Answer(302, b"", {"Location": "http://a:b@x/y"}), "protocol", "can't be parsed"),
    Refusal(Answer(302, b"", {"Location": "http://a..b/x"}), "protocol", "can't be used"),
    Refusal(Answer(302, b"", {"Location": f"http://{'a' * 70}.b/x"}), "protocol", "can't be used"),
    Refusal(Answer(302, b"", {"Location": "http://*.b/x"}), "protocol", "can't be used"),
    Refusal(html(200), "protocol", "web page"),
    Refusal(ok("x"), "protocol", "web page"),
    Refusal(plain_json({}, 206), "protocol", "web page"),
    Refusal(CLOSE, "connection", "closed", 3),
]


def test_a_portal_that_satisfies_no_range_at_all(wire: Wire, run: Run, tmp_path: Path) -> None:
    """Only the first new start isn't a failed attempt."""
    (tmp_path / f".{ONE}.part").write_bytes(FILE[:1000])
    named(wire)
    ask(wire, empty(416), 999)
    for _try in range(3):
        ask(wire, empty(416))
    refused(run(MODULE, dest=str(tmp_path), id=ONE, retries=2), "rejected")
    assert names(tmp_path) == []


def test_a_part_that_is_longer_than_the_file(wire: Wire, run: Run, tmp_path: Path) -> None:
    """The file starts over, even without retries."""
    (tmp_path / f".{ONE}.part").write_bytes(FILE[:1000])
    named(wire)
    ask(wire, empty(416), 999)
    ask(wire, whole())
    result = run(MODULE, dest=str(tmp_path), id=ONE, retries=0)
    assert result["changed"] is True
    assert Path(result["dest"]).read_bytes() == FILE


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.words)
def test_refusals_of_a_link(wire: Wire, run: Run, tmp_path: Path, refusal: Refusal) -> None:
    """The partial file stays, unless the portal refuses its own link: it would do so again."""
    (tmp_path / f".{ONE}.part").write_bytes(FILE[:1000])
    named(wire)
    for _try in range(refusal.times):
        ask(wire, refusal.answer, 999)
    result = run(MODULE, dest=str(tmp_path), id=ONE, retries=2, secrets=SIGNED)
    assert refusal.words in refused(result, refusal.code)
    assert result["failure"]["path"] == LINK.partition("?")[0]
    kept = [] if result["failure"]["status"] in (400, 403, 404) else [FILE[:1000]]
    assert [path.read_bytes() for path in tmp_path.iterdir()] == kept


def test_a_storage_behind_a_proxy_that_cannot_be_read(wire: Wire, run: Run, tmp_path: Path) -> None:
    """What is found out only after a backup was started is no wrong option."""
    make(wire)
    ask(wire, Answer(302, b"", {"Location": "http://storage.example.com/x"}))
    env = {"HTTP_PROXY": "http://user:pr0xy5ecret@:port", "NO_PROXY": "127.0.0.1"}
    result = run(MODULE, dest=str(tmp_path), env=env, secrets=("pr0xy5ecret",))
    assert "proxy's address" in refused(result, "protocol", changed=True)
    assert result["task"]["id"] == ONE and names(tmp_path) == []


def test_a_pause_that_the_portal_asks_for(wire: Wire, run: Run, tmp_path: Path, clock: Any) -> None:
    named(wire)
    ask(wire, empty(429, Retry_After="30"))
    ask(wire, whole())
    assert run(MODULE, dest=str(tmp_path), id=ONE)["changed"] is True
    assert clock.sleeps == [30.0]


# --- the file ---

BROKEN = [
    pytest.param(FILE[:-1], "cut off", id="cut off by one byte"),
    pytest.param(FILE[:-5] + bytes([FILE[-5] ^ 1]) + FILE[-4:], "", id="checksum"),
    pytest.param(FILE + b"x", "follows", id="something behind it"),
    pytest.param(b"", "empty", id="empty"),
    pytest.param(b"x" * 600, "neither a gzip nor a tar", id="no archive"),
    pytest.param(targz({MARKER: b"x"}), TABLE, id="no tenants"),
    pytest.param(targz({TABLE: b"x"}), MARKER, id="no marker"),
    pytest.param(packed(tar()[:1500]), "", id="half an archive"),
    pytest.param(targz(DUMP), "backup of a dump", id="of the server"),
    pytest.param(bytes(10**6), "neither", id="nothing but zeros"),
]


@pytest.mark.parametrize(("file", "words"), BROKEN)
def test_a_broken_file_is_removed_and_stays_on_the_portal(
    wire: Wire, run: Run, tmp_path: Path, file: bytes, words: str
) -> None:
    old = tmp_path / "portal.tar.gz"
    lay(old, manifest(wire, id=TWO, size=3), b"old")
    make(wire)
    ask(wire, whole(file))
    result = run(MODULE, dest=str(old), secrets=SIGNED)
    message = refused(result, "protocol", changed=True)
    assert words in message and "removed" in message
    assert result["task"]["id"] == ONE and result["joined"] is False
    assert names(tmp_path) == [old.name, f"{old.name}.json"] and old.read_bytes() == b"old"


def test_a_plain_archive(wire: Wire, run: Run, tmp_path: Path) -> None:
    named(wire)
    ask(wire, whole(tar()))
    run(MODULE, dest=str(tmp_path / "portal.tar"), id=ONE)
    assert (tmp_path / "portal.tar").read_bytes() == tar()


def test_a_file_of_unknown_length(wire: Wire, run: Run, tmp_path: Path) -> None:
    named(wire)
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (FILE[:70_000], FILE[70_000:])
    )
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    ask(wire, Answer(raw=head + chunks[:-50]))
    ask(wire, Answer(raw=head + chunks + b"0\r\n\r\n"), 69_999 + len(FILE[70_000:]) - 48)
    wire._expected[-1] = wire._expected[-1]._replace(headers={})
    run(MODULE, dest=str(tmp_path), id=ONE)
    assert (tmp_path / name(wire)).read_bytes() == FILE


# --- the disk ---


class Disk(NamedTuple):
    """What statvfs says of a disk with a million bytes in blocks of 512."""

    f_bavail: int
    f_blocks: int = 2000
    f_frsize: int = 512
    f_files: int = 0
    f_ffree: int = 0
    f_flag: int = 0


def disk(patch: pytest.MonkeyPatch, free: int, **values: int) -> None:
    """A disk on which so many bytes are free."""
    patch.setattr(os, "statvfs", lambda _path: Disk(free // 512, **values))


def test_room_is_looked_for_before_the_first_byte(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(monkeypatch, len(FILE) - 1)
    for check_mode in (False, True):
        named(wire)
        ask(wire, whole())
        options = {"min_free_percent": 0, "check_mode": check_mode}
        result = run(MODULE, dest=str(tmp_path), id=ONE, **options)
        assert "no room" in refused(result, "guard")
        assert names(tmp_path) == []
    # What is there already needs no more room.
    (tmp_path / f".{ONE}.part").write_bytes(FILE[:1000])
    named(wire)
    ask(wire, rest(999), 999)
    assert run(MODULE, dest=str(tmp_path), id=ONE, min_free_percent=0)["changed"] is True


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_share_of_the_disk_stays_free(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check_mode: bool
) -> None:
    """30 % of 2,000 blocks are 600."""
    kept, needed = 600 * 512, -(-len(FILE) // 512) * 512
    options: dict[str, Any] = {"min_free_percent": 30, "check_mode": check_mode}
    disk(monkeypatch, kept + needed - 512)
    named(wire)
    ask(wire, whole())
    result = run(MODULE, dest=str(tmp_path), id=ONE, **options)
    assert "min_free_percent" in refused(result, "guard")
    # Less than that is free already: nothing is sent.
    disk(monkeypatch, kept - 512)
    refused(run(MODULE, dest=str(tmp_path), **options), "guard")
    disk(monkeypatch, kept + needed)
    named(wire)
    ask(wire, whole())
    assert run(MODULE, dest=str(tmp_path), id=ONE, **options)["changed"] is True


@pytest.mark.parametrize("percent", [-1, 100])
def test_a_share_that_is_none(run: Run, tmp_path: Path, percent: int) -> None:
    result = run(MODULE, dest=str(tmp_path), min_free_percent=percent)
    assert "min_free_percent" in refused(result, "config")


def test_a_file_system_that_does_not_say_how_large_it_is(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(monkeypatch, 0, f_blocks=0)
    named(wire)
    ask(wire, whole())
    assert run(MODULE, dest=str(tmp_path), id=ONE)["changed"] is True


CHUNKED = Answer(
    raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
    % (len(FILE), FILE)
)


@pytest.mark.parametrize("made", [False, True])
def test_a_file_of_unknown_length_leaves_the_share_free(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    """The disk shrinks with what is written. The file is removed, so that there is room again."""
    sizes: list[int] = []

    def shrinking(_path: object) -> Disk:
        sizes.append(sum(one.stat().st_size for one in tmp_path.iterdir()))
        return Disk(600 + (200_000 - sizes[-1]) // 512)

    monkeypatch.setattr(os, "statvfs", shrinking)
    make(wire) if made else named(wire)
    ask(wire, CHUNKED)
    options = {} if made else {"id": ONE}
    result = run(MODULE, dest=str(tmp_path), min_free_percent=30, **options)
    message = refused(result, "guard", changed=made)
    assert "min_free_percent" in message and "file was removed" in message
    assert result["task"]["id"] == ONE
    assert names(tmp_path) == [] and LEAST < max(sizes) <= 200_000


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    written: list[int] = []
    write = os.write

    def fill(file: int, data: bytes) -> int:
        if sum(written) >= 2 * LEAST:
            raise OSError(number, os.strerror(number))
        written.append(write(file, data[:LEAST]))
        return written[-1]

    make(wire)
    ask(wire, whole())
    monkeypatch.setattr(os, "write", fill)
    result = run(MODULE, dest=str(tmp_path))
    message = refused(result, "guard", changed=True)
    assert os.strerror(number) in message and "file was removed" in message
    assert result["task"]["id"] == ONE and names(tmp_path) == []


# --- what the folder takes is known before anything is sent ---


class Fault(NamedTuple):
    """What a file system does. call: of os or fcntl, or of Path. after: so many calls work."""

    call: str
    number: int
    code: str = "config"
    words: str = ""
    after: int = 0


FAULTS = [
    Fault("fcntl.flock", errno.ENOLCK, words="no locks"),
    Fault("fcntl.flock", errno.EOPNOTSUPP, words="no locks"),
    Fault("os.fchmod", errno.EPERM, words="set its mode"),
    Fault("os.open", errno.EACCES, words="right to list"),
    Fault("os.open", errno.EROFS, words="read-only"),
    Fault("os.open", errno.EPERM, words="create a file"),
    Fault("os.open", errno.ENAMETOOLONG, words="too long"),
    Fault("os.open", errno.ENOSPC, "guard", "Make room"),
    Fault("os.open", errno.ENOSPC, "guard", "Make room", after=1),
    Fault("os.open", errno.EDQUOT, "guard", "Make room"),
    Fault("os.write", errno.EDQUOT, "guard", "Make room"),
    Fault("os.fsync", errno.EDQUOT, "guard", "Make room"),
    Fault("os.fsync", errno.EIO, "task_failed", "Nothing was sent"),
    Fault("Path.replace", errno.EINVAL, words="such a name"),
    Fault("Path.replace", errno.EACCES, words="right to list"),
]


def break_call(
    patch: pytest.MonkeyPatch, fault: Fault, folder: Path, only: Callable[[int | str], bool]
) -> None:
    """Have a call fail for files in a folder. only: decides for a path or a descriptor."""
    owner: Any = {"fcntl": fcntl, "os": os, "Path": Path}[fault.call.partition(".")[0]]
    name = fault.call.partition(".")[2]
    usual, worked = getattr(owner, name), []

    def call(file: Any, *values: Any, **options: Any) -> Any:
        place = f"/proc/self/fd/{file}" if isinstance(file, int) else os.fsdecode(file)
        path = Path(place).readlink() if isinstance(file, int) else Path(place)
        creates = name != "open" or values[0] & os.O_CREAT
        if creates and path.is_relative_to(folder) and only(file):
            worked.append(file)
            if len(worked) > fault.after:
                raise OSError(fault.number, os.strerror(fault.number))
        return usual(file, *values, **options)

    patch.setattr(owner, name, call)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.call}-{fault.number}")
@pytest.mark.parametrize("file", [None, "portal.tar.gz"])
def test_a_folder_that_takes_no_copy(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, file: str | None
) -> None:
    """Nothing is sent, so no backup is started, and nothing stays in the folder."""
    dest = tmp_path if file is None else tmp_path / file
    with monkeypatch.context() as patch:
        break_call(patch, fault, tmp_path, lambda _file: True)
        result = run(MODULE, dest=str(dest))
    message = refused(result, fault.code)
    assert fault.words in message and os.strerror(fault.number) in message
    assert names(tmp_path) == []


@pytest.mark.parametrize("values", [{"f_flag": os.ST_RDONLY}, {"f_files": 3}], ids=str)
def test_a_folder_that_takes_no_copy_in_a_dry_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, int]
) -> None:
    disk(monkeypatch, 10**6, **values)
    result = run(MODULE, dest=str(tmp_path), check_mode=True)
    refused(result, "config" if "f_flag" in values else "guard")


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("option", "words"),
    [({"mode": "rwx"}, "mode"), ({"owner": "no such user"}, "no such user")],
)
def test_file_options_that_cannot_be_applied(
    wire: Wire, run: Run, tmp_path: Path, option: dict[str, str], words: str, check_mode: bool
) -> None:
    for _copy in range(2):
        result = run(MODULE, dest=str(tmp_path), check_mode=check_mode, **option)
        assert words in refused(result, "config")
        # Of a copy that is there, too.
        lay(tmp_path / "copy.tar.gz", manifest(wire))
        option = {**option, "max_age": "1d"}
    assert names(tmp_path) == ["copy.tar.gz", "copy.tar.gz.json"]


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    "option",
    [
        *({"mode": mode} for mode in ("0666", "0602", "o+w", "u=rw,o=u", "a=rw", "g-w,o-r+w")),
        {"owner": "54321"},
    ],
    ids=str,
)
def test_file_options_with_which_a_copy_would_not_count(
    wire: Wire, run: Run, tmp_path: Path, option: dict[str, str], check_mode: bool
) -> None:
    """Neither for a new copy, nor for one that is there."""
    for _copy in range(2):
        result = run(MODULE, dest=str(tmp_path), check_mode=check_mode, **option)
        message = refused(result, "config")
        assert message.startswith(f"{next(iter(option))}: ") and "wouldn't count" in message
        lay(tmp_path / "copy.tar.gz", manifest(wire))
        option = {**option, "max_age": "1d"}
    assert names(tmp_path) == ["copy.tar.gz", "copy.tar.gz.json"]
    assert not (tmp_path / "copy.tar.gz").stat().st_mode & stat.S_IWOTH


def test_a_folder_whose_files_everybody_can_write_to(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever mode they are given, as on some mounts."""
    real = os.fstat

    def fstat(file: int) -> os.stat_result:
        found = real(file)
        return os.stat_result([found.st_mode | 0o022, *found[1:]]) if file > 2 else found

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", fstat)
        result = run(MODULE, dest=str(tmp_path))
    assert "every user can write to it" in refused(result, "config")
    assert names(tmp_path) == []


@pytest.mark.parametrize("mode", ["0664", "u=rw,g=u,o=r", "o-w", "a+r", 0o640])
def test_file_options_with_which_a_copy_counts(
    wire: Wire, run: Run, tmp_path: Path, mode: str | int
) -> None:
    lay(tmp_path / "copy.tar.gz", manifest(wire))
    options = {"dest": str(tmp_path), "max_age": "1d", "mode": mode}
    options["owner"] = str(os.geteuid())
    run(MODULE, **options)
    assert run(MODULE, **options)["changed"] is False


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("right", ["search", "list"])
@pytest.mark.parametrize("file", [None, "portal.tar.gz"])
def test_a_folder_that_may_not_be_searched_or_listed(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    right: str,
    file: str | None,
    check_mode: bool,
) -> None:
    dest = tmp_path if file is None else tmp_path / file
    with monkeypatch.context() as patch:
        for call in ("Path.stat",) if right == "search" else ("Path.iterdir", "os.scandir"):
            break_call(patch, Fault(call, errno.EACCES), tmp_path, lambda _file: True)
        if right == "list" and file is not None and check_mode:
            # A dry run for a certain file lists nothing.
            patch.setattr(os, "access", lambda _path, _mode: False)
        result = run(MODULE, dest=str(dest), check_mode=check_mode)
    assert "list" in refused(result, "config")


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    "file",
    ["x" * 251, "x" * 300, "\u20ac" * 84, "none/" + "x" * 300, "x" * 300 + "/y", "x/" * 2100 + "y"],
    ids=["with its manifest", "file", "in bytes", "no folder", "folder", "path"],
)
def test_names_that_are_too_long(run: Run, tmp_path: Path, file: str, check_mode: bool) -> None:
    result = run(MODULE, dest=f"{tmp_path}/{file}", check_mode=check_mode)
    assert "dest: " in refused(result, "config")
    assert names(tmp_path) == []


def test_the_longest_name(wire: Wire, run: Run, tmp_path: Path) -> None:
    for file in ("x" * 250, "\u20ac" * 83):
        named(wire)
        ask(wire, whole())
        assert run(MODULE, dest=str(tmp_path / file), id=ONE)["changed"] is True
        assert (tmp_path / file).read_bytes() == FILE


def test_an_address_that_no_manifest_can_hold(wire: Wire, run: Run, tmp_path: Path) -> None:
    result = run(MODULE, url=f"{wire.url}/{'x' * 2048}", dest=str(tmp_path))
    assert "url: " in refused(result, "config")


def test_a_time_of_less_than_four_digits(wire: Wire, run: Run, tmp_path: Path) -> None:
    """Some platforms write such years without zeros."""
    wire.expect("GET", HISTORY, ok([{**TEMPORARY, "createdOn": "0002-01-01T00:00:00"}]))
    wire.expect("GET", PROGRESS, ok(DONE))
    ask(wire, whole())
    run(MODULE, dest=str(tmp_path), id=ONE)
    assert (tmp_path / name(wire, "0002-01-01T00-00-00Z")).read_bytes() == FILE
    assert run(MODULE, dest=str(tmp_path), id=ONE)["changed"] is False


@pytest.mark.parametrize(
    "number", [errno.EINVAL, errno.EBADF, errno.EACCES, errno.ENOTSUP, errno.ENOSYS]
)
def test_a_folder_without_fsync(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Older CIFS, some FUSE file systems: the file still gets its name."""
    make(wire)
    ask(wire, whole())
    wire.expect("DELETE", DELETE, ok(True))

    def only_folders(file: Any) -> bool:
        return stat.S_ISDIR(os.fstat(int(file)).st_mode)

    with monkeypatch.context() as patch:
        break_call(patch, Fault("os.fsync", number), tmp_path, only_folders)
        run(MODULE, dest=str(tmp_path))
    assert names(tmp_path) == [name(wire), f"{name(wire)}.json"]


@pytest.mark.parametrize("step", ["renamed", "swept"])
def test_a_file_system_that_locks_only_what_is_open_for_writing(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """As NFS does."""
    usual = fcntl.flock

    def lock(file: Any, operation: int) -> None:
        number = file if isinstance(file, int) else file.fileno()
        if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        usual(file, operation)

    file, old = tmp_path / "portal.tar.gz", tmp_path / f".{TWO}.part"
    if step == "renamed":
        (tmp_path / f".{ONE}.json").write_text(json.dumps(manifest(wire)))
        file.write_bytes(FILE)
    else:
        old.write_bytes(b"x")
        os.utime(old, times=(0, 0))
        named(wire)
        ask(wire, whole())
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", lock)
        assert run(MODULE, dest=str(file), id=ONE)["changed"] is True
    assert names(tmp_path) == ["portal.tar.gz", "portal.tar.gz.json"]


def test_a_disk_that_is_full_when_the_manifest_is_written(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(wire)
    ask(wire, whole())
    waiting = str(tmp_path / f".{ONE}.json")

    def is_manifest(file: Any) -> bool:
        return os.path.realpath(f"/proc/self/fd/{file}") == waiting

    with monkeypatch.context() as patch:
        fault = Fault("os.fsync", errno.EDQUOT)
        break_call(patch, fault, tmp_path, is_manifest)
        result = run(MODULE, dest=str(tmp_path))
    assert "file was removed" in refused(result, "guard", changed=True)
    assert names(tmp_path) == []


def test_what_a_trial_has_left_is_removed(wire: Wire, run: Run, tmp_path: Path) -> None:
    """But nothing that another run works with."""
    begin = ".00000000-0000-0000-"
    for file in ("1234-123456789abc.part", "1234-123456789abc.portal.tar.gz.json"):
        (tmp_path / (begin + file)).write_bytes(b"x")
    with (tmp_path / f"{begin}4321-123456789abc.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        named(wire)
        ask(wire, whole())
        run(MODULE, dest=str(tmp_path), id=ONE)
    left = [Path(str(other.name)).name, name(wire), f"{name(wire)}.json"]
    assert names(tmp_path) == left


def test_a_trial_that_another_run_takes_for_a_left_one_is_made_again(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        busy = Fault("fcntl.flock", errno.EWOULDBLOCK)
        left = [True, True]
        break_call(patch, busy, tmp_path, lambda _file: bool(left) and left.pop())
        named(wire)
        ask(wire, whole())
        assert run(MODULE, dest=str(tmp_path), id=ONE)["changed"] is True
    assert left == []


# --- what fails after the start ---


def test_a_part_that_cannot_be_created_after_the_start(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder took files a moment ago."""
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(None))
    wire.expect("GET", SCHEDULE, ok(None))
    wire.expect("POST", START, ok(task(status=0)), body=BODY)
    with monkeypatch.context() as patch:
        fault = Fault("os.open", errno.EACCES)
        break_call(patch, fault, tmp_path, lambda file: ONE in str(file))
        result = run(MODULE, dest=str(tmp_path))
    refused(result, "task_failed", changed=True)
    assert result["task"]["id"] == ONE and result["joined"] is False


def test_an_interruption_after_the_start(wire: Wire, run: Run, tmp_path: Path, clock: Any) -> None:
    """It says which task it was, and the next run fetches its backup."""
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(None))
    wire.expect("GET", SCHEDULE, ok(None))
    wire.expect("POST", START, ok(task(status=0)), body=BODY)
    clock.on_sleep = lambda _seconds: signal.raise_signal(signal.SIGTERM)
    result = run(MODULE, dest=str(tmp_path))
    assert "SIGTERM" in refused(result, "task_failed", changed=True)
    assert result["task"]["id"] == ONE and result["joined"] is False
    assert names(tmp_path) == [f".{ONE}.part"]


def test_a_link_that_cannot_be_read_after_the_backup_was_made(
    wire: Wire, run: Run, tmp_path: Path
) -> None:
    make(wire)
    wire._expected.pop()
    wire.expect("GET", PROGRESS, failed(500))
    result = run(MODULE, dest=str(tmp_path))
    refused(result, "server", changed=True)
    assert result["task"]["id"] == ONE and names(tmp_path) == []


def test_something_comes_into_the_way_after_the_start(wire: Wire, run: Run, tmp_path: Path) -> None:
    """No longer a matter of the options. The next run fetches the backup that was made."""
    (tmp_path / name(wire)).mkdir()
    make(wire)
    result = run(MODULE, dest=str(tmp_path))
    refused(result, "guard", changed=True)
    assert result["task"]["id"] == ONE
    (tmp_path / name(wire)).rmdir()
    named(wire)
    ask(wire, whole())
    assert run(MODULE, dest=str(tmp_path))["backup"]["id"] == ONE


LASTING = [empty(401), empty(403), empty(404), failed(500), html(200), Answer(302)]


@pytest.mark.parametrize("answer", LASTING, ids=lambda answer: str(answer.status))
@pytest.mark.parametrize("made", [False, True])
def test_a_fetch_that_fails_before_the_first_byte(
    wire: Wire, run: Run, tmp_path: Path, answer: Answer, made: bool
) -> None:
    """It leaves no empty part."""
    make(wire) if made else named(wire)
    ask(wire, answer)
    result = run(MODULE, dest=str(tmp_path), **({} if made else {"id": ONE}))
    assert result["failed"] is True and result["changed"] is made
    assert result["failure"]["code"] != "config"
    assert result["task"]["id"] == ONE and names(tmp_path) == []


@pytest.mark.parametrize("answer", [CLOSE, empty(503)], ids=["closed", "503"])
def test_a_trouble_that_passes_before_the_first_byte(
    wire: Wire, run: Run, tmp_path: Path, answer: Answer
) -> None:
    """The next run fetches the backup that was made, and has no other one made."""
    make(wire)
    ask(wire, answer)
    result = run(MODULE, dest=str(tmp_path), retries=0)
    assert result["failed"] is True and result["changed"] is True
    assert names(tmp_path) == [f".{ONE}.part"]
    named(wire)
    ask(wire, whole())
    assert run(MODULE, dest=str(tmp_path))["changed"] is True
    # Where the backup is named, the next run needs no such sign.
    (tmp_path / name(wire)).unlink()
    named(wire)
    ask(wire, answer)
    assert run(MODULE, dest=str(tmp_path), id=ONE, retries=0)["failed"] is True
    assert names(tmp_path) == [f"{name(wire)}.json"]


# --- the time of the whole task ---


def test_the_wait_bounds_the_fetch(wire: Wire, run: Run, tmp_path: Path, clock: Any) -> None:
    """Each try downloads enough to be repeated, half a second later."""
    named(wire)
    ask(wire, cut(LEAST + 10))
    ask(wire, cut(3 * LEAST, begin=LEAST + 10), LEAST + 10)
    result = run(MODULE, dest=str(tmp_path), id=ONE, wait_timeout=1, secrets=SIGNED)
    message = refused(result, "task_failed")
    assert "wait_timeout" in message
    assert f"{3 * LEAST} of {len(FILE)} bytes downloaded; run the task again" in message
    assert sum(clock.sleeps) == pytest.approx(1)
    assert names(tmp_path) == [f".{ONE}.part"]
    named(wire)
    ask(wire, rest(3 * LEAST - 1), 3 * LEAST - 1)
    assert run(MODULE, dest=str(tmp_path), id=ONE)["resumed"] == 1


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_pause_that_is_asked_for_is_not_longer_than_the_wait(
    wire: Wire, run: Run, tmp_path: Path, clock: Any, check_mode: bool
) -> None:
    named(wire)
    ask(wire, empty(429, Retry_After="30"))
    options: dict[str, Any] = {"wait_timeout": 5, "check_mode": check_mode}
    refused(run(MODULE, dest=str(tmp_path), id=ONE, **options), "task_failed")
    assert clock.sleeps == [pytest.approx(5)]


def test_a_portal_that_takes_the_whole_wait_to_say_what_is_there(
    wire: Wire, run: Run, tmp_path: Path
) -> None:
    """No backup is started then."""
    wire.expect("GET", HISTORY, empty(429, Retry_After="10"))
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(None))
    result = run(MODULE, dest=str(tmp_path), wait_timeout=10)
    assert "Nothing was started" in refused(result, "task_failed")
    assert names(tmp_path) == []


def test_a_wait_that_ends_with_the_backup_made(wire: Wire, run: Run, tmp_path: Path) -> None:
    """The next run fetches it."""
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(None))
    wire.expect("GET", SCHEDULE, ok(None))
    wire.expect("POST", START, ok(task(status=0)), body=BODY)
    wire.expect("GET", PROGRESS, ok(DONE))
    wire.expect("GET", HISTORY, ok([TEMPORARY]))
    wire.expect("GET", PROGRESS, ok(DONE))
    result = run(MODULE, dest=str(tmp_path), wait_timeout=1)
    assert "wait_timeout" in refused(result, "task_failed", changed=True)
    assert names(tmp_path) == [f".{ONE}.part"]
    named(wire)
    ask(wire, whole())
    assert run(MODULE, dest=str(tmp_path))["backup"]["id"] == ONE


def test_a_second_run_on_the_same_file(wire: Wire, run: Run, tmp_path: Path) -> None:
    with (tmp_path / f".{ONE}.part").open("wb") as other:
        other.write(FILE[:10])
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        named(wire)
        assert "Another run" in refused(run(MODULE, dest=str(tmp_path), id=ONE), "conflict")
        # One that would be waited for is another run's, too.
        wire.expect("GET", HISTORY, ok([]))
        wire.expect("GET", PROGRESS, ok(task(progress=40)))
        refused(run(MODULE, dest=str(tmp_path)), "conflict")
    assert (tmp_path / f".{ONE}.part").read_bytes() == FILE[:10]


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "folder"])
def test_a_part_that_is_none_of_ours(wire: Wire, run: Run, tmp_path: Path, kind: str) -> None:
    part, target = tmp_path / f".{ONE}.part", tmp_path / "target"
    target.write_bytes(b"theirs")
    if kind == "link":
        part.symlink_to(target)
    elif kind == "hard link":
        os.link(target, part)
    elif kind == "pipe":
        os.mkfifo(part)
    else:
        part.mkdir()
    named(wire)
    refused(run(MODULE, dest=str(tmp_path), id=ONE), "guard")
    assert target.read_bytes() == b"theirs"


def test_a_huge_broken_part_and_copy_are_not_read_to_their_ends(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four terabytes each that take no room on the disk: a part, and a file without its manifest."""
    size, read = 4 * 1024**4, []
    feed = ArchiveChecker.feed

    def count(judge: ArchiveChecker, data: bytes) -> None:
        read.append(len(data))
        feed(judge, data)

    monkeypatch.setattr(ArchiveChecker, "feed", count)
    (tmp_path / f".{ONE}.part").write_bytes(FILE)
    copy = tmp_path / name(wire, "2026-10-01T00-00-00Z")
    copy.write_bytes(FILE)
    waiting = manifest(wire, id=TWO, size=size, created_on="2026-10-01T00:00:00Z")
    (tmp_path / f".{TWO}.json").write_text(json.dumps(waiting))
    for one in (tmp_path / f".{ONE}.part", copy):
        os.truncate(one, size)
    named(wire)
    ask(wire, whole())
    assert run(MODULE, dest=str(tmp_path), id=ONE)["changed"] is True
    assert not (tmp_path / f"{copy.name}.json").exists()
    assert sum(read) < 3 * len(FILE) + 4 * 1024**2


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a file to another user; where the tests may not, the module runs as another one."""
    if os.geteuid() == 0:
        os.chown(path, 54321, -1)
        return
    status, real, owner = path.stat(), os.fstat, os.geteuid()

    def fstat(file: int) -> os.stat_result:
        found = real(file)
        uid = 54321 if os.path.samestat(found, status) else owner
        return os.stat_result([*found[:4], uid, *found[5:]])

    monkeypatch.setattr(os, "fstat", fstat)


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("kind", ["owner", "group", "others"])
def test_a_part_that_others_could_read_or_change(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: Any, kind: str, check_mode: bool
) -> None:
    part = tmp_path / f".{ONE}.part"
    part.write_bytes(FILE[:1000])
    part.chmod({"owner": 0o600, "group": 0o620, "others": 0o602}[kind])
    if kind == "owner":
        give_away(part, monkeypatch)
    named(wire)
    msg = refused(run(MODULE, dest=str(tmp_path), id=ONE, check_mode=check_mode), "guard")
    assert str(part) in msg and "remove it and run the task again" in msg
    assert part.read_bytes() == FILE[:1000]


def test_work_files_of_others_are_left_alone(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manifest that waits for its file, and an old part: they aren't ours to end or to remove."""
    part, waiting = tmp_path / f".{TWO}.part", tmp_path / f".{TWO}.json"
    part.write_bytes(FILE)
    waiting.write_text(json.dumps(manifest(wire, id=TWO)))
    for one in (part, waiting):
        one.chmod(0o666)
        os.utime(one, times=(0, 0))
    named(wire)
    ask(wire, whole())
    run(MODULE, dest=str(tmp_path), id=ONE)
    assert names(tmp_path) == [waiting.name, part.name, name(wire), f"{name(wire)}.json"]


@pytest.mark.parametrize("which", ["copy", "manifest"])
def test_a_copy_that_others_could_change_is_not_enough(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """They could make it look recent, so that no backup is made any more."""
    file = tmp_path / "other.tar.gz"
    lay(file, manifest(wire))
    (file if which == "copy" else tmp_path / "other.tar.gz.json").chmod(0o666)
    make(wire)
    ask(wire, whole())
    wire.expect("DELETE", DELETE, ok(True))
    result = run(MODULE, dest=str(tmp_path), max_age="1d")
    assert result["changed"] is True and result["dest"] == str(tmp_path / name(wire))


def test_a_file_is_not_replaced_on_the_word_of_others(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, beside = tmp_path / "portal.tar.gz", tmp_path / "portal.tar.gz.json"
    lay(file, manifest(wire))
    if os.geteuid() == 0:
        os.chown(beside, 54321, -1)
    else:
        beside.chmod(0o666)
    assert "its manifest can't be used" in refused(run(MODULE, dest=str(file)), "guard")


def test_a_folder_in_which_everybody_can_replace_files(
    wire: Wire, run: Run, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    for check_mode in (True, False):
        msg = refused(run(MODULE, dest=str(tmp_path), check_mode=check_mode), "guard")
        assert "chmod o-w" in msg
    # Like /tmp: files of others can't be replaced there.
    tmp_path.chmod(0o1777)
    named(wire)
    ask(wire, whole())
    assert run(MODULE, dest=str(tmp_path), id=ONE)["changed"] is True


def test_pipes_are_not_waited_for(wire: Wire, run: Run, tmp_path: Path) -> None:
    """Whatever name they have that the module looks for."""
    copy = tmp_path / "other.tar.gz"
    lay(copy, manifest(wire, id=TWO, created_on="2026-10-01T00:00:00Z"))
    (tmp_path / "other.tar.gz.json").unlink()
    pipes = [f".{TWO}.part", f".{TWO}.json", "x.json", "x.tar.gz", "other.tar.gz.json"]
    pipes.append(name(wire, "2026-10-01T00-00-00Z"))
    for pipe in pipes:
        os.mkfifo(tmp_path / pipe)
    named(wire)
    ask(wire, whole())
    run(MODULE, dest=str(tmp_path), id=ONE)
    assert set(pipes) < set(names(tmp_path))


def test_a_complete_part_that_has_its_mode_already_gets_its_name(
    wire: Wire, run: Run, tmp_path: Path
) -> None:
    """A run died between the two. What it left has the mode of the copy, not that of a part."""
    (tmp_path / f".{ONE}.json").write_text(json.dumps(manifest(wire)))
    for one in (f".{ONE}.json", f".{ONE}.part"):
        (tmp_path / one).write_bytes(
            FILE if one.endswith("part") else (tmp_path / one).read_bytes()
        )
        (tmp_path / one).chmod(0o660)
    result = run(MODULE, dest=str(tmp_path), id=ONE, mode="0660")
    assert result["changed"] is True
    assert names(tmp_path) == [name(wire), f"{name(wire)}.json"]


def test_old_parts_are_removed(wire: Wire, run: Run, tmp_path: Path) -> None:
    for identity, age in ((TWO, 25 * 3600 + 60), (THREE, 25 * 3600 - 60)):
        part = tmp_path / f".{identity}.part"
        part.write_bytes(b"x")
        os.utime(part, times=(time.time() - age,) * 2)
    theirs = tmp_path / ".theirs.part"
    theirs.write_bytes(b"x")
    os.utime(theirs, times=(0, 0))
    named(wire)
    ask(wire, whole())
    run(MODULE, dest=str(tmp_path), id=ONE)
    assert names(tmp_path) == [f".{THREE}.part", theirs.name, name(wire), f"{name(wire)}.json"]


def test_permissions(wire: Wire, run: Run, tmp_path: Path) -> None:
    group = next(iter(os.getgroups()), os.getgid())
    named(wire)
    ask(wire, whole())
    (tmp_path / f".{ONE}.part").touch(0o666)
    result = run(MODULE, dest=str(tmp_path), id=ONE, mode="0640", group=str(group))
    file = Path(result["dest"])
    both = (file, file.with_name(f"{file.name}.json"))
    assert [stat.S_IMODE(one.stat().st_mode) for one in both] == [0o640, 0o640]
    again = run(MODULE, dest=str(tmp_path), id=ONE, mode="0640", group=str(group))
    assert again["changed"] is False
    for check_mode in (True, False):
        other = run(MODULE, dest=str(tmp_path), id=ONE, mode="0600", check_mode=check_mode)
        assert other["changed"] is True
        assert stat.S_IMODE(file.stat().st_mode) == (0o640 if check_mode else 0o600)


def test_permissions_of_a_copy_that_cannot_be_changed(
    wire: Wire, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path / "portal.tar.gz", manifest(wire))
    with monkeypatch.context() as patch:
        break_call(patch, Fault("os.chmod", errno.EPERM), tmp_path, lambda _file: True)
        result = run(MODULE, dest=str(tmp_path), id=ONE, mode="0640")
    assert "Operation not permitted" in refused(result, "config")


# --- the runs that died while they put a file in place ---


@pytest.mark.parametrize("step", ["paper", "old paper gone", "renamed"])
@pytest.mark.parametrize("options", [{}, {"id": ONE}, {"max_age": "1d"}])
def test_what_was_begun_is_finished_first(
    wire: Wire, run: Run, tmp_path: Path, step: str, options: dict[str, Any]
) -> None:
    """No request is needed for that."""
    file, part = tmp_path / "portal.tar.gz", tmp_path / f".{ONE}.part"
    lay(file, manifest(wire, id=TWO, size=3, created_on="2026-10-01T00:00:00Z"), b"old")
    (tmp_path / f".{ONE}.json").write_text(json.dumps(manifest(wire)))
    part.write_bytes(FILE)
    if step != "paper":
        (tmp_path / "portal.tar.gz.json").unlink()
    if step == "renamed":
        part.replace(file)
    result = run(MODULE, dest=str(file), **options)
    assert result["changed"] is True and result["backup"]["id"] == ONE
    assert names(tmp_path) == ["portal.tar.gz", "portal.tar.gz.json"]
    assert file.read_bytes() == FILE
    assert json.loads((tmp_path / "portal.tar.gz.json").read_text()) == manifest(wire)


def test_what_was_begun_long_ago_is_finished_and_a_new_one_fetched(
    wire: Wire, run: Run, tmp_path: Path
) -> None:
    (tmp_path / f".{TWO}.json").write_text(
        json.dumps(manifest(wire, id=TWO, created_on="2026-10-01T00:00:00Z"))
    )
    (tmp_path / f".{TWO}.part").write_bytes(FILE)
    make(wire)
    ask(wire, whole())
    wire.expect("DELETE", DELETE, ok(True))
    run(MODULE, dest=str(tmp_path))
    files = [name(wire, "2026-10-01T00-00-00Z"), name(wire)]
    assert names(tmp_path) == sorted([*files, *(f"{file}.json" for file in files)])


@pytest.mark.parametrize("content", [b"{", b"", b'{"format": 1}'])
def test_a_waiting_manifest_that_is_torn(
    wire: Wire, run: Run, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / f".{ONE}.json").write_bytes(content)
    (tmp_path / f".{ONE}.part").write_bytes(FILE)
    named(wire)
    ask(wire, rest(len(FILE) - 1), len(FILE) - 1)
    run(MODULE, dest=str(tmp_path))
    assert names(tmp_path) == [name(wire), f"{name(wire)}.json"]


def test_a_waiting_manifest_of_another_file(wire: Wire, run: Run, tmp_path: Path) -> None:
    """It isn't given to a file whose bytes are others."""
    file = tmp_path / "portal.tar.gz"
    other = FILE[:-1] + bytes([FILE[-1] ^ 1])
    lay(file, None, other)
    waiting = tmp_path / f".{TWO}.json"
    waiting.write_text(json.dumps(manifest(wire, id=TWO)))
    wire.expect("GET", HISTORY, ok([]))
    refused(run(MODULE, dest=str(file), id=ONE), "not_found")
    assert waiting.exists()
    os.utime(waiting, times=(0, 0))
    wire.expect("GET", HISTORY, empty(402))
    refused(run(MODULE, dest=str(file)), "payment")
    assert names(tmp_path) == ["portal.tar.gz"] and file.read_bytes() == other


# --- dry runs ---


def test_a_dry_run_looks_at_the_file_that_is_there(wire: Wire, run: Run, tmp_path: Path) -> None:
    named(wire)
    ask(wire, whole())
    dry = run(MODULE, dest=str(tmp_path), id=ONE, check_mode=True)
    assert names(tmp_path) == []
    named(wire)
    ask(wire, whole())
    real = run(MODULE, dest=str(tmp_path), id=ONE)
    assert set(dry) == set(real)
    assert (dry["dest"], dry["sha256"]) == (None, None)
    assert all(dry[key] == real[key] for key in ("changed", "size", "backup", "task", "joined"))
    for file in ("a.tar.gz", "b.tar.gz"):
        wire.expect("GET", HISTORY, ok([]))
        wire.expect("GET", PROGRESS, ok(task(progress=40)))
        dry = run(MODULE, dest=str(tmp_path / file), check_mode=True)
        assert dry["dest"] == str(tmp_path / file) and dry["joined"] is True


# --- the schedule of an object storage ---

NO_SUBDIR = {
    "storageType": 5,
    "storageParams": {"module": "s3", "bucket": "backups"},
    "cronParams": {"period": 0, "hour": 3, "day": 0},
    "backupsStored": 5,
}


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("dump", [False, True])
def test_a_backup_that_hides_scheduled_copies_is_refused(
    dump: bool, check_mode: bool, wire: Wire, run: Run, tmp_path: Path
) -> None:
    """A temporary backup makes the server look elsewhere for copies without `subdir` (C48)."""
    suffix = "?Dump=true" if dump else ""
    wire.expect("GET", HISTORY + suffix, ok([]))
    wire.expect("GET", PROGRESS + suffix, ok(None))
    wire.expect("GET", SCHEDULE + suffix, ok(NO_SUBDIR))
    result = run(MODULE, dest=str(tmp_path), dump=dump, check_mode=check_mode)
    message = refused(result, "guard")
    assert "'subdir: backup'" in message and "'allow_lost_records: true'" in message
    assert names(tmp_path) == []


def test_a_backup_that_is_allowed_reads_no_schedule(wire: Wire, run: Run, tmp_path: Path) -> None:
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(None))
    result = run(MODULE, dest=str(tmp_path), allow_lost_records=True, check_mode=True)
    assert result["changed"] is True


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_schedule_that_cannot_be_read_refuses(
    check_mode: bool, wire: Wire, run: Run, tmp_path: Path
) -> None:
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(None))
    wire.expect("GET", SCHEDULE, empty(403))
    result = run(MODULE, dest=str(tmp_path), check_mode=check_mode)
    assert "'allow_lost_records: true'" in refused(result, "forbidden")


def test_ours_after_another_is_checked_when_it_is_its_turn(
    wire: Wire, run: Run, tmp_path: Path
) -> None:
    wire.expect("GET", HISTORY, ok([]))
    wire.expect("GET", PROGRESS, ok(task(TWO, 40)))
    wire.expect("GET", PROGRESS, ok(task(TWO, 100, status=2)))
    wire.expect("GET", HISTORY, ok([row(TWO)]))
    wire.expect("GET", SCHEDULE, ok(NO_SUBDIR))
    refused(run(MODULE, dest=str(tmp_path)), "guard")
    assert names(tmp_path) == []
