# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Download a backup: find or create one, fetch its file, verify it, and put it in place.

This file is private to the collection.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, NamedTuple

from .._portal.client import Client
from .._portal.errors import DocSpaceError, Effect, protocol_error
from .._portal.file_stream import StorageError, absolute_url, fetch
from .._portal.values import is_future, normal_uuid
from .api import BackupApi
from .create import PASSING, check_location, create_backup
from .delete import delete_backup
from .destination import (
    Destination,
    FileAttributes,
    predict_destination,
    prove_destination,
    publish,
    recover,
    unusable,
)
from .manifest import Manifest
from .partial_file import (
    LONGEST_LIFE,
    DiskFull,
    PartialFile,
    disk_error,
    part_exists,
    remove_stale,
    require_room,
    require_usable,
)
from .record import Record, find, not_found
from .storage import Storage
from .task import Poller, Task, format_rate

# The portal gives a link to the files of these backups only, for a day (C34).
TEMPORARY = Storage("data_store", {}, {})


class DownloadRequest(NamedTuple):
    """The options of a download."""

    id: str | None  # of a backup that exists
    max_age: int | None  # seconds
    keep: bool  # keep the temporary backup on the portal
    now: datetime
    allow_lost_records: bool = False

    def is_met_by(self, manifest: Manifest) -> bool:
        """Whether an existing copy is sufficient."""
        if self.id is not None:
            return manifest.id == self.id
        if self.max_age is None or is_future(manifest.created_on, self.now):
            return False
        return self._age(manifest.created_on) < self.max_age

    def can_use(self, backup_id: str, created_on: datetime) -> bool:
        """Whether the backup of an earlier, interrupted run is sufficient."""
        if self.id is not None:
            return backup_id == self.id
        # The portal's clock may be ahead.
        return self._age(created_on) < (LONGEST_LIFE if self.max_age is None else self.max_age)

    def _age(self, created_on: datetime) -> float:
        return (self.now - created_on).total_seconds()


class AvailableBackup(NamedTuple):
    """A backup whose file can be fetched."""

    task: Task
    record: Record
    link: Any
    joined: bool = False  # its task ran already
    created: bool = False  # by this run


class DownloadResult(NamedTuple):
    """The result of a download. In check mode, what isn't known yet is None."""

    changed: bool
    path: str | None = None
    manifest: Manifest | None = None
    replaced: Manifest | None = None  # of the copy that was at this path before
    record: Record | None = None
    size: int | None = None
    task: Task | None = None
    joined: bool = False
    resumed: int = 0  # how often the transfer was resumed
    warnings: tuple[str | None, ...] = ()


