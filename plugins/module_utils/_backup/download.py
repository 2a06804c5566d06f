# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backup a portal has a file of that can be fetched: one that is there, or one that is made.

This file is private to the collection.

Bring a backup off site: find or make one, fetch it, check it, put it in place.

This file is private to the collection.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, NamedTuple

from .._portal.client import Client
from .._portal.errors import DocSpaceError, Effect, protocol_error
from .._portal.file_stream import absolute_url, fetch
from .._portal.values import is_future, normal_uuid
from .api import API, dump_query, read_history, require_dumps
from .create import PASSING, check_location, create_backup
from .delete import delete_backups
from .manifest import Manifest
from .partial_file import (
    LONGEST_LIFE,
    Destination,
    DiskFull,
    FileAttributes,
    PartialFile,
    disk_error,
    part_exists,
    predict_destination,
    prove_destination,
    publish,
    recover,
    remove_stale,
    require_room,
    require_usable,
    unusable,
)
from .record import Record, find, not_found
from .storage import Storage
from .task import Poller, Task, format_rate, parse_task

# Where a portal keeps what has a link, for a day.
TEMPORARY = Storage("data_store", {}, {})


class DownloadRequest(NamedTuple):
    """What is asked for. id: of a backup that is there. max_age: seconds. keep: also on the portal.
    now: the time of the run. allow_lost_records: as the option.
    """

    id: str | None
    max_age: int | None
    keep: bool
    now: datetime
    allow_lost_records: bool = False

    def is_met_by(self, manifest: Manifest) -> bool:
        """Whether a copy that is there is enough. One that is dated in the future isn't."""
        if self.id is not None:
            return manifest.id == self.id
        if self.max_age is None or is_future(manifest.created_on, self.now):
            return False
        return self._age(manifest.created_on) < self.max_age

    def goes_on_with(self, identity: str, created_on: datetime) -> bool:
        """Whether what a run has left that died is enough, once it is brought to its end."""
        if self.id is not None:
            return identity == self.id
        # The portal's clock may be ahead of ours.
        return self._age(created_on) < (LONGEST_LIFE if self.max_age is None else self.max_age)

    def _age(self, created_on: datetime) -> float:
        return (self.now - created_on).total_seconds()


class AvailableBackup(NamedTuple):
    """A backup whose file can be fetched. made: by this run."""

    task: Task
    record: Record
    link: Any
    joined: bool = False
    made: bool = False


def find_available(
    client: Client, place: Destination, order: DownloadRequest
) -> tuple[Task | None, AvailableBackup | None]:
    """The portal's last task, and the backup that is there to be fetched: the one that is asked
    for, or the one that a run has left which died on the way."""
    require_dumps(client, place.dump)
    # Also where it isn't needed: a portal that refuses it would make a backup in vain (C26).
    history = read_history(client, dump=place.dump)
    if order.id is not None and find(history, order.id) is None:
        raise not_found(order.id)
    task, link = _read_link(client, dump=place.dump)
    if task is None or task.status != "completed" or not link:
        record = None
    else:
        record = find(history, task.id)
    if order.id is not None:
        if task is None or record is None or record.id != order.id:
            raise DocSpaceError(
                "not_found",
                f"The portal has no link to the file of backup {order.id}. It has one only for a "
                "temporary backup that its last backup task made, for a day. Leave 'id' out to "
                "have a new one made.",
            )
        return task, AvailableBackup(task, record, link)
    identity = None if task is None or not link else normal_uuid(task.id)
    if task is None or identity is None or not part_exists(place.folder, identity):
        return task, None
    if record is None:
        # It may have ended just now.
        record = find(read_history(client, dump=place.dump), identity)
    if task.status != "completed" or record is None:
        return task, None
    if not order.goes_on_with(identity, created_on(record)):
        return task, None
    client.log(f"an earlier run has begun with backup {record.id}")
    return task, AvailableBackup(task, record, link)


def _read_link(client: Client, *, dump: bool) -> tuple[Task | None, Any]:
    """The portal's last backup task with its link, which is a secret."""

    def read(response: Any) -> tuple[Task | None, Any]:
        task = parse_task(response)
        return task, None if task is None else response.get("link")

    # The link isn't masked, because its signature may be known already.
    found: tuple[Task | None, Any] = client.get(
        f"{API}getbackupprogress", dump_query(dump), read=read, raw=("link",)
    )
    return found


def check_creation(client: Client, place: Destination, order: DownloadRequest) -> None:
    """Refuse a temporary backup that would cost other backups their records."""
    allow = order.allow_lost_records
    check_location(client, TEMPORARY, dump=place.dump, allow_lost_records=allow)


