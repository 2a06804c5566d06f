# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A partial download, `.<id>.part`: written by one run at a time, and checked while it grows.

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
from time import time as wall_time  # compared with the times of files, which tests don't replace

from .._portal.errors import DocSpaceError
from .archive import ArchiveChecker, Verdict
from .local_files import (
    UnsafeFile,
    create,
    error_text,
    open_regular,
    require_ours,
    require_trusted,
)

# Seconds. A link is valid for a day (C34), so an older partial file can't be resumed.
LONGEST_LIFE = 25 * 3600
_PART = re.compile(r"\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part")
# Files that test a folder. No server gives such a UUID.
_TRIAL = re.compile(r"\.00000000-0000-0000-[0-9a-f]{4}-[0-9a-f]{12}\..+", re.DOTALL)
_PIECE = 1024 * 1024
# Bytes after which the free space is checked again.
_ROOM_EVERY = 8 * 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)
# The fsync of a folder isn't implemented, or needs the right to read it: older CIFS, some FUSE file
# systems. It protects against a crash of the machine, after which `recover` completes the copy.
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
    """A file can't be created, written or named. The cause is an OSError."""


class PartialFile:
    """An open partial file, locked against other runs. It is the sink of a transfer."""

    def __init__(
        self, folder: str, backup_id: str, min_free: int, *, complete: bool = False
    ) -> None:
        """Open the file, or create it.

        Args:
            folder: For the copies.
            backup_id: Of the backup.
            min_free: Per cent of the disk to keep free.
            complete: Its manifest exists, with which it will be compared. Then its mode and owner
                may be those of the finished copy.
        """
        self.id, self.path, self._folder = backup_id, part_path(folder, backup_id), folder
        # Bytes that are written and checked.
        self.size, self._judge = 0, ArchiveChecker()
        self._min_free, self._allowed = min_free, 0
        try:
            self._file = _open_locked(self.path, complete=complete)
        except OSError as error:
            raise disk_error(f"{self.path} can't be opened", error) from error

    def reread(self) -> None:
        """Check the bytes of an earlier run. If they can't be the start of a backup, drop them."""
        try:
            os.lseek(self._file, 0, os.SEEK_SET)
            self.size, self._judge = 0, ArchiveChecker()
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
        """Raise an error if there is no room for the file, before it fills the disk."""
        if total is not None:
            require_room(self._folder, total - self.size, self._min_free)

    def take(self, piece: bytes) -> bool:
        """Write the next bytes. Returns False if the file can't be valid any more."""
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
        """Return the last byte."""
        return os.pread(self._file, 1, self.size - 1)

    def restart(self) -> None:
        """Drop all bytes."""
        try:
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
        except OSError as error:
            raise disk_error(f"{self.path} can't be written", error) from error
        self.size, self._judge = 0, ArchiveChecker()

    def finish(self) -> Verdict:
        """Return the verdict on all bytes. Only `reread` may follow."""
        return self._judge.finish()

    def rename(self, path: str) -> None:
        """Rename it. Raises an OSError."""
        Path(self.path).replace(path)
        self.path = path

    def sync(self) -> None:
        """Flush it to the disk."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise disk_error(f"{self.path} can't be written", error) from error

    def require_trusted(self) -> None:
        """Raise UnsafeFile if its owner and mode are not those of a copy that counts."""
        require_trusted(self._file, self.path)

    @property
    def is_empty(self) -> bool:
        """Whether it has no bytes, of this run or an earlier one."""
        return self._file >= 0 and os.fstat(self._file).st_size == 0

    def drop(self) -> None:
        """Remove it."""
        with contextlib.suppress(OSError):
            Path(self.path).unlink()
        self.close()

    def close(self) -> None:
        """Close and unlock it. Its bytes stay."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _require_reserve(self, count: int) -> None:
        """Raise an error before so many bytes use up the space that is kept free."""
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


def part_path(folder: str, backup_id: str) -> str:
    """Return the path of a backup's partial file."""
    return str(Path(folder) / f".{backup_id}.part")


def part_exists(folder: str, backup_id: str) -> bool:
    """Whether an earlier run has left a partial file of this backup."""
    return os.path.lexists(part_path(folder, backup_id))


def require_room(folder: str, needed: int, min_free: int) -> None:
    """Raise an error if a file of so many bytes would leave less than `min_free` per cent free."""
    spare = _spare(folder, min_free)
    if spare is not None and spare < needed:
        raise DocSpaceError(
            "guard",
            f"There is no room for the file in {folder}: it needs {needed} bytes, and "
            f"{max(0, spare)} may be used, because 'min_free_percent' keeps {min_free} % of the disk "
            "free. Make room, or give another 'dest'.",
        )


def _spare(folder: str, min_free: int) -> int | None:
    """Return how many bytes may still be written, None if the file system doesn't tell."""
    try:
        system = os.statvfs(folder)
    except OSError as error:
        raise disk_error(f"{folder} can't be read", error) from error
    if not system.f_blocks:
        return None
    # Rounded up.
    kept = -(-system.f_blocks * min_free // 100)
    return (system.f_bavail - kept) * system.f_frsize


def trial_id() -> str:
    """Return a UUID for a file that only tests a folder."""
    return f"00000000-0000-0000-{secrets.token_hex(2)}-{secrets.token_hex(6)}"


def remove_stale(folder: str) -> None:
    """Remove partial files that are too old to be resumed, and files of interrupted tests."""
    for entry in Path(folder).iterdir():
        if _TRIAL.fullmatch(entry.name):
            remove_if_old(str(entry), 0)
        elif _PART.fullmatch(entry.name):
            remove_if_old(str(entry))


def remove_if_old(path: str, age: float = LONGEST_LIFE) -> None:
    """Remove our file if it is older than so many seconds, unless another run has it open."""
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
    """Open an existing file to lock it. NFS needs it open for writing."""
    try:
        return open_regular(path, os.O_RDWR)
    except PermissionError:
        return open_regular(path)


def sync_folder(folder: str) -> None:
    """Flush the names in a folder to the disk, if the file system can do that."""
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
    """Return the error for an OSError, from which it must be raised."""
    message = f"{what} where the module runs: {error_text(error)}."
    if error.errno in _FULL:
        return DiskFull("guard", message)
    return Unusable("task_failed", message)


def require_usable(folder: str, backup_id: str) -> None:
    """Raise an error if the partial file of an earlier run can't be resumed. Nothing is written."""
    path = part_path(folder, backup_id)
    try:
        os.close(_open_ours(path, complete=False, probe=False))
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
            # Another run may just have renamed or removed it.
            if os.path.lexists(path) and os.path.samestat(os.fstat(file), os.lstat(path)):
                os.fchmod(file, 0o600)
                return file
        except BlockingIOError:
            os.close(file)
            raise DocSpaceError(
                "conflict",
                f"Another run is downloading this backup to {path}. Wait until it ends, then run the task "
                "again.",
            ) from None
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _open_ours(path: str, *, complete: bool, probe: bool = True) -> int:
    try:
        file = open_regular(path, os.O_RDWR)
    except PermissionError:
        owner = os.lstat(path).st_uid
        if owner == os.geteuid():
            raise
        raise UnsafeFile(f"it belongs to another user (uid {owner})") from None
    try:
        if complete:
            require_trusted(file, path)
        else:
            require_ours(file, path, probe=probe)
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
