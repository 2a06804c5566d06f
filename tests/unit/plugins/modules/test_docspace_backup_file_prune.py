# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docspace_backup_file_prune: whole runs in a folder, of which every change is looked at."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.file_prune import (
    OffsiteFolder,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.manifest import (
    Manifest,
    write_manifest,
)
from ansible_collections.onlyoffice.docspace.plugins.module_utils._portal.interrupts import (
    InterruptGuard,
)
from ansible_collections.onlyoffice.docspace.plugins.modules import docspace_backup_file_prune
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import PORTAL, targz
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import (
    NOW,
    check_outcome,
    run_module,
)

URL = "https://docs.example.com"
GOOD = targz()
Run = Callable[..., dict[str, Any]]


def uid(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def lay(
    folder: Path, name: str, days: float, number: int | None = None, **fields: Any
) -> dict[str, Any]:
    """A copy of a backup of so many days ago. Gives what its manifest says."""
    (folder / name).write_bytes(GOOD)
    values: dict[str, Any] = {
        "portal": URL,
        "id": uid(int(days) if number is None else number),
        "file_name": "backup.tar.gz",
        "storage_type": "data_store",
        "created_on": NOW - timedelta(days=days),
        "dump": False,
        "size": len(GOOD),
        "sha256": hashlib.sha256(GOOD).hexdigest(),
        "entries": len(PORTAL),
        **fields,
    }
    write_manifest(Manifest(**values), str(folder / f"{name}.json"))
    return values


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copies of 1 to 4 days, in a folder with a neighbour."""
    (tmp_path / "copies").mkdir()
    for day in (1, 2, 3, 4):
        lay(tmp_path / "copies", f"day{day}.tar.gz", day)
    return tmp_path / "copies"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Run:
    """Run the module, on the folder unless the options name a different one."""

    def run(check_mode: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
        given = {"path": str(folder), "portal": URL, **options}
        given = {name: value for name, value in given.items() if value is not ...}
        return check_outcome(
            run_module(
                "docspace_backup_file_prune",
                given,
                monkeypatch=monkeypatch,
                check_mode=check_mode,
                diff=diff,
                env={"NO_PROXY": "", "EMPTY": ""},
            )
        )

    return run


def prune(run: Run, **options: Any) -> dict[str, Any]:
    """Run it to a good end. A dry run before it changes nothing and says the same."""
    place = Path(options.get("path", ""))
    before = names(place) if place.name else None
    dry = run(check_mode=True, **options)
    assert before is None or names(place) == before
    result = run(**options)
    assert "failed" not in result, result.get("msg")
    assert dry == result
    assert result["changed"] is bool(result["removed"])
    return result


def names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def files(*days: int) -> set[str]:
    return {f"day{day}.tar.gz{end}" for day in days for end in ("", ".json")}


def removed(result: dict[str, Any]) -> list[str]:
    return [Path(row["path"]).name for row in result["removed"]]


def test_what_a_policy_does_not_keep_is_removed_with_its_manifest(run: Run, folder: Path) -> None:
    result = prune(run, path=str(folder), keep_last=2)
    assert names(folder) == files(1, 2)
    assert removed(result) == ["day4.tar.gz", "day3.tar.gz"]
    assert [row["reasons"] for row in result["kept"]] == [["last"], ["last"]]
    counts = {"total": 4, "considered": 4, "kept": 2, "removed": 2, "failures": 0, "absent": 0}
    assert result["counts"] == counts
    assert result["verified"]["path"] == str(folder / "day1.tar.gz")
    assert result["diff"]["prepared"].splitlines()[0].split()[:3] == ["-", uid(4), "day4.tar.gz"]
    again = run(keep_last=2)
    assert again["changed"] is False and again["verified"] is None


@pytest.mark.parametrize(
    "options",
    [{}, {"protect_ids": [uid(1)]}, {"keep_last": 0}, {"keep_within": "0d"}, {"min_keep": 3}],
)
def test_a_policy_that_keeps_nothing_is_refused(
    run: Run, folder: Path, options: dict[str, Any]
) -> None:
    result = run(**options)
    assert result["failure"]["code"] in ("config", "guard") and "keep_" in result["msg"]
    assert names(folder) == files(1, 2, 3, 4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"portal": "docs.example.com"}, "portal: the address must begin"),
        ({"path": "/no/such/folder"}, "path: '/no/such/folder' can't be read as a folder"),
        ({"path": "{folder}/day1.tar.gz"}, "can't be read as a folder"),
        ({"max_delete": -1}, "max_delete: "),
        ({"now": "9999-12-31"}, "now: must be a time"),
        ({"require_newer_than": "3m"}, "require_newer_than: "),
        ({"protect_ids": ["x"]}, "protect_ids: must be the ID of a backup"),
        ({"timezone": "Mars/Base"}, "timezone: "),
    ],
)
def test_wrong_input(run: Run, folder: Path, options: dict[str, Any], words: str) -> None:
    if "path" in options:
        options = {"path": options["path"].replace("{folder}", str(folder))}
    result = run(keep_last=1, **options)
    assert result["failure"]["code"] == "config" and words in result["msg"]
    assert names(folder) == files(1, 2, 3, 4)


# --- whose file it is ---

NAMES = [
    "$NO_PROXY",
    "${EMPTY}",
    "$HOME",
    "~",
    "~root",
    "-rf",
    "a\nb",
    "a'b\"c",
    "{{ 7 * 7 }}",
    "*",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_used_as_it_is(run: Run, folder: Path, name: str) -> None:
    lay(folder, name, 9)
    (folder.parent / "neighbour").write_text("x")
    result = prune(run, path=str(folder), keep_last=4)
    assert names(folder) == files(1, 2, 3, 4)
    assert len(result["removed"]) == 1
    assert (folder.parent / "neighbour").exists()


def test_a_name_needs_not_be_text(run: Run, folder: Path) -> None:
    lay(folder, os.fsdecode(b"a\xff\xfe"), 9)
    lay(folder, os.fsdecode(b"b\xff"), 0.5, 77)
    result = prune(run, path=str(folder), keep_last=5)
    assert [row["path"] for row in result["removed"]] == [str(folder / "a??")]
    assert result["kept"][0]["path"] == str(folder / "b?")
    assert names(folder) == files(1, 2, 3, 4) | {os.fsdecode(b"b\xff"), os.fsdecode(b"b\xff.json")}


def test_names_in_a_manifest_lead_nowhere(run: Run, folder: Path) -> None:
    outside = folder.parent / "outside.tar.gz"
    outside.write_bytes(GOOD)
    lay(folder, "old.tar.gz", 9, file_name="../outside.tar.gz")
    prune(run, path=str(folder), keep_last=4)
    assert outside.exists() and names(folder) == files(1, 2, 3, 4)


@pytest.mark.parametrize("kind", ["file", "folder", "itself", "nothing", "directory", "pipe"])
def test_what_is_not_a_regular_file_is_left_alone(run: Run, folder: Path, kind: str) -> None:
    """A link to a valid copy elsewhere, to a folder, to a copy next to it, to nothing; and others."""
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    lay(elsewhere, "copy.tar.gz", 9)
    lay(folder, "odd", 9)
    (folder / "odd").unlink()
    if kind == "directory":
        (folder / "odd").mkdir()
        (folder / "odd" / "inside").write_text("x")
    elif kind == "pipe":
        os.mkfifo(folder / "odd")
    else:
        targets = {
            "file": elsewhere / "copy.tar.gz",
            "folder": elsewhere,
            "itself": folder / "day1.tar.gz",
            "nothing": folder / "x",
        }
        (folder / "odd").symlink_to(targets[kind])
    result = prune(run, path=str(folder), keep_last=3)
    assert removed(result) == ["day4.tar.gz"]
    what = "it isn't a regular file" if kind in ("directory", "pipe") else "it is a symbolic link"
    assert result["problems"] == [{"path": str(folder / "odd"), "problem": what}]
    assert f"odd: {what}" in result["warnings"][0]
    assert names(folder) == files(1, 2, 3) | {"odd", "odd.json"}
    assert names(elsewhere) == {"copy.tar.gz", "copy.tar.gz.json"}


def test_of_a_hard_link_only_this_name_is_removed(run: Run, folder: Path) -> None:
    elsewhere = folder.parent / "kept.tar.gz"
    os.link(folder / "day4.tar.gz", elsewhere)
    prune(run, path=str(folder), keep_last=3)
    assert names(folder) == files(1, 2, 3) and elsewhere.read_bytes() == GOOD


def test_files_of_others_are_left_alone(run: Run, folder: Path) -> None:
    lay(folder, "other.tar.gz", 10, portal="https://other.example.com")
    lay(folder, "dump.tar.gz", 11, dump=True)
    (folder / "bare.tar.gz").write_bytes(GOOD)
    (folder / "notes.txt").write_text("x")
    (folder / "notes.txt.json").write_text("{}")
    lay(folder, f".{uid(12)}.part", 12)
    lay(folder, "gone.tar.gz", 13)
    (folder / "gone.tar.gz").unlink()
    before = names(folder)
    result = prune(run, path=str(folder), keep_last=3)
    assert before - names(folder) == files(4)
    assert (result["problems"], result["counts"]["total"]) == ([], 4)


def test_the_address_is_compared_in_its_one_spelling(run: Run, folder: Path) -> None:
    assert len(run(keep_last=1, portal="HTTPS://Docs.Example.com:443/")["removed"]) == 3


@pytest.mark.parametrize(
    "spelled",
    ["http://docs.example.com", "https://docs.example.com.", "https://DOCS.example.com/x/.."],
)
def test_manifests_that_spell_the_address_differently_are_of_one_portal(
    run: Run, folder: Path, spelled: str
) -> None:
    """As for docspace_backup_file_info, or a report would count copies that are never pruned."""
    manifest = folder / "day4.tar.gz.json"
    fields = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**fields, "portal": spelled}))
    result = prune(run, path=str(folder), keep_last=3)
    assert removed(result) == ["day4.tar.gz"] and names(folder) == files(1, 2, 3)


def test_server_wide_copies_are_evaluated_alone(run: Run, folder: Path) -> None:
    lay(folder, "new.tar.gz", 1, 71, dump=True)
    result = run(keep_last=1, dump=True)
    assert (result["changed"], result["counts"]["total"]) == (False, 1)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(GOOD[:-1]), "its manifest says"),
        (lambda path: path.write_bytes(bytes(len(GOOD))), "neither a gzip nor a tar file"),
        (lambda path: path.with_name("day4.tar.gz.json").write_text("{}"), "its manifest counts"),
    ],
)
def test_a_file_that_is_not_what_its_manifest_says_is_left_alone(
    run: Run, folder: Path, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(folder / "day4.tar.gz")
    result = prune(run, path=str(folder), keep_last=2)
    assert removed(result) == ["day3.tar.gz"]
    assert result["problems"][0]["path"] == str(folder / "day4.tar.gz")
    assert words in result["problems"][0]["problem"]
    assert names(folder) == files(1, 2, 4)


def test_a_time_that_no_policy_can_work_with_is_a_problem(run: Run, folder: Path) -> None:
    manifest = folder / "day4.tar.gz.json"
    fields = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**fields, "created_on": "0001-01-01T00:00:00Z"}))
    result = prune(run, path=str(folder), keep_last=2, timezone="Europe/Berlin")
    assert removed(result) == ["day3.tar.gz"] and len(result["problems"]) == 1


# --- one backup, several files ---


def test_files_of_one_backup_share_its_fate(run: Run, folder: Path) -> None:
    lay(folder, "again1.tar.gz", 1)
    lay(folder, "again4.tar.gz", 4)
    result = prune(run, path=str(folder), keep_last=2)
    assert names(folder) == files(1, 2) | {"again1.tar.gz", "again1.tar.gz.json"}
    assert sorted(removed(result)) == ["again4.tar.gz", "day3.tar.gz", "day4.tar.gz"]
    assert (result["counts"]["kept"], result["counts"]["removed"]) == (3, 3)


def test_of_two_dates_of_one_backup_the_newer_counts(run: Run, folder: Path) -> None:
    """So a second file with an old date can't have the copy removed."""
    lay(folder, "older.tar.gz", 99, 1)
    result = prune(run, path=str(folder), keep_last=1)
    assert names(folder) == files(1) | {"older.tar.gz", "older.tar.gz.json"}
    assert {row["id"] for row in result["kept"]} == {uid(1)}


# --- guards ---


def test_nothing_is_removed_unless_the_newest_that_is_kept_is_valid(run: Run, folder: Path) -> None:
    broken = bytearray(GOOD)
    broken[len(GOOD) // 2] ^= 255
    (folder / "day1.tar.gz").write_bytes(broken)
    dry, real = (run(check_mode=dry, keep_last=1) for dry in (True, False))
    assert dry == real
    assert (real["failure"]["code"], real["changed"]) == ("guard", False)
    assert real["verified"]["valid"] is False and "isn't valid" in real["msg"]
    assert names(folder) == files(1, 2, 3, 4)
    # It is another matter when nothing is to be removed.
    assert run(keep_last=4)["changed"] is False


def test_a_valid_archive_that_is_not_the_one_of_the_manifest_is_refused(
    run: Run, folder: Path
) -> None:
    lay(folder, "day1.tar.gz", 1, sha256="0" * 64)
    assert run(keep_last=1)["failure"]["code"] == "guard"
    assert names(folder) == files(1, 2, 3, 4)


def test_a_copy_of_the_future_does_not_stand_for_the_others(run: Run, folder: Path) -> None:
    lay(folder, "ahead.tar.gz", -2, 90)
    result = run(keep_last=1)
    assert result["verified"]["path"] == str(folder / "day1.tar.gz")
    assert result["kept"][0]["reasons"] == ["future"]
    assert result["counts"]["removed"] == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_delete": 2}, "max_delete"),
        ({"max_delete": 0}, "max_delete"),
        ({"require_newer_than": "24h"}, "require_newer_than"),
    ],
)
def test_a_guard_that_refuses(run: Run, folder: Path, options: dict[str, Any], words: str) -> None:
    for dry in (True, False):
        result = run(check_mode=dry, keep_last=1, **options)
        assert result["failure"]["code"] == "guard" and words in result["msg"]
    assert names(folder) == files(1, 2, 3, 4)


