# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.manifest import (
    Manifest,
    write_manifest,
)
from ansible_collections.onlyoffice.docspace.plugins.modules import docspace_backup_file_info
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.archives import PORTAL, targz
from ansible_collections.onlyoffice.docspace.tests.unit.plugins.harness import (
    NOW,
    check_outcome,
    run_module,
)

GOOD = targz()
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the module: no portal is there, and no connection option is given."""

    def run(check_mode: bool = False, **options: Any) -> dict[str, Any]:
        return check_outcome(
            run_module(
                "docspace_backup_file_info",
                options,
                monkeypatch=monkeypatch,
                check_mode=check_mode,
            )
        )

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of 2 hours, one of 3 days that is broken, one of a second portal, one without paper."""
    for name, hours, host, content in (
        ("a", 2, "docs", GOOD),
        ("b", 72, "docs", GOOD[:-3] + b"xyz"),
        ("c", 48, "other", GOOD),
    ):
        (tmp_path / name).write_bytes(content)
        manifest = Manifest(
            portal=f"https://{host}.example.com",
            id=f"2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a4{name}",
            file_name="backup.tar.gz",
            storage_type="data_store",
            created_on=NOW - timedelta(hours=hours),
            dump=False,
            size=len(GOOD),
            sha256=hashlib.sha256(GOOD).hexdigest(),
            entries=len(PORTAL),
        )
        write_manifest(manifest, str(tmp_path / f"{name}.json"))
    (tmp_path / "d").write_bytes(GOOD)
    return tmp_path


def names(result: dict[str, Any]) -> list[str]:
    return [Path(row["path"]).name for row in result["files"]]


def test_a_folder_is_read(run: Run, folder: Path) -> None:
    result = run(path=str(folder))
    assert names(result) == ["a", "c", "b", "d"]
    assert [row["valid"] for row in result["files"]] == [True, True, False, True]
    assert result["count"] == 4 and result["changed"] is False
    assert result["latest"] == result["files"][0]
    assert result["latest"]["age"] == "2 hours"
    assert run(path=str(folder), check_mode=True) == result


def test_without_deep_only_sizes_are_compared(run: Run, folder: Path) -> None:
    rows = run(path=str(folder), verify=False)["files"]
    assert [row["valid"] for row in rows] == [True, True, True, None]


def test_filters(run: Run, folder: Path) -> None:
    assert names(run(path=str(folder), newer_than="2d")) == ["a"]
    assert names(run(path=str(folder), older_than="2d")) == ["c", "b"]
    assert names(run(path=str(folder), portal="HTTPS://Docs.example.com:443/")) == ["a", "b"]
    assert names(run(path=str(folder), portal="http://docs.example.com./x/..")) == ["a", "b"]
    both = run(path=str(folder), portal="https://docs.example.com", older_than="1d")
    assert names(both) == ["b"] and both["count"] == 1
    # The only one is broken.
    assert both["latest"] is None


def test_a_copy_is_named_by_its_id(run: Run, folder: Path) -> None:
    one = "2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a4a"
    assert names(run(path=str(folder), ids=[one.upper()])) == ["a"]
    assert run(path=str(folder), ids=["2f4c1e0a-5b7d-4c3e-9a61-0d8e7f6b5a4e"])["count"] == 0
    assert "ids: must be the ID of a backup" in run(path=str(folder), ids=["x"])["msg"]


@pytest.mark.parametrize("name", ["$HOME", "a${X}", "~", "~root.tar.gz", "a\nb", "a\udcff"])
def test_a_path_that_means_another_one_as_an_option_is_told(
    run: Run, folder: Path, name: str
) -> None:
    for end in ("", ".json"):
        (folder / f"a{end}").rename(folder / f"{name}{end}")
    result = run(path=str(folder))
    assert "rename it" in result["files"][0]["problems"][0]
    assert result["files"][0]["valid"] is True
    assert names({"files": [result["latest"]]}) == ["c"]


def test_what_the_filters_leave_out_is_not_read(run: Run, folder: Path, monkeypatch: Any) -> None:
    opened = []
    real = os.open

    def note(name: str, *more: Any, **how: Any) -> int:
        opened.append(str(name))
        return real(name, *more, **how)

    monkeypatch.setattr(os, "open", note)
    run(path=str(folder), newer_than="2d")
    assert opened.count(str(folder / "a")) == 2 and opened.count(str(folder / "b")) == 1


