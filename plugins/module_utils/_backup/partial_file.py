# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup file on its way: `.<id>.part`, written by one run at a time and judged as it comes.

This file is private to the collection.

Where the copies of one portal lie: whose they are, which are there, and how one gets its name.

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
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from time import time as wall_time
from typing import NamedTuple

from .._portal.errors import DocSpaceError, FileOptionsError, config_error, protocol_error
from .._portal.values import is_same_portal
from .archive import ArchiveChecker, Verdict, check_archive
from .backup_files import BackupFile, find_files, inspect_file, is_expanded, newest_first
from .local_files import (
    UnsafeFile,
    create,
    error_text,
    folder_risk,
    open_regular,
    require_ours,
    require_trusted,
)
from .manifest import (
    Manifest,
    ManifestError,
    backup_file_name,
    is_portal,
    manifest_path,
    read_manifest,
    write_manifest,
)

# Compared with the times of files, which are real.


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


class PartialFile:
    """An open part, locked: no other run writes it. size: how many bytes are there and judged.

    It is what a stream writes to. min_free: how many per cent of the disk stay free. complete: its
    manifest is there, so that its content will be compared with that; its mode and owner may be
    those of the finished copy.
    """

    def __init__(
        self, folder: str, identity: str, min_free: int, *, complete: bool = False
    ) -> None:
        self.id, self.path, self._folder = identity, part_path(folder, identity), folder
        self.size, self._judge = 0, ArchiveChecker()
        self._min_free, self._allowed = min_free, 0
        try:
            self._file = _open_locked(self.path, complete=complete)
        except OSError as error:
            raise disk_error(f"{self.path} can't be opened", error) from error

    def reread(self) -> None:
        """Judge what an earlier run has left. What can't be the begin of a backup is forgotten."""
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
        self.size, self._judge = 0, ArchiveChecker()

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


def part_path(folder: str, identity: str) -> str:
    """Where the file of a backup grows."""
    return str(Path(folder) / f".{identity}.part")


def part_exists(folder: str, identity: str) -> bool:
    """Whether an earlier run has left a part of this backup."""
    return os.path.lexists(part_path(folder, identity))


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


def remove_stale(folder: str) -> None:
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
    path = part_path(folder, identity)
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


_PAPER = re.compile(r"\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json")

# Sets mode, owner and group of a file. Fails with FileOptionsError.
FileAttributes = Callable[[str], object]

# What to do where a folder doesn't take what a download does.
_ADVICE = {
    errno.EROFS: "It is read-only",
    errno.EACCES: "Give the user that the module runs as the right to list, search and write it",
    errno.EPERM: "Its file system doesn't let this user create a file or set its mode, as FAT and "
    "some CIFS mounts don't",
    errno.ENOLCK: "Its file system has no locks: an NFS mount needs its lock service",
    errno.EOPNOTSUPP: "Its file system has no locks, or no file modes",
    errno.ENOSYS: "Its file system has no locks, or no file modes",
    errno.EBADF: "Its file system has no locks",
    errno.ENAMETOOLONG: "The name is too long",
    errno.EINVAL: "Its file system doesn't take such a name",
    errno.EILSEQ: "Its file system doesn't take such a name",
    errno.ELOOP: "It is a link that leads nowhere",
    errno.ENOENT: "It was removed meanwhile",
    errno.ENOTDIR: "It isn't a folder any more",
}
_ADVICE[errno.ENOTSUP] = _ADVICE[errno.EOPNOTSUPP]


class Destination(NamedTuple):
    """folder: it exists. name: of the file in it, None for one that is made from the backup.
    portal: its address as `normal_portal` gives it. dump: of a whole server. min_free: how many per
    cent of its disk stay free.
    """

    folder: str
    name: str | None
    portal: str
    dump: bool
    min_free: int = 0

    def path(self, created_on: datetime) -> str:
        """Where the copy of a backup of this time goes."""
        name = self.name or backup_file_name(self.portal, created_on, dump=self.dump)
        return str(Path(self.folder) / name)

    def path_of(self, manifest: Manifest) -> str:
        """Where the copy with this manifest is: its name is made from the address as it was
        spelled then."""
        return self._replace(portal=manifest.portal).path(manifest.created_on)

    def belongs(self, manifest: Manifest) -> bool:
        """Whether a manifest is of this portal and kind."""
        return manifest.dump == self.dump and is_same_portal(manifest.portal, self.portal)

    def copies(self) -> list[BackupFile]:
        """The copies of this portal and kind whose size is right, newest first."""
        if self.name is None:
            # Another task may be given the path, which must not mean another file there.
            files = [
                file for file in find_files(self.folder) if not is_expanded(Path(file.path).name)
            ]
        else:
            path = str(Path(self.folder) / self.name)
            files = [inspect_file(path)] if os.path.lexists(path) else []
        return newest_first(
            [file for file in files if file.valid and file.manifest and self.belongs(file.manifest)]
        )

    def require_ours(self, path: str) -> Manifest | None:
        """Fail unless a file may be replaced. Gives what is known of the copy that is there."""
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            raise _guard(path, "it isn't a regular file")
        try:
            manifest = read_manifest(manifest_path(path))
        except ManifestError as error:
            raise _guard(path, f"its manifest can't be used: {error}") from None
        if manifest is not None and not self.belongs(manifest):
            kind = "the whole server" if manifest.dump else "the portal"
            raise _guard(path, f"its manifest says that it is of {kind} {manifest.portal}")
        return manifest


