# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the copies of one portal lie: whose they are, which are there, and how one gets its name.

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
from .archive import Verdict, judge_file
from .files import BackupFile, find, is_expanded, look, newest_first
from .local_files import UnsafeFile, error_text, folder_risk, require_trusted
from .manifest import Manifest, ManifestError, is_portal, place_of, read, write
from .names import name_of_file
from .part import (
    DiskFull,
    Part,
    Unusable,
    disk_error,
    is_there,
    open_to_lock,
    place_of_part,
    remove_if_old,
    require_room,
    sync_folder,
    trial_id,
)

_PAPER = re.compile(r"\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json")

# Sets mode, owner and group of a file. Fails with FileOptionsError.
Dress = Callable[[str], object]

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


class Place(NamedTuple):
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
        name = self.name or name_of_file(self.portal, created_on, dump=self.dump)
        return str(Path(self.folder) / name)

    def path_of(self, paper: Manifest) -> str:
        """Where the copy with this manifest is: its name is made from the address as it was
        spelled then."""
        return self._replace(portal=paper.portal).path(paper.created_on)

    def is_ours(self, paper: Manifest) -> bool:
        """Whether a manifest is of this portal and kind."""
        return paper.dump == self.dump and is_same_portal(paper.portal, self.portal)

    def copies(self) -> list[BackupFile]:
        """The copies of this portal and kind whose size is right, newest first."""
        if self.name is None:
            # Another task may be given the path, which must not mean another file there.
            files = [file for file in find(self.folder) if not is_expanded(Path(file.path).name)]
        else:
            path = str(Path(self.folder) / self.name)
            files = [look(path)] if os.path.lexists(path) else []
        return newest_first(
            [file for file in files if file.valid and file.manifest and self.is_ours(file.manifest)]
        )

    def require_ours(self, path: str) -> Manifest | None:
        """Fail unless a file may be replaced. Gives what is known of the copy that is there."""
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            raise _guard(path, "it isn't a regular file")
        try:
            paper = read(place_of(path))
        except ManifestError as error:
            raise _guard(path, f"its manifest can't be used: {error}") from None
        if paper is not None and not self.is_ours(paper):
            kind = "the whole server" if paper.dump else "the portal"
            raise _guard(path, f"its manifest says that it is of {kind} {paper.portal}")
        return paper


def parse_dest(dest: str, portal: str, *, dump: bool, min_free: int) -> Place:
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
        place = Place(str(Path(folder)), name, portal, dump, min_free)
        # Any time will do: all names have one length.
        path = place.path(datetime(2000, 1, 1, tzinfo=timezone.utc))
        for one in (path, place_of(path), place_of_part(place.folder, trial_id())):
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


def prove_destination(place: Place, dress: Dress) -> None:
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


def predict_destination(place: Place, dress: Dress) -> None:
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


def _try_out(place: Place, dress: Dress) -> None:
    """Two files at once, as the copy and its manifest are, with all that happens to them."""
    name = Path(place_of(place.path(datetime(2000, 1, 1, tzinfo=timezone.utc)))).name
    ids, parts = (trial_id(), trial_id()), []
    try:
        for identity in ids:
            parts.append(Part(place.folder, identity, place.min_free))
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
                Path(place_of_part(place.folder, identity)).unlink()


def put(place: Place, part: Part, paper: Manifest, dress: Dress) -> str:
    """Give a whole file its name. Whatever ends this on its way, `finish` ends it well.

    Nobody finds the new file beside the old manifest, or without one that is on its way.
    """
    path, waiting = place.path_of(paper), _waiting(place, paper.id)
    place.require_ours(path)
    part.sync()
    try:
        try:
            write(paper, waiting)
        except ManifestError as error:
            raise protocol_error(
                f"The backup can't be described in a manifest: {error}."
            ) from error
        sync_folder(place.folder)
        for one in (part.path, waiting):
            dress(one)
        with contextlib.suppress(FileNotFoundError):
            Path(place_of(path)).unlink()
        Path(part.path).replace(path)
        Path(waiting).replace(place_of(path))
        sync_folder(place.folder)
    except OSError as error:
        raise disk_error(f"{path} can't be put in place", error) from error
    except FileOptionsError as error:
        raise DocSpaceError("task_failed", f"{path} can't be put in place. {error}") from error
    return path


def finish(place: Place, dress: Dress) -> list[Manifest]:
    """End what runs have left that died while they gave a whole file its name. Gives its papers."""
    ended = []
    for entry in sorted(Path(place.folder).iterdir()):
        found, waiting = _PAPER.fullmatch(entry.name), str(entry)
        if found is None:
            continue
        try:
            paper = read(waiting)
            ours = paper is not None and paper.id == found[1] and place.is_ours(paper)
        except ManifestError:
            paper, ours = None, True
        if paper is not None and ours and _finish(place, paper, dress):
            ended.append(paper)
        elif ours:
            remove_if_old(waiting)
    return ended


def _finish(place: Place, paper: Manifest, dress: Dress) -> bool:
    if is_there(place.folder, paper.id):
        try:
            part = Part(place.folder, paper.id, place.min_free, complete=True)
        except DocSpaceError as error:
            if error.code == "conflict":
                return False
            raise
        try:
            part.reread()
            if not _is_of(part.finish(), paper):
                return False
            put(place, part, paper, dress)
        finally:
            part.close()
        return True
    path = place.path_of(paper)
    try:
        if os.path.lexists(place_of(path)) or os.lstat(path).st_size != paper.size:
            return False
        with os.fdopen(open_to_lock(path), "rb") as opened:
            require_trusted(opened.fileno(), path)
            # The run that has just renamed it is about to do this itself.
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_of(judge_file(opened), paper):
                return False
            dress(path)
            Path(_waiting(place, paper.id)).replace(place_of(path))
            sync_folder(place.folder)
    except (OSError, UnsafeFile, FileOptionsError):
        return False
    return True


def _is_of(verdict: Verdict, paper: Manifest) -> bool:
    return (verdict.size, verdict.sha256) == (paper.size, paper.sha256)


def _waiting(place: Place, identity: str) -> str:
    return str(Path(place.folder) / f".{identity}.json")


def _guard(path: str, why: str) -> DocSpaceError:
    return DocSpaceError(
        "guard",
        f"{path} isn't replaced: {why}. Give another 'dest', or remove both if nobody needs them.",
    )