def create_temporary(
    client: Client, place: Destination, pace: Poller, order: DownloadRequest, last: Task | None
) -> tuple[AvailableBackup, PartialFile]:
    """Have a temporary backup made. Its part is there before it, so that the next run knows it."""
    begun: list[PartialFile] = []

    def begin(task: Task) -> None:
        identity = normal_uuid(task.id)
        if identity is None:
            raise protocol_error("The portal's backup task has no readable id.")
        while begun:
            begun.pop().drop()
        begun.append(PartialFile(place.folder, identity, place.min_free))

    try:
        made = create_backup(
            client,
            TEMPORARY,
            pace,
            dump=place.dump,
            running=last,
            wait=True,
            cancel=False,
            check=lambda _storage: check_creation(client, place, order),
            begun=begin,
        )
        client.log(f"made in {pace.elapsed:.0f} s")
        try:
            with client.deadline(pace.left):
                task, link = _read_link(client, dump=place.dump)
            if made.record is None or task is None or task.id != made.record.id or not link:
                raise DocSpaceError(
                    "conflict",
                    f"Backup {made.task.id} is made, but the portal has no link to it any more: "
                    "most likely somebody has begun another one. Run again.",
                )
        except DocSpaceError as error:
            error.changed = not made.joined
            error.values = {"task": made.task.result(), "joined": made.joined}
            raise
    except BaseException as error:
        for part in begun:
            ended = (
                isinstance(error, DocSpaceError)
                and error.code in ("task_failed", "conflict", "guard")
                and error.effect != Effect.STARTED
            )
            if (ended or not may_resume(error)) and part.is_empty:
                part.drop()
            part.close()
        raise
    return AvailableBackup(made.task, made.record, link, made.joined, not made.joined), begun[0]


def may_resume(error: BaseException) -> bool:
    """Whether the next run may fetch the same backup, so that even an empty part has a use: it says
    that no other backup has to be made."""
    if not isinstance(error, DocSpaceError):
        return True
    lasting = error.code not in (*PASSING, "tls", "guard", "task_failed", "conflict")
    return not lasting and (error.code != "server" or error.status in (502, 503, 504))


def created_on(record: Record) -> datetime:
    """When a backup was made, without which no copy of it can be named or judged."""
    if record.created_on is None:
        raise protocol_error(
            f"The portal gives no readable time for backup {record.id}, so a copy of it could be "
            "neither named nor judged by age."
        )
    return record.created_on


class DownloadResult(NamedTuple):
    """What came of it. path, paper: of the copy, None where a dry run can't know. replaced: what
    was at this path before. resumed: how often the fetching went on from the middle.
    """

    changed: bool
    path: str | None = None
    manifest: Manifest | None = None
    replaced: Manifest | None = None
    record: Record | None = None
    size: int | None = None
    task: Task | None = None
    joined: bool = False
    resumed: int = 0
    warnings: tuple[str | None, ...] = ()


def find_existing(place: Destination, order: DownloadRequest) -> DownloadResult | None:
    """A copy that is there and enough, None if there is none."""
    try:
        for file in place.copies():
            if file.manifest and order.is_met_by(file.manifest):
                return _unchanged(file.path, file.manifest)
    except OSError as error:
        raise unusable(place.folder, error) from error
    return None


def download(
    client: Client, place: Destination, pace: Poller, order: DownloadRequest, dress: FileAttributes
) -> DownloadResult:
    """Fetch a backup that isn't at hand, in a real run."""
    found = _recover(client, place, order, dress)
    if found is not None:
        return found
    # Before anything is sent: a failure after the start costs a backup on the portal.
    prove_destination(place, dress)
    last, offer = _look(client, place, pace, order)
    if offer is not None:
        part = PartialFile(place.folder, offer.record.id, place.min_free)
    else:
        offer, part = create_temporary(client, place, pace, order, last)
    try:
        if offer.joined:
            # Another run may have waited for the same one.
            at_hand = find_existing(place, order._replace(id=offer.record.id))
            if at_hand is not None:
                part.drop()
                return at_hand._replace(task=offer.task, joined=True)
        return _bring(client, place, part, pace, offer, order, dress)
    except OSError as error:
        failed = disk_error(f"{place.folder} can't be used", error)
        _note_failure(failed, part, offer)
        raise failed from error
    except DocSpaceError as error:
        _note_failure(error, part, offer)
        raise
    finally:
        if order.id is not None and part.is_empty:
            part.drop()
        part.close()


def preview(
    client: Client, place: Destination, pace: Poller, order: DownloadRequest, dress: FileAttributes
) -> DownloadResult:
    """What `download` would do, as far as reading tells."""
    at_hand = find_existing(place, order)
    if at_hand is not None:
        return at_hand
    try:
        predict_destination(place, dress)
        return _preview(client, place, pace, order)
    except OSError as error:
        raise unusable(place.folder, error) from error


def _preview(
    client: Client, place: Destination, pace: Poller, order: DownloadRequest
) -> DownloadResult:
    last, offer = _look(client, place, pace, order)
    path = None if place.name is None else place.path(order.now)
    replaced = None if path is None else place.require_ours(path)
    if offer is None:
        running = last if last is not None and not last.ended else None
        if running is None:
            check_creation(client, place, order)
        return DownloadResult(True, path, None, replaced, task=running, joined=running is not None)
    place.require_ours(place.path(created_on(offer.record)))
    require_usable(place.folder, offer.record.id)
    glance = _Glance(place)
    with client.deadline(pace.left):
        fetch(client, absolute_url(client, offer.link), glance)
    return DownloadResult(True, path, None, replaced, offer.record, glance.total, offer.task)