class Download:
    """Download one backup. The steps are methods, in the order in which `run` takes them."""

    # Set by `obtain`.
    _backup: AvailableBackup
    _part: PartialFile

    def __init__(
        self,
        client: Client,
        destination: Destination,
        poller: Poller,
        request: DownloadRequest,
        apply_attributes: FileAttributes,
    ) -> None:
        self._client = client
        self._api = BackupApi(client, destination.dump)
        self._destination = destination
        self._poller = poller
        self._request = request
        self._apply_attributes = apply_attributes
        self._folder = destination.folder

    def run(self) -> DownloadResult:
        """Download the backup, unless a copy exists that is sufficient."""
        existing = self.find_existing() or self.recover()
        if existing is not None:
            return existing
        # Before anything is sent: a failure after the start costs a backup on the portal.
        prove_destination(self._destination, self._apply_attributes)
        self.obtain()
        backup = self._backup
        try:
            # Another run may have waited for the same backup, and be done.
            existing = self.find_existing(backup.record.id) if backup.joined else None
            if existing is not None:
                self._part.drop()
                return existing._replace(task=backup.task, joined=True)
            replaced = self._destination.require_ours(
                self._destination.path(created_on(backup.record))
            )
            resumed = self.fetch()
            manifest = self.verify()
            path = publish(self._destination, self._part, manifest, self._apply_attributes)
            return DownloadResult(
                True,
                path,
                manifest,
                replaced,
                backup.record,
                manifest.size,
                backup.task,
                backup.joined,
                resumed,
                tuple(self.clean_up()),
            )
        except OSError as error:
            failed = disk_error(f"{self._folder} can't be used", error)
            raise self._describe_failure(failed) from error
        except DocSpaceError as error:
            raise self._describe_failure(error) from error
        finally:
            if self._request.id is not None and self._part.is_empty:
                self._part.drop()
            self._part.close()

    def preview(self) -> DownloadResult:
        """Return what `run` would do, as far as reading tells. For check mode."""
        existing = self.find_existing()
        if existing is not None:
            return existing
        try:
            predict_destination(self._destination, self._apply_attributes)
            return self._preview()
        except OSError as error:
            raise unusable(self._folder, error) from error

    def find_existing(self, backup_id: str | None = None) -> DownloadResult | None:
        """Return a copy that is sufficient. backup_id: look for this backup only."""
        request = self._request._replace(id=backup_id) if backup_id else self._request
        try:
            for file in self._destination.copies():
                if file.manifest and request.is_met_by(file.manifest):
                    return _existing_copy(file.path, file.manifest)
        except OSError as error:
            raise unusable(self._folder, error) from error
        return None

    def recover(self) -> DownloadResult | None:
        """Complete what interrupted runs have verified. Returns the copy if it is sufficient."""
        try:
            recovered = recover(self._destination, self._apply_attributes)
            for manifest in recovered:
                if self._request.can_use(manifest.id, manifest.created_on):
                    self._client.log(f"an interrupted run had downloaded {manifest.id}")
                    path = self._destination.path_of(manifest)
                    return _existing_copy(path, manifest)._replace(changed=True)
            existing = self.find_existing() if recovered else None
            if existing is None:
                remove_stale(self._folder)
        except OSError as error:
            raise unusable(self._folder, error) from error
        return existing

    def obtain(self) -> None:
        """Find the backup to fetch, or create a temporary one, and open its partial file."""
        last, backup = self._find_available()
        if backup is None:
            self._create(last)
        else:
            self._backup = backup
            self._part = self._open_part(backup.record.id)

    def fetch(self) -> int:
        """Fetch the missing part of the file. Returns how often the transfer was resumed."""
        address = absolute_url(self._client, self._backup.link)
        # Reading the partial file doesn't count as waiting: if it took longer than `wait_timeout`, the
        # transfer could never be resumed.
        left = self._poller.left
        self._part.reread()
        before, start = self._part.size, time.monotonic()
        with self._client.deadline(left):
            resumed = fetch(self._client, address, self._part)
        rate = format_rate(self._part.size - before, time.monotonic() - start)
        self._client.log(f"downloaded {rate}")
        return resumed

    def verify(self) -> Manifest:
        """Return the manifest of the file. Removes it if it isn't a complete backup."""
        destination, record = self._destination, self._backup.record
        verdict, problems = self._part.finish(), []
        kind = "dump" if destination.dump else "portal"
        if verdict.whole and verdict.kind != kind:
            problems = [f"it is the backup of a {verdict.kind}, not of a {kind}"]
        problems = problems or list(verdict.problems)
        if problems or verdict.sha256 is None:
            self._part.drop()
            raise protocol_error(
                f"The file of backup {record.id} is not valid, so it was removed: "
                f"{'; '.join(problems)}. Run the task again to create and download a new backup."
            )
        self._client.log(f"verified: {verdict.entries} entries, sha256 {verdict.sha256}")
        return Manifest(
            portal=destination.portal,
            id=record.id,
            file_name=record.file_name[:1000] or "unknown",
            storage_type=record.storage_type,
            created_on=created_on(record),
            dump=destination.dump,
            size=verdict.size,
            sha256=verdict.sha256,
            entries=verdict.entries,
        )

    def clean_up(self) -> list[str | None]:
        """Delete the temporary backup that this run created. Returns warnings."""
        task, record = self._backup.task, self._backup.record
        warnings = [f"Backup task {record.id}: {task.warning}" if task.warning else None]
        if self._backup.created and not self._request.keep:
            try:
                warnings.append(delete_backup(self._api, record))
            except DocSpaceError as error:
                warnings.append(
                    "The copy is complete, but the temporary backup stays on the portal until it "
                    f"expires. {error.message}"
                )
        return warnings

    def _find_available(self) -> tuple[Task | None, AvailableBackup | None]:
        """Return the portal's last backup task, and the backup that can be fetched.

        That is the one of the option `id`, or the one of an interrupted run.
        """
        with self._client.deadline(self._poller.left):
            last, backup = self._read_available()
        if self._poller.over:
            raise DocSpaceError(
                "task_failed",
                f"The portal took longer than {self._poller.timeout} s ('wait_timeout') to list its "
                "backups. Nothing was started.",
            )
        return last, backup

    def _read_available(self) -> tuple[Task | None, AvailableBackup | None]:
        wanted = self._request.id
        self._api.require_dump_support()
        # Read even where it isn't needed: a portal that refuses it would create a backup in vain (C26).
        history = self._api.history()
        if wanted is not None and find(history, wanted) is None:
            raise not_found(wanted)
        task, link = self._api.progress_with_link()
        has_link = task is not None and task.status == "completed" and bool(link)
        record = find(history, task.id) if task is not None and has_link else None
        if wanted is not None:
            if task is None or record is None or record.id != wanted:
                raise DocSpaceError(
                    "not_found",
                    f"The portal has no link to the file of backup {wanted}. It has one only for the "
                    "temporary backup of its last backup task, for a day. Leave out 'id' to create a "
                    "new one.",
                )
            return task, AvailableBackup(task, record, link)
        backup_id = normal_uuid(task.id) if task is not None and link else None
        if task is None or backup_id is None or not part_exists(self._folder, backup_id):
            return task, None
        # It may have ended just now.
        record = record or find(self._api.history(), backup_id)
        if task.status != "completed" or record is None:
            return task, None
        if not self._request.can_use(backup_id, created_on(record)):
            return task, None
        self._client.log(f"an interrupted run has begun to download {record.id}")
        return task, AvailableBackup(task, record, link)

    def _create(self, running: Task | None) -> None:
        """Create a temporary backup. Its partial file exists first, so that the next run knows it."""
        opened: list[PartialFile] = []

        def open_part(task: Task) -> None:
            backup_id = normal_uuid(task.id)
            if backup_id is None:
                raise protocol_error("The portal's backup task has no valid ID.")
            while opened:
                opened.pop().drop()
            opened.append(self._open_part(backup_id))

        try:
            result = create_backup(
                self._api,
                TEMPORARY,
                self._poller,
                [],
                running=running,
                allow_lost_records=self._request.allow_lost_records,
                begun=open_part,
            )
            self._client.log(f"created in {self._poller.elapsed:.0f} s")
            try:
                with self._client.deadline(self._poller.left):
                    task, link = self._api.progress_with_link()
                created, record = result.task, result.record
                same = task is not None and record is not None and task.id == record.id
                if created is None or record is None or not same or not link:
                    raise _lost_link(created)
            except DocSpaceError as error:
                values = {"task": result.task and result.task.result(), "joined": result.joined}
                raise error.evolve(changed=not result.joined, values=values) from error
        except BaseException as error:
            for part in opened:
                if part.is_empty and (_has_ended(error) or not may_resume(error)):
                    part.drop()
                part.close()
            raise
        self._part = opened[0]
        self._backup = AvailableBackup(created, record, link, result.joined, not result.joined)

    def _open_part(self, backup_id: str) -> PartialFile:
        return PartialFile(self._folder, backup_id, self._destination.min_free)

    def _describe_failure(self, error: DocSpaceError) -> DocSpaceError:
        """Add what this run has started to an error, and remove a partial file that is useless."""
        backup, part, message = self._backup, self._part, error.message
        if isinstance(error, DiskFull):
            part.drop()
            message += (
                " The incomplete file was removed. Make room, or give another 'dest', and run the "
                "task again."
            )
        elif not may_resume(error) and (part.is_empty or _is_link_refused(error)):
            part.drop()
        return error.evolve(
            message=message,
            changed=error.changed or backup.created,
            values={**error.values, "task": backup.task.result(), "joined": backup.joined},
        )

    def _preview(self) -> DownloadResult:
        destination, request = self._destination, self._request
        last, backup = self._find_available()
        path = None if destination.name is None else destination.path(request.now)
        replaced = None if path is None else destination.require_ours(path)
        if backup is None:
            running = last if last is not None and not last.ended else None
            if running is None:
                allow = request.allow_lost_records
                check_location(self._api, TEMPORARY, allow_lost_records=allow)
            joined = running is not None
            return DownloadResult(True, path, replaced=replaced, task=running, joined=joined)
        destination.require_ours(destination.path(created_on(backup.record)))
        require_usable(self._folder, backup.record.id)
        sizer = _Sizer(destination)
        with self._client.deadline(self._poller.left):
            fetch(self._client, absolute_url(self._client, backup.link), sizer)
        return DownloadResult(True, path, None, replaced, backup.record, sizer.total, backup.task)


