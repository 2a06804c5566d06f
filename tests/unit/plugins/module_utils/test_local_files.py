# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way in which a file in a folder of copies is opened."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup import local_files
from ansible_collections.onlyoffice.docspace.plugins.module_utils._backup.local_files import (
    UnsafeFile,
    create,
    folder_risk,
    open_regular,
    open_to_read,
    read_at_most,
    require_ours,
    require_trusted,
)

STRANGER = 54321


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "x"
    place.write_bytes(b"content")
    place.chmod(0o600)
    return place


def belong_to(monkeypatch: pytest.MonkeyPatch, owners: dict[Path, int], user: int) -> None:
    """Give files other owners, in the eyes of the opener, and the module another user."""
    known = {(one.stat().st_dev, one.stat().st_ino): owner for one, owner in owners.items()}

    def owned(real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def read(*arguments: Any, **more: Any) -> os.stat_result:
            status = real(*arguments, **more)
            owner = known.get((status.st_dev, status.st_ino), status.st_uid)
            return os.stat_result([*status[:4], owner, *status[5:]])

        return read

    for name in ("stat", "lstat", "fstat"):
        monkeypatch.setattr(os, name, owned(getattr(os, name)))
    monkeypatch.setattr(os, "geteuid", lambda: user)


def special(place: Path, kind: str) -> None:
    """Put something at a path that isn't a regular file."""
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    elif kind == "socket":
        # The path of a socket may have 108 bytes.
        before = Path.cwd()
        os.chdir(place.parent)
        try:
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(place.name)
        finally:
            os.chdir(before)
    elif kind == "link":
        place.with_name("real").write_bytes(b"real")
        place.symlink_to(place.with_name("real"))
    elif kind == "dangling link":
        place.symlink_to(place.with_name("missing"))
    else:
        place.symlink_to(place)


KINDS = ["pipe", "folder", "socket", "link", "dangling link", "circular link"]


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_a_regular_file_is_opened(tmp_path: Path, kind: str, flags: int) -> None:
    place = tmp_path / "x"
    special(place, kind)
    words = "symbolic link" if "link" in kind else "isn't a regular file"
    with pytest.raises(UnsafeFile, match=words):
        open_regular(str(place), flags)


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_is_opened_when_it_takes_the_place_of_a_file(
    place: Path, kind: str, flags: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at its type and the opening."""
    real = os.open

    def swap(path: str, *arguments: Any) -> int:
        place.unlink()
        special(place, kind)
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", swap)
    with pytest.raises(UnsafeFile):
        open_regular(str(place), flags)


def test_a_device_is_not_even_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening one may have an effect."""
    opened: list[Any] = []
    monkeypatch.setattr(os, "open", lambda *arguments: opened.append(arguments))
    for follow in (False, True):
        with pytest.raises(UnsafeFile, match="regular"):
            open_regular("/dev/zero", follow=follow)
    assert opened == []


def test_a_path_that_the_user_typed_may_be_a_link(tmp_path: Path) -> None:
    special(tmp_path / "x", "link")
    with open_to_read(str(tmp_path / "x"), follow=True) as file:
        assert file.read() == b"real"
    for kind in ("dangling link", "circular link"):
        special(tmp_path / kind, kind)
        with pytest.raises(OSError, match=r"No such file|Too many levels"):
            open_to_read(str(tmp_path / kind), follow=True)
    os.mkfifo(tmp_path / "missing")
    with pytest.raises(UnsafeFile, match="regular"):
        open_to_read(str(tmp_path / "dangling link"), follow=True)


def test_no_descriptor_is_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"")
    opened: list[int] = []
    real = os.open

    def swap(path: str, *arguments: Any) -> int:
        Path(path).unlink()
        os.mkfifo(path)
        opened.append(real(path, *arguments))
        return opened[-1]

    monkeypatch.setattr(os, "open", swap)
    with pytest.raises(UnsafeFile):
        open_regular(str(tmp_path / "x"))
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


def test_a_new_file_is_private_and_takes_no_name_that_is_taken(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        os.close(create(str(tmp_path / "new")))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    for kind in KINDS:
        special(tmp_path / kind, kind)
        with pytest.raises(FileExistsError):
            create(str(tmp_path / kind))
    assert not (tmp_path / "missing").exists()


def test_reading_has_a_limit(place: Path) -> None:
    def read(limit: int) -> bytes | None:
        descriptor = open_regular(str(place))
        try:
            return read_at_most(descriptor, limit)
        finally:
            os.close(descriptor)

    assert (read(7), read(8)) == (b"content", b"content")
    assert read(6) is None
    os.truncate(place, 4 * 1024**4)
    assert read(1000) is None


@pytest.fixture
def opened(place: Path) -> Iterator[Callable[[], int]]:
    descriptors: list[int] = []

    def reopen() -> int:
        descriptors.append(open_regular(str(place)))
        return descriptors[-1]

    yield reopen
    for descriptor in descriptors:
        os.close(descriptor)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640, 0o620, 0o602, 0o666])