def test_guards_that_allow(run: Run, folder: Path) -> None:
    options = {"max_delete": 2, "require_newer_than": "25h", "protect_ids": [uid(4), uid(9)]}
    result = prune(run, path=str(folder), keep_last=1, **options)
    assert names(folder) == files(1, 4)
    assert result["warnings"] == [f"protect_ids: these backups weren't found: {uid(9)}."]


@pytest.mark.parametrize("blank", ["", None, [], " "])
@pytest.mark.parametrize("option", ["keep_daily", "portal", "min_keep", "require_newer_than"])
def test_what_is_null_or_blank_removes_nothing(
    run: Run, folder: Path, option: str, blank: Any
) -> None:
    assert run(**{"keep_last": 1, option: blank})["failed"]
    assert names(folder) == files(1, 2, 3, 4)


# --- a copy that will be there ---


def test_a_dry_run_may_assume_a_new_copy(run: Run, folder: Path) -> None:
    options = {"keep_last": 2, "require_newer_than": "1h", "assume_new": "data_store"}
    dry = run(check_mode=True, diff=True, **options)
    assert removed(dry) == ["day4.tar.gz", "day3.tar.gz", "day2.tar.gz"]
    new = dry["kept"][0]
    assert (new["id"], new["path"], new["size"], new["reasons"]) == (None, None, None, ["last"])
    assert (dry["verified"], dry["counts"]["total"], dry["counts"]["kept"]) == (None, 5, 2)
    assert "(assumed new backup)" in dry["diff"]["prepared"]
    # A real run assumes nothing.
    real = run(**options)
    assert real["failure"]["code"] == "guard" and names(folder) == files(1, 2, 3, 4)


