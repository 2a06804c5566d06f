# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import hashlib
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup import (
    backup_files as files,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.archive import (
    ArchiveChecker,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.backup_files import (
    BackupFile,
    find_files,
    inspect_file,
    latest_file,
    newest_first,
    select_files,
    verify_file,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.destination import (
    Destination,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.manifest import (
    Manifest,
    write_manifest,
)
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import (
    DUMP,
    PORTAL,
    tar,
    targz,
)

NOW = datetime(2026, 11, 5, 12, tzinfo=timezone.utc)
ID = "2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a43"
GOOD = targz()
OURS = "docs.example.com_2026-11-05T00-00-00Z.tar.gz"


def put(place: Path, content: bytes = GOOD, **fields: Any) -> str:
    """A file with the manifest that is right for a good one, but for these fields."""
    place.write_bytes(content)
    manifest = Manifest(
        portal="https://docs.example.com",
        id=ID,
        file_name="backup.tar.gz",
        storage_type="data_store",
        created_on=NOW - timedelta(hours=12),
        dump=False,
        size=len(GOOD),
        sha256=hashlib.sha256(GOOD).hexdigest(),
        entries=len(PORTAL),
    )
    write_manifest(manifest._replace(**fields), f"{place}.json")
    return str(place)


def test_a_good_file_with_its_manifest(tmp_path: Path) -> None:
    path = put(tmp_path / "x.tar.gz")
    row = {
        "path": path,
        "valid": True,
        "problems": [],
        "kind": "portal",
        "size": len(GOOD),
        "sha256": hashlib.sha256(GOOD).hexdigest(),
        "entries": 5,
        "portal": "https://docs.example.com",
        "id": ID,
        "created_on": "2026-11-05T00:00:00Z",
        "age_seconds": 43200,
        "age": "12 hours",
        "storage_type": "data_store",
        "manifest": True,
        "matches_manifest": True,
    }
    assert inspect_file(path).result(NOW) == row
    assert verify_file(inspect_file(path)).result(NOW) == row


def test_a_good_file_without_a_manifest(tmp_path: Path) -> None:
    place = tmp_path / "x.tar.gz"
    place.write_bytes(targz(DUMP))
    row = inspect_file(str(place)).result(NOW)
    known = {name for name, value in row.items() if value not in (None, False, [])}
    assert known == {"path", "size"}
    assert row["valid"] is None and row["matches_manifest"] is None
    row = verify_file(inspect_file(str(place))).result(NOW)
    assert (row["valid"], row["kind"], row["entries"]) == (True, "dump", 4)
    assert row["manifest"] is False and row["matches_manifest"] is None


def test_a_file_of_the_wrong_size(tmp_path: Path) -> None:
    file = inspect_file(put(tmp_path / "x", GOOD[:-1]))
    assert (file.valid, file.matches, file.kind, file.sha256) == (False, False, None, None)
    assert file.problems == [f"it has {len(GOOD) - 1} bytes, its manifest says {len(GOOD)}"]
    # What is known to be invalid isn't read.
    assert verify_file(file) == file


@pytest.mark.parametrize(
    ("fields", "names"),
    [({"sha256": "0" * 64}, "sha256"), ({"dump": True}, "kind"), ({"entries": 6}, "entries")],
)
def test_a_whole_file_that_another_manifest_describes(tmp_path: Path, fields, names) -> None:
    file = verify_file(inspect_file(put(tmp_path / "x", **fields)))
    assert (file.valid, file.matches) == (False, False)
    assert file.problems == [f"it isn't what its manifest says ({names})"]


def test_a_flipped_byte_is_found_only_when_it_is_read(tmp_path: Path) -> None:
    flipped = bytearray(GOOD)
    flipped[300] ^= 1
    file = inspect_file(put(tmp_path / "x", bytes(flipped)))
    assert file.valid is True
    file = verify_file(file)
    assert (file.valid, file.matches) == (False, False)
    assert len(file.problems) == 2
    assert (file.size, file.sha256) == (len(GOOD), None)


@pytest.mark.parametrize("begin", [b"", GOOD, tar()], ids=["zeros", "gzip", "tar"])
@pytest.mark.parametrize("manifest", [True, False])
def test_a_huge_broken_file_is_known_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: bytes, manifest: bool
) -> None:
    place, size = tmp_path / "x.tar.gz", 4 * 1024**4
    put(place, begin, size=size) if manifest else place.write_bytes(begin)
    os.truncate(place, size)
    read: list[int] = []

    class Counted(ArchiveChecker):
        def feed(self, data: bytes) -> None:
            read.append(len(data))
            super().feed(data)

    monkeypatch.setattr(files, "ArchiveChecker", Counted)
    row = verify_file(inspect_file(str(place))).result(NOW)
    assert (row["valid"], row["size"], row["sha256"]) == (False, size, None)
    assert len(row["problems"]) == (2 if manifest and begin else 1)
    assert sum(read) < 4 * 1024**2


def test_a_manifest_that_is_none_counts_for_nothing(tmp_path: Path) -> None:
    path = put(tmp_path / "x")
    Path(f"{path}.json").write_text("{}", encoding="utf-8")
    file = inspect_file(path)
    assert file.result(NOW)["manifest"] is False and file.valid is None
    assert file.problems == ["its manifest counts for nothing: its format isn't 1"]
    assert verify_file(file).valid is True


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "the file is empty"), (b"<html>", "it is neither a gzip nor a tar file")],
)
def test_what_is_no_archive_is_known_at_once(tmp_path: Path, content, words) -> None:
    file = inspect_file(put(tmp_path / "x", content, size=6))
    assert file.valid is False and file.problems[-1] == words
    assert (file.kind, file.sha256, file.entries) == (None, None, None)
    assert verify_file(file) == file