def may_resume(error: BaseException) -> bool:
    """Whether the next run may fetch the same backup.

    Then even an empty partial file is useful: it says that no other backup has to be created.
    """
    if not isinstance(error, DocSpaceError):
        return True
    persistent = error.code not in (*PASSING, "tls", "guard", "task_failed", "conflict")
    return not persistent and (error.code != "server" or error.status in (502, 503, 504))


def created_on(record: Record) -> datetime:
    """Return when a backup was created. Without it, a copy has no name and no age."""
    if record.created_on is None:
        raise protocol_error(
            f"The portal gives no valid time for backup {record.id}, so its copy would have no name "
            "and no age."
        )
    return record.created_on


def _existing_copy(path: str, manifest: Manifest) -> DownloadResult:
    return DownloadResult(False, path, manifest, manifest, manifest.record, manifest.size)


def _lost_link(task: Task | None) -> DocSpaceError:
    which = f"Backup {task.id}" if task else "The backup"
    return DocSpaceError(
        "conflict",
        f"{which} was created, but the portal has no link to its file any more. Most likely another "
        "backup was started. Run the task again.",
    )


def _has_ended(error: BaseException) -> bool:
    """Whether the backup task ended without a backup to fetch."""
    return (
        isinstance(error, DocSpaceError)
        and error.code in ("task_failed", "conflict", "guard")
        and error.effect != Effect.STARTED
    )


def _is_link_refused(error: DocSpaceError) -> bool:
    """Whether the portal refuses its own link, which it would do again."""
    return error.status in (400, 403, 404) and not isinstance(error, StorageError)


class _Sizer:
    """Finds out how long a file is, and takes nothing of it."""

    def __init__(self, destination: Destination) -> None:
        self.size, self._destination = 0, destination
        self.total: int | None = None

    def announced(self, total: int | None) -> None:
        """Note the size. Raises an error if there is no room for it."""
        self.total = total
        if total is not None:
            require_room(self._destination.folder, total, self._destination.min_free)

    def take(self, _piece: bytes) -> bool:
        """Take nothing, and end the transfer."""
        return False

    def last(self) -> bytes:
        """Return nothing: no byte is kept."""
        return b""

    def restart(self) -> None:
        """Do nothing: no byte is kept."""
