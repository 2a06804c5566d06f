# Copyright (c) 2026, ONLYOFFICE DocSpace collection contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make backups of the history be gone: one or many, by the same rules.

This file is private to the collection.
"""

from __future__ import annotations

import threading
from itertools import count
from typing import NamedTuple

from .._portal.answers import only_true
from .._portal.client import Client
from .._portal.errors import DocSpaceError, protocol_error
from .._portal.gate import Interrupted
from .._portal.values import clean
from .history import API
from .record import Record

# After one of these, no other delete can succeed.
STOPPING = ("auth", "forbidden", "payment", "tls")
# After so many lost connections, or refusals for too many requests, in a row, neither.
FAMILIES = {"connection": "lost", "timeout": "lost", "rate_limited": "refused"}
IN_A_ROW = 3
MOST_WARNINGS = 20


class Outcome(NamedTuple):
    """What became of backups. removed: ids that are gone by this run. failures: by id, in the order
    of deletion. absent: ids that went by themselves. warnings: on deletes that went wrong, but
    after which the backup is gone.
    """

    removed: set[str]
    failures: dict[str, DocSpaceError]
    absent: list[str]
    warnings: list[str | None]


class _Wave:
    """What the deletes of one wave were answered with. deleted: ids. errors: by id. stopped: why
    the rest wasn't tried.
    """

    def __init__(self) -> None:
        self.deleted: set[str] = set()
        self.errors: dict[str, DocSpaceError] = {}
        self.stopped: list[DocSpaceError] = []


def delete(
    client: Client, records: list[Record], *, dump: bool, concurrency: int = 1, again: int = 0
) -> Outcome:
    """Delete records of the history in their order, several at a time.

    A delete that failed doesn't stop the others, unless no other can succeed. Whatever was
    answered with anything but `true`, or not at all, is looked up: the history decides (C16-C18).
    again: how often a delete is repeated that may succeed then, while the history still lists its
    backup. That is safe: the server says `true` to a second delete (C17). Without a look only a
    refusal that had no effect is repeated (C32).
    """
    outcome, waiting = Outcome(set(), {}, [], []), records
    for attempt in count():
        wave = _send_all(client, waiting, concurrency)
        lost: set[str] = set()
        there: set[str] = set()
        for record in waiting:
            outcome.failures.pop(record.id, None)
        if dump or len(wave.deleted) < len(waiting):
            from .settle import settle

            repeats = attempt < again and not wave.stopped
            settled = settle(
                client,
                waiting,
                wave.deleted,
                wave.errors,
                wave.stopped,
                dump=dump,
                repeats=repeats,
            )
            outcome.failures.update(settled.failures)
            outcome.absent.extend(settled.absent)
            outcome.warnings.extend(settled.warnings)
            lost = {*settled.failures, *settled.absent}
            there = settled.there
        outcome.removed.update({record.id for record in waiting} - lost)
        waiting = [
            record
            for record in waiting
            if record.id in there and record.id in wave.errors and wave.errors[record.id].transient
        ]
        if not waiting or attempt >= again or wave.stopped:
            break
        client.pause(attempt, outcome.failures[waiting[0].id])
    more = len(outcome.warnings) - MOST_WARNINGS
    if more > 0:
        outcome.warnings[MOST_WARNINGS:] = [f"The same holds for {more} more of these backups."]
    return outcome


def _send_all(client: Client, records: list[Record], concurrency: int) -> _Wave:
    waiting, lock = iter(records), threading.Lock()
    wave = _Wave()
    taken: list[Record] = []
    row: list[str] = []

    def work(own: Client) -> None:
        while True:
            with lock:
                record = None if wave.stopped else next(waiting, None)
                if record is None:
                    return
                taken.append(record)
            error = _send(own, record)
            with lock:
                if error is None:
                    wave.deleted.add(record.id)
                    row.clear()
                    continue
                wave.errors[record.id] = error
                family = FAMILIES.get(error.code, "")
                row[:] = [one for one in [*row, family] if family and one == family]
                if error.code in STOPPING or len(row) >= IN_A_ROW:
                    wave.stopped.append(error)

    def work_beside() -> None:
        try:
            work(client.twin())
        except Interrupted:
            return
        except BaseException as error:
            client.log(f"a worker ended: {type(error).__name__}")

    helpers: list[threading.Thread] = []
    for _number in range(min(concurrency, len(records)) - 1):
        # None of them keeps the process from ending.
        helper = threading.Thread(target=work_beside, daemon=True)
        try:
            helper.start()
        except RuntimeError:
            client.log(f"no more than {len(helpers) + 1} deletes at a time: no thread to be had")
            break
        helpers.append(helper)
    work(client)
    for helper in helpers:
        helper.join()
    for record in taken:
        if record.id not in wave.deleted and record.id not in wave.errors:
            wave.errors[record.id] = protocol_error("Its delete came to no end.", status=None)
    return wave


def _send(client: Client, record: Record) -> DocSpaceError | None:
    try:
        client.delete(f"{API}deletebackup/{record.id}", read=only_true("delete"))
    except DocSpaceError as error:
        return error
    except Exception as error:
        return protocol_error(f"Unexpected: {type(error).__name__}: {clean(error)}", status=None)
    return None