def test_what_a_folder_is_searched_for(tmp_path: Path) -> None:
    put(tmp_path / "with manifest", b"broken")
    (tmp_path / "plain").write_bytes(tar())
    (tmp_path / "gzip").write_bytes(GOOD)
    (tmp_path / OURS).write_bytes(b"")
    # None of these.
    (tmp_path / "latest.tar.gz").symlink_to(tmp_path / "gzip")
    (tmp_path / "notes.txt").write_text("x" * 600, encoding="utf-8")
    (tmp_path / "package").write_text("x", encoding="utf-8")
    (tmp_path / "package.json").write_text("{}", encoding="utf-8")
    (tmp_path / f".{ID}.part").write_bytes(GOOD[:700])
    (tmp_path / f".{ID}.json").write_text("{}", encoding="utf-8")
    (tmp_path / "folder.tar.gz").mkdir()
    (tmp_path / "folder.tar.gz" / "inner.tar.gz").write_bytes(GOOD)
    (tmp_path / f"other{OURS}").mkdir()
    os.mkfifo(tmp_path / "pipe.tar.gz")
    names = [Path(file.path).name for file in find_files(str(tmp_path))]
    assert names == sorted(["with manifest", "plain", "gzip", OURS])


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / OURS)
    for file in (inspect_file(str(tmp_path / OURS)), *find_files(str(tmp_path))):
        assert (file.valid, file.problems) == (False, ["it isn't a regular file"])


def test_a_file_that_becomes_a_pipe_is_not_waited_for(tmp_path: Path, monkeypatch: Any) -> None:
    path = put(tmp_path / "x")
    real = os.open

    def swap(name: str, *flags: Any) -> int:
        if name == path:
            Path(path).unlink()
            os.mkfifo(path)
        return real(name, *flags)

    monkeypatch.setattr(os, "open", swap)
    assert inspect_file(path).problems == ["it isn't a regular file"]


def test_a_single_file_is_judged_whatever_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    (file,) = find_files(str(tmp_path / "notes.txt"))
    assert file.valid is False


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        find_files(str(tmp_path / "x"))
    assert find_files(str(tmp_path)) == []


