# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the copies of one portal lie: whose they are, which are there, and how one gets its name.

This file is private to the collection.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from .._portal.errors import DocSpaceError, config_error
from .._portal.values import is_same_portal
from .archive import Verdict, judge_file
from .files import BackupFile, find, look, newest_first
from .local_files import UnsafeFile, folder_risk, open_to_read, require_trusted
from .manifest import Manifest, ManifestError, place_of, read, write
from .names import name_of_file
from .part import Part, disk_error, is_there, remove_if_old, sync_folder

_PAPER = re.compile(r"\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json")

# Sets mode, owner and group of a file.
Dress = Callable[[str], object]


class Place(NamedTuple):
    """folder: it exists. name: of the file in it, None for one that is made from the backup.
    portal: its address as `normal_portal` gives it. dump: of a whole server.
    """

    folder: str
    name: str | None
    portal: str
    dump: bool

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
            files = find(self.folder)
        else:
            path = str(Path(self.folder) / self.name)
            files = [look(path)] if os.path.lexists(path) else []
        return newest_first(
            [file for file in files if file.valid and file.manifest and self.is_ours(file.manifest)]
        )

    def require_ours(self, path: str) -> Manifest | None:
        """Fail unless a file may be replaced. Gives what is known of the copy that is there."""
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            raise config_error(f"dest: {path} is there, and no regular file.")
        try:
            paper = read(place_of(path))
        except ManifestError as error:
            raise _guard(path, f"its manifest can't be used: {error}") from None
        if paper is not None and not self.is_ours(paper):
            kind = "the whole server" if paper.dump else "the portal"
            raise _guard(path, f"its manifest says that it is of {kind} {paper.portal}")
        return paper


def parse_dest(dest: str, portal: str, *, dump: bool) -> Place:
    """Check the option: a folder that exists, or the name of a file in one."""
    if not Path(dest).is_absolute():
        raise config_error(f"dest: {dest!r} isn't absolute. Give the whole path.")
    if Path(dest).is_dir():
        folder, name = str(Path(dest)), None
    else:
        folder, name = os.path.split(dest)
        if not name or not Path(folder).is_dir():
            raise config_error(
                f"dest: the folder {folder!r} isn't there where the module runs. Make it first."
            )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise config_error(f"dest: the folder {folder!r} can't be written where the module runs.")
    risk = folder_risk(folder)
    if risk is not None:
        raise DocSpaceError(
            "guard",
            f"dest: {risk}. Take that permission away from others (chmod o-w), or give a folder "
            "that only you can write to.",
        )
    place = Place(folder, name, portal, dump)
    if name is not None:
        place.require_ours(dest)
    return place


def put(place: Place, part: Part, paper: Manifest, dress: Dress) -> str:
    """Give a whole file its name. Whatever ends this on its way, `finish` ends it well.

    Nobody finds the new file beside the old manifest, or without one that is on its way.
    """
    path, waiting = place.path_of(paper), _waiting(place, paper.id)
    place.require_ours(path)
    part.sync()
    try:
        write(paper, waiting)
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
            part = Part(place.folder, paper.id, complete=True)
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
        with open_to_read(path) as opened:
            require_trusted(opened.fileno(), path)
            # The run that has just renamed it is about to do this itself.
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_of(judge_file(opened), paper):
                return False
            dress(path)
            Path(_waiting(place, paper.id)).replace(place_of(path))
            sync_folder(place.folder)
    except (OSError, UnsafeFile):
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
