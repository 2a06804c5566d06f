# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which backup a portal has a file of that can be fetched: one that is there, or one that is made.

This file is private to the collection.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from .._portal.client import Client
from .._portal.errors import SOMETHING, DocSpaceError, protocol_error
from .._portal.values import normal_uuid
from .ensure import check_location
from .history import API, dump_query, read_history, require_dumps
from .make import PASSING, make
from .manifest import Manifest
from .pace import Pace
from .part import LONGEST_LIFE, Part, is_there
from .place import Place
from .record import Record, find, not_found
from .target import Storage
from .task import Task, parse_task

# Where a portal keeps what has a link, for a day.
TEMPORARY = Storage("data_store", {}, {})


class Order(NamedTuple):
    """What is asked for. id: of a backup that is there. max_age: seconds. keep: also on the portal.
    now: the time of the run. allow_lost_records: as the option.
    """

    id: str | None
    max_age: int | None
    keep: bool
    now: datetime
    allow_lost_records: bool = False

    def is_met_by(self, paper: Manifest) -> bool:
        """Whether a copy that is there is enough. One that is dated in the future isn't."""
        if self.id is not None:
            return paper.id == self.id
        return self.max_age is not None and 0 <= self._age(paper.created_on) < self.max_age

    def goes_on_with(self, identity: str, created_on: datetime) -> bool:
        """Whether what a run has left that died is enough, once it is brought to its end."""
        if self.id is not None:
            return identity == self.id
        # The portal's clock may be ahead of ours.
        return self._age(created_on) < (LONGEST_LIFE if self.max_age is None else self.max_age)

    def _age(self, created_on: datetime) -> float:
        return (self.now - created_on).total_seconds()


class Offer(NamedTuple):
    """A backup whose file can be fetched. made: by this run."""

    task: Task
    record: Record
    link: Any
    joined: bool = False
    made: bool = False


def look(client: Client, place: Place, order: Order) -> tuple[Task | None, Offer | None]:
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
        return task, Offer(task, record, link)
    identity = None if task is None or not link else normal_uuid(task.id)
    if task is None or identity is None or not is_there(place.folder, identity):
        return task, None
    if record is None:
        # It may have ended just now.
        record = find(read_history(client, dump=place.dump), identity)
    if task.status != "completed" or record is None:
        return task, None
    if not order.goes_on_with(identity, created_on(record)):
        return task, None
    client.log(f"an earlier run has begun with backup {record.id}")
    return task, Offer(task, record, link)


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


def check_creation(client: Client, place: Place, order: Order) -> None:
    """Refuse a temporary backup that would cost other backups their records."""
    allow = order.allow_lost_records
    check_location(client, TEMPORARY, dump=place.dump, allow_lost_records=allow)


def make_one(
    client: Client, place: Place, pace: Pace, order: Order, last: Task | None
) -> tuple[Offer, Part]:
    """Have a temporary backup made. Its part is there before it, so that the next run knows it."""
    begun: list[Part] = []

    def begin(task: Task) -> None:
        identity = normal_uuid(task.id)
        if identity is None:
            raise protocol_error("The portal's backup task has no readable id.")
        while begun:
            begun.pop().drop()
        begun.append(Part(place.folder, identity, place.min_free))

    try:
        made = make(
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
            with client.within(pace.left):
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
                and error.outcome != SOMETHING
            )
            if (ended or not may_resume(error)) and part.is_empty:
                part.drop()
            part.close()
        raise
    return Offer(made.task, made.record, link, made.joined, not made.joined), begun[0]


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
