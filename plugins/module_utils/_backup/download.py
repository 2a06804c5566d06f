# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring a backup off site: find or make one, fetch it, check it, put it in place.

This file is private to the collection.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from .._portal.client import Client
from .._portal.errors import DocSpaceError, protocol_error
from .._portal.link import whole_address
from .._portal.stream import fetch
from .delete import delete
from .manifest import Manifest
from .offer import Offer, Order, check_creation, created_on, look, make_one, may_resume
from .pace import Pace, rate
from .part import DiskFull, Part, disk_error, require_room, require_usable, sweep
from .place import (
    Dress,
    Place,
    finish,
    predict_destination,
    prove_destination,
    put,
    unusable,
)
from .record import Record
from .task import Task


class Copy(NamedTuple):
    """What came of it. path, paper: of the copy, None where a dry run can't know. replaced: what
    was at this path before. resumed: how often the fetching went on from the middle.
    """

    changed: bool
    path: str | None = None
    paper: Manifest | None = None
    replaced: Manifest | None = None
    record: Record | None = None
    size: int | None = None
    task: Task | None = None
    joined: bool = False
    resumed: int = 0
    warnings: tuple[str | None, ...] = ()


def copy_at_hand(place: Place, order: Order) -> Copy | None:
    """A copy that is there and enough, None if there is none."""
    try:
        for file in place.copies():
            if file.manifest and order.is_met_by(file.manifest):
                return _unchanged(file.path, file.manifest)
    except OSError as error:
        raise unusable(place.folder, error) from error
    return None


def download(client: Client, place: Place, pace: Pace, order: Order, dress: Dress) -> Copy:
    """Fetch a backup that isn't at hand, in a real run."""
    found = _recover(client, place, order, dress)
    if found is not None:
        return found
    # Before anything is sent: a failure after the start costs a backup on the portal.
    prove_destination(place, dress)
    last, offer = _look(client, place, pace, order)
    if offer is not None:
        part = Part(place.folder, offer.record.id, place.min_free)
    else:
        offer, part = make_one(client, place, pace, order, last)
    try:
        if offer.joined:
            # Another run may have waited for the same one.
            at_hand = copy_at_hand(place, order._replace(id=offer.record.id))
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


def preview(client: Client, place: Place, pace: Pace, order: Order, dress: Dress) -> Copy:
    """What `download` would do, as far as reading tells."""
    at_hand = copy_at_hand(place, order)
    if at_hand is not None:
        return at_hand
    try:
        predict_destination(place, dress)
        return _preview(client, place, pace, order)
    except OSError as error:
        raise unusable(place.folder, error) from error


def _preview(client: Client, place: Place, pace: Pace, order: Order) -> Copy:
    last, offer = _look(client, place, pace, order)
    path = None if place.name is None else place.path(order.now)
    replaced = None if path is None else place.require_ours(path)
    if offer is None:
        running = last if last is not None and not last.ended else None
        if running is None:
            check_creation(client, place, order)
        return Copy(True, path, None, replaced, task=running, joined=running is not None)
    place.require_ours(place.path(created_on(offer.record)))
    require_usable(place.folder, offer.record.id)
    glance = _Glance(place)
    with client.within(pace.left):
        fetch(client, whole_address(client, offer.link), glance)
    return Copy(True, path, None, replaced, offer.record, glance.total, offer.task)


def _recover(client: Client, place: Place, order: Order, dress: Dress) -> Copy | None:
    """End what earlier runs have left. Gives the copy if that is enough."""
    try:
        ended = finish(place, dress)
        for paper in ended:
            # The work of a run that died is this run's, unless what it brought is too old by now.
            if order.goes_on_with(paper.id, paper.created_on):
                client.log(f"a run that ended early had fetched {paper.id}")
                return _unchanged(place.path_of(paper), paper)._replace(changed=True)
        at_hand = copy_at_hand(place, order) if ended else None
        if at_hand is None:
            sweep(place.folder)
    except OSError as error:
        raise unusable(place.folder, error) from error
    return at_hand


def _look(
    client: Client, place: Place, pace: Pace, order: Order
) -> tuple[Task | None, Offer | None]:
    with client.within(pace.left):
        last, offer = look(client, place, order)
    if pace.over:
        raise DocSpaceError(
            "task_failed",
            f"The portal took longer than {pace.timeout} s ('wait_timeout') to list its backups. "
            "Nothing was started.",
        )
    return last, offer


def _note_failure(error: DocSpaceError, part: Part, offer: Offer) -> None:
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


def _unchanged(path: str, paper: Manifest) -> Copy:
    record = Record(paper.id, paper.file_name, paper.storage_type, paper.created_on, None)
    return Copy(False, path, paper, paper, record, paper.size)


def _bring(
    client: Client,
    place: Place,
    part: Part,
    pace: Pace,
    offer: Offer,
    order: Order,
    dress: Dress,
) -> Copy:
    record, moment = offer.record, created_on(offer.record)
    replaced = place.require_ours(place.path(moment))
    address = whole_address(client, offer.link)
    # Reading the part doesn't count as waiting: else one that takes longer to read than
    # `wait_timeout` could never be resumed.
    left = pace.left
    part.reread()
    there, began = part.size, time.monotonic()
    with client.within(left):
        resumed = fetch(client, address, part)
    client.log(f"fetched {rate(part.size - there, time.monotonic() - began)}")
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
    paper = Manifest(
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
    path = put(place, part, paper, dress)
    copy = Copy(True, path, paper, replaced, record, paper.size, offer.task, offer.joined, resumed)
    warnings = [f"Backup task {record.id}: {offer.task.warning}" if offer.task.warning else None]
    if offer.made and not order.keep:
        outcome = delete(client, [record], dump=place.dump, again=client.retries)
        warnings += outcome.warnings
        warnings += [
            f"The copy is in place, but the temporary backup stays on the portal till it expires. "
            f"{error.message}"
            for error in outcome.failures.values()
        ]
    return copy._replace(warnings=tuple(warnings))


class _Glance:
    """Looks how long a file is, and takes nothing of it."""

    def __init__(self, place: Place) -> None:
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
