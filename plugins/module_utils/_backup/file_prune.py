# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove off-site copies that a retention policy doesn't keep.

Anyone who can write to a folder chooses the names in it. So no name becomes a path here: all access is
by the open folder and the exact name in it, and no link is followed.

This file is private to the collection.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from .._portal.errors import DocSpaceError, config_error
from .._portal.interrupts import InterruptGuard
from .._portal.values import is_future, is_same_portal
from .backup_files import WORK_FILE, BackupFile, inspect_file, unreadable, verify
from .local_files import UnsafeFile, error_text, folder_risk, open_to_read
from .manifest import Manifest, ManifestError, manifest_path, read_manifest
from .prune import Plan, plan_policy, row_of
from .record import Record
from .retention import Policy

MOST_PROBLEMS = 20


class OffsiteCopy(NamedTuple):
    """A file that a policy may remove."""

    name: str  # exactly as in the folder, for use with `dir_fd`
    file: BackupFile  # its path is for results only
    manifest: Manifest
    device: int
    inode: int

    @property
    def record(self) -> Record:
        """The copied backup as a record. A copy doesn't expire."""
        return self.manifest.record


class OffsiteFolder:
    """An open folder with off-site copies.

    Args:
        portal: In the form of `normalize_portal`.
        dump: Whether server-wide backups count, instead of the portal's own.
    """

    def __init__(self, path: str, portal: str, *, dump: bool) -> None:
        self.path = path
        self.copies: list[OffsiteCopy] = []  # newest first
        self.problems: list[dict[str, str]] = []  # of files that are left alone
        self._portal, self._dump = portal, dump
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            with os.scandir(self._fd) as entries:
                names = {entry.name for entry in entries}
        except (OSError, ValueError) as error:
            raise config_error(
                f"path: {path[:300]!r} can't be read as a folder where the module runs "
                f"({error_text(error)}). Give the folder with the copies."
            ) from error
        found = [
            self._evaluate(name)
            for name in sorted(names)
            if manifest_path(name) in names and not WORK_FILE.fullmatch(name)
        ]
        copies = [copy for copy in found if copy is not None]
        # Equal times keep the order of the names.
        self.copies = sorted(copies, key=lambda copy: copy.manifest.created_on, reverse=True)

    def close(self) -> None:
        """Close the folder."""
        os.close(self._fd)

    def verify(self, copy: OffsiteCopy) -> BackupFile:
        """Read a copy to its end, and compare it with its manifest."""
        try:
            with open_to_read(copy.name, dir_fd=self._fd) as opened:
                if not self._is_same(copy, os.fstat(opened.fileno())):
                    raise UnsafeFile("another file has taken its place")
                return verify(copy.file, opened)
        except (OSError, UnsafeFile) as error:
            return unreadable(copy.file, error)

    def require_usable(self) -> None:
        """Raise an error if files can't or shouldn't be removed here. For check mode, too."""
        risk = folder_risk(self.path)
        if risk is not None:
            raise DocSpaceError(
                "guard",
                f"path: {risk}. Nothing was removed. Take that permission away from others "
                "(chmod o-w).",
            )
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise config_error(
                f"path: the folder {self.path[:300]!r} can't be written where the module runs."
            )

    def remove(self, copy: OffsiteCopy) -> str | None:
        """Remove a file, then its manifest. Returns a warning if the manifest couldn't be removed.

        Raises, if nothing was removed:
            FileNotFoundError: The file had been removed already.
            DocSpaceError: Any other reason.
        """
        try:
            self._require_unchanged(copy)
            try:
                os.unlink(copy.name, dir_fd=self._fd)
            finally:
                # Also when a signal comes in between: without its file a manifest is of no use.
                warning = self._remove_manifest(copy)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._failed(copy, error_text(error)) from error
        return warning

    def sync(self) -> None:
        """Flush the folder to the disk, where the file system supports that."""
        with contextlib.suppress(OSError):
            os.fsync(self._fd)

    def _evaluate(self, name: str) -> OffsiteCopy | None:
        """Return the copy of this name. None for other files, and for those with a problem."""
        try:
            status = os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        except OSError:
            return None
        file = inspect_file(name, dir_fd=self._fd)._replace(path=str(Path(self.path, name)))
        manifest = file.manifest
        if manifest is None:
            # It is a backup, but of an unknown portal.
            if file.form is not None and file.problems:
                self._add_problem(name, file.problems)
            return None
        if not self._is_ours(manifest) or not self._exists(name):
            return None
        problems = [] if file.valid else file.problems
        if not 1 < manifest.created_on.year < 9999:
            problems = [*problems, "the time in its manifest is out of range"]
        if problems:
            self._add_problem(name, problems)
            return None
        return OffsiteCopy(name, file, manifest, status.st_dev, status.st_ino)

    def _is_ours(self, manifest: Manifest) -> bool:
        return manifest.dump == self._dump and is_same_portal(manifest.portal, self._portal)

    def _is_same(self, copy: OffsiteCopy, status: os.stat_result) -> bool:
        same = (status.st_dev, status.st_ino) == (copy.device, copy.inode)
        return same and stat.S_ISREG(status.st_mode) and status.st_size == copy.manifest.size

    def _require_unchanged(self, copy: OffsiteCopy) -> None:
        status = os.stat(copy.name, dir_fd=self._fd, follow_symlinks=False)
        try:
            manifest = read_manifest(manifest_path(copy.name), dir_fd=self._fd)
        except ManifestError:
            manifest = None
        if manifest != copy.manifest or not self._is_same(copy, status):
            why = "it or its manifest was changed after it was evaluated"
            raise self._failed(copy, why)

    def _remove_manifest(self, copy: OffsiteCopy) -> str | None:
        name = manifest_path(copy.name)
        if self._exists(copy.name):
            return None
        try:
            if read_manifest(name, dir_fd=self._fd) == copy.manifest:
                os.unlink(name, dir_fd=self._fd)
        except (ManifestError, OSError) as error:
            why = error_text(error) if isinstance(error, OSError) else error
            return f"The manifest of {copy.file.shown_path} is still there: {why}."
        return None

    def _exists(self, name: str) -> bool:
        """Whether the name exists, or may exist."""
        try:
            os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def _failed(self, copy: OffsiteCopy, why: str) -> DocSpaceError:
        words = f"{copy.file.shown_path} was not removed: {why}."
        return DocSpaceError("task_failed", words)

    def _add_problem(self, name: str, problems: list[str]) -> None:
        path = BackupFile(str(Path(self.path, name)), None, []).shown_path
        self.problems.append({"path": path, "problem": ", ".join(problems)})