def parse_dest(dest: str, portal: str, *, dump: bool, min_free: int) -> Destination:
    """Check the option: a folder that exists, or the name of a file in one."""
    shown = repr(dest[:300])
    if not is_portal(portal):
        raise config_error("url: it is too long for the manifest of a copy. Give a shorter one.")
    try:
        if not Path(dest).is_absolute():
            raise config_error(f"dest: {shown} isn't absolute. Give the whole path.")
        folder, name = dest, None
        if not _is_folder(dest):
            folder, name = os.path.split(dest)
            if not name or not _is_folder(folder):
                raise config_error(
                    f"dest: the folder {folder[:300]!r} isn't there where the module runs. Make it "
                    "first."
                )
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise config_error(
                f"dest: the folder {folder[:300]!r} can't be listed, searched and written where the "
                "module runs. Give the user that the module runs as these rights."
            )
        risk = folder_risk(folder)
        if risk is not None:
            raise DocSpaceError(
                "guard",
                f"dest: {risk}. Take that permission away from others (chmod o-w), or give a folder "
                "that only you can write to.",
            )
        place = Destination(str(Path(folder)), name, portal, dump, min_free)
        # Any time will do: all names have one length.
        path = place.path(datetime(2000, 1, 1, tzinfo=timezone.utc))
        for one in (path, manifest_path(path), part_path(place.folder, trial_id())):
            with contextlib.suppress(FileNotFoundError):
                os.lstat(one)
        if name is not None:
            if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
                raise config_error(f"dest: {shown} is there, and no regular file.")
            place.require_ours(path)
    except (OSError, ValueError) as error:
        raise unusable(dest, error) from error
    return place


def _is_folder(path: str) -> bool:
    """Whether a folder is there. A PermissionError where that can't be seen."""
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode)
    except OSError as error:
        # The name of a file in it may be too long, which is told later.
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            return False
        raise


def unusable(folder: str, error: Exception) -> DocSpaceError:
    """The failure of a folder that doesn't take a copy, found out before anything was sent."""
    number = error.errno if isinstance(error, OSError) else None
    known = _ADVICE.get(number or 0)
    advice = f"{known}. " if known else ""
    message = (
        f"dest: {folder[:300]!r} can't take a copy where the module runs ({error_text(error)}). {advice}"
        "Nothing was sent. Change that, or give another 'dest'."
    )
    if known or not isinstance(error, OSError):
        return config_error(message)
    return Unusable(message, error)


def prove_destination(place: Destination, dress: FileAttributes) -> None:
    """Prove that the folder takes all that a download does, before a backup is started for it."""
    require_room(place.folder, 0, place.min_free)
    for left in reversed(range(10)):
        try:
            _try_out(place, dress)
            return
        except Unusable as error:
            raise unusable(place.folder, error.error) from error
        except DiskFull as error:
            why = error_text(error.__cause__) if isinstance(error.__cause__, OSError) else "full"
            raise DiskFull(
                "guard",
                f"dest: {place.folder[:300]!r} has no room for more files where the module runs ({why}). "
                "Nothing was sent. Make room for files and inodes, raise the quota, or give another "
                "'dest'.",
            ) from error
        except FileOptionsError as error:
            raise config_error(f"{error} Nothing was sent.") from error
        except UnsafeFile as error:
            raise config_error(
                f"dest: a copy in {place.folder[:300]!r} wouldn't be trusted afterwards: {error}. Nothing "
                "was sent. Check the options of its mount, or give another 'dest'."
            ) from error
        except DocSpaceError as error:
            # Another run has taken the trial for one that was left.
            if error.code != "conflict" or not left:
                raise


def predict_destination(place: Destination, dress: FileAttributes) -> None:
    """The same in a dry run, as far as reading tells. dress: only checks what it would do."""
    require_room(place.folder, 0, place.min_free)
    system = os.statvfs(place.folder)
    if system.f_flag & os.ST_RDONLY:
        raise unusable(place.folder, OSError(errno.EROFS, os.strerror(errno.EROFS)))
    if system.f_files and not system.f_ffree:
        raise DiskFull(
            "guard",
            f"No more files can be created on the disk of {place.folder}: it has no free inodes. "
            "Remove files there, or give another 'dest'.",
        )
    try:
        dress(place.folder)
    except FileOptionsError as error:
        raise config_error(str(error)) from error


