# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder for the copies of one portal: check it, list its copies, put a file in place.

This file is private to the collection.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from .._portal.errors import DocSpaceError, FileOptionsError, config_error, protocol_error
from .._portal.values import is_same_portal
from .archive import Verdict, check_archive
from .backup_files import BackupFile, find_files, inspect_file, is_expanded, newest_first
from .local_files import UnsafeFile, error_text, folder_risk, require_trusted
from .manifest import (
    Manifest,
    ManifestError,
    backup_file_name,
    is_portal,
    manifest_path,
    read_manifest,
    write_manifest,
)
from .partial_file import (
    DiskFull,
    PartialFile,
    Unusable,
    disk_error,
    open_to_lock,
    part_exists,
    part_path,
    remove_if_old,
    require_room,
    sync_folder,
    trial_id,
)

_WAITING_MANIFEST = re.compile(r"\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json")

# Applies mode, owner and group to a file, or raises a FileOptionsError.
FileAttributes = Callable[[str], object]

# What an error of a folder means.
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
    """The folder for the copies of one portal and kind."""

    folder: str  # it exists
    name: str | None  # of the file, None for a name made from the backup
    portal: str  # its normalized address
    dump: bool
    min_free: int = 0  # per cent of the disk to keep free

    def path(self, created_on: datetime) -> str:
        """Return the path for the copy of a backup of this time."""
        name = self.name or backup_file_name(self.portal, created_on, dump=self.dump)
        return str(Path(self.folder) / name)

    def path_of(self, manifest: Manifest) -> str:
        """Return the path of the copy with this manifest, whose portal may be spelled differently."""
        return self._replace(portal=manifest.portal).path(manifest.created_on)

    def belongs(self, manifest: Manifest) -> bool:
        """Whether a manifest is one of this portal and kind."""
        return manifest.dump == self.dump and is_same_portal(manifest.portal, self.portal)

    def copies(self) -> list[BackupFile]:
        """Return the copies that match their manifests in size, newest first."""
        if self.name is None:
            # The path may be given to another task, where it must not mean another file.
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
        """Raise an error unless a file may be replaced. Returns its manifest, None without one."""
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
    """Check the option `dest`: an existing folder, or the name of a file in one."""
    shown = repr(dest[:300])
    if not is_portal(portal):
        raise config_error("url: is too long for the manifest of a copy. Use a shorter address.")
    try:
        if not Path(dest).is_absolute():
            raise config_error(f"dest: {shown} must be an absolute path.")
        folder, name = dest, None
        if not _is_folder(dest):
            folder, name = os.path.split(dest)
            if not name or not _is_folder(folder):
                raise config_error(
                    f"dest: the folder {folder[:300]!r} doesn't exist where the module runs. Create it "
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
        # The time doesn't matter: all names have the same length.
        path = place.path(datetime(2000, 1, 1, tzinfo=timezone.utc))
        for one in (path, manifest_path(path), part_path(place.folder, trial_id())):
            with contextlib.suppress(FileNotFoundError):
                os.lstat(one)
        if name is not None:
            if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
                raise config_error(f"dest: {shown} exists, but isn't a regular file.")
            place.require_ours(path)
    except (OSError, ValueError) as error:
        raise unusable(dest, error) from error
    return place


def _is_folder(path: str) -> bool:
    """Whether a path is a folder. Raises a PermissionError if that can't be found out."""
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode)
    except OSError as error:
        # The name of a file in it may be too long, which is reported later.
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            return False
        raise


def unusable(folder: str, error: Exception) -> DocSpaceError:
    """Return the error for a folder that can't hold a copy, before anything is sent.

    It must be raised from that error.
    """
    number = error.errno if isinstance(error, OSError) else None
    known = _ADVICE.get(number or 0)
    advice = f"{known}. " if known else ""
    message = (
        f"dest: {folder[:300]!r} can't take a copy where the module runs ({error_text(error)}). {advice}"
        "Nothing was sent. Change that, or give another 'dest'."
    )
    if known or not isinstance(error, OSError):
        return config_error(message)
    return Unusable("task_failed", message)


