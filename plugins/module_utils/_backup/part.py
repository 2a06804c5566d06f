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
import secrets
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
# Files that prove what a folder takes. A UUID that no server gives.
_TRIAL = re.compile(r"\.00000000-0000-0000-[0-9a-f]{4}-[0-9a-f]{12}\..+", re.DOTALL)
_PIECE = 1024 * 1024
# After at most so many bytes the room on the disk is looked at again.
_ROOM_EVERY = 8 * 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)
# Where the fsync of a folder isn't implemented, or would need a right to read: older CIFS, some
# FUSE file systems. What it protects against, a crash of the machine, leaves what `recover` ends.
_NO_FOLDER_SYNC = (
    errno.EINVAL,
    errno.EBADF,
    errno.EACCES,
    errno.EPERM,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
)


class DiskFull(DocSpaceError):
    """The disk has no more room, or no more than `min_free_percent` keeps free."""


class Unusable(DocSpaceError):
    """A file can't be created, written or named. error: why."""

    def __init__(self, message: str, error: OSError) -> None:
        super().__init__("task_failed", message)
        self.error = error


class Part:
    """An open part, locked: no other run writes it. size: how many bytes are there and judged.

    It is what a stream writes to. min_free: how many per cent of the disk stay free. complete: its
    manifest is there, so that its content will be compared with that; its mode and owner may be
    those of the finished copy.
    """

    def __init__(
        self, folder: str, identity: str, min_free: int, *, complete: bool = False
    ) -> None:
        self.id, self.path, self._folder = identity, place_of_part(folder, identity), folder
        self.size, self._judge = 0, Judge()
        self._min_free, self._allowed = min_free, 0
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
            require_room(self._folder, total - self.size, self._min_free)

    def take(self, piece: bytes) -> bool:
        """The next bytes. False when the file can't be whole any more."""
        self._require_reserve(len(piece))
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

    def rename(self, path: str) -> None:
        """Give it another name, under which it is dropped. An OSError is the caller's."""
        Path(self.path).replace(path)
        self.path = path

    def sync(self) -> None:
        """Have it on the disk."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise disk_error(f"{self.path} can't be written", error) from error

    def require_trusted(self) -> None:
        """Fail with UnsafeFile if it wouldn't count as a copy, as its owner and mode are now."""
        require_trusted(self._file, self.path)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come so far, in this run or before."""
        return self._file >= 0 and os.fstat(self._file).st_size == 0

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

    def _require_reserve(self, count: int) -> None:
        """Fail before so many bytes would use up the share that is kept free."""
        if self._allowed < count:
            spare = _spare(self._folder, self._min_free)
            if spare is not None and spare < count:
                raise DiskFull(
                    "guard",
                    f"The disk of {self._folder} is full, except for the {self._min_free} % that "
                    "'min_free_percent' keeps free.",
                )
            self._allowed = max(
                count, _ROOM_EVERY if spare is None else min(spare // 2, _ROOM_EVERY)
            )
        self._allowed -= count


def place_of_part(folder: str, identity: str) -> str:
    """Where the file of a backup grows."""
    return str(Path(folder) / f".{identity}.part")


def is_there(folder: str, identity: str) -> bool:
    """Whether an earlier run has left a part of this backup."""
    return os.path.lexists(place_of_part(folder, identity))


def require_room(folder: str, needed: int, min_free: int) -> None:
    """Fail when a file of so many bytes would leave less than `min_free` per cent of a disk free."""
    spare = _spare(folder, min_free)
    if spare is not None and spare < needed:
        raise DocSpaceError(
            "guard",
            f"There is no room for the file in {folder}: it needs {needed} bytes, and "
            f"{max(0, spare)} may be used, because 'min_free_percent' keeps {min_free} % of the disk "
            "free. Make room, or give another 'dest'.",
        )


def _spare(folder: str, min_free: int) -> int | None:
    """How many bytes may still be written; None where the file system doesn't say."""
    try:
        system = os.statvfs(folder)
    except OSError as error:
        raise disk_error(f"{folder} can't be read", error) from error
    if not system.f_blocks:
        return None
    # Rounded up: at 0 % nothing, else never less than was asked for.
    kept = -(-system.f_blocks * min_free // 100)
    return (system.f_bavail - kept) * system.f_frsize


def trial_id() -> str:
    """A UUID for files that only prove what a folder takes."""
    return f"00000000-0000-0000-{secrets.token_hex(2)}-{secrets.token_hex(6)}"


def sweep(folder: str) -> None:
    """Remove parts that are too old to be resumed, and files that interrupted trials left."""
    for entry in Path(folder).iterdir():
        if _TRIAL.fullmatch(entry.name):
            remove_if_old(str(entry), 0)
        elif _PART.fullmatch(entry.name):
            remove_if_old(str(entry))


def remove_if_old(path: str, age: float = LONGEST_LIFE) -> None:
    """Remove a file of ours that a run left so many seconds ago, unless another run has it open."""
    with contextlib.suppress(OSError, UnsafeFile):
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or (age and wall_time() - status.st_mtime <= age):
            return
        file = open_to_lock(path)
        try:
            require_ours(file, path)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            Path(path).unlink()
        finally:
            os.close(file)


def open_to_lock(path: str) -> int:
    """Open a file that is there to lock it. NFS locks only what is open for writing."""
    try:
        return open_regular(path, os.O_RDWR)
    except PermissionError:
        return open_regular(path)


def sync_folder(folder: str) -> None:
    """Have the names in a folder on the disk, where the file system can do that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def disk_error(what: str, error: OSError) -> DocSpaceError:
    """The failure of a file where the module runs."""
    message = f"{what} where the module runs: {error_text(error)}."
    return DiskFull("guard", message) if error.errno in _FULL else Unusable(message, error)


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
