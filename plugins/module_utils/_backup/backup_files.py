# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find backup files on a disk, verify them, and describe each.

This file is private to the collection.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from .._portal.values import clean, format_age, format_time, is_future, is_same_portal
from .archive import ArchiveChecker, archive_form, check_archive
from .local_files import UnsafeFile, error_text, open_to_read, require_trusted
from .manifest import Manifest, ManifestError, is_backup_file_name, manifest_path, read_manifest

# What a download works with: its file isn't whole yet, and is nobody's backup.
WORK_FILE = re.compile(r"\.[0-9a-f-]{36}\.(?:part|json)")
_EXPANDED = "its name can't be given to a task as it is ($, ~, or a special character): rename it"
_ENDINGS = (".tar.gz", ".tgz", ".tar")


class BackupFile(NamedTuple):
    """A file that is or may be a backup.

    valid: None for not known. problems: why it isn't valid or not known, and what is odd about its
    manifest, a clause each. kind: `portal` or `dump`. form: `gzip` or `tar`, by its first bytes.
    matches: whether it is what its manifest says, None without one. size, sha256, entries, kind:
    as read; of a file that wasn't read to its end as the manifest says, when the size is right.
    typed: the path is the user's own, so it may be a symbolic link.
    """

    path: str
    valid: bool | None
    problems: list[str]
    size: int | None = None
    form: str | None = None
    manifest: Manifest | None = None
    matches: bool | None = None
    kind: str | None = None
    sha256: str | None = None
    entries: int | None = None
    typed: bool = False

    @property
    def shown_path(self) -> str:
        """The path as results show it. A name needn't be text, but a result has to be."""
        return clean(self.path.encode("utf-8", "replace").decode("utf-8"))

    def result(self, now: datetime) -> dict[str, Any]:
        """The file as modules return it."""
        manifest = self.manifest
        age = None if manifest is None else int((now - manifest.created_on).total_seconds())
        return {
            "path": self.shown_path,
            "valid": self.valid,
            "problems": self.problems,
            "kind": self.kind,
            "size": self.size,
            "sha256": self.sha256,
            "entries": self.entries,
            "portal": manifest and manifest.portal,
            "id": manifest and manifest.id,
            "created_on": manifest and format_time(manifest.created_on),
            "age_seconds": age,
            "age": None if age is None else format_age(age),
            "storage_type": manifest and manifest.storage_type,
            "manifest": manifest is not None,
            "matches_manifest": self.matches,
        }


def find_files(path: str) -> list[BackupFile]:
    """The backup files in a folder, or the one file of this path, whatever it is.

    Of a folder those that have a manifest, a name of our form, or the head of a gzip or tar file,
    and those named like one that can't be read. An OSError when there is no such path.
    """
    if not stat.S_ISDIR(Path(path).stat().st_mode):
        return [inspect_file(path, typed=True)]
    with os.scandir(path) as entries:
        names = sorted(entry.name for entry in entries if not entry.is_dir(follow_symlinks=False))
    found = []
    for name in names:
        if WORK_FILE.fullmatch(name):
            continue
        file = inspect_file(str(Path(path) / name))
        if is_expanded(name):
            file.problems.append(_EXPANDED)
        unread = file.valid is None and file.manifest is None and name.endswith(_ENDINGS)
        gone = file.size is None and not os.path.lexists(file.path)
        if not gone and (file.form or file.manifest or is_backup_file_name(name) or unread):
            found.append(file)
    return found


def is_expanded(name: str) -> bool:
    """Whether a name means another file when its path is given to a task as an option."""
    shown = clean(name.encode("utf-8", "replace").decode("utf-8"))
    return "$" in name or name.startswith("~") or shown != name