def test_pipes_and_links_in_a_folder_are_not_opened(run: Run, folder: Path) -> None:
    ours = "docs.example.com_2026-11-05T00-00-00Z.tar.gz"
    for pipe in ("d.json", ours, "x.tar.gz"):
        os.mkfifo(folder / pipe)
    (folder / f"a{ours}").symlink_to(folder / "a")
    (folder / f"b{ours}").symlink_to(folder / f"b{ours}")
    (folder / "latest.tar.gz").symlink_to(folder / "a")
    rows = {Path(row["path"]).name: row for row in run(path=str(folder))["files"]}
    assert set(rows) == {"a", "b", "c", "d", ours, f"a{ours}", f"b{ours}"}
    assert rows[ours]["problems"] == ["it isn't a regular file"]
    assert rows[f"a{ours}"]["problems"] == ["it is a symbolic link"]
    assert rows[f"b{ours}"]["problems"] == ["it is a symbolic link"]
    assert rows["d"]["problems"] == ["its manifest counts for nothing: it isn't a regular file"]
    assert [rows[name]["valid"] for name in (ours, f"a{ours}", "d")] == [False, False, True]


def test_a_path_that_was_typed_may_be_a_link(run: Run, folder: Path, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / "folder").symlink_to(folder)
    (links / "file").symlink_to(folder / "a")
    assert names(run(path=str(links / "folder"))) == ["a", "c", "b", "d"]
    (row,) = run(path=str(links / "file"))["files"]
    assert (row["valid"], row["problems"]) == (True, [])


def test_a_file_that_vanishes_between_listing_and_opening(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "e.tar.gz").write_bytes(GOOD)
    real = os.lstat

    def vanish(path: Any, *more: Any, **others: Any) -> os.stat_result:
        if str(path) == str(folder / "e.tar.gz"):
            (folder / "e.tar.gz").unlink(missing_ok=True)
        return real(path, *more, **others)

    monkeypatch.setattr(os, "lstat", vanish)
    assert names(run(path=str(folder))) == ["a", "c", "b", "d"]


def test_what_others_can_write_to(run: Run, folder: Path) -> None:
    """A manifest counts for nothing then. A copy is valid only when it was read to its end."""
    (folder / "a").chmod(0o666)
    (folder / "c.json").chmod(0o602)
    for verify in (False, True):
        rows = {
            Path(row["path"]).name: row for row in run(path=str(folder), verify=verify)["files"]
        }
        assert rows["a"]["problems"] == ["every user can write to it (mode 0666)"]
        assert rows["a"]["valid"] is (True if verify else None)
        assert rows["a"]["matches_manifest"] is True
        assert rows["c"]["manifest"] is False and rows["c"]["portal"] is None
        assert rows["c"]["problems"] == [
            "its manifest counts for nothing: every user can write to it (mode 0602)"
        ]


def test_a_folder_in_which_everybody_can_replace_files_is_a_warning(run: Run, folder: Path) -> None:
    assert "warnings" not in run(path=str(folder))
    folder.chmod(0o777)
    for path in (folder, folder / "a"):
        (warning,) = run(path=str(path))["warnings"]
        assert "chmod o-w" in warning


def test_a_file_is_a_row(run: Run, folder: Path) -> None:
    assert names(run(path=str(folder / "b"))) == ["b"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"path": "/no/such/path"}, "path: '/no/such/path' can't be read where the module runs"),
        ({"path": ""}, "path: is empty"),
        ({"path": "/", "newer_than": "3m"}, "write 30d or 720h"),
        ({"path": "/", "older_than": "soon"}, "older_than: "),
        ({"path": "/", "portal": "docs.example.com"}, "portal: the address must begin"),
        ({"path": "/", "portal": ""}, "portal: "),
    ],
)
def test_wrong_input(run: Run, options: dict[str, Any], words: str) -> None:
    result = run(**options)
    assert result["failure"]["code"] == "config" and words in result["msg"]


def test_returned_keys_are_those_documented(run: Run, folder: Path) -> None:
    described = yaml.safe_load(docspace_backup_file_info.RETURN)
    result = run(path=str(folder))
    assert set(described) == (set(result) - {"changed", "invocation"}) | {"failure"}
    for row in (*result["files"], result["latest"], *described["files"]["sample"]):
        assert list(row) == list(described["files"]["contains"])