# --- races, failures, signals ---


@pytest.fixture
def at_removal(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do something once, right before the first file is removed."""

    def at_removal(deed: Callable[[], object]) -> None:
        real = InterruptGuard.wait
        deeds = [deed]

        def wait(self: InterruptGuard, *, writes: bool) -> None:
            real(self, writes=writes)
            if deeds:
                deeds.pop()()

        monkeypatch.setattr(InterruptGuard, "wait", wait)

    return at_removal


@pytest.mark.parametrize("with_what", ["link", "folder", "same bytes", "manifest"])
def test_a_file_that_was_replaced_is_not_removed(
    run: Run, folder: Path, at_removal: Callable[..., None], with_what: str
) -> None:
    file = folder / "day4.tar.gz"

    def replace() -> None:
        if with_what == "manifest":
            lay(folder, "x", 4, entries=7)
            (folder / "x").unlink()
            (folder / "x.json").replace(folder / "day4.tar.gz.json")
            return
        # The old one is kept open elsewhere, so that its number isn't given to the new one.
        file.rename(folder.parent / "moved")
        if with_what == "link":
            file.symlink_to(folder.parent / "moved")
        elif with_what == "folder":
            file.mkdir()
        else:
            file.write_bytes(GOOD)

    at_removal(replace)
    result = run(keep_last=2)
    assert (result["failure"]["code"], result["changed"]) == ("task_failed", True)
    assert "1 copies were not removed" in result["msg"] and "changed after" in result["msg"]
    assert [row["id"] for row in result["failures"]] == [uid(4)]
    assert result["failures"][0]["failure"]["code"] == "task_failed"
    assert (removed(result), result["counts"]["failures"]) == (["day3.tar.gz"], 1)
    assert names(folder) == files(1, 2, 4)


def test_a_file_that_somebody_else_removed_is_absent(
    run: Run, folder: Path, at_removal: Callable[..., None]
) -> None:
    at_removal((folder / "day4.tar.gz").unlink)
    result = run(keep_last=2)
    assert (result["absent"], removed(result)) == ([uid(4)], ["day3.tar.gz"])
    assert result["counts"]["absent"] == 1


def test_the_newest_may_not_be_replaced_before_it_is_read(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = OffsiteFolder.verify

    def verify(self: Any, copy: Any) -> Any:
        (folder / "day1.tar.gz").rename(folder.parent / "moved")
        (folder / "day1.tar.gz").write_bytes(GOOD)
        return real(self, copy)

    monkeypatch.setattr(OffsiteFolder, "verify", verify)
    result = run(keep_last=1)
    assert result["failure"]["code"] == "guard" and "another file" in result["msg"]
    assert names(folder) == files(1, 2, 3, 4)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_after_a_signal_nothing_more_is_removed(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Also between a file and its manifest, of which none is left without the other."""
    real = os.unlink

    def unlink(name: str, **more: Any) -> None:
        real(name, **more)
        if name == "day4.tar.gz":
            signal.raise_signal(number)

    monkeypatch.setattr(os, "unlink", unlink)
    result = run(keep_last=1)
    assert (result["failure"]["title"], result["changed"]) == ("interrupted", True)
    assert names(folder) == files(1, 2, 3)
    monkeypatch.undo()
    assert removed(run(keep_last=1)) == ["day3.tar.gz", "day2.tar.gz"]


def test_a_file_that_can_not_be_removed_is_a_failure(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.unlink

    def unlink(name: str, **more: Any) -> None:
        if name in ("day4.tar.gz", "day3.tar.gz.json"):
            raise PermissionError(1, "Operation not permitted")
        real(name, **more)

    monkeypatch.setattr(os, "unlink", unlink)
    result = run(keep_last=1)
    assert result["failure"]["code"] == "task_failed" and "not permitted" in result["msg"]
    assert names(folder) == files(1, 4) | {"day3.tar.gz.json"}
    assert removed(result) == ["day3.tar.gz", "day2.tar.gz"]
    assert "The manifest of" in result["warnings"][0]


def test_a_file_that_can_not_be_looked_at_is_a_failure(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, at_removal: Callable[..., None]
) -> None:
    real = os.stat

    def stat(name: Any, **more: Any) -> os.stat_result:
        if name == "day4.tar.gz":
            raise OSError(5, "Input/output error")
        return real(name, **more)

    at_removal(lambda: monkeypatch.setattr(os, "stat", stat))
    result = run(keep_last=2)
    assert result["failure"]["code"] == "task_failed" and "Input/output error" in result["msg"]
    assert names(folder) == files(1, 2, 4)


def test_a_folder_that_can_not_be_written_is_known_in_a_dry_run(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    for dry in (True, False):
        result = run(check_mode=dry, keep_last=1)
        assert result["failure"]["code"] == "config" and "can't be written" in result["msg"]
    assert run(keep_last=4)["changed"] is False


def test_nothing_is_removed_where_every_user_can_replace_files(run: Run, folder: Path) -> None:
    folder.chmod(0o777)
    for dry in (True, False):
        result = run(check_mode=dry, keep_last=1)
        assert result["failure"]["code"] == "guard" and "chmod o-w" in result["msg"]
    assert names(folder) == files(1, 2, 3, 4)
    folder.chmod(0o1777)
    assert run(keep_last=1)["counts"]["removed"] == 3


def test_a_file_that_every_user_can_write_to_is_left_alone(run: Run, folder: Path) -> None:
    (folder / "day4.tar.gz").chmod(0o666)
    result = prune(run, path=str(folder), keep_last=2)
    assert removed(result) == ["day3.tar.gz"]
    assert "every user can write to it" in result["problems"][0]["problem"]


def test_the_folder_is_synced(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    run(keep_last=1)
    assert synced == [folder]


def test_returned_keys_are_those_documented(run: Run, folder: Path) -> None:
    described = yaml.safe_load(docspace_backup_file_prune.RETURN)
    lay(folder, "cut.tar.gz", 9)
    (folder / "cut.tar.gz").write_bytes(GOOD[:-1])
    result = run(keep_last=2, check_mode=True)
    ansibles = {"changed", "invocation", "warnings"}
    assert set(described) == (set(result) - ansibles) | {"failure"}
    for key in ("kept", "removed", "problems"):
        for row in (*result[key], *described[key]["sample"]):
            assert set(row) == set(described[key]["contains"]), key
    assert set(result["counts"]) == set(described["counts"]["contains"])
    assert set(result["verified"]) == set(described["verified"]["sample"])
