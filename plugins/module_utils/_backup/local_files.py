# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open files in a folder that others may be able to write to.

Every file in a folder of copies is opened here. This file is private to the collection.
"""

from __future__ import annotations

import errno
import os
import pwd
import re
import stat
from pathlib import Path
from typing import BinaryIO

_READ_ONCE = 1024 * 1024


class UnsafeFile(Exception):
    """Why a file isn't used, a clause such as "it is a symbolic link"."""


def open_regular(
    path: str, flags: int = os.O_RDONLY, *, follow: bool = False, dir_fd: int | None = None
) -> int:
    """Open an existing regular file without waiting for anything.

    Args:
        follow: whether the path may be a symbolic link. Only for a path that the user typed.
        dir_fd: an open folder, in which path is a name.

    Raises:
        UnsafeFile: it is a link, a pipe, a device, a socket or a folder.
        OSError: it doesn't exist or can't be opened.
    """
    where = {} if dir_fd is None else {"dir_fd": dir_fd}
    status = Path(path).stat() if follow else os.lstat(path, **where)
    # Checked before as well: opening a device may have an effect.
    _require_regular(status)
    flags |= os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags, **where)
    except OSError as error:
        # What it became in between. Some systems say EMLINK for a link.
        if error.errno in (errno.ELOOP, errno.EMLINK) and not follow:
            raise UnsafeFile("it is a symbolic link") from None
        if error.errno in (errno.ENXIO, errno.EISDIR):
            raise UnsafeFile("it isn't a regular file") from None
        raise
    try:
        _require_regular(os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_to_read(path: str, *, follow: bool = False, dir_fd: int | None = None) -> BinaryIO:
    """`open_regular` for reading, as a file object."""
    return os.fdopen(open_regular(path, follow=follow, dir_fd=dir_fd), "rb")


def create(path: str) -> int:
    """Create a file that only its owner can read and write. FileExistsError if the name is taken."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o600)


def read_at_most(descriptor: int, limit: int) -> bytes | None:
    """Read an open file to its end, None if it is longer than the limit in bytes."""
    content = b""
    while piece := os.read(descriptor, min(_READ_ONCE, limit + 1 - len(content))):
        content += piece
        if len(content) > limit:
            return None
    return content


def require_ours(descriptor: int, path: str, *, probe: bool = True) -> None:
    """Refuse an open file that another user could read, change or reach by another name.

    For files that are written to, such as a partial download. A network file system may give the
    files of all users to one owner; probe: find out by creating a file, else by the folder's owner.
    """
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid() and status.st_uid != (
        _owner_of_new_files(path) if probe else Path(folder_of(path)).stat().st_uid
    ):
        raise UnsafeFile(f"it belongs to another user (uid {status.st_uid})")
    if status.st_nlink > 1:
        raise UnsafeFile("it has a second name (a hard link)")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(status.st_mode)
        raise UnsafeFile(f"other users can write to it (mode {mode:04o})")


def require_trusted(descriptor: int, path: str, *, dir_fd: int | None = None) -> None:
    """Refuse an open file that an untrusted user could have written.

    For finished copies and manifests. Trusted are this process's user, root, and the owner of the
    folder, who can replace every file in it anyway. dir_fd: that folder, if it is open.
    """
    status = os.fstat(descriptor)
    if status.st_uid not in trusted_owners(folder_of(path) if dir_fd is None else dir_fd):
        raise UnsafeFile(f"it belongs to another user (uid {status.st_uid})")
    if status.st_mode & stat.S_IWOTH:
        mode = stat.S_IMODE(status.st_mode)
        raise UnsafeFile(f"every user can write to it (mode {mode:04o})")


def distrust_of(mode: object, owner: str | None, folder: str) -> str | None:
    """Why `require_trusted` would refuse a new file in a folder with these file options, a clause.

    None if it wouldn't, or if an option is malformed, which Ansible says.
    """
    if mode is not None and _lets_others_write(mode):
        return f"mode: with {mode} every user could write to the copy"
    if owner is None:
        return None
    try:
        uid = int(owner) if owner.isdecimal() else pwd.getpwnam(owner).pw_uid
    except (KeyError, ValueError):
        return None
    if uid not in trusted_owners(folder):
        return (
            f"owner: the copy would belong to {owner}, who is neither the user that the module runs as, "
            "nor root, nor the owner of the folder"
        )
    return None


def _lets_others_write(mode: object) -> bool:
    """Whether a mode gives all users the right to write, be it a number, or symbolic like `o+w`."""
    try:
        number = mode if isinstance(mode, int) else int(str(mode), 8)
    except ValueError:
        for clause in str(mode).split(","):
            who, change = re.fullmatch("([ugoa]*)(.*)", clause, re.DOTALL).groups()  # type: ignore[union-attr]
            if {"o", "a"} & set(who) and re.search("[+=](?:[^-+=]*w|[ug])", change):
                return True
        return False
    return bool(number & stat.S_IWOTH)


def folder_of(path: str) -> str:
    """The folder that a file is in, where a link leads to it."""
    return str(Path(os.path.realpath(path)).parent)


def trusted_owners(folder: str | int) -> set[int]:
    """The users who may own a copy or a manifest in a folder. folder: its path, or its descriptor."""
    return {os.geteuid(), 0, os.stat(folder).st_uid}  # noqa: PTH116 - takes a descriptor, too


def folder_risk(folder: str) -> str | None:
    """Why no file in a folder is safe from other users, a clause; None if they are."""
    mode = Path(folder).stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        return f"every user can replace files in the folder {folder!r} (mode {mode & 0o7777:04o})"
    return None


def error_text(error: Exception) -> str:
    """Why a file can't be used, without its path."""
    if isinstance(error, UnsafeFile):
        return str(error)
    return (isinstance(error, OSError) and error.strerror) or "no such name is possible"


def _require_regular(status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise UnsafeFile("it is a symbolic link")
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeFile("it isn't a regular file")


def _owner_of_new_files(path: str) -> int | None:
    """The owner that a file gets which this process creates in the same folder."""
    name = Path(path).with_name(f".docspace-{os.urandom(8).hex()}")
    try:
        descriptor = create(str(name))
    except OSError:
        return None
    try:
        return os.fstat(descriptor).st_uid
    finally:
        os.close(descriptor)
        name.unlink()