def inspect_file(path: str, *, typed: bool = False, dir_fd: int | None = None) -> BackupFile:
    """What a file's size, its first bytes and its manifest tell.

    typed: the path is the user's own, not one that was found in a folder. A link is followed then.
    dir_fd: an open folder, in which path is a name.
    """
    problems, manifest = [], None
    try:
        manifest = read_manifest(manifest_path(path), dir_fd=dir_fd)
    except ManifestError as error:
        problems.append(f"its manifest counts for nothing: {error}")
    file = BackupFile(path, None, problems, manifest=manifest, typed=typed)
    unsafe = False
    try:
        with open_to_read(path, follow=typed, dir_fd=dir_fd) as opened:
            size, head = os.fstat(opened.fileno()).st_size, opened.read(512)
            try:
                require_trusted(opened.fileno(), path, dir_fd=dir_fd)
            except UnsafeFile as error:
                unsafe = True
                problems.append(str(error))
    except UnsafeFile as error:
        return file._replace(valid=False, problems=[*problems, str(error)])
    except OSError as error:
        return file._replace(problems=[*problems, f"it can't be read ({error_text(error)})"])
    file = file._replace(size=size, form=archive_form(head))
    if manifest is not None:
        matches = size == manifest.size
        # What others can write to may have changed since it was checked.
        file = file._replace(matches=matches, valid=None if matches and unsafe else matches)
        if matches:
            file = file._replace(
                kind=manifest.kind, sha256=manifest.sha256, entries=manifest.entries
            )
        else:
            problems.append(f"it has {size} bytes, its manifest says {manifest.size}")
    if file.form is None:
        problems.append("it is neither a gzip nor a tar file" if head else "the file is empty")
        file = file._replace(valid=False, kind=None, sha256=None, entries=None)
    return file


def verify_file(file: BackupFile) -> BackupFile:
    """Read a file that was looked at to its end, or until it is known to be invalid."""
    if file.form is None or file.valid is False:
        return file
    try:
        with open_to_read(file.path, follow=file.typed) as opened:
            return verify(file, opened)
    except (OSError, UnsafeFile) as error:
        return unreadable(file, error)


def unreadable(file: BackupFile, error: Exception) -> BackupFile:
    """A file that could not be read to its end."""
    problem = f"it can't be read to its end ({error_text(error)})"
    return file._replace(
        valid=None, problems=[*file.problems, problem], kind=None, sha256=None, entries=None
    )


def verify(file: BackupFile, opened: BinaryIO) -> BackupFile:
    """Read an open file to its end, and compare it with its manifest. An OSError is the caller's."""
    size = os.fstat(opened.fileno()).st_size
    verdict = check_archive(opened, ArchiveChecker(size))
    problems, matches, manifest = [*file.problems, *verdict.problems], None, file.manifest
    if verdict.sha256 is not None:
        size = verdict.size
    if manifest is not None and verdict.sha256 is None:
        # A manifest is only ever written for a valid file.
        matches = False
        problems.append("it isn't what its manifest says")
    elif manifest is not None:
        names = ("size", "sha256", "kind", "entries")
        wrong = [name for name in names if getattr(verdict, name) != getattr(manifest, name)]
        matches = not wrong
        if wrong:
            problems.append(f"it isn't what its manifest says ({', '.join(wrong)})")
    return file._replace(
        valid=verdict.whole and matches is not False,
        problems=problems,
        size=size,
        matches=matches,
        kind=verdict.kind,
        sha256=verdict.sha256,
        entries=verdict.entries,
    )


def select_files(
    files: Iterable[BackupFile],
    now: datetime,
    *,
    newer_than: int | None = None,
    older_than: int | None = None,
    ids: Collection[str] | None = None,
    portal: str | None = None,
) -> list[BackupFile]:
    """Those of some ages in seconds, some ids, and of the portal with an address.

    An age of just the limit is older, not newer. A file without a manifest matches none of them.
    """

    def matches(manifest: Manifest | None) -> bool:
        if manifest is None:
            return (newer_than, older_than, ids, portal) == (None, None, None, None)
        age = (now - manifest.created_on).total_seconds()
        return (
            (newer_than is None or age < newer_than)
            and (older_than is None or age >= older_than)
            and (ids is None or manifest.id in ids)
            and (portal is None or is_same_portal(manifest.portal, portal))
        )

    return [file for file in files if matches(file.manifest)]


def newest_first(files: Iterable[BackupFile]) -> list[BackupFile]:
    """Sorted by time, newest first, undated ones last, equal times by path."""

    def key(file: BackupFile) -> tuple[bool, float, str]:
        manifest = file.manifest
        return (
            manifest is None,
            0.0 if manifest is None else -manifest.created_on.timestamp(),
            file.path,
        )

    return sorted(files, key=key)


def latest_file(files: Iterable[BackupFile], now: datetime) -> BackupFile | None:
    """The newest of files sorted by `newest_first`: valid, not dated in the future, and one whose
    path can be given to another task."""
    for file in files:
        past = file.manifest is not None and not is_future(file.manifest.created_on, now)
        if file.valid and past and not is_expanded(Path(file.path).name):
            return file
    return None