class Row(NamedTuple):
    """A file of the plan."""

    copy: OffsiteCopy | None  # None for the one that check mode assumes
    record: Record
    reasons: list[str]

    def result(self, now: datetime) -> dict[str, Any]:
        """Return the file as the module does."""
        own: dict[str, Any] = {"path": None, "size": None}
        if self.copy is not None:
            own = {"path": self.copy.file.shown_path, "size": self.copy.manifest.size}
        return {**row_of(self.record, now), **own}


class FilePlan(NamedTuple):
    """Which files are removed and kept."""

    remove: list[Row]  # oldest first
    keep: list[Row]  # newest first

    @property
    def records(self) -> Plan:
        """The plan for guards and tables, with the file names of the folder."""
        return Plan([_named(row) for row in self.remove], [_named(row) for row in self.keep], [])


def plan_files(
    copies: list[OffsiteCopy], policy: Policy, now: datetime, assumed: list[Record]
) -> FilePlan:
    """Evaluate each backup once, by its newest file, and apply the result to all its files.

    copies: newest first. assumed: the copy that check mode assumes, if any.
    """
    files: dict[str, list[OffsiteCopy]] = {}
    for copy in copies:
        files.setdefault(copy.manifest.id, []).append(copy)
    plan = plan_policy([*assumed, *(same[0].record for same in files.values())], policy, now)

    def rows(part: list[tuple[Record, list[str]]]) -> Iterator[Row]:
        for record, reasons in part:
            if not record.id:
                yield Row(None, record, reasons)
            for copy in files.get(record.id, []):
                yield Row(copy, copy.record, reasons)

    return FilePlan(list(rows(plan.remove)), list(rows(plan.keep)))