def test_a_file_that_can_t_be_read_is_not_known(tmp_path: Path, monkeypatch: Any) -> None:
    for name in ("x.tar.gz", "x.txt"):
        (tmp_path / name).write_bytes(GOOD)
    real = os.open

    def refuse(name: str, *flags: Any) -> int:
        if "x." in str(name) and not str(name).endswith(".json"):
            raise PermissionError(errno.EACCES, "Permission denied", name)
        return real(name, *flags)

    monkeypatch.setattr(os, "open", refuse)
    (file,) = find_files(str(tmp_path))
    assert file == BackupFile(
        str(tmp_path / "x.tar.gz"), None, ["it can't be read (Permission denied)"]
    )
    assert verify_file(file) == file


def test_a_disk_that_fails_is_not_known(tmp_path: Path, monkeypatch: Any) -> None:
    file = inspect_file(put(tmp_path / "x"))

    def fail(*arguments: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(files, "check_archive", fail)
    file = verify_file(file)
    assert (file.valid, file.sha256) == (None, None)
    assert file.problems == ["it can't be read to its end (Input/output error)"]


def test_a_name_that_is_no_text_is_shown_as_one(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.tar.gz"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(GOOD)
    (found,) = find_files(str(tmp_path))
    assert found.result(NOW)["path"] == f"{tmp_path}/?.tar.gz"
    assert verify_file(found).valid is True


@pytest.mark.parametrize("name", ["$HOME", "${X}.tar.gz", "~", "~root", "a\nb", "a\udcff"])
def test_a_name_that_a_task_would_expand_is_no_copy_for_a_download(
    tmp_path: Path, name: str
) -> None:
    """Its path is returned as `dest`, and given to other tasks."""
    path = put(tmp_path / "copy.tar.gz")
    place = Destination(str(tmp_path), None, "https://docs.example.com", dump=False)
    assert [file.path for file in place.copies()] == [path]
    for end in ("", ".json"):
        (tmp_path / f"copy.tar.gz{end}").rename(tmp_path / f"{name}{end}")
    assert place.copies() == []
    assert "rename it" in find_files(str(tmp_path))[0].problems[0]


def made(path: str, hours: float | None, **fields: Any) -> BackupFile:
    """A file of a backup that many hours old, None for one without a manifest."""
    manifest = None
    if hours is not None:
        made_on = NOW - timedelta(hours=hours)
        portal = "https://docs.example.com"
        manifest = Manifest(portal, ID, "x", "data_store", made_on, False, 1, "0" * 64, 1)
    return BackupFile(path, True, [], manifest=manifest)._replace(**fields)


def test_the_newest_comes_first_and_undated_ones_last() -> None:
    mixed = [made("c", None), made("d", 5), made("a", None), made("b", 1), made("a", 5)]
    order = [(file.path, file.manifest is None) for file in newest_first(mixed)]
    assert order == [("b", False), ("a", False), ("d", False), ("a", True), ("c", True)]


def test_the_latest_is_valid_and_dated_and_not_of_tomorrow() -> None:
    rows = newest_first(
        [
            made("tomorrow", -1),
            made("broken", 1, valid=False),
            made("unknown", 2, valid=None),
            made("good", 3),
            made("old", 4),
            made("undated", None),
        ]
    )
    found = latest_file(rows, NOW)
    assert found is not None and found.path == "good"
    assert latest_file([rows[0], rows[-1]], NOW) is None
    assert latest_file([made("now", 0)], NOW) is not None


def test_filters() -> None:
    rows = [made("young", 1), made("day", 24), made("old", 30), made("undated", None)]

    def names(**limits: Any) -> list[str]:
        return [file.path for file in select_files(rows, NOW, **limits)]

    assert names() == ["young", "day", "old", "undated"]
    assert names(newer_than=86400) == ["young"]
    assert names(older_than=86400) == ["day", "old"]
    assert names(older_than=86400, newer_than=86401) == ["day"]
    assert names(portal="https://docs.example.com") == ["young", "day", "old"]
    assert names(portal="https://other.example.com") == []
    assert names(newer_than=0) == []
