# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup file on its way: `.<id>.part`, written by one run at a time and judged as it comes.

This file is private to the collection.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
from pathlib import Path

# Compared with the times of files, which are real.
from time import time as wall_time

from .._portal.errors import DocSpaceError
from .archive import Judge, Verdict
from .local_files import (
    UnsafeFile,
    create,
    error_text,
    open_regular,
    require_ours,
    require_trusted,
)

# A link is good for a day (C34). After that nothing can go on with a part.
LONGEST_LIFE = 25 * 3600
_PART = re.compile(r"\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part")
_PIECE = 1024 * 1024


class Part:
    """An open part, locked: no other run writes it. size: how many bytes are there and judged.

    It is what a stream writes to. complete: its manifest is there, so that its content will be
    compared with that; its mode and owner may be those of the finished copy.
    """

    def __init__(self, folder: str, identity: str, *, complete: bool = False) -> None:
        self.id, self.path, self._folder = identity, place_of_part(folder, identity), folder
        self.size, self._judge = 0, Judge()
        try:
            self._file = _open_locked(self.path, complete=complete)
        except OSError as error:
            raise disk_error(f"{self.path} can't be opened", error) from error

    def reread(self) -> None:
        """Judge what an earlier run has left. What can't be the begin of a backup is forgotten."""
        try:
            os.lseek(self._file, 0, os.SEEK_SET)
            self.size, self._judge = 0, Judge()
            while piece := os.read(self._file, _PIECE):
                self._judge.feed(piece)
                self.size += len(piece)
                if self._judge.problem is not None:
                    break
        except OSError as error:
            raise disk_error(f"{self.path} can't be read", error) from error
        if self._judge.problem is not None:
            self.restart()

    def announced(self, total: int | None) -> None:
        """Refuse a file for which there is no room, before it fills the disk."""
        if total is not None:
            require_room(self._folder, total - self.size)

    def take(self, piece: bytes) -> bool:
        """The next bytes. False when the file can't be whole any more."""
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            raise disk_error(f"{self.path} can't be written", error) from error
        self._judge.feed(piece)
        self.size += len(piece)
        return self._judge.problem is None

    def last(self) -> bytes:
        """The last byte."""
        return os.pread(self._file, 1, self.size - 1)

    def restart(self) -> None:
        """Begin anew."""
        try:
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
        except OSError as error:
            raise disk_error(f"{self.path} can't be written", error) from error
        self.size, self._judge = 0, Judge()

    def finish(self) -> Verdict:
        """The verdict on what came. After it, `reread` begins anew."""
        return self._judge.finish()

    def sync(self) -> None:
        """Have it on the disk."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise disk_error(f"{self.path} can't be written", error) from error

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come so far, in this run or before."""
        return os.fstat(self._file).st_size == 0

    def drop(self) -> None:
        """Remove it."""
        with contextlib.suppress(OSError):
            Path(self.path).unlink()
        self.close()

    def close(self) -> None:
        """Let go of it; what is there stays."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def place_of_part(folder: str, identity: str) -> str:
    """Where the file of a backup grows."""
    return str(Path(folder) / f".{identity}.part")


def is_there(folder: str, identity: str) -> bool:
    """Whether an earlier run has left a part of this backup."""
    return os.path.lexists(place_of_part(folder, identity))


def require_room(folder: str, needed: int) -> None:
    """Fail when a file system has less room left than so many bytes."""
    try:
        system = os.statvfs(folder)
    except OSError as error:
        raise disk_error(f"{folder} can't be looked at", error) from error
    free = system.f_bavail * system.f_frsize
    if free < needed:
        raise DocSpaceError(
            "guard",
            f"There is no room for the file in {folder}: it needs {needed} bytes, and {free} are "
            "free. Make room, or give another 'dest'.",
        )


def sweep(folder: str) -> None:
    """Remove the parts that nothing can go on with any more."""
    for entry in Path(folder).iterdir():
        if _PART.fullmatch(entry.name):
            remove_if_old(str(entry))


def remove_if_old(path: str) -> None:
    """Remove a file of ours that a run has left, unless another run uses it."""
    with contextlib.suppress(OSError, UnsafeFile):
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or wall_time() - status.st_mtime <= LONGEST_LIFE:
            return
        file = open_regular(path)
        try:
            require_ours(file, path)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            Path(path).unlink()
        finally:
            os.close(file)


def sync_folder(folder: str) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def disk_error(what: str, error: OSError) -> DocSpaceError:
    """The failure of a file where the module runs."""
    return DocSpaceError("task_failed", f"{what} where the module runs: {error_text(error)}.")


def require_usable(folder: str, identity: str) -> None:
    """Fail if the part that an earlier run has left can't be resumed. Nothing is written."""
    path = place_of_part(folder, identity)
    try:
        os.close(_open_ours(path, complete=False))
    except FileNotFoundError:
        return
    except UnsafeFile as unsafe:
        raise _refused(path, unsafe) from None
    except OSError as error:
        raise disk_error(f"{path} can't be opened", error) from error


def _open_locked(path: str, *, complete: bool) -> int:
    while True:
        try:
            file = _open_ours(path, complete=complete)
        except FileNotFoundError:
            try:
                file = create(path)
            except FileExistsError:
                continue
        except UnsafeFile as unsafe:
            raise _refused(path, unsafe) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The run that had it may just have given it its name, or removed it.
            if os.path.lexists(path) and os.path.samestat(os.fstat(file), os.lstat(path)):
                os.fchmod(file, 0o600)
                return file
        except BlockingIOError:
            os.close(file)
            raise DocSpaceError(
                "conflict",
                f"Another run is fetching this backup to {path}. Wait for its end, and run again.",
            ) from None
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _open_ours(path: str, *, complete: bool) -> int:
    try:
        file = open_regular(path, os.O_RDWR)
    except PermissionError:
        owner = os.lstat(path).st_uid
        if owner == os.geteuid():
            raise
        raise UnsafeFile(f"it belongs to another user (uid {owner})") from None
    try:
        (require_trusted if complete else require_ours)(file, path)
    except BaseException:
        os.close(file)
        raise
    return file


def _refused(path: str, unsafe: UnsafeFile) -> DocSpaceError:
    return DocSpaceError(
        "guard",
        f"The partial download {path} isn't used: {unsafe}. Find out who put it there, remove it "
        "and run the task again.",
    )