def verify_newest(folder: OffsiteFolder, plan: FilePlan, now: datetime) -> BackupFile | None:
    """Read the newest copy that is kept to its end. Raises an error unless it is valid.

    A copy that is dated in the future doesn't count. Returns None for one that check mode assumes: the
    download will verify it.
    """
    times = [(row, row.record.created_on) for row in plan.keep]
    dated = [row for row, time in times if time and not is_future(time, now)]
    if not dated:
        raise DocSpaceError(
            "guard", "None of the copies that are kept can be verified. Nothing was removed."
        )
    newest = dated[0].copy
    if newest is None:
        return None
    file = folder.verify(newest)
    if not file.valid:
        raise DocSpaceError(
            "guard",
            f"{file.shown_path}, the newest copy that would be kept, isn't valid: "
            f"{', '.join(file.problems)[:400]}. Nothing was removed. Download a new copy, or remove "
            "this file and its manifest.",
            values={"verified": file.result(now), "problems": folder.problems},
        )
    return file


class Removal(NamedTuple):
    """The result of removing files."""

    removed: list[Row]
    failures: list[tuple[Row, DocSpaceError]]
    absent: list[Row]  # somebody else removed them
    warnings: list[str | None]


def remove_files(folder: OffsiteFolder, rows: list[Row], guard: InterruptGuard) -> Removal:
    """Remove files one by one. An interrupt ends this before the next file."""
    outcome = Removal([], [], [], [])
    try:
        for row in rows:
            if row.copy is None:
                continue
            guard.wait(writes=True)
            try:
                outcome.warnings.append(folder.remove(row.copy))
                outcome.removed.append(row)
            except FileNotFoundError:
                outcome.absent.append(row)
            except DocSpaceError as error:
                outcome.failures.append((row, error))
    finally:
        folder.sync()
    return outcome


def report_files(
    plan: FilePlan, outcome: Removal, folder: OffsiteFolder, now: datetime
) -> dict[str, Any]:
    """Return the result of the module, without the diff."""
    values: dict[str, Any] = {
        "kept": [{**row.result(now), "reasons": row.reasons} for row in plan.keep],
        "removed": [{**row.result(now), "reasons": row.reasons} for row in outcome.removed],
        "failures": [
            {**row.result(now), "failure": error.failure} for row, error in outcome.failures
        ],
        "absent": [row.record.id for row in outcome.absent],
    }
    considered = len(plan.keep) + len(plan.remove)
    counts = {"total": considered + len(folder.problems), "considered": considered}
    values["counts"] = {**counts, **{name: len(rows) for name, rows in values.items()}}
    return {**values, "problems": folder.problems}


def incomplete_removal(outcome: Removal, values: dict[str, Any]) -> DocSpaceError:
    """Return the error of a run that failed to remove some files, from the first failure."""
    first = outcome.failures[0][1]
    return first.evolve(
        message=f"{len(outcome.failures)} copies were not removed. {first.message}",
        changed=bool(outcome.removed),
        values=values,
        warnings=outcome.warnings,
    )


def warn_of(problems: list[dict[str, str]]) -> str | None:
    """Return a warning on files that were left alone."""
    if not problems:
        return None
    more = f", and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
    found = "; ".join(f"{one['path']}: {one['problem']}" for one in problems[:MOST_PROBLEMS])
    return f"These files were left alone, and don't count as copies: {found}{more}."


def _named(row: Row) -> tuple[Record, list[str]]:
    if row.copy is None:
        return row.record, row.reasons
    name = PurePath(row.copy.file.shown_path).name
    return row.record._replace(file_name=name), row.reasons