def prove_destination(place: Destination, apply: FileAttributes) -> None:
    """Do in the folder all that a download does, before a backup is started for it."""
    require_room(place.folder, 0, place.min_free)
    for left in reversed(range(10)):
        try:
            _write_trial_files(place, apply)
            return
        except Unusable as error:
            cause = error.__cause__
            raise unusable(place.folder, cause if isinstance(cause, OSError) else error) from error
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
            # Another run has taken the file for one of an interrupted test.
            if error.code != "conflict" or not left:
                raise


def predict_destination(place: Destination, apply: FileAttributes) -> None:
    """Check the same without writing, as far as possible. apply: only checks the options."""
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
        apply(place.folder)
    except FileOptionsError as error:
        raise config_error(str(error)) from error


def _write_trial_files(place: Destination, apply: FileAttributes) -> None:
    """Write two files, as the copy and its manifest, rename one, and remove both."""
    name = Path(manifest_path(place.path(datetime(2000, 1, 1, tzinfo=timezone.utc)))).name
    ids, parts = (trial_id(), trial_id()), []
    try:
        for identity in ids:
            parts.append(PartialFile(place.folder, identity, place.min_free))
            parts[-1].take(bytes(4096))
            parts[-1].sync()
        sync_folder(place.folder)
        for part in parts:
            apply(part.path)
            part.require_trusted()
        begin = f".{parts[0].id}."
        # With the characters and the length of the real name.
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
            # It was created, but couldn't be locked.
            with contextlib.suppress(OSError):
                Path(part_path(place.folder, identity)).unlink()


def publish(
    place: Destination, part: PartialFile, manifest: Manifest, apply: FileAttributes
) -> str:
    """Rename a verified file to its final name, and write its manifest. Returns its path.

    If this is interrupted at any point, `recover` completes it. At no time is the new file next to
    the old manifest, or without one that `recover` finds.
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
            apply(one)
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


def recover(place: Destination, apply: FileAttributes) -> list[Manifest]:
    """Complete copies whose `publish` was interrupted. Returns their manifests."""
    recovered = []
    for entry in sorted(Path(place.folder).iterdir()):
        found, waiting = _WAITING_MANIFEST.fullmatch(entry.name), str(entry)
        if found is None:
            continue
        try:
            manifest = read_manifest(waiting)
            ours = manifest is not None and manifest.id == found[1] and place.belongs(manifest)
        except ManifestError:
            manifest, ours = None, True
        if manifest is not None and ours and _recover_one(place, manifest, apply):
            recovered.append(manifest)
        elif ours:
            remove_if_old(waiting)
    return recovered


def _recover_one(place: Destination, manifest: Manifest, apply: FileAttributes) -> bool:
    """Complete one copy. Returns False if it can't be, or if another run does so."""
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
            publish(place, part, manifest, apply)
        finally:
            part.close()
        return True
    path = place.path_of(manifest)
    try:
        if os.path.lexists(manifest_path(path)) or os.lstat(path).st_size != manifest.size:
            return False
        with os.fdopen(open_to_lock(path), "rb") as opened:
            require_trusted(opened.fileno(), path)
            # Another run may be doing the same.
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_of(check_archive(opened), manifest):
                return False
            apply(path)
            Path(_waiting(place, manifest.id)).replace(manifest_path(path))
            sync_folder(place.folder)
    except (OSError, UnsafeFile, FileOptionsError):
        return False
    return True


def _is_of(verdict: Verdict, manifest: Manifest) -> bool:
    return (verdict.size, verdict.sha256) == (manifest.size, manifest.sha256)


def _waiting(place: Destination, backup_id: str) -> str:
    """Return the path of a manifest whose file isn't in place yet."""
    return str(Path(place.folder) / f".{backup_id}.json")


def _guard(path: str, why: str) -> DocSpaceError:
    return DocSpaceError(
        "guard",
        f"{path} isn't replaced: {why}. Give another 'dest', or remove both if nobody needs them.",
    )