def _recover(
    client: Client, place: Destination, order: DownloadRequest, dress: FileAttributes
) -> DownloadResult | None:
    """End what earlier runs have left. Gives the copy if that is enough."""
    try:
        ended = recover(place, dress)
        for manifest in ended:
            # The work of a run that died is this run's, unless what it brought is too old by now.
            if order.goes_on_with(manifest.id, manifest.created_on):
                client.log(f"a run that ended early had fetched {manifest.id}")
                return _unchanged(place.path_of(manifest), manifest)._replace(changed=True)
        at_hand = find_existing(place, order) if ended else None
        if at_hand is None:
            remove_stale(place.folder)
    except OSError as error:
        raise unusable(place.folder, error) from error
    return at_hand


def _look(
    client: Client, place: Destination, pace: Poller, order: DownloadRequest
) -> tuple[Task | None, AvailableBackup | None]:
    with client.deadline(pace.left):
        last, offer = find_available(client, place, order)
    if pace.over:
        raise DocSpaceError(
            "task_failed",
            f"The portal took longer than {pace.timeout} s ('wait_timeout') to list its backups. "
            "Nothing was started.",
        )
    return last, offer


def _note_failure(error: DocSpaceError, part: PartialFile, offer: AvailableBackup) -> None:
    """Add to a failure what this run started, and remove a part that is of no use."""
    error.changed = error.changed or offer.made
    error.values = {"task": offer.task.result(), "joined": offer.joined}
    if isinstance(error, DiskFull):
        part.drop()
        error.message += (
            " The incomplete file was removed. Make room, or give another 'dest', and run the task "
            "again."
        )
    elif part.is_empty and not may_resume(error):
        part.drop()


def _unchanged(path: str, manifest: Manifest) -> DownloadResult:
    record = Record(
        manifest.id, manifest.file_name, manifest.storage_type, manifest.created_on, None
    )
    return DownloadResult(False, path, manifest, manifest, record, manifest.size)


def _bring(
    client: Client,
    place: Destination,
    part: PartialFile,
    pace: Poller,
    offer: AvailableBackup,
    order: DownloadRequest,
    dress: FileAttributes,
) -> DownloadResult:
    record, moment = offer.record, created_on(offer.record)
    replaced = place.require_ours(place.path(moment))
    address = absolute_url(client, offer.link)
    # Reading the part doesn't count as waiting: else one that takes longer to read than
    # `wait_timeout` could never be resumed.
    left = pace.left
    part.reread()
    there, began = part.size, time.monotonic()
    with client.deadline(left):
        resumed = fetch(client, address, part)
    client.log(f"fetched {format_rate(part.size - there, time.monotonic() - began)}")
    verdict = part.finish()
    kind = "dump" if place.dump else "portal"
    problems = list(verdict.problems)
    if verdict.whole and verdict.kind != kind:
        problems = [f"it is the backup of a {verdict.kind}, and that of a {kind} was asked for"]
    if problems or verdict.sha256 is None:
        part.drop()
        raise protocol_error(
            f"The file of backup {record.id} isn't whole, so it is removed: {'; '.join(problems)}. "
            "On the portal it stays till it expires. Run again to have a new one made."
        )
    client.log(f"checked: {verdict.entries} entries, sha256 {verdict.sha256}")
    manifest = Manifest(
        place.portal,
        record.id,
        record.file_name[:1000] or "unknown",
        record.storage_type,
        moment,
        place.dump,
        verdict.size,
        verdict.sha256,
        verdict.entries,
    )
    path = publish(place, part, manifest, dress)
    copy = DownloadResult(
        True, path, manifest, replaced, record, manifest.size, offer.task, offer.joined, resumed
    )
    warnings = [f"Backup task {record.id}: {offer.task.warning}" if offer.task.warning else None]
    if offer.made and not order.keep:
        outcome = delete_backups(client, [record], dump=place.dump, again=client.retries)
        warnings += outcome.warnings
        warnings += [
            f"The copy is in place, but the temporary backup stays on the portal till it expires. "
            f"{error.message}"
            for error in outcome.failures.values()
        ]
    return copy._replace(warnings=tuple(warnings))


class _Glance:
    """Looks how long a file is, and takes nothing of it."""

    def __init__(self, place: Destination) -> None:
        self.size, self._place = 0, place
        self.total: int | None = None

    def announced(self, total: int | None) -> None:
        """Refuse a file for which there is no room."""
        self.total = total
        if total is not None:
            require_room(self._place.folder, total, self._place.min_free)

    def take(self, _piece: bytes) -> bool:
        """Enough seen."""
        return False

    def last(self) -> bytes:
        """There is none."""
        return b""

    def restart(self) -> None:
        """Nothing to forget."""