def test_who_may_write_to_it(place: Path, opened: Callable[[], int], mode: int) -> None:
    place.chmod(mode)
    for check, forbidden in ((require_ours, 0o022), (require_trusted, 0o002)):
        if mode & forbidden:
            with pytest.raises(UnsafeFile, match=rf"can write to it \(mode {mode:04o}\)"):
                check(opened(), str(place))
        else:
            check(opened(), str(place))


def test_a_second_name(place: Path, opened: Callable[[], int]) -> None:
    os.link(place, place.with_name("y"))
    with pytest.raises(UnsafeFile, match="hard link"):
        require_ours(opened(), str(place))
    # Copies of a folder that share what hasn't changed are made with hard links.
    require_trusted(opened(), str(place))


@pytest.mark.parametrize("user", [0, 1000])
@pytest.mark.parametrize("owner", ["user", "root", "owner of the folder", "stranger"])
def test_whose_it_is(
    place: Path,
    opened: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    user: int,
    owner: str,
) -> None:
    uid = {"user": user, "root": 0, "owner of the folder": 2000, "stranger": STRANGER}[owner]
    belong_to(monkeypatch, {place: uid, place.parent: 2000}, user)
    # A new file belongs to whoever runs the tests: not what is tried here.
    monkeypatch.setattr(local_files, "_owner_of_new_files", lambda _path: user)
    refused = pytest.raises(UnsafeFile, match=rf"another user \(uid {uid}\)")
    if uid == user:
        require_ours(opened(), str(place))
    else:
        with refused:
            require_ours(opened(), str(place))
    if owner == "stranger":
        with refused:
            require_trusted(opened(), str(place))
    else:
        require_trusted(opened(), str(place))


def test_whose_it_really_is(place: Path, opened: Callable[[], int]) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user; test_whose_it_is does without")
    os.chown(place, STRANGER, -1)
    for check in (require_ours, require_trusted):
        with pytest.raises(UnsafeFile, match=str(STRANGER)):
            check(opened(), str(place))
    os.chown(place.parent, STRANGER, -1)
    require_trusted(opened(), str(place))
    with pytest.raises(UnsafeFile, match=str(STRANGER)):
        require_ours(opened(), str(place))
    # Nothing of the look at the owner of new files is left.
    assert [one.name for one in place.parent.iterdir()] == ["x"]


def test_a_file_system_that_gives_all_files_to_one_user(
    place: Path, opened: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a network file system may do: a new file has another owner than the module's user."""
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    require_ours(opened(), str(place))
    assert [one.name for one in place.parent.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("mode", "risky"),
    [(0o700, False), (0o775, False), (0o777, True), (0o1777, False), (0o702, True)],
)
def test_a_folder_where_every_user_can_replace_files(
    tmp_path: Path, mode: int, risky: bool
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(mode)
    assert (folder_risk(str(folder)) is not None) is risky
