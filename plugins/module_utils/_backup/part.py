# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup file on its way: `.<id>.part`, written by one run at a time and judged as it comes.

This file is private to the collection.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from pathlib import Path

# Compared with the times of files, which are real.
from time import time as wall_time

from .._portal.errors import DocSpaceError
from .archive import Judge, Verdict
from .manifest import open_itself, reason

# A link is good for a day (C34). After that nothing can go on with a part.
LONGEST_LIFE = 25 * 3600
_PART = re.compile(r"\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part")
_PIECE = 1024 * 1024


class Part:
    """An open part, locked: no other run writes it. size: how many bytes are there and judged.

    It is what a stream writes to.
    """

    def __init__(self, folder: str, identity: str) -> None:
        self.id, self.path, self._folder = identity, place_of_part(folder, identity), folder
        self.size, self._judge = 0, Judge()
        try:
            self._file = _open_locked(self.path)
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
    """Remove a file that a run has left, unless another one works with it."""
    with contextlib.suppress(OSError):
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or wall_time() - status.st_mtime <= LONGEST_LIFE:
            return
        file = open_itself(path, os.O_RDONLY)
        try:
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
    return DocSpaceError("task_failed", f"{what} where the module runs: {reason(error)}.")


def _open_locked(path: str) -> int:
    while True:
        try:
            file = open_itself(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise _strange(path) from None
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                raise _strange(path)
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


def _strange(path: str) -> DocSpaceError:
    return DocSpaceError(
        "guard", f"{path} isn't the file that an earlier run has left. Look at it, and remove it."
    )