def _try_out(place: Destination, dress: FileAttributes) -> None:
    """Two files at once, as the copy and its manifest are, with all that happens to them."""
    name = Path(manifest_path(place.path(datetime(2000, 1, 1, tzinfo=timezone.utc)))).name
    ids, parts = (trial_id(), trial_id()), []
    try:
        for identity in ids:
            parts.append(PartialFile(place.folder, identity, place.min_free))
            parts[-1].take(bytes(4096))
            parts[-1].sync()
        sync_folder(place.folder)
        for part in parts:
            dress(part.path)
            part.require_trusted()
        begin = f".{parts[0].id}."
        # The characters of the name, and its length where that matters.
        named = begin + (name if len(os.fsencode(name)) < 100 else name[len(begin) :])
        parts[0].rename(str(Path(place.folder) / named))
        sync_folder(place.folder)
        for part in parts:
            Path(part.path).unlink()
    except OSError as error:
        raise disk_error(f"A file can't be put into {place.folder}", error) from error
    finally:
        for part in parts:
            part.drop()
        for identity in ids[len(parts) :]:
            # One that could be created, but not opened as it has to be.
            with contextlib.suppress(OSError):
                Path(part_path(place.folder, identity)).unlink()


def publish(
    place: Destination, part: PartialFile, manifest: Manifest, dress: FileAttributes
) -> str:
    """Give a whole file its name. Whatever ends this on its way, `finish` ends it well.

    Nobody finds the new file beside the old manifest, or without one that is on its way.
    """
    path, waiting = place.path_of(manifest), _waiting(place, manifest.id)
    place.require_ours(path)
    part.sync()
    try:
        try:
            write_manifest(manifest, waiting)
        except ManifestError as error:
            raise protocol_error(
                f"The backup can't be described in a manifest: {error}."
            ) from error
        sync_folder(place.folder)
        for one in (part.path, waiting):
            dress(one)
        with contextlib.suppress(FileNotFoundError):
            Path(manifest_path(path)).unlink()
        Path(part.path).replace(path)
        Path(waiting).replace(manifest_path(path))
        sync_folder(place.folder)
    except OSError as error:
        raise disk_error(f"{path} can't be put in place", error) from error
    except FileOptionsError as error:
        raise DocSpaceError("task_failed", f"{path} can't be put in place. {error}") from error
    return path


def recover(place: Destination, dress: FileAttributes) -> list[Manifest]:
    """End what runs have left that died while they gave a whole file its name. Gives its papers."""
    ended = []
    for entry in sorted(Path(place.folder).iterdir()):
        found, waiting = _PAPER.fullmatch(entry.name), str(entry)
        if found is None:
            continue
        try:
            manifest = read_manifest(waiting)
            ours = manifest is not None and manifest.id == found[1] and place.belongs(manifest)
        except ManifestError:
            manifest, ours = None, True
        if manifest is not None and ours and _finish(place, manifest, dress):
            ended.append(manifest)
        elif ours:
            remove_if_old(waiting)
    return ended


def _finish(place: Destination, manifest: Manifest, dress: FileAttributes) -> bool:
    if part_exists(place.folder, manifest.id):
        try:
            part = PartialFile(place.folder, manifest.id, place.min_free, complete=True)
        except DocSpaceError as error:
            if error.code == "conflict":
                return False
            raise
        try:
            part.reread()
            if not _is_of(part.finish(), manifest):
                return False
            publish(place, part, manifest, dress)
        finally:
            part.close()
        return True
    path = place.path_of(manifest)
    try:
        if os.path.lexists(manifest_path(path)) or os.lstat(path).st_size != manifest.size:
            return False
        with os.fdopen(open_to_lock(path), "rb") as opened:
            require_trusted(opened.fileno(), path)
            # The run that has just renamed it is about to do this itself.
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_of(check_archive(opened), manifest):
                return False
            dress(path)
            Path(_waiting(place, manifest.id)).replace(manifest_path(path))
            sync_folder(place.folder)
    except (OSError, UnsafeFile, FileOptionsError):
        return False
    return True


def _is_of(verdict: Verdict, manifest: Manifest) -> bool:
    return (verdict.size, verdict.sha256) == (manifest.size, manifest.sha256)


def _waiting(place: Destination, identity: str) -> str:
    return str(Path(place.folder) / f".{identity}.json")


def _guard(path: str, why: str) -> DocSpaceError:
    return DocSpaceError(
        "guard",
        f"{path} isn't replaced: {why}. Give another 'dest', or remove both if nobody needs them.",
    )
