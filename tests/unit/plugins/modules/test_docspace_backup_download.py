# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_download against a scripted portal, which fails the test on any request too many."""

from __future__ import annotations

import hashlib
import json
import random
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import (
    PORTAL,
    targz,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import KEY
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.rows import (
    ONE,
    row,
    task,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.wire import (
    CLOSE,
    Answer,
    Wire,
    failed,
    ok,
)

Run = Callable[..., dict[str, Any]]

MODULE = "docspace_backup_download"
HISTORY, PROGRESS, START = "getbackuphistory", "getbackupprogress", "startbackup"
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
    assert words[-3:] == ["made", "fetched", "checked"]
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
    assert "copy is in place" in warning and "expires" in warning


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
